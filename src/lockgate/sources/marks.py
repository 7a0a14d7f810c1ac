"""Scripts cut by a runner's own marks: goose, sql-migrate, dbmate, node-pg-migrate, drizzle, psql meta-commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.sources.migration import Script, Transaction

_BLANK = pattern(r"(?:\s++|--[^\n]*+(?:\n|\Z)|(?>/\*.*?\*/)|;)*+\Z", re.DOTALL)
# what may hold a backslash or a semicolon without meaning it (src/fe_utils/psqlscan.l), then psql's own
_LEXEMES = pattern(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"[^\"]*\"|(?<![\w$])\$(?:[A-Za-z_\x80-\U0010ffff][\w]*)?\$|"
    r"(?P<meta>\\[^\n]*)|(?P<end>;)",
    re.DOTALL,
)
_COPY = pattern(r"\s*copy\b.*\bfrom\s+stdin\b", re.DOTALL | re.IGNORECASE)
_COMMENT = pattern(r"(?:\s++|--[^\n]*+\n|(?>/\*.*?\*/))*+", re.DOTALL)


def is_blank(text: str) -> bool:
    """Whether there is nothing to run."""
    return _BLANK.match(text) is not None


def body(source: Source, start: int = 0, end: int | None = None) -> tuple[Span, ...]:
    """A range of a file as psql sends it: without byte order mark, meta-commands and the data of COPY FROM stdin."""
    end = len(source.text) if end is None else end
    if start == 0 and source.text.startswith("\ufeff"):
        start = 1
    if "\\" not in source.text:
        return (Span(start, end),)
    spans, at = [], start
    for gap in _not_sql(source.text, start, end):
        spans.append(Span(at, gap.start))
        at = gap.end
    spans.append(Span(at, end))
    return tuple(s for s in spans if source.text[s.start : s.end].strip()) or (Span(start, end),)


def _not_sql(text: str, start: int, end: int) -> Iterator[Span]:
    """Meta-commands and COPY data: everything between a backslash outside of quotes and the end of its line."""
    at, statement = start, start
    while (match := _LEXEMES.search(text, at, end)) is not None:
        at = match.end()
        if match.group("meta") is not None:
            yield Span(match.start(), match.end())
        elif match.group("end") is not None:
            head = _COMMENT.match(text, statement)
            if _COPY.match(text, head.end() if head else statement, match.start()):
                at = _after_data(text, at, end)
                yield Span(match.end(), at)
            statement = at
        elif match.group().startswith("$"):
            close = text.find(match.group(), at, end)
            at = close + len(match.group()) if close >= 0 else end


def _after_data(text: str, at: int, end: int) -> int:
    done = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE).search(text, at, end)
    return done.end() if done else end


def meta_commands(source: Source) -> tuple[str, ...]:
    """The psql meta-commands of a file, as written."""
    if "\\" not in source.text:
        return ()
    gaps = (source.text[s.start : s.end].strip() for s in _not_sql(source.text, 0, len(source.text)))
    return tuple(g for g in gaps if g.startswith("\\"))


def annotated(source: Source, prefix: str) -> tuple[Script | None, Script | None]:
    """goose and sql-migrate: Up and Down parts, statements ended by a line that ends in ``;`` outside
    StatementBegin/End.

    None for a part whose mark the file has not.
    """
    cutter = _Cutter(source, re.compile(r"\s*--\s*" + re.escape(prefix) + r"(.*)$", re.IGNORECASE))
    for line in source.text.splitlines(keepends=True):
        cutter.line(line)
    cutter.flush(len(source.text), finished=False)
    return cutter.script("up"), cutter.script("down")


class _Cutter:
    """goose's internal/sqlparser (and sql-migrate's sqlparse, which it grew from), with places."""

    def __init__(self, source: Source, mark: re.Pattern[str]) -> None:
        self.source, self.mark = source, mark
        self.pieces: dict[str, list[Span]] = {}
        self.alone: set[str] = set()
        self.unfinished: dict[str, int] = {}
        self.part, self.start, self.block, self.offset = "", -1, False, 0

    def script(self, part: str) -> Script | None:
        if part not in self.pieces:
            return None
        alone = part in self.alone or "both" in self.alone
        at = self.unfinished.get(part)
        refused = (
            ""
            if at is None
            else f"the statement in line {self.source.position(at).line} does not end with a semicolon at the end of a line"
        )
        return Script(
            self.source, tuple(self.pieces[part]), Transaction.STATEMENT if alone else Transaction.FILE, refused
        )

    def line(self, line: str) -> None:
        match = self.mark.match(line.lstrip("\ufeff"))
        if match is None:
            self.sql(line)
        else:
            self.command(match.group(1).strip().lower(), self.offset)
        self.offset += len(line)

    def sql(self, line: str) -> None:
        bare = line.strip()
        if self.part and self.start < 0 and bare and (self.block or not bare.startswith("--")):
            self.start = self.offset
        if self.part and not self.block and self.start >= 0 and _ends(bare):
            self.flush(self.offset + len(line.rstrip()))

    def command(self, word: str, offset: int) -> None:
        if word.startswith(("up", "down")):
            self.flush(offset, finished=False)
            self.part = "up" if word.startswith("up") else "down"
            self.pieces.setdefault(self.part, [])
            if re.search(r"\bno ?transaction\b", word):
                self.alone.add(self.part)
        elif word.startswith("statementbegin"):
            self.block = True
        elif word.startswith("statementend"):
            self.block = False
            self.flush(offset)
        elif word.startswith("no transaction"):
            self.alone.add("both")

    def flush(self, end: int, finished: bool = True) -> None:
        if self.start >= 0 and self.part and not is_blank(self.source.text[self.start : end]):
            self.pieces[self.part].append(Span(self.start, end))
            if not finished:
                self.unfinished.setdefault(self.part, self.start)
        self.start = -1


def _ends(line: str) -> bool:
    """Whether the last word before a comment ends in a semicolon, as goose's endsWithSemicolon sees it."""
    last = ""
    for word in line.split():
        if word.startswith("--"):
            break
        last = word
    return last.endswith(";")


