"""atlas.sum: the running hash of a folder, without which atlas refuses to run (sql/migrate/dir.go, NewHashFile)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Span
from lockgate.slots.conflicts import StaleSums
from lockgate.sources import Folder
from lockgate.sources.folder import read, shown

NAME = "atlas.sum"
_IGNORED = pattern(r"[ -~]*atlas:sum +ignore *(?:\n|\Z)")


def sums(files: Mapping[str, str]) -> dict[str, str]:
    """The hash of every file: one running SHA-256 over names and texts, in the order of names."""
    running = hashlib.sha256()
    out = {}
    for name, text in sorted(files.items(), key=lambda item: item[0].encode()):
        running.update(name.encode())
        if not _IGNORED.match(text):
            running.update(text.encode())
            out[name] = base64.b64encode(running.digest()).decode()
    return out


def sum_file(files: Mapping[str, str]) -> str:
    """The text of atlas.sum for these files."""
    entries = sums(files)
    whole = hashlib.sha256("".join(name + value for name, value in entries.items()).encode())
    lines = [
        f"h1:{base64.b64encode(whole.digest()).decode()}",
        *(f"{name} h1:{value}" for name, value in entries.items()),
    ]
    return "\n".join(lines) + "\n"


def texts(folder: Folder) -> dict[str, str]:
    """The folder's files as atlas reads them."""
    return {f.named.relative: f.source.text for f in folder.files}


def stale(folder: Folder, cwd: Path) -> StaleSums | None:
    """What differs between atlas.sum and the files; None where nothing does, or where there is no such file."""
    path = cwd / folder.roots[0] / NAME if folder.roots else Path(NAME)
    if folder.layout != "atlas" or not path.is_file():
        return None
    source = read(path, cwd)
    wanted, found = sum_file(texts(folder)).split(), source.text.split()
    if wanted == found:
        return None
    names = dict(zip(wanted[1::2], wanted[2::2], strict=False)), dict(zip(found[1::2], found[2::2], strict=False))
    first = next((n for n in sorted(names[0] | names[1]) if names[0].get(n) != names[1].get(n)), "")
    why = (
        "is not in it"
        if first not in names[1]
        else "is in it, and not in the folder"
        if first not in names[0]
        else "is not what it was made of"
    )
    start = max(source.text.find(f"{first} h1:"), 0) if first else 0
    return StaleSums(
        source,
        Span(start, source.text.find("\n", start) if first else start),
        f"{first} {why}" if first else "its first line is wrong",
    )


def renew(root: Path, cwd: Path, sound: bool) -> str:
    """Write atlas.sum anew for the files that are there now, unless it was wrong before; says so. Raises
    CannotCheck."""
    path = root / NAME
    if not path.is_file():
        return "there is no atlas.sum: make it with `atlas migrate hash`"
    if not sound:
        return (
            f"{shown(path, cwd)} was wrong before, and stays as it is: see `lockgate slots`, then `atlas migrate hash`"
        )
    files = {p.name: read(p, cwd).text for p in root.iterdir() if p.suffix == ".sql" and p.is_file()}
    try:
        path.write_bytes(sum_file(files).encode())
    except OSError as error:
        raise CannotCheck(
            f"{path}: cannot be written: {error.strerror}", "make it writable, then: atlas migrate hash"
        ) from error
    return f"{shown(path, cwd)} is written anew"
