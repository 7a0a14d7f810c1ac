"""Scripts cut by a runner's own marks: goose, sql-migrate, dbmate, node-pg-migrate, drizzle, psql meta-commands."""

from __future__ import annotations

import re

from lockgate.sources.migration import Script, Transaction
from lockgate.text import Source, Span

_META = re.compile(r"^\\(?!\.).*$", re.MULTILINE)
_BLANK = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/|;)*\Z", re.DOTALL)


def is_blank(text: str) -> bool:
    """Whether there is nothing to run."""
    return _BLANK.match(text) is not None


def body(source: Source, start: int = 0, end: int | None = None) -> tuple[Span, ...]:
    """A range of a file without its byte order mark and without psql meta-commands."""
    end = len(source.text) if end is None else end
    if start == 0 and source.text.startswith("\ufeff"):
        start = 1
    spans, at = [], start
    for match in _META.finditer(source.text, start, end):
        if _quoted(source.text, start, match.start()):
            continue
        spans.append(Span(at, match.start()))
        at = match.end()
    spans.append(Span(at, end))
    return tuple(s for s in spans if source.text[s.start : s.end].strip()) or (Span(start, end),)


def _quoted(text: str, start: int, at: int) -> bool:
    return text.count("'", start, at) % 2 == 1 or text.count("$$", start, at) % 2 == 1


def annotated(source: Source, prefix: str, no_transaction: str) -> tuple[Script, Script | None]:
    """goose and sql-migrate: Up and Down parts, statements ended by a line that ends in ``;`` outside StatementBegin/End."""
    mark = re.compile(r"\s*--\s*" + re.escape(prefix) + r"\s*(.*?)\s*$", re.IGNORECASE)
    pieces: dict[str, list[Span]] = {"up": [], "down": []}
    wrap = {"up": True, "down": True}
    part, start, block, offset, seen_down = "", -1, False, 0, False

    def flush(end: int) -> None:
        nonlocal start
        if start >= 0 and part and not is_blank(source.text[start:end]):
            pieces[part].append(Span(start, end))
        start = -1

    for line in source.text.splitlines(keepends=True):
        match = mark.match(line)
        word = match.group(1).lower() if match else ""
        if match is None:
            if part and start < 0 and line.strip() and (block or not line.lstrip().startswith("--")):
                start = offset
            if part and not block and start >= 0 and re.sub(r"--.*$", "", line.rstrip("\r\n")).rstrip().endswith(";"):
                flush(offset + len(line.rstrip()))
        elif word.startswith(("up", "down")):
            flush(offset)
            part = "up" if word.startswith("up") else "down"
            seen_down = seen_down or part == "down"
            wrap[part] = wrap[part] and not re.search(no_transaction, word)
        elif word.startswith("statementbegin"):
            block = True
        elif word.startswith("statementend"):
            block = False
            flush(offset)
        elif word.startswith("no transaction"):
            wrap = {"up": False, "down": False}
        offset += len(line)
    flush(len(source.text))
    up, down = (
        Script(source, tuple(pieces[d]), Transaction.FILE if wrap[d] else Transaction.STATEMENT) for d in ("up", "down")
    )
    return up, down if seen_down else None


def sections(source: Source, up: str, down: str, off: str) -> tuple[Script, Script | None]:
    """dbmate and node-pg-migrate: one part after each of two marks; ``off`` on the mark's line switches the transaction off."""
    first = re.search(up, source.text, re.MULTILINE | re.IGNORECASE)
    second = re.search(down, source.text, re.MULTILINE | re.IGNORECASE)

    def part(match: re.Match[str], end: int) -> Script:
        wrap = Transaction.STATEMENT if re.search(off, match.group()) else Transaction.FILE
        return Script(source, body(source, match.end(), end), wrap)

    if first is None:
        return Script(source, body(source), Transaction.FILE), None
    if second is None:
        return part(first, len(source.text)), None
    if second.start() > first.start():
        return part(first, second.start()), part(second, len(source.text))
    return part(first, len(source.text)), part(second, first.start())


def breakpoints(source: Source) -> Script:
    """drizzle: chunks between statement breakpoints, in one transaction."""
    spans, at = [], 0
    for match in re.finditer(r"--> statement-breakpoint", source.text):
        spans.append(Span(at, match.start()))
        at = match.end()
    spans.append(Span(at, len(source.text)))
    return Script(source, tuple(s for s in spans if not is_blank(source.text[s.start : s.end])), Transaction.FILE)
