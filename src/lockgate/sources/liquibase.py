"""liquibase's formatted SQL: every changeset is a migration (docs.liquibase.com, "formatted SQL changelog")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.sources.assembly import Assembly, LayoutFolder
from lockgate.sources.folder import Direction, Named, Skipped, SlotFile, read
from lockgate.sources.listing import is_sql
from lockgate.sources.marks import is_blank
from lockgate.sources.migration import Migration, Script, Transaction

_FORMATTED = pattern(r"\A\ufeff?\s*--\s*liquibase\s+formatted\s+sql", re.IGNORECASE)
_CHANGESET = pattern(
    r"^[ \t]*--[ \t]*changeset[ \t]+(?P<author>\"[^\"\n]+\"|[^:\n]+?):[ \t]*(?P<id>\"[^\"\n]+\"|\S+)(?P<rest>[^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
_ROLLBACK = pattern(r"^[ \t]*--[ \t]*rollback[ \t]+(?P<sql>[^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_ROLLBACK_BLOCK = pattern(r"/\*\s*liquibase\s+rollback\s*\n(?P<sql>.*?)(?:\*/|\Z)", re.DOTALL | re.IGNORECASE)
_INCLUDED = pattern(r"(?:file\s*[:=]\s*|\"file\"\s*:\s*)[\"']?(?P<file>[^\s\"'<>,]{1,300}\.sql)", re.IGNORECASE)


class Changeset(msgspec.Struct, frozen=True):
    """One changeset of a formatted file."""

    author: str
    id: str
    up: Script
    down: Script | None
    passed_over: str = ""  # why it does not run on PostgreSQL


def load_changelogs(place: LayoutFolder) -> Assembly:
    """The changesets of every formatted file, in the order of the root changelog's includes, else of the names."""
    out = Assembly()
    number = 0
    for relative in _order(place):
        source = read(place.root / relative, place.cwd, place.root)
        if not _FORMATTED.match(source.text):
            out.skipped.append(Skipped(source.path, "it does not begin with `--liquibase formatted sql`"))
            continue
        for change in changesets(source):
            if change.passed_over:
                out.skipped.append(Skipped(source.path, f"changeset {change.author}:{change.id}: {change.passed_over}"))
                continue
            ident = f"{change.author}:{change.id}"
            named = Named(relative, "", ident, f"{relative}:{ident}", Direction.BOTH, ident)
            out.files.append(SlotFile(named, source))
            slot = re.match(r"\d+", change.id)
            migration = Migration(
                f"{relative}:{ident}", slot.group() if slot else change.id, ident, change.up, change.down
            )
            out.ordered.append(((number,), migration))
            number += 1
    return out


def _order(place: LayoutFolder) -> list[str]:
    files = [f for f in place.files if is_sql(f)]
    listed: list[str] = []
    for relative in place.files:
        if re.search(r"changelog[^/]*\.(?:xml|ya?ml|json)$", relative):
            text = read(place.root / relative, place.cwd, place.root).text
            listed += [m.group("file") for m in _INCLUDED.finditer(text)]
    placed = [f for name in listed for f in files if name == f or name.endswith(f"/{f}") or f.endswith(f"/{name}")]
    return list(dict.fromkeys([*placed, *sorted(files, key=str)])) if placed else sorted(files, key=str)


def heads(source: Source) -> Iterator[tuple[int, int, str, str]]:
    """Of each changeset where its text starts and ends, its ``author:id``, and its first line."""
    found = list(_CHANGESET.finditer(source.text))
    for number, head in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(source.text)
        author, ident = (head.group(what).strip().strip('"') for what in ("author", "id"))
        yield head.end(), end, f"{author}:{ident}", head.group()


def changesets(source: Source) -> Iterator[Changeset]:
    """The changesets of one file with their places."""
    heads = list(_CHANGESET.finditer(source.text))
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(source.text)
        said = {
            key.lower(): value.strip('"')
            for key, value in re.findall(r'\b(\w++):[ \t]*("[^"]*"|\S+)', head.group("rest"))
        }
        wrap = Transaction.STATEMENT if said.get("runintransaction", "").lower() == "false" else Transaction.FILE
        up = Script(source, _pieces(source, head.end(), end, said.get("enddelimiter", "")), wrap)
        author, ident = (head.group(what).strip().strip('"') for what in ("author", "id"))
        yield Changeset(author, ident, up, _rollback(source, head.end(), end, wrap), _passed_over(said))


def _passed_over(said: Mapping[str, str]) -> str:
    if said.get("ignore", "").lower() == "true":
        return "it is marked to be ignored"
    wanted = [d.strip().lower() for d in said.get("dbms", "").split(",") if d.strip()]
    excluded = "!postgresql" in wanted or "none" in wanted
    if excluded or (any(not d.startswith("!") for d in wanted) and not {"postgresql", "all"} & set(wanted)):
        return f"it is for another database: {said['dbms']}"
    return ""


def _pieces(source: Source, start: int, end: int, delimiter: str) -> tuple[Span, ...]:
    """The statements between delimiters of one's own: a regular expression (liquibase.util.StringUtil, isDelimiter),
    else a word."""
    if delimiter in ("", ";"):
        return (Span(start, end),)
    try:
        found = list(re.compile(delimiter).finditer(source.text, start, end))
    except re.error:
        found = list(re.compile(re.escape(delimiter)).finditer(source.text, start, end))
    starts, ends = [start, *(m.end() for m in found)], [*(m.start() for m in found), end]
    spans = tuple(Span(a, b) for a, b in zip(starts, ends, strict=True) if not is_blank(source.text[a:b]))
    return spans or (Span(start, end),)


def _rollback(source: Source, start: int, end: int, wrap: Transaction) -> Script | None:
    """Rollback lines are comments in the file: everything else is blanked, so that places stay what they are."""
    spans = [
        m.span("sql") for pattern in (_ROLLBACK, _ROLLBACK_BLOCK) for m in pattern.finditer(source.text, start, end)
    ]
    spans = sorted(s for s in spans if not is_blank(source.text[s[0] : s[1]]))
    if not spans:
        return None
    chars = [c if c == "\n" else " " for c in source.text]
    for first, last in spans:
        chars[first:last] = source.text[first:last]
    return Script(Source(source.path, "".join(chars)), (Span(start, end),), wrap)
