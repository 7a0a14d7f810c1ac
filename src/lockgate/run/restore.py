"""``verify --restore``: whether a dump of the end state can be restored, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.findings import Evidence, Finding, Label, Verdict
from lockgate.base.lazy_imports import pattern
from lockgate.base.sql import split_name
from lockgate.base.text import Source
from lockgate.oracle import early, verify
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, Baseline, Observation, ObservationState
from lockgate.oracle.server.wire import Lost
from lockgate.parse import Statement, parse_script
from lockgate.rules.registry import Ruleset
from lockgate.run.evidence import NotRestorable
from lockgate.sources.migration import Migration

# what is the scratch server's own, or hangs on who restores: rights, limits, time
_NOT_THE_DUMPS = ("42501", "57014", "55P03", "53", "54", "08", "XX")
# an object's name as pg_dump writes it, and that of the table that it is on
_NAME = r"(?:(?:\"(?:[^\"]|\"\")+\"|[a-z_][\w$]*)\.)?(\"(?:[^\"]|\"\")+\"|[a-z_][\w$]*)"
_OBJECT = pattern(
    r"^(?:CREATE|ALTER|REFRESH|INSERT INTO|COPY)(?:\s+[A-Z]+)*\s+"
    + _NAME
    + r"(?:[^;']*?\s(?:ON|CONSTRAINT)(?: ONLY)?\s+"
    + _NAME
    + ")?"
)


class Restored(msgspec.Struct, frozen=True):
    """What a restore of the end state was refused."""

    refused: tuple[Observation, ...] = ()
    dump: str = ""
    note: str = ""


def restored(plan: ApplyPlan, report: ApplyReport) -> Restored:
    """Restore the end state that ``report`` holds on a further server of our own, as an ordinary role."""
    if not report.dump:
        return Restored()
    roles = replace(plan.roles, owner_ids=frozenset(), handover_sql=None, superuser_runner=False)
    dump = Baseline(Source("the dump of the end state", report.dump))
    again = ApplyPlan((), server=plan.server, roles=roles, baseline=dump, observe_locks=False)
    try:
        with early(plan.server) as backend:
            seen = verify(again, backend=backend).restored
    except (CannotCheck, Lost) as stopped:
        return Restored(note=f"The restore of the end state ended early, and proves nothing: {stopped}")
    refused = (one for one in seen if one.state is ObservationState.OBSERVED and one.fails is not None)
    kept = tuple(one for one in refused if one.fails and not one.fails.sqlstate.startswith(_NOT_THE_DUMPS))
    return Restored(kept, report.dump)


def facts(found: Restored, migrations: Sequence[Migration]) -> Iterator[NotRestorable]:
    """Each refusal at the last statement that names what could not be restored; one for each such statement."""
    told = set[tuple[str, int]]()
    for seen in found.refused:
        assert seen.fails is not None
        text = found.dump[seen.span.start : seen.span.end]
        match = _OBJECT.search(text)
        names = [split_name(name)[0] for name in match.groups() if name] if match else []
        for migration, statement in _last(migrations, names):
            if (migration.id, statement.index) not in told:
                told.add((migration.id, statement.index))
                at = Label(migration.up.source, statement.span, seen.fails.message)
                yield NotRestorable(migration, statement.index, seen.fails, text.split("\n")[0][:120], names[0], at)


def _last(migrations: Sequence[Migration], names: list[str]) -> Iterator[tuple[Migration, Statement]]:
    """The last statement that names one of some objects; nothing where none does."""
    if not names:
        return
    import re

    named = re.compile(rf"(?i)(?<![\w$])(?:{'|'.join(map(re.escape, names))})(?![\w$])")
    for migration in reversed(migrations):
        if not named.search(migration.up.source.text):
            continue
        for statement in reversed(parse_script(migration.up)):
            if isinstance(statement, Statement) and named.search(statement.text) and statement.tag not in _NO_SHAPE:
                yield migration, statement
                return


_NO_SHAPE = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "SelectStmt", "GrantStmt", "CommentStmt"})


def told(
    findings: list[Finding], found: Restored, migrations: Sequence[Migration], rules: Ruleset, server: str
) -> list[Finding]:
    """The findings with what cannot be restored: where one of the same rule speaks of the same statement, it is proven;
    else a new one."""
    out = list(findings)
    for fact in facts(found, migrations):
        fails = fact.fails
        proof = Evidence(
            Verdict.CONFIRMED, "", server, fails.sqlstate, f"{fails.message}, in a restore of the end state"
        )
        for item in rules.of_fact(fact):
            place = item.name, item.at.source.path, item.slot, item.statement
            same = [i for i, f in enumerate(out) if (f.name, f.at.source.path, f.slot, f.statement) == place]
            for at in same:
                out[at] = replace(out[at], evidence=proof)
            if not same:
                out.append(replace(item, evidence=proof))
    return out
