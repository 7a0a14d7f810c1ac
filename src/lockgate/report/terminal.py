"""The report for people: source excerpt, the marked token, the related place, what to do, what the server said.

Rendered by hand in the style of rich: long lists would take rich seconds (perf.md).
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockgate.api import Coverage, Report
from lockgate.base.findings import Evidence, Finding, Label, Severity, Verdict
from lockgate.base.text import clean
from lockgate.report.amount import Amount
from lockgate.report.causes import cause, remedies
from lockgate.run.told import for_a_person
from lockgate.sources.folder import FOUND_BELOW

if TYPE_CHECKING:
    from lockgate.oracle.rows.model import RowReport

_STYLE = {
    Severity.ERROR: "1;31",
    Severity.WARNING: "1;33",
    Severity.INFO: "1;36",
    "path": "36",
    "dim": "2",
    "bold": "1",
    "good": "1;32",
    "related": "34",
    Verdict.CONFIRMED: "1;31",
    Verdict.REFUTED: "1;32",
    Verdict.UNPROVEN: "1;33",
}
_PIPED = 160  # columns of an excerpt that nobody's terminal cuts
_SAY = "--all tells them; --since, [git] base or [ledger] says what is pending"


def wants_color() -> bool:
    """Colors only on a terminal, and never against NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _width() -> int:
    """Columns of an excerpt: the terminal's, less those of the gutter."""
    if not sys.stdout.isatty():
        return _PIPED
    from shutil import get_terminal_size

    return max(40, get_terminal_size((_PIPED, 24)).columns - 8)


class _Paint:
    __slots__ = ("on",)

    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, text: str, style: object) -> str:
        code = _STYLE.get(style)  # type: ignore[call-overload]
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code and text else text


def render(report: Report, amount: Amount, *, colors: bool = True) -> str:
    """The report, as much of it as is wanted; of several histories each below its own heading."""
    paint = _Paint(colors and wants_color())
    if not report.histories:
        return "".join(f"{line}\n" for line in _one(report, amount, paint))
    return "".join(f"{line}\n" for line in _several(report, amount, paint))


def _several(report: Report, amount: Amount, paint: _Paint) -> Iterator[str]:
    for history in report.histories:
        lines = _one(history.report, amount, paint) if history.report is not None else []
        if history.error is not None:
            first, *rest = clean_lines(str(history.error))
            lines = [f"{paint('error:', Severity.ERROR)} {first}", *rest]
        if lines or not amount.quiet:
            layout = f" ({history.layout})" if history.layout else ""
            yield paint(f"=== {clean(history.name)}{layout}", "bold")
            yield from (*lines, "")
    if not amount.quiet:
        yield from (paint(clean(words), "dim") for words in report.passed)
        bad = [clean(one.name) for one in report.histories if one.exit_code]
        words = f"not in order: {', '.join(bad)}" if bad else "all in order"
        yield paint(f"{len(report.histories)} histories, {words}", "bold")


def _one(report: Report, amount: Amount, paint: _Paint) -> list[str]:
    out: list[str] = []
    told: dict[tuple[object, ...], Finding] = {}
    findings, aside = for_a_person(report.findings, report.rules, report.newest)
    for item in findings[: amount.most or None]:
        why = cause(item)
        first = told.setdefault(why, item) if why is not None else item
        out += _finding(item, paint) if first is item else _again(item, first, paint)
        out.append("")
    out += amount.left(len(findings))
    out += amount.counts(report)
    out += _closing(report, paint, aside, amount.verbose) if not amount.quiet else ()
    return out


def _headline(item: Finding, paint: _Paint) -> str:
    state = f" [{item.sqlstate}]" if item.sqlstate else ""
    return f"{paint(item.severity.value, item.severity)}{paint(f'[{item.rule}]', 'bold')} {paint(clean(item.message), 'bold')}{paint(state, 'dim')}"


