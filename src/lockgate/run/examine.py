"""What can be said without a server: the rules over the replay, the application's queries, slots and deploy files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.findings import Finding, Severity
from lockgate.base.text import Source, Span
from lockgate.cache.replay import Recall, Told
from lockgate.rules.model import Production, Release, Scene
from lockgate.rules.plugins import rules_of
from lockgate.rules.registry import Ruleset
from lockgate.rules.rulebook import PENDING
from lockgate.run import suppressions
from lockgate.run.maintenance import from_17_on
from lockgate.run.plan import NEWEST_MAJOR, Progress, Replayed, Request, missed, read_history, replayed, replayed_once
from lockgate.run.unjudged import Unjudged, deploys_in_sight, unjudged
from lockgate.sources import Folder
from lockgate.sources.migration import Migration
from lockgate.sources.span import joined, newest_together
from lockgate.timeline.budget import OF_A_RUN
from lockgate.timeline.plan import Broken, Leg, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

if TYPE_CHECKING:
    from lockgate.oracle.rows.model import RowReport
    from lockgate.queries.examine import Examined, QueryCounts
    from lockgate.surface import Fact

Spans = dict[str, tuple[Source, list[Span]]]  # the statements of each file that suppressions may stand above
# refusals in which versions do not differ, where the object is the user's own
_ALIKE = frozenset({"25001", "3F000", "42701", "42703", "42P01", "42P07", "55P04"})


class CodeCounts(msgspec.Struct, frozen=True):
    """Migrations in code: how many were read from their syntax trees, how many recorded when they ran, and how many
    places in them could not be printed as SQL."""

    read: int
    recorded: int
    unprinted: int


class Coverage(msgspec.Struct):
    """How much of the input the simulator is certain of: a statement is exact or tainted."""

    migrations: int = 0
    statements: int = 0
    tainted: int = 0
    unmodelled: dict[str, int] = msgspec.field(default_factory=dict)
    queries: QueryCounts | None = None
    code: CodeCounts | None = None  # None where no migration is in code
    rows: RowReport | None = None  # what verify filled, and what it could not fill

    def add(self, told: Told | Coverage) -> None:
        """Count a leg's statements, or another history's."""
        self.statements += told.statements
        self.tainted += told.tainted
        for reason, count in told.unmodelled.items():
            self.unmodelled[reason] = self.unmodelled.get(reason, 0) + count


class Checked(msgspec.Struct):
    """A check before its findings are sorted out: what ``verify`` goes on with."""

    config: Config
    request: Request
    folder: Folder
    plan: Plan
    recall: Recall
    findings: list[Finding]
    coverage: Coverage
    suppressions: list[suppressions.Suppression]
    rules: Ruleset
    queries: Examined | None = None
    asked: frozenset[str] = frozenset()  # the files that the findings are wanted of; empty: all
    unjudged: tuple[Unjudged, ...] = ()

    @property
    def replay(self) -> Replay:
        """The replay after its last step."""
        return self.recall.finished()


def examine(config: Config, request: Request, progress: Progress | None = None) -> Checked:
    """Read, replay, and let the rules speak. Raises UsageError, CannotCheck."""
    rules = rules_of(config)
    folder, asked = read_history(config, request)
    found = replayed(config, request, folder, partial(_tell, rules), progress, _place(rules))
    checked = _of_replay(config, request, folder, found, rules)
    checked.asked = asked
    if config.database.version is None and any(f.sqlstate and f.sqlstate not in _ALIKE for f in checked.findings):
        checked.findings = _whatever_the_version(checked)
    if config.database.version is None:
        checked.findings += from_17_on(found.plan, checked.findings, partial(_again, checked))
    checked.findings += _together(checked)
    checked.findings += _of_slots(config, request, folder, rules)
    if folder.failed is not None and not any(f.severity is Severity.ERROR for f in checked.findings):
        raise folder.failed  # nothing tells why: then nothing is known
    surface = _surface(config, request, rules)
    checked.findings += of_facts(surface or (), rules)
    checked.suppressions += suppressions_of(surface or ())
    checked.unjudged = unjudged(config, request, folder.unread, deploys_off=surface is None, most=_stopped(checked))
    return checked


def _place(rules: Ruleset) -> str:
    """What tells apart in the cache what other rules said of the same folder."""
    return f"{rules.key}:" if rules.key else ""


def _of_replay(config: Config, request: Request, folder: Folder, found: Replayed, rules: Ruleset) -> Checked:
    """What the rules say of the migrations, and of the application's queries after them."""
    plan = found.plan
    coverage = Coverage(len(plan.migrations))
    checked = Checked(config, request, folder, plan, found.recall, found.findings, coverage, [], rules)
    checked.coverage.unmodelled |= {m.opaque: 1 for m in plan.migrations if m.opaque}
    checked.coverage.code = _in_code(plan)
    pending = _pending(config, request, plan)
    spans: Spans = {}
    for one in found.told:
        checked.coverage.add(one)
        for source, span in one.spans:
            spans.setdefault(source.path, (source, []))[1].append(span)
    if _wants_queries(config, request):
        _examine_queries(checked, pending, spans)
    for source, places in spans.values():
        checked.suppressions += suppressions.find(source.written, map(source.where, places))
    return checked


