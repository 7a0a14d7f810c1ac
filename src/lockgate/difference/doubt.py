"""What the scratch server cannot be sure of: objects that a statement names which failed there, or could not be run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.difference.deviation import Deviation
from lockgate.oracle.apply.members import ROLE_OPTIONS
from lockgate.oracle.apply.plan import ApplyReport, Observation, ObservationState
from lockgate.oracle.apply.repair import SUPERUSER
from lockgate.oracle.apply.taint import THERE_ALREADY, words
from lockgate.parse import Statement, SyntaxFailure, parse_script
from lockgate.sources.migration import Migration


class Doubts(msgspec.Struct, frozen=True):
    """Names in doubt, each with the reason; ``everything``: nothing that production has or lacks can be told for
    certain."""

    names: dict[str, str] = msgspec.field(default_factory=dict)
    everything: str = ""

    def of(self, each: Deviation) -> str:
        """Why a deviation may be none; "" where it is certain."""
        name = each.definition.name
        parts = name[1:] if len(name) > 1 else name
        return self.everything or next(
            (self.names[part.lower()] for part in reversed(parts) if part.lower() in self.names), ""
        )


def doubted(migrations: Iterable[Migration], report: ApplyReport) -> Doubts:
    """The doubts that a run leaves. A word of a failed statement is enough: too many doubts are told as such, too few
    would be false alarms."""
    names: dict[str, str] = {}
    everything = ""
    by_id = {m.id: m for m in migrations}
    for migration in by_id.values():
        if migration.opaque:
            everything = everything or f"{migration.id} is not SQL: {migration.opaque}"
        for gap in migration.up.gaps:
            everything = everything or (f"{migration.id}: {gap.why}" if gap.wide else "")
            names |= {name: f"{migration.id}: {gap.why}" for _, name in gap.names}
    for seen in (*report.observations, *report.handover):
        statement = (
            _statement(by_id.get(seen.migration), seen.index)
            if seen.fails is not None or seen.state is not ObservationState.OBSERVED
            else None
        )
        if not _differs(seen, statement):
            continue
        word = seen.fails.message if seen.fails is not None else seen.reason
        why = (
            f"statement {seen.index} of {seen.migration} was not applied on the scratch server as in production: {word}"
        )
        if statement is None:
            everything = everything or why
        else:
            names |= dict.fromkeys(
                (
                    name.lower()
                    for name in words(statement.script.source.text[statement.span.start : statement.span.end])
                ),
                why,
            )
    return Doubts(names, everything)


def _differs(seen: Observation, statement: Statement | SyntaxFailure | None) -> bool:
    """Whether the scratch server may hold something else than production since that statement."""
    if seen.fails is None:
        return seen.state in (ObservationState.NOT_RUN, ObservationState.LACKING)
    if seen.fails.sqlstate in THERE_ALREADY:
        return False
    if seen.repaired_as is None or not isinstance(statement, Statement):
        return seen.repaired_as is None
    options = {
        item["DefElem"]["defname"] for item in (*statement.node.get("options", ()), *statement.node.get("opt", ()))
    }
    narrowed = statement.tag == "CreateRoleStmt" and not options <= ROLE_OPTIONS.keys()
    return seen.repaired_as == SUPERUSER and (narrowed or (statement.tag == "GrantRoleStmt" and bool(options)))


def _statement(migration: Migration | None, index: int) -> Statement | SyntaxFailure | None:
    return next((s for s in parse_script(migration.up) if s.index == index), None) if migration is not None else None