_UP = pattern(r"^--\s*migrate:up(?:[ \t\r]*$|[ \t]+\S.*$)", re.MULTILINE)
_DOWN = pattern(r"^--\s*migrate:down(?:[ \t\r]*$|[ \t]+\S.*$)", re.MULTILINE)


def blocks(source: Source) -> tuple[Script | None, Script | None]:
    """dbmate: a block after each of its marks; ``transaction:false`` on the mark's line switches the transaction off.

    The block then still goes out as one simple query. A file may hold several pairs of blocks, which run one after the
    other, each in a transaction of its own (pkg/dbmate/migration.go, parseMigrationContents).
    """
    found = sorted(
        [*((m, True) for m in _UP.finditer(source.text)), *((m, False) for m in _DOWN.finditer(source.text))],
        key=lambda item: item[0].start(),
    )
    ends = [*(m.start() for m, _ in found[1:]), len(source.text)][: len(found)]
    ups = [(m, Span(m.end(), end)) for (m, up), end in zip(found, ends, strict=True) if up]
    downs = [(m, Span(m.end(), end)) for (m, up), end in zip(found, ends, strict=True) if not up]
    return _blocks(source, ups), _blocks(source, downs[::-1])


def _blocks(source: Source, parts: list[tuple[re.Match[str], Span]]) -> Script | None:
    if not parts:
        return None
    alone = any(re.search(r"\btransaction:false(?=\s|$)", mark.group()) for mark, _ in parts)
    return Script(source, tuple(span for _, span in parts), Transaction.IMPLICIT if alone else Transaction.FILE)


def sections(source: Source) -> tuple[Script | None, Script | None]:
    """node-pg-migrate (sqlMigration.ts): a part from each mark to the other one or the end; without a mark for up the
    whole file is the up."""
    up, down = (
        re.search(rf"^\s*--[\s-]*{way}\s+migration", source.text, re.MULTILINE | re.IGNORECASE)
        for way in ("up", "down")
    )

    def part(mark: re.Match[str], other: re.Match[str] | None) -> Script:
        end = other.start() if other is not None and other.start() > mark.start() else len(source.text)
        return Script(source, (Span(mark.start(), end),), Transaction.FILE)

    start = 1 if source.text.startswith("\ufeff") else 0
    whole = Script(source, (Span(start, len(source.text)),), Transaction.FILE)
    return part(up, down) if up else whole, part(down, up) if down else None


def cut(source: Source, start: int, delimiter: str) -> tuple[Span, ...]:
    """The parts between delimiters, without blank ones."""
    spans, at = [], start
    for match in re.finditer(re.escape(delimiter), source.text[start:]):
        spans.append(Span(at, start + match.start()))
        at = start + match.end()
    spans.append(Span(at, len(source.text)))
    return tuple(s for s in spans if not is_blank(source.text[s.start : s.end]))


def breakpoints(source: Source) -> Script:
    """drizzle: chunks between statement breakpoints, in one transaction."""
    start = 1 if source.text.startswith("\ufeff") else 0
    return Script(source, cut(source, start, "--> statement-breakpoint"), Transaction.FILE)
