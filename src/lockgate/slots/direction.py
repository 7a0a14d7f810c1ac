"""Files whose SQL is for the other direction: the two scripts of a pair swapped, or one copied over the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lockgate.base.lazy_imports import pattern
from lockgate.slots.claim import Claim
from lockgate.slots.conflicts import WrongDirection
from lockgate.sources import Folder
from lockgate.sources.migration import Migration, Script

_COMMENT = pattern(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME = r"((?:\"[^\"]+\"|[\w$]+)(?:\s*\.\s*(?:\"[^\"]+\"|[\w$]+))?)"
_KIND = r"(?:table|view|materialized\s+view|type|function|sequence|schema)"  # indexes come with constraints as well
# what cannot run twice: an up that does it is no down
_ONCE = pattern(
    r"\bcreate\s+(?:unlogged\s+)?(?:table|view|type|schema|sequence|(?:unique\s+)?index)\s+(?!concurrently\b|if\b)|\badd\s+column\s+(?!if\b)",
    re.IGNORECASE,
)
# a migration whose name says so drops what others created, perhaps outside of this folder
_MEANT = pattern(r"drop|remove|delete|clean|retire|deprecat|obsolete|unused", re.IGNORECASE)
_CREATED = pattern(
    rf"\bcreate\s+(?:or\s+replace\s+)?{_KIND}\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?{_NAME}", re.IGNORECASE
)
_DROPPED = pattern(rf"\bdrop\s+{_KIND}\s+(?:concurrently\s+)?(?:if\s+exists\s+)?{_NAME}", re.IGNORECASE)


def wrong_directions(folder: Folder, found: tuple[Claim, ...]) -> Iterator[WrongDirection]:
    """An up that only drops what its own down creates and nobody before created; an up and a down that are the same."""
    for number, migration in enumerate(folder.migrations):
        if migration.down is None:
            continue
        up, down = _text(migration.up), _text(migration.down)
        why = _why(up, down, islice(folder.migrations, number), migration.name) if up.strip() else ""
        pair = _claims(migration, found) if why else None
        if pair is not None:
            yield WrongDirection(pair[0], pair[1], why)


def _claims(migration: Migration, found: tuple[Claim, ...]) -> tuple[Claim, Claim] | None:
    by_path = {c.source.path: c for c in found}
    up = by_path.get(migration.up.source.path)
    down = by_path.get(migration.down.source.path) if migration.down else None
    return (up, down) if up is not None and down is not None else None


def _why(up: str, down: str, before: Iterable[Migration], name: str) -> str:
    if " ".join(up.split()) == " ".join(down.split()):
        return "the up and the down are the same" if _ONCE.search(up) else ""
    dropped = _names(_DROPPED, up) if "drop" in up.lower() else set()
    if not dropped:
        return ""
    if not dropped <= _names(_CREATED, down) or _MEANT.search(name) or _names(_CREATED, up) or _names(_DROPPED, down):
        return ""
    if any(dropped & _names(_CREATED, _text(migration.up)) for migration in before):
        return ""
    return f"the up drops {min(dropped)}, which only its own down creates: the two are swapped"


def _names(pattern: re.Pattern[str], text: str) -> set[str]:
    return {_plain(m.group(1)) for m in pattern.finditer(text)}


def _plain(name: str) -> str:
    last = name.rpartition(".")[2].strip()
    return last.strip('"') if last.startswith('"') else last.lower()


def _text(script: Script) -> str:
    text = "".join(script.source.text[p.start : p.end] for p in script.pieces)
    return _COMMENT.sub(" ", text) if "-" in text or "/" in text else text
