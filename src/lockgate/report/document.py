"""The report's document (the contract, ``schema/report-1.json``), part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET

from lockgate import __version__
from lockgate.api import Coverage, PostgresUsed, Report
from lockgate.base.effects import Effect, Work
from lockgate.base.findings import Evidence, Finding, Fix, Label
from lockgate.base.text import Position, to_json
from lockgate.report import shapes

if TYPE_CHECKING:
    from lockgate.oracle.rows.model import RowReport
    from lockgate.run.effects import Acted
    from lockgate.run.settle import OwnReport
    from lockgate.run.unjudged import Unjudged

TOOL = shapes.Tool("lockgate", __version__)
_WORK: dict[Work, Literal["none", "scan", "build", "rewrite"]] = {
    Work.NONE: "none",
    Work.SCAN: "scan",
    Work.BUILD: "build",
    Work.REWRITE: "rewrite",
}
_TOLD = frozenset({"table", "index"})  # the kinds of relations that the contract knows


def written(document: msgspec.Struct, indent: int | None = None) -> str:
    """A document as text that steers no terminal, with a line end."""
    return to_json(msgspec.to_builtins(document), indent) + "\n"


def document(report: Report) -> shapes.Report:
    """The whole report."""
    return shapes.Report(
        1,
        TOOL,
        server(report.server),
        coverage(report.coverage, report.unjudged),
        [finding(f) for f in report.findings],
        summary(report.findings, report.suppressed, report.ran, report.known),
        [step(one) for one in report.steps] if report.steps is not None else UNSET,
        [history(one) for one in report.histories] or UNSET,
        list(report.passed) or UNSET,
    )


def history(one: OwnReport) -> shapes.History:
    """One history of several."""
    said, error = one.report, one.error
    return shapes.History(
        one.name,
        one.layout,
        list(one.roots),
        msgspec.convert(one.exit_code, Literal[0, 1, 2, 3]),
        coverage(said.coverage, said.unjudged) if said is not None else UNSET,
        summary(said.findings, said.suppressed, said.ran, said.known) if said is not None else UNSET,
        [f.fingerprint for f in said.findings] if said is not None else UNSET,
        shapes.Stopped(error.message, error.remedy) if error is not None else UNSET,
    )


def server(used: PostgresUsed) -> shapes.Server:
    """Which PostgreSQL spoke; of one that was asked all is told."""
    asked = bool(used.version)
    return shapes.Server(
        major=used.major,
        version=used.version or UNSET,
        source=used.source if asked else UNSET,
        stand_ins=list(used.stand_ins) if asked or used.stand_ins else UNSET,
        isolation=UNSET if used.isolation is None else msgspec.convert(used.isolation, list[shapes.Held]),
        notes=list(used.notes) if asked else UNSET,
        unproven=[shapes.Unproven(*msgspec.structs.astuple(one)) for one in used.unproven] if asked else UNSET,
    )


def coverage(known: Coverage, unjudged: Sequence[Unjudged] = ()) -> shapes.Coverage:
    """How much of the folder is known for certain, and what was not looked at."""
    return shapes.Coverage(
        known.migrations,
        known.statements,
        known.statements - known.tainted,
        known.tainted,
        [shapes.Unmodelled(reason, count) for reason, count in sorted(known.unmodelled.items())],
        shapes.Queries(*msgspec.structs.astuple(known.queries)) if known.queries is not None else UNSET,
        rows(known.rows) if known.rows is not None else UNSET,
        [shapes.NotJudged(one.what, one.why, one.remedy) for one in unjudged],
        shapes.Code(*msgspec.structs.astuple(known.code)) if known.code is not None else UNSET,
    )


def rows(filled: RowReport) -> shapes.Rows:
    """The rows over which the pending migrations were applied."""
    unfilled = [shapes.Unfilled(table, reason) for table, reason in filled.unfilled]
    return shapes.Rows(filled.tables, filled.rows, unfilled)


def summary(findings: Sequence[Finding], suppressed: int, ran: int = 0, known: int = 0) -> shapes.Summary:
    """How many findings there are of each severity."""
    counts = {"error": 0, "warning": 0, "info": 0}
    for item in findings:
        counts[item.severity.value] += 1
    return shapes.Summary(**counts, suppressed=suppressed, ran=ran, known=known)


def finding(item: Finding) -> shapes.Finding:
    """One finding."""
    return shapes.Finding(
        item.rule,
        item.name,
        item.severity,
        item.message,
        item.help,
        item.url,
        location(item.at),
        item.slot,
        item.statement,
        item.object,
        item.sqlstate,
        [shapes.Related(label.message, location(label)) for label in item.related],
        fix(item.fix),
        evidence(item.evidence),
        item.fingerprint,
        effect(item.effect) if item.effect is not None else UNSET,
        item.rows if item.rows is not None else UNSET,
    )


def location(label: Label) -> shapes.Location:
    """Path, start and end."""
    start, end = label.source.position(label.span.start), label.source.position(label.span.end)
    return shapes.Location(label.source.path, _position(start), _position(end))


def _position(at: Position) -> shapes.Position:
    return shapes.Position(at.line, at.column, at.offset)


def fix(item: Fix | None) -> shapes.Fix | None:
    """A fix with its edits."""
    if item is None:
        return None
    edits = [shapes.Edit(location(Label(e.source, e.span)), e.text) for e in item.edits]
    return shapes.Fix(item.title, edits, item.sql)


def evidence(item: Evidence | None) -> shapes.Evidence | None:
    """What the server said."""
    if item is None:
        return None
    return shapes.Evidence(
        item.verdict,
        item.role,
        item.server,
        item.sqlstate,
        item.message,
        list(item.locks) or UNSET,
        list(item.work) or UNSET,
        item.by or UNSET,
    )


def effect(one: Effect) -> shapes.Effect:
    """What a statement does to one relation."""
    return shapes.Effect(
        one.relation,
        "index" if one.kind == "index" else "table",
        one.lock.mode if one.lock is not None else None,
        one.held.mode if one.held is not None else None,
        _WORK[one.work],
        one.age,
        one.rows,
        one.why,
    )


def step(one: Acted) -> shapes.Step:
    """One of the ``steps`` of ``timeline --format json`` and ``verify --format json``."""
    return shapes.Step(
        one.migration.slot,
        one.at.source.path,
        one.at.start.line,
        one.statement,
        one.role,
        one.exact,
        one.observed,
        [effect(each) for each in one.effects if each.kind in _TOLD],
    )
