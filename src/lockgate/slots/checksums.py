"""The checksums that runners keep of applied files, made again from the file."""

from __future__ import annotations

import hashlib
import re
import zlib

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source

_COMMENT = pattern(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
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


def agrees(checksum: str, algorithm: str, source: Source, ident: str = "") -> bool | None:
    """Whether a file is still what the checksum was made of; None where that cannot be told.

    A file that differs in nothing but its line ends agrees: a checkout on Windows makes such ones, and of the runners
    only those of ``Kind.bytewise`` mind. ``ident``: which changeset of the file, for liquibase.
    """
    if algorithm == "flyway-crc32":
        return checksum.strip() == str(flyway_crc32(source.text)) if checksum.strip().lstrip("-").isdigit() else None
    if algorithm == "liquibase":
        from lockgate.slots.liquibase import unchanged

        return unchanged(checksum, source, ident)
    if algorithm == "statements":
        said = " " in checksum.strip()  # a bare word is no statement, and tells nothing
        return statements_of(checksum) == statements_of(source.text) if said else None
    text = source.text
    forms = {text, text.replace("\r\n", "\n"), text.replace("\r\n", "\n").replace("\n", "\r\n")}
    found = [same(checksum, algorithm, form) for form in forms]
    return None if None in found else any(found)


def same(checksum: str, algorithm: str, text: str) -> bool | None:
    """Whether the checksum is of exactly this text; None where that cannot be told."""
    known = algorithm if algorithm in _BY_LENGTH.values() else algorithm_of(checksum)
    if not known or len(_bare(checksum)) != hashlib.new(known).digest_size * 2:
        return None
    return hashlib.new(known, text.encode()).hexdigest() == _bare(checksum)


def statements_of(text: str) -> str:
    """SQL without what supabase's splitter takes from it, or may: space, semicolons, comments."""
    return "".join(_COMMENT.sub("", text).split()).replace(";", "")


def flyway_crc32(text: str) -> int:
    """Flyway's ChecksumCalculator: CRC-32 over the lines without their ends and without byte order mark, as a signed
    32-bit number."""
    crc = 0
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        crc = zlib.crc32(line.encode(), crc)
    return crc - (1 << 32) if crc & (1 << 31) else crc
