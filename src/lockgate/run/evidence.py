"""The server's word, tied to findings and places: evidence, and what nobody foresaw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lockgate.base.effects import Effect
from lockgate.base.findings import Evidence, Finding, Label, Verdict
from lockgate.base.text import Source, Span
from lockgate.oracle.apply.plan import (
    ApplyReport,
    BodyObservation,
    DownObservation,
    Notice,
    Observation,
    ObservationState,
    ServerFailure,
)
from lockgate.oracle.rows.model import RowFailure
from lockgate.parse.tokens import skip_space, token_end
from lockgate.queries.facts import QueryRefused
from lockgate.queries.frames import HOLE_NAME
from lockgate.queries.servers import Meant
from lockgate.rules.registry import Ruleset
from lockgate.rules.rulebook import FrontMatter
from lockgate.sources.migration import Migration
from lockgate.timeline.failure import Failure as Refusal

if TYPE_CHECKING:
    from lockgate.queries.examine import Examined
    from lockgate.queries.query import Query
    from lockgate.queries.resolve import Resolution


class Unforeseen(msgspec.Struct, frozen=True):
    """A statement that the server refused and that the simulator let pass."""

    migration: Migration
    observation: Observation
    at: Label


class FailsOnRows(msgspec.Struct, frozen=True):
    """A statement that the server takes over empty tables and refuses over rows that satisfy the schema. ``certain``:
    it is known to be pending, and no row of its table would pass."""

    migration: Migration
    failure: RowFailure
    at: Label
    certain: bool = False


class Unheeded(msgspec.Struct, frozen=True):
    """A statement that the server took with a WARNING of class 01, and that the simulator let pass without."""

    migration: Migration
    observation: Observation
    notice: Notice
    at: Label


class Differs(msgspec.Struct, frozen=True):
    """Something that the simulated catalog has otherwise than the server's: a bug of Lockgate's."""

    migration: Migration
    object: str  # "columns public.t.c"
    words: str
    statement: int | None
    at: Label


class EffectDiffers(msgspec.Struct, frozen=True):
    """A statement that the server was seen to do otherwise than simulated: a bug of Lockgate's."""

    migration: Migration
    object: str  # "public.t"
    words: str
    statement: int
    at: Label


class BrokenBody(msgspec.Struct, frozen=True):
    """A routine whose body the server refuses, first seen after a migration."""

    migration: Migration
    observation: BodyObservation
    at: Label


class DownFails(msgspec.Struct, frozen=True):
    """A down script that the server refuses right after its own up."""

    migration: Migration
    observation: Observation
    at: Label


class NotRestorable(msgspec.Struct, frozen=True):
    """What a dump of the end state cannot restore, at the last statement that names it."""

    migration: Migration
    statement: int
    fails: ServerFailure
    dumped: str  # the refused statement's first line
    object: str
    at: Label


class DownIncomplete(msgspec.Struct, frozen=True):
    """A down script that leaves the catalog different from what it was before the up."""

    migration: Migration
    observation: DownObservation
    at: Label


def located(
    report: ApplyReport, migrations: tuple[Migration, ...], findings: list[Finding], rules: Ruleset
) -> Iterator[BrokenBody | DownFails | DownIncomplete]:
    """What the server said of bodies and down scripts, at the migrations that it concerns; no routine of which
    ``findings`` tell already."""
    by_id = {m.id: m for m in migrations}
    foreseen = {f.object for f in findings if rules[f.name].front.bodies}
    for body in report.bodies:
        migration = by_id.get(body.migration)
        if migration is not None and body.routine.partition("(")[0] not in foreseen:
            yield BrokenBody(
                migration, body, Label(migration.up.source, _named(migration.up.source, body), body.fails.message)
            )
    halfway = {
        seen.migration
        for seen in report.observations
        if seen.direction == "up" and seen.fails is not None and seen.repaired_as is None
    }
    for down in report.downs:
        migration = by_id.get(down.migration)
        if (
            migration is None or migration.down is None or down.reason or down.migration in halfway
        ):  # there is no way back from halfway
            continue
        for seen in down.refused:
            if seen.fails is not None and seen.state is ObservationState.OBSERVED:
                yield DownFails(migration, seen, Label(migration.down.source, seen.span, seen.fails.message))
        if not down.refused and (down.left or down.missing or down.changed):
            yield DownIncomplete(migration, down, Label(migration.down.source, Span(0, 0), "not the way back"))