def _in_code(plan: Plan) -> CodeCounts | None:
    printed = [m.up.source.printed.how for m in plan.migrations if m.up.source.printed is not None]
    gaps = sum(len(m.up.gaps) for m in plan.migrations)
    return CodeCounts(printed.count("read"), printed.count("recorded"), gaps) if printed else None


def _whatever_the_version(checked: Checked) -> list[Finding]:
    """Nobody says which PostgreSQL it is: a refusal that the newest one does not share is no error, for it may be the
    one."""
    rules, plan = checked.rules, replace(checked.plan, major=NEWEST_MAJOR)
    if not _wants_queries(checked.config, checked.request):  # which are asked of the end
        plan = replace(plan, migrations=_to_the_last_refusal(plan, checked.findings))
    newest = _again(checked, plan)
    again = _of_replay(checked.config, checked.request, checked.folder, newest, rules)
    if any(OF_A_RUN in reason for reason in again.coverage.unmodelled):
        return checked.findings  # what it does not refuse it may not have followed
    there = {f.fingerprint for f in again.findings}
    words = f"PostgreSQL {NEWEST_MAJOR} takes it: set [database] version to the one that production has"
    return [
        f if not f.sqlstate or f.fingerprint in there else replace(f, severity=Severity.INFO, help=words)
        for f in checked.findings
    ]


def _again(checked: Checked, plan: Plan) -> Replayed:
    """The same migrations, as another plan has them."""
    rules = checked.rules
    return replayed_once(checked.request, plan, partial(_tell, rules), place=_place(rules), work=checked.recall.left)


def _to_the_last_refusal(plan: Plan, findings: list[Finding]) -> tuple[Migration, ...]:
    """The migrations without those after the last that is refused; all where a refusal stands elsewhere."""
    places = {m.up.source.path: number for number, m in enumerate(plan.migrations, 1)}
    refused = [places.get(f.at.source.path, len(places)) for f in findings if f.sqlstate]
    return plan.migrations[: max(refused, default=0)]


def _together(checked: Checked) -> list[Finding]:
    """Nobody says what is pending, and the runner sends all of that in one transaction: what fails if the newest files
    go out together."""
    folder, plan, rules = checked.folder, checked.plan, checked.rules
    told = {f.fingerprint for f in checked.findings}
    out: dict[str, Finding] = {}
    for some in newest_together(folder) if plan.pending is None else ():
        ids = {m.id for m in plan.migrations}
        one = replace(plan, migrations=tuple(m for m in joined(folder, some) if m.id in ids))
        found = replayed_once(
            checked.request, one, partial(_tell, rules), place=f"{_place(rules)}together {len(some)}:"
        )
        for f in found.findings:
            if f.sqlstate in SPANNING and f.fingerprint not in told:
                # no SQLSTATE: a server that gets the files one by one cannot refute it
                words = f"{f.message}, {_IF_TOGETHER} ({f.sqlstate})"
                out[f.fingerprint] = replace(f, severity=Severity.WARNING, message=words, sqlstate=None, statement=None)
    return list(out.values())


