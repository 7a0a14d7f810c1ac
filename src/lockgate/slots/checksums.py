"""The checksums that runners keep of applied files, made again from the file."""

from __future__ import annotations

import hashlib
import zlib

from lockgate.base.text import Source

_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


def algorithm_of(checksum: str) -> str:
    """The algorithm that a hexadecimal checksum of this length stands for; "" where it is none."""
    bare = _bare(checksum)
    return _BY_LENGTH.get(len(bare), "") if bare and all(c in "0123456789abcdef" for c in bare) else ""


def _bare(checksum: str) -> str:
    text = checksum.strip().lower()
    for prefix in ("sha256:", "sha384:", "sha512:", "sha1:", "md5:", "\\x", "0x"):
        text = text.removeprefix(prefix)
    return text


def agrees(checksum: str, algorithm: str, source: Source) -> bool | None:
    """Whether a file is still what the checksum was made of; None where that cannot be told.

    A file that differs in nothing but its line ends agrees: a checkout on Windows makes such ones, and runners differ
    on them.
    """
    if algorithm == "flyway-crc32":
        return checksum.strip() == str(flyway_crc32(source.text)) if checksum.strip().lstrip("-").isdigit() else None
    known = algorithm if algorithm in _BY_LENGTH.values() else algorithm_of(checksum)
    if not known or len(_bare(checksum)) != hashlib.new(known).digest_size * 2:
        return None
    text = source.text
    forms = {text, text.replace("\r\n", "\n"), text.replace("\r\n", "\n").replace("\n", "\r\n")}
    return any(hashlib.new(known, form.encode()).hexdigest() == _bare(checksum) for form in forms)


def flyway_crc32(text: str) -> int:
    """Flyway's ChecksumCalculator: CRC-32 over the lines without their ends and without byte order mark, as a signed
    32-bit number."""
    crc = 0
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        crc = zlib.crc32(line.encode(), crc)
    return crc - (1 << 32) if crc & (1 << 31) else crc