def _named(source: Source, body: BodyObservation) -> Span:
    """Where a migration names what the routine misses now, or the routine itself, above all if it made it; its first
    word where it names neither."""
    names = body.fails.named
    routine = body.routine.partition("(")[0].rpartition(".")[2]
    for name in (routine, *names) if body.born else (*names, routine):
        if found := re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", source.text, re.IGNORECASE):
            return Span(found.start(), found.end())
    start = skip_space(source.text, 0)
    return Span(start, token_end(source.text, start))


Acts = Mapping[tuple[str, int], tuple[Effect, ...]]  # the observed effects of each statement, by migration and index


def stamp(
    findings: list[Finding], migrations: tuple[Migration, ...], report: ApplyReport, rules: Ruleset, acts: Acts
) -> list[Finding]:
    """Every finding on a statement with its evidence."""
    by_place = {(m.up.source.path, m.slot): m for m in migrations}
    seen: dict[str, list[Observation]] = {}
    for one in report.observations:
        if one.direction == "up":
            seen.setdefault(one.migration, []).append(one)
    return [
        _stamped(item, rules[item.name].front, seen, by_place.get((item.at.source.path, item.slot)), report, acts)
        for item in findings
    ]


def _stamped(
    item: Finding,
    front: FrontMatter,
    seen: dict[str, list[Observation]],
    migration: Migration | None,
    report: ApplyReport,
    acts: Acts,
) -> Finding:
    if item.statement is None or item.evidence is not None:
        return item
    there = seen.get(migration.id, []) if migration is not None else []
    observation = next((one for one in there if one.index == item.statement), None)
    body = (
        next((b for b in report.bodies if b.routine.partition("(")[0] == item.object), None) if front.bodies else None
    )
    if body is not None:
        words = f"in the body of {body.routine}: {body.fails.message}"
        proof = Evidence(Verdict.CONFIRMED, "", report.server.version, body.fails.sqlstate, words, by=body.by)
        return replace(item, evidence=proof)
    proof = _evidence(item, front, observation, report)
    if (front.locks or front.work) and observation is not None:
        proof = _by_locks(item, proof, front, observation, acts)
    return replace(item, evidence=proof)


def _by_locks(item: Finding, proof: Evidence, front: FrontMatter, seen: Observation, acts: Acts) -> Evidence:
    """The same where locks and work prove it, not a refusal."""
    if seen.state is not ObservationState.OBSERVED or seen.fails is not None:
        return proof
    from lockgate.run.proof import judged

    verdict, words = judged(item, front, seen, acts.get((seen.migration, seen.index), ()))
    return replace(proof, verdict=verdict, message=words)


def _evidence(item: Finding, front: FrontMatter, seen: Observation | None, report: ApplyReport) -> Evidence:
    server = report.server.version
    if seen is None:
        return Evidence(Verdict.UNPROVEN, "", server, None, "the server did not reach this statement")
    common: dict[str, Any] = {"locks": seen.locks, "work": seen.work}
    if seen.state is not ObservationState.OBSERVED:
        return Evidence(Verdict.UNPROVEN, seen.role, server, None, seen.reason or seen.state.value, **common)
    if item.sqlstate is None:
        return _of_warning(front, seen, server)
    if seen.fails is None:
        return Evidence(Verdict.REFUTED, seen.role, server, None, "the server applied the statement", **common)
    verdict = Verdict.CONFIRMED if seen.fails.sqlstate == item.sqlstate else Verdict.UNPROVEN
    return Evidence(verdict, seen.role, server, seen.fails.sqlstate, seen.fails.message, **common)


def stamp_queries(findings: list[Finding], asked: tuple[Resolution, ...], report: ApplyReport) -> list[Finding]:
    """Every finding on a query of the application's with what the server said when it prepared that query."""
    said = {}
    for one, failure in zip(asked, report.queries, strict=False):
        if one.failure is not None:
            said[one.query.source.path, one.query.place(one.failure.span)] = one.query, failure
    out = []
    for item in findings:
        place = (item.at.source.path, item.at.span)
        out.append(
            replace(item, evidence=_word(item, *said[place], report))
            if item.statement is None and place in said
            else item
        )
    return out