_IF_TOGETHER = "if it goes out with the migrations before it"
SPANNING = frozenset({"55P04", "55006"})  # refusals that a COMMIT between two files mends


# --- what the rules say of one leg ------------------------------------------------------------------------------------


def _must_be_sql(taken: Sequence[Step | Broken]) -> None:
    """A file that the configuration names as SQL and of which nothing can be read is another one than was meant: any
    answer would be of an empty schema. Raises CannotCheck."""
    first = taken[0] if taken else None
    if isinstance(first, Broken) and all(isinstance(item, Broken) for item in taken):
        source = first.failure.script.source
        raise CannotCheck(
            f"{source.path}:{source.position(first.failure.at.start).line}: is no SQL: {first.failure.message}",
            "give a file of SQL, as pg_dump --schema-only or `lockgate snapshot` writes it",
        )


def _tell(rules: Ruleset, replay: Replay, leg: Leg) -> Told:
    told = Told()
    taken = list(replay.take(leg))
    if leg.kind in ("baseline", "handover"):
        _must_be_sql(taken)
    told.spans += _suppressible(taken)
    for item in taken:
        if leg.kind == "migration":
            _of_item(rules, item, told)
        elif leg.kind != "environment":
            _of_production(item, told)
    for gap in leg.migration.up.gaps if leg.kind == "migration" and leg.migration is not None else ():
        told.statements += 1
        told.tainted += 1
        told.note(gap.why)
    told.missed += missed(taken)
    if leg.kind == "migration":
        told.findings += rules.of_scene(_scene(taken, replay))
    return told


def _scene(taken: Iterable[Step | Broken], replay: Replay) -> Scene | None:
    """One migration as its rules see it, with what the plan knows of the deploy that runs it."""
    plan = replay.plan
    steps = (item for item in taken if isinstance(item, Step))
    runner, fresh = dict(plan.settings), replay.fresh()
    if plan.pending is None:
        return Scene.of(steps, runner=runner, fresh=fresh)
    applied = frozenset(m.id for m in plan.migrations) - plan.pending
    return Scene.of(steps, Release(plan.pending), Production(applied), runner, fresh)


def _suppressible(taken: Iterable[Step | Broken]) -> Iterator[tuple[Source, Span]]:
    """The statements of sources with directives in them."""
    seen: dict[int, bool] = {}  # each text is searched once
    for source, span in map(_where, taken):
        there = seen.get(id(source))
        if there is None:
            there = seen[id(source)] = suppressions.WORD in source.written.text
        if there:
            yield source, span


def _where(item: Step | Broken) -> tuple[Source, Span]:
    if isinstance(item, Broken):
        return item.failure.script.source, item.failure.span
    return item.statement.script.source, item.statement.span


def _of_item(rules: Ruleset, item: Step | Broken, told: Told) -> None:
    told.statements += 1
    if isinstance(item, Broken):
        if item.failure.sqlstate:
            told.findings += rules.of_fact(item)
        else:
            told.tainted += 1
            told.note(item.failure.message)
        return
    if item.tainted:
        told.tainted += 1
    for note in (*item.tainted, *item.notes):
        told.note(note)
    told.findings += rules.of_step(item)


def _of_production(item: Step | Broken, told: Told) -> None:
    """What the simulator could not make of production's own statements: never a finding, always told."""
    if isinstance(item, Broken):
        psql = item.failure.script.source.text.startswith("\\", item.failure.span.start)
        reasons: Iterable[str] = () if psql else (item.failure.message,)
    else:
        there = item.statement.tag == "CreateRoleStmt"  # a configured role
        reasons = (*item.tainted, *item.notes, *([item.fails.message] if item.fails is not None and not there else ()))
    for reason in reasons:
        told.note(f"{item.migration.id}: {reason}")