def _again(item: Finding, first: Finding, paint: _Paint) -> Iterator[str]:
    """A finding whose cause has been told: where it is, and where the rest stands."""
    yield _headline(item, paint)
    start = item.at.source.position(item.at.span.start)
    line = clean(item.at.source.line(start.line)).strip()[: _width()]
    yield f" {paint('-->', 'path')} {paint(clean(item.at.source.path), 'path')}:{start.line}:{start.column} {paint('|', 'path')} {line}"
    told = first.at.source.position(first.at.span.start)
    yield f"  {paint('= as above:', 'bold')} {clean(first.at.source.path)}:{told.line}"
    if item.evidence is not None:
        yield f"  {paint('= server:', 'bold')} {_evidence(item.evidence, paint)}"


def _finding(item: Finding, paint: _Paint) -> Iterator[str]:
    yield _headline(item, paint)
    gutter = max(len(str(label.source.position(label.span.start).line)) for label in (item.at, *item.related))
    yield from _excerpt(item.at, paint, gutter, item.severity, "-->")
    for label in item.related:
        yield from _excerpt(label, paint, gutter, "related", ":::")
    pad = " " * gutter
    if item.help:
        first, *rest = clean_lines(item.help)
        yield f"{pad} {paint('= help:', 'bold')} {first}"
        yield from (f"{pad}         {line}" for line in rest)
    if item.fix is not None:
        yield f"{pad} {paint('= fix:', 'bold')} {clean(item.fix.title)}"
        yield from (f"{pad}        {line}" for line in clean_lines(item.fix.sql) if item.fix.sql)
    if item.evidence is not None:
        yield f"{pad} {paint('= server:', 'bold')} {_evidence(item.evidence, paint)}"
    yield f"{pad} {paint('= rule:', 'dim')} {paint(f'{item.name} (lockgate explain {item.rule})', 'dim')}"


def clean_lines(text: str) -> list[str]:
    """Cleaned lines; at least one."""
    return [clean(line) for line in text.removesuffix("\n").split("\n")]


def _evidence(item: Evidence, paint: _Paint) -> str:
    who = f" as {clean(item.role)}" if item.role else ""
    server = f" by PostgreSQL {clean(item.server)}" if item.server else ""
    server += f" ({clean(item.by)})" if item.by else ""
    words = f": {clean(item.message)}" if item.message else ""
    state = f" ({item.sqlstate})" if item.sqlstate else ""
    return f"{paint(item.verdict.value, item.verdict)}{server}{who}{words}{state}"


