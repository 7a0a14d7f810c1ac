"""One line for each finding: path:line:column: severity[RULE] message, as compilers write it."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.api import Report
from lockgate.base.findings import Finding
from lockgate.base.text import clean
from lockgate.report.amount import Amount
from lockgate.run.told import for_a_person


def render(report: Report, amount: Amount, *, colors: bool = True) -> str:
    """A line per finding, and one that counts them."""
    del colors
    return "".join(f"{line}\n" for line in _lines(report, amount))


def _lines(report: Report, amount: Amount) -> Iterator[str]:
    findings, aside = for_a_person(report.findings, report.rules, report.newest)
    yield from map(_line, findings[: amount.most or None])
    yield from (f"{clean(h.name)}: error: {clean(h.error.message)}" for h in report.histories if h.error is not None)
    yield from amount.left(len(findings))
    yield from amount.counts(report)
    if not amount.quiet:
        total = len(findings)
        yield f"{total} finding{'s' if total != 1 else ''}" if total else "nothing found"
        if aside:
            yield f"{aside} hazards in earlier migrations; --format json has them"


def _line(item: Finding) -> str:
    start = item.at.source.position(item.at.span.start)
    state = f" [{item.sqlstate}]" if item.sqlstate else ""
    said = f" ({item.evidence.verdict.value})" if item.evidence is not None else ""
    place = f"{clean(item.at.source.path)}:{start.line}:{start.column}"
    return f"{place}: {item.severity.value}[{item.rule}] {clean(item.message)}{state}{said}"