def _word(item: Finding, query: Query, failure: ServerFailure | None, report: ApplyReport) -> Evidence:
    server, what = report.server.version, "the certain part of the query" if query.fitted.excerpt else "the query"
    if failure is None:
        return Evidence(Verdict.REFUTED, "", server, None, f"the server prepared {what}")
    if failure.mentions(HOLE_NAME):
        return Evidence(
            Verdict.UNPROVEN,
            "",
            server,
            None,
            "a part of the query is the program's, so the server could not prepare it",
        )
    verdict = Verdict.CONFIRMED if failure.sqlstate == item.sqlstate else Verdict.UNPROVEN
    words = f"{failure.message} (in {what}, the rest is the program's)" if query.fitted.excerpt else failure.message
    return Evidence(verdict, "", server, failure.sqlstate, words)


def unforeseen_queries(examined: Examined, report: ApplyReport) -> Iterator[tuple[QueryRefused, ServerFailure]]:
    """Columns that the server misses in queries that are known whole, where the simulator was in doubt; nothing where
    the schema there is not whole."""
    if any(seen.fails is not None or seen.state is not ObservationState.OBSERVED for seen in report.observations):
        return
    for one, failure in zip(examined.resolutions, report.queries, strict=False):
        if (
            failure is None
            or failure.sqlstate != "42703"
            or one.failure is not None
            or one.query.fitted.partial
            or one.query.meant is not Meant.HERE
        ):
            continue
        start = one.query.statement.span.start + (failure.position or 0)
        text = one.query.statement.script.source.text
        span = Span(start, token_end(text, start))
        refused = Refusal(
            failure.sqlstate, failure.message, span, text[span.start : span.end].strip('"'), kind="column"
        )
        if examined.others is None or not examined.others.meant(one.query, refused):
            yield QueryRefused(Label(one.query.source, one.query.place(span), failure.message), refused), failure


def _of_warning(front: FrontMatter, seen: Observation, server: str) -> Evidence:
    """A finding on a statement that is not refused: proven by the warning that its rule names, else by nothing that an
    apply shows."""
    common: dict[str, Any] = {"locks": seen.locks, "work": seen.work}
    states = [s for s in front.sqlstate if s.startswith("01")]
    heard = next((n for n in seen.notices if n.sqlstate in states), None)
    if heard is not None:
        return Evidence(Verdict.CONFIRMED, seen.role, server, heard.sqlstate, heard.message, **common)
    if seen.fails is not None:
        return Evidence(Verdict.UNPROVEN, seen.role, server, seen.fails.sqlstate, seen.fails.message, **common)
    if states:
        return Evidence(
            Verdict.REFUTED, seen.role, server, None, "the server applied the statement without that warning", **common
        )
    return Evidence(
        Verdict.UNPROVEN,
        seen.role,
        server,
        None,
        "the server applied the statement: what it leads to shows later",
        **common,
    )


def unheeded(
    findings: list[Finding], migrations: tuple[Migration, ...], report: ApplyReport, rules: Ruleset
) -> Iterator[Unheeded]:
    """Warnings of class 01 (a GRANT that grants nothing) at statements without a finding that foresees one."""
    told = {
        (f.at.source.path, f.slot, f.statement)
        for f in findings
        if any(s.startswith("01") for s in rules[f.name].front.sqlstate)
    }
    by_id = {m.id: m for m in migrations}
    for seen in report.observations:
        migration = by_id.get(seen.migration)
        if (
            migration is None
            or seen.direction != "up"
            or seen.state is not ObservationState.OBSERVED
            or seen.fails is not None
        ):
            continue
        for notice in seen.notices:
            if (
                notice.sqlstate in ("01006", "01007")
                and (migration.up.source.path, migration.slot, seen.index) not in told
            ):
                yield Unheeded(migration, seen, notice, Label(migration.up.source, seen.span, notice.message))


def unforeseen(findings: list[Finding], migrations: tuple[Migration, ...], report: ApplyReport) -> Iterator[Unforeseen]:
    """What the server refused, in its own right, at statements without a finding that predicts a refusal."""
    told = {(f.at.source.path, f.slot, f.statement) for f in findings if f.sqlstate}
    by_id = {m.id: m for m in migrations}
    for seen in report.observations:
        migration = by_id.get(seen.migration)
        if (
            migration is None
            or seen.direction != "up"
            or seen.fails is None
            or seen.state is not ObservationState.OBSERVED
        ):
            continue
        if (migration.up.source.path, migration.slot, seen.index) in told:
            continue
        start = seen.fails.position if seen.fails.position is not None else seen.span.start
        span = Span(start, seen.span.end) if start < seen.span.end else seen.span
        yield Unforeseen(migration, seen, Label(migration.up.source, span, seen.fails.message))