def _excerpt(label: Label, paint: _Paint, gutter: int, style: object, arrow: str) -> Iterator[str]:
    start, end = label.source.position(label.span.start), label.source.position(label.span.end)
    pad = " " * gutter
    yield f"{pad}{paint(arrow, 'path')} {paint(clean(label.source.path), 'path')}:{start.line}:{start.column}"
    line = label.source.line(start.line)
    if not line and not label.source.text:
        if label.message:
            yield f"{pad} {paint('=', 'path')} {clean(label.message)}"
        return
    stop = end.column if end.line == start.line else len(line) + 1
    shift = max(0, start.column - _width() // 2) if len(line) > _width() else 0
    shown = clean(line[shift : shift + _width()]).replace("\t", " ")
    yield f"{pad} {paint('|', 'path')}"
    yield f"{paint(str(start.line).rjust(gutter), 'path')} {paint('|', 'path')} {shown}"
    lead = _cells(clean(line[shift : start.column - 1]))
    width = max(1, min(_cells(clean(line[start.column - 1 : max(stop - 1, start.column)])), _width() - lead))
    words = f" {clean(label.message)}" if label.message else ""
    yield f"{pad} {paint('|', 'path')} {' ' * lead}{paint('^' * width + words, style)}"


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _closing(report: Report, paint: _Paint, aside: int, verbose: bool) -> Iterator[str]:
    yield from _certainty(report, paint, verbose)
    if report.ran:
        yield paint(f"{report.ran} hazards in migrations that have run; --all tells them", "dim")
    if report.known:
        yield paint(f"{report.known} known finding{'s' if report.known > 1 else ''} ([rules] known)", "dim")
    if aside:
        yield paint(
            f"{aside} hazards in earlier migrations, of which nothing says whether they have run: {_SAY}", "dim"
        )
    if not report.findings:
        hushed = f" ({report.suppressed} suppressed)" if report.suppressed else ""
        yield paint(f"nothing found{hushed}", "good")
    else:
        yield from _totals(report, paint)


def _certainty(report: Report, paint: _Paint, verbose: bool) -> Iterator[str]:
    """What was looked at, by whom, and what could not be."""
    coverage, server = report.coverage, report.server
    exact = f"{coverage.statements - coverage.tainted} of {coverage.statements} statements exact"
    spoke = f"PostgreSQL {clean(server.version or str(server.major))}" + (
        f" ({clean(server.source)})" if server.source else " (simulated)"
    )
    if coverage.tainted:
        yield paint("not certain:", "dim")
        for reason, count in sorted(coverage.unmodelled.items(), key=lambda x: -x[1])[: None if verbose else 8]:
            yield paint(f"  {count:>4} x {clean(reason)}", "dim")
    if server.stand_ins:
        yield paint(f"stand-ins: {clean(', '.join(server.stand_ins))}", "dim")
    kept = server.isolation
    lacking = [] if kept is None else [name for name in ("files", "programs", "network") if name not in kept]
    if lacking:
        yield paint(f"isolation: this machine could not keep the scratch server from {', '.join(lacking)}", "dim")
    yield from (f"{paint('note:', 'bold')} {clean(note)}" for note in server.notes)
    yield from (paint(line, "dim") for line in rows_words(coverage.rows))
    if verbose and report.folder is not None:
        yield from (paint(f"layout: {clean(words)}", "dim") for words in report.folder.explain)
    yield f"{coverage.migrations} migrations{_found_in(report)}{_code(coverage)}, {exact}{_queries(coverage)}; {spoke}"
    if report.unjudged:
        yield paint(f"not judged: {', '.join(f'{one.what} ({one.why})' for one in report.unjudged)}", "dim")
        if verbose:
            yield from (paint(f"  {one.what}: {one.remedy}", "dim") for one in report.unjudged)


def _totals(report: Report, paint: _Paint) -> Iterator[str]:
    counts = {s: sum(f.severity is s for f in report.findings) for s in Severity}
    shared = remedies(report.findings)
    if shared:
        yield "one remedy for several findings:"
        yield from (f"  {count:>4} x {clean(text)}" for text, count in shared)
    parts = [
        f"{counts[s]} {s.value}{'s' if counts[s] != 1 and s is not Severity.INFO else ''}"
        for s in reversed(list(Severity))
        if counts[s]
    ]
    hushed = f", {report.suppressed} suppressed" if report.suppressed else ""
    yield paint(", ".join(parts) + hushed, "bold")
    by_verdict = {v: sum(f.evidence is not None and f.evidence.verdict is v for f in report.findings) for v in Verdict}
    if any(by_verdict.values()):
        yield ", ".join(f"{n} {paint(v.value, v)}" for v, n in by_verdict.items() if n)


_UNFILLED = 5  # tables without rows that the terminal names; the JSON has all


def rows_words(rows: RowReport | None) -> Iterator[str]:
    """How many tables were given rows, and which could not be."""
    if rows is None:
        return
    yield f"rows: {rows.rows} invented ones in {rows.tables} tables; what fails over them depends on yours, unless said otherwise"
    for table, reason in rows.unfilled[:_UNFILLED]:
        yield f"  without rows: {clean(table)}: {clean(reason)}"
    if len(rows.unfilled) > _UNFILLED:
        yield f"  and {len(rows.unfilled) - _UNFILLED} more (--format json names them)"


def _found_in(report: Report) -> str:
    """Where the migrations lie, if nobody named the folder."""
    folder = report.folder
    looked_for = folder is not None and any(FOUND_BELOW in words for words in folder.explain)
    return f" in {clean(', '.join(folder.roots))}" if folder is not None and looked_for else ""


def _code(coverage: Coverage) -> str:
    """How migrations in code became SQL."""
    code = coverage.code
    if code is None:
        return ""
    parts = [f"{count} {how}" for count, how in ((code.read, "read from code"), (code.recorded, "recorded")) if count]
    lost = f", {code.unprinted} places not printable" if code.unprinted else ""
    return f" ({', '.join(parts)}{lost})"


def _queries(coverage: Coverage) -> str:
    counts = coverage.queries
    if counts is None:
        return ""
    return f"; {counts.resolved} of {counts.found} queries of the application resolved whole"
