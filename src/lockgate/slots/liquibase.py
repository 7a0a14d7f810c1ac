"""liquibase's MD5SUM of a changeset of formatted SQL, made again from the file (liquibase.change.CheckSum,
AbstractSQLChange.generateCheckSum), and changesets that one file declares twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.slots.conflicts import DeclaredTwice
from lockgate.sources import Folder
from lockgate.sources.liquibase import heads

# lines that the parser takes for itself (FormattedSqlChangeLogParser); every other one is the change's SQL
_OWN = pattern(
    r"^[ \t]*--[ \t]*(?:rollback|preconditions?\b|precondition-|comment:?[ \t]|validchecksum|property\b|liquibase formatted)[^\n]*(?:\n|\Z)",
    re.MULTILINE | re.IGNORECASE,
)
_BLOCK = pattern(r"/\*[ \t]*liquibase[ \t]+rollback.*?\*/", re.DOTALL | re.IGNORECASE)
_IGNORED = pattern(r"--[ \t]*ignorelines", re.IGNORECASE)
_VALID = pattern(r"^[ \t]*--[ \t]*validchecksum:?[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_SUM = pattern(r"9:[0-9a-f]{32}", re.IGNORECASE)
_AGAIN = pattern(r"\b(?:runonchange|runalways)[ \t]*:[ \t]*true", re.IGNORECASE)


def unchanged(checksum: str, source: Source, ident: str) -> bool | None:
    """Whether a changeset is still what its MD5SUM was made of; None where that cannot be told: an older form of the
    sum, parameters whose values are liquibase's, lines that it is told to ignore."""
    places = [(start, end, head) for start, end, name, head in heads(source) if name == ident]
    if len(places) != 1 or not _SUM.fullmatch(checksum):
        return None
    start, end, head = places[0]
    text = source.text[start:end]
    if _AGAIN.search(head) or "${" in text or _IGNORED.search(text) or "/*" in _BLOCK.sub("", text):
        return None
    if any(word.lower() in (checksum.lower(), "any", "1:any") for word in _VALID.findall(text)):
        return True
    return f"9:{_md5('9:' + _md5(_bare(text)) + ':')}" == checksum.lower()


def _bare(text: str) -> str:
    """What version 9 sums up: the SQL without any white space (NormalizingStream)."""
    return re.sub(r"[ \t\r\n]+", "", _OWN.sub("", _BLOCK.sub("", text)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def declared_twice(folder: Folder) -> Iterator[DeclaredTwice]:
    """Changesets whose id, author and file another one has: liquibase validates them before anything runs."""
    if folder.layout != "liquibase":
        return
    for source in {f.source.path: f.source for f in folder.files}.values():
        seen: dict[str, Span] = {}
        for start, _, name, head in heads(source):
            span = Span(start - len(head), start)
            if name in seen:
                does = "liquibase refuses to run (duplicate identifiers)"
                first = Label(source, seen[name], "declared here")
                yield DeclaredTwice(name, first, Label(source, span, "and declared again"), does)
            seen.setdefault(name, span)