# --- the application's queries ----------------------------------------------------------------------------------------


def _wants_queries(config: Config, request: Request) -> bool:
    """The application's queries are looked at where they are configured, and the migrations are there whole."""
    return bool(config.queries.paths) and request.stdin is None and not any(map(Path.is_file, request.paths))


def _pending(config: Config, request: Request, plan: Plan) -> frozenset[str]:
    """The migrations that the running release has not had. Raises UsageError."""
    if not request.release:
        return frozenset()
    if not config.queries.paths:
        raise UsageError(
            f"--release {request.release} needs the application's queries",
            'name their files: [queries] paths = ["..."] in lockgate.toml',
        )
    from lockgate.queries.release import pending

    return pending(config.root, request.cwd, request.release, plan.migrations)


def _stopped(checked: Checked) -> int:
    """After how many of the application's queries the run stopped; 0 where it looked at all."""
    if checked.queries is None:
        return 0
    from lockgate.queries.examine import MOST

    return MOST if checked.queries.own >= MOST else 0


def _examine_queries(checked: Checked, pending: frozenset[str], spans: Spans) -> None:
    """What the rules say of the application's queries, and where those stand."""
    from lockgate.queries.application import examine_all

    plan, request, recall = checked.plan, checked.request, checked.recall
    checked.queries = examined = examine_all(
        checked.config,
        request.cwd,
        request.release,
        plan.migrations,
        plan.search_path,
        recall.before(pending),
        recall.end(),
    )
    checked.coverage.queries = examined.coverage()
    if request.release:
        checked.findings = _unanswered(checked.findings, examined, checked.rules)
    checked.findings += of_facts((*examined.facts, *examined.lacks), checked.rules)
    for one in examined.resolutions:
        spans.setdefault(one.query.source.path, (one.query.source, []))[1].append(one.query.span)


def _unanswered(found: list[Finding], examined: Examined, rules: Ruleset) -> list[Finding]:
    """The findings without those that ask what the running release's queries answer: what breaks is told at the query,
    and nothing else does where every query is known."""
    whole = all(one.exact for one in examined.resolutions[examined.own :])
    broken = {fact.failure.object for fact in examined.facts} | {f"{one.table}.{one.column}" for one in examined.lacks}

    def answered(item: Finding) -> bool:
        front = rules[item.name].front
        return front.family == "compatibility" and front.default == PENDING and (whole or item.object in broken)

    return [f for f in found if not answered(f)]


# --- what stands beside the migrations --------------------------------------------------------------------------------


def of_facts(facts: Iterable[object], rules: Ruleset) -> list[Finding]:
    """What the rules say of facts of other packages."""
    return [found for fact in facts for found in rules.of_fact(fact)]


def _of_slots(config: Config, request: Request, folder: Folder, rules: Ruleset) -> list[Finding]:
    from lockgate.slots import facts

    return of_facts(facts(config, folder, request.cwd), rules)


def _surface(config: Config, request: Request, rules: Ruleset) -> tuple[Fact, ...] | None:
    """The compose file and the workflows here; nothing where single paths were asked for, None where no deploy that
    concerns us is in sight."""
    from lockgate import surface

    files = surface.sources(request.cwd) if request.beside and not request.paths and request.stdin is None else ()
    if not files:
        return ()
    if not deploys_in_sight(config, rules, (source.text for source in files)):
        return None
    from lockgate.base.git import attempt

    base = attempt(request.cwd, "merge-base", "HEAD", config.git.base)

    def before(path: str) -> str | None:
        return attempt(request.cwd, "show", f"{base}:./{path}") or None

    dokploy = bool(config.deploy.dokploy_url or config.deploy.compose_id)
    return surface.of_sources(request.cwd, files, before if base else None, dokploy=dokploy)


def suppressions_of(facts: Iterable[Fact]) -> list[suppressions.Suppression]:
    """The directives in the files that facts come from."""
    sources = {source.path: source for fact in facts if (source := getattr(fact, "source", None)) is not None}
    return [found for source in sources.values() for found in suppressions.find(source, ())]
