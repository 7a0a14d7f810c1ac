"""The joiner: sources, slots, timeline, rules and observations become one outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.base.config import Config
from lockgate.base.errors import UsageError
from lockgate.base.findings import Finding, Label, Severity, Verdict
from lockgate.base.text import Source, Span
from lockgate.base.values import dataclass, field, replace
from lockgate.cache.replay import Recall, Told
from lockgate.rules import registry
from lockgate.rules.model import Scene
from lockgate.run import suppressions
from lockgate.run.beginning import beginning
from lockgate.run.plan import NEWEST_MAJOR, Request, is_plain, make_plan, read_history
from lockgate.run.recovery import with_recovery
from lockgate.sources import Folder
from lockgate.timeline.replay import Broken, Leg, Plan, Replay
from lockgate.timeline.step import Step

if TYPE_CHECKING:
    from lockgate.cache.checkpoint import Point
    from lockgate.oracle.apply.plan import Report
    from lockgate.queries.examine import Examined
    from lockgate.surface import Fact

Progress = Callable[[int, int, str], None]
_RELEASE = "compatibility"  # the family of rules whose findings in an old file are news where what they relate to is
# refusals in which versions do not differ, where the object is the user's own
_ALIKE = frozenset({"25001", "3F000", "42701", "42703", "42P01", "42P07", "55P04"})


@dataclass
class Coverage:
    """How much of the input the simulator is certain of."""

    migrations: int = 0
    statements: int = 0
    tainted: int = 0
    unmodelled: dict[str, int] = field(default_factory=dict)
    queries: dict[str, int] | None = None

    def add(self, told: Told) -> None:
        """Count a leg's statements."""
        self.statements += told.statements
        self.tainted += told.tainted
        for reason, count in told.unmodelled.items():
            self.unmodelled[reason] = self.unmodelled.get(reason, 0) + count

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "migrations": self.migrations,
            "statements": self.statements,
            "exact": self.statements - self.tainted,
            "tainted": self.tainted,
            "unmodelled": [{"reason": r, "count": n} for r, n in sorted(self.unmodelled.items())],
        }
        if self.queries is not None:
            out["queries"] = self.queries
        return out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check or a verification came to."""

    findings: tuple[Finding, ...]
    coverage: Coverage
    server: dict[str, Any]
    suppressed: int = 0
    fail_on: Severity = Severity.ERROR
    folder: Folder | None = None
    live: Report | None = None

    @property
    def exit_code(self) -> int:
        """0 where nothing is at or over the threshold, else 1."""
        return int(any(f.severity.rank >= self.fail_on.rank for f in self.findings))


@dataclass
class Checked:
    """A check before its findings are sorted out: what ``verify`` goes on with."""

    config: Config
    request: Request
    folder: Folder
    plan: Plan
    recall: Recall
    findings: list[Finding]
    coverage: Coverage
    suppressions: list[suppressions.Suppression]
    queries: Examined | None = None
    asked: frozenset[str] = frozenset()  # the files that the findings are wanted of; empty: all

    @property
    def replay(self) -> Replay:
        """The replay after its last step."""
        return self.recall.finished()


def check(config: Config, request: Request, progress: Progress | None = None) -> Outcome:
    """Everything that can be said without a server."""
    checked = examine(config, request, progress)
    if config.database.version is None and any(f.sqlstate and f.sqlstate not in _ALIKE for f in checked.findings):
        checked.findings = _whatever_the_version(checked)
    return settle(checked)


def _whatever_the_version(checked: Checked) -> list[Finding]:
    """Nobody says which PostgreSQL it is: a refusal that the newest one does not share is no error, for it may be the
    one."""
    newest = _replayed(checked.config, checked.request, checked.folder, replace(checked.plan, major=NEWEST_MAJOR), None)
    there = {f.fingerprint for f in newest.findings}
    words = f"PostgreSQL {NEWEST_MAJOR} takes it: set [database] version to the one that production has"
    return [
        f if not f.sqlstate or f.fingerprint in there else replace(f, severity=Severity.INFO, help=words)
        for f in checked.findings
    ]


def examine(config: Config, request: Request, progress: Progress | None = None) -> Checked:
    """Read, replay, and let the rules speak."""
    folder, asked = read_history(config, request)
    plan = make_plan(config, request, folder)
    checked = _replayed(config, request, folder, plan, progress)
    if not is_plain(config, request) and any(f.sqlstate in ("42P01", "3F000") for f in checked.findings):
        before = beginning(plan, checked.findings, checked.replay.catalog)
        if before is not None:
            checked = _replayed(config, request, folder, replace(plan, environment=before), progress)
    checked.asked = asked
    checked.findings += _slots(config, request, folder)
    surface = _surface(config, request)
    checked.findings += [f for fact in surface for f in registry.of_fact(fact)]
    checked.suppressions += _suppressions(surface)
    return checked


def _replayed(config: Config, request: Request, folder: Folder, plan: Plan, progress: Progress | None) -> Checked:
    recall = Recall(plan, _tell, str(request.cwd), brief=request.stdin is not None)
    checked = Checked(config, request, folder, plan, recall, [], Coverage(len(plan.migrations)), [])
    checked.coverage.unmodelled |= {m.opaque: 1 for m in plan.migrations if m.opaque}
    pending = _pending(config, request, plan)
    told, mended = recall.told(_advance(progress, len(plan.migrations)))
    checked.findings += standing([f for one in told for f in one.findings], mended)
    spans: dict[str, tuple[Source, list[Span]]] = {}
    for one in told:
        checked.coverage.add(one)
        for source, span in one.spans:
            spans.setdefault(source.path, (source, []))[1].append(span)
    if _wants_queries(config, request):
        _queries(checked, recall.before(pending), spans)
    for source, found in spans.values():
        checked.suppressions += suppressions.find(source, found)
    return checked


def _wants_queries(config: Config, request: Request) -> bool:
    """The application's queries are looked at where they are configured, and the migrations are there whole."""
    return bool(config.queries.paths) and request.stdin is None and not any(map(Path.is_file, request.paths))


def _pending(config: Config, request: Request, plan: Plan) -> frozenset[str]:
    if not request.release:
        return frozenset()
    if not config.queries.paths:
        raise UsageError(
            f"--release {request.release} needs the application's queries",
            'name their files: [queries] paths = ["..."] in lockgate.toml',
        )
    from lockgate.queries.release import pending

    return pending(config.root, request.cwd, request.release, plan.migrations)


def _queries(checked: Checked, before: Point | None, spans: dict[str, tuple[Source, list[Span]]]) -> None:
    """What the rules say of the application's queries, and where those stand."""
    from lockgate.queries.application import examine_all

    plan, request = checked.plan, checked.request
    checked.queries = examined = examine_all(
        checked.config, request.cwd, request.release, plan.migrations, plan.search_path, before, checked.recall.end()
    )
    checked.coverage.queries = examined.coverage()
    checked.findings += [f for fact in examined.facts for f in registry.of_fact(fact)]
    for one in examined.resolutions:
        spans.setdefault(one.query.source.path, (one.query.source, []))[1].append(one.query.span)


def standing(findings: list[Finding], mended: frozenset[str]) -> list[Finding]:
    """Without the latent breakage that a later migration took back (see ``Replay.mended``)."""
    return [f for f in findings if f.sqlstate or f.message not in mended]


def _advance(progress: Progress | None, total: int) -> Callable[[int, Leg], None]:
    def advance(done: int, leg: Leg) -> None:
        if progress is not None and leg.migration is not None:
            progress(min(done + 1, total), total, leg.migration.id)

    return advance


def _tell(replay: Replay, leg: Leg) -> Told:
    """What the rules say of one leg."""
    told = Told()
    taken = list(replay.take(leg))
    for item in taken:
        source, span = _place(item)
        if suppressions.WORD in source.text:
            told.spans.append((source, span))
        if leg.kind == "migration":
            _of_item(item, told)
        elif leg.kind != "environment":
            _of_production(item, told)
    if leg.kind == "migration":
        told.findings += registry.of_scene(Scene.of(item for item in taken if isinstance(item, Step)))
    return told


def _slots(config: Config, request: Request, folder: Folder) -> list[Finding]:
    from lockgate.slots import facts

    return [f for fact in facts(config, folder, request.cwd) for f in registry.of_fact(fact)]


def _surface(config: Config, request: Request) -> tuple[Fact, ...]:
    """The compose file and the workflows here; nothing where single paths were asked for."""
    from lockgate import surface

    if request.paths or request.stdin is not None or not surface.find(request.cwd):
        return ()
    from lockgate.slots import git

    base = git.attempt(request.cwd, "merge-base", "HEAD", config.git.base)

    def before(path: str) -> str | None:
        return git.attempt(request.cwd, "show", f"{base}:./{path}") or None

    dokploy = bool(config.deploy.dokploy_url or config.deploy.compose_id)
    return surface.examine(request.cwd, base=before if base else None, dokploy=dokploy)


def _suppressions(facts: Iterable[Fact]) -> list[suppressions.Suppression]:
    sources = {source.path: source for fact in facts if (source := getattr(fact, "source", None)) is not None}
    return [found for source in sources.values() for found in suppressions.find(source, ())]


def of_surface(facts: Sequence[Fact], config: Config) -> list[Finding]:
    """What the rules say of these facts, as configured, without what is suppressed on its line."""
    hushed = _suppressions(facts)
    found = as_configured((f for fact in facts for f in registry.of_fact(fact)), config)
    line_of = {f: f.at.source.position(f.at.span.start).line for f in found}
    return [f for f in found if suppressions.covering(hushed, f.at.source.path, line_of[f], f.name, f.rule) is None]


def _place(item: Step | Broken) -> tuple[Source, Span]:
    if isinstance(item, Broken):
        return item.failure.script.source, item.failure.span
    return item.statement.script.source, item.statement.span


def _of_item(item: Step | Broken, told: Told) -> None:
    told.statements += 1
    if isinstance(item, Broken):
        if item.failure.sqlstate:
            told.findings += registry.of_fact(item)
        else:
            told.tainted += 1
            told.note(item.failure.message)
        return
    if item.tainted:
        told.tainted += 1
    for note in (*item.tainted, *item.notes):
        told.note(note)
    told.findings += registry.of_step(item)


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


def settle(checked: Checked, server: dict[str, Any] | None = None, live: Report | None = None) -> Outcome:
    """Apply selection, severities, suppressions and ``--since``; sort; count."""
    config, request = checked.config, checked.request
    kept, hushed = list[Finding](), 0
    for item in map(weighed, as_configured(checked.findings, config)):
        line = item.at.source.position(item.at.span.start).line
        cover = suppressions.covering(checked.suppressions, item.at.source.path, line, item.name, item.rule)
        if cover is None or not registry.ours()[item.name].front.suppressible:
            kept.append(item)
        else:
            cover.used.add(item.name)
            hushed += 1
    for suppression in checked.suppressions:
        for fault in suppressions.faults(suppression, registry.ours().words, whole=live is not None):
            kept += as_configured(registry.of_fact(fault), config)
    if checked.asked:
        kept = [f for f in kept if f.at.source.path in checked.asked]
    if request.since:
        from lockgate.slots.git import changed_paths

        changed = changed_paths(request.since, request.cwd)
        kept = [
            f
            for f in kept
            if changed
            & {
                f.at.source.path,
                *(r.source.path for r in f.related if registry.ours()[f.name].front.family == _RELEASE),
            }
        ]
    kept = with_recovery(dict.fromkeys(sorted(kept, key=_order)), config, checked.folder.migrations)
    return Outcome(
        tuple(kept), checked.coverage, server or _simulated(checked.plan), hushed, request.fail_on, checked.folder, live
    )


def _simulated(plan: Plan) -> dict[str, Any]:
    """What stands for the server where there is none."""
    stand_ins = plan.environment.stand_ins if plan.environment is not None else ()
    return {"major": plan.major} | ({"stand_ins": list(stand_ins)} if stand_ins else {})


def as_configured(findings: Iterable[Finding], config: Config) -> list[Finding]:
    """The findings of selected rules, with the configured severities."""
    return [_with_severity(f, config) for f in findings if _selected(f, config)]


def _selected(item: Finding, config: Config) -> bool:
    entry = registry.ours()[item.name]
    if any(map(entry.answers_to, config.rules.ignore)):
        return False
    if config.rules.select:
        return any(map(entry.answers_to, config.rules.select))
    return entry.front.default


def _with_severity(item: Finding, config: Config) -> Finding:
    wanted = config.rules.severity.get(item.name) or config.rules.severity.get(item.rule)
    return replace(item, severity=Severity(wanted)) if wanted else item


def weighed(item: Finding) -> Finding:
    """As it counts after the server's word: what the server refutes is a mistake of ours, told as one, and closes no
    gate."""
    if item.evidence is None or item.evidence.verdict is not Verdict.REFUTED:
        return item
    return replace(
        item,
        severity=Severity.INFO,
        help="PostgreSQL takes it: Lockgate is wrong here. Please report it, with the statements before it.",
    )


def _order(item: Finding) -> tuple[str, int, str, str]:
    return (item.at.source.path, item.at.span.start, item.rule, item.message)


def label_of(source: Source, span: Span, message: str = "") -> Label:
    """A label on a span."""
    return Label(source, span, message)


def validate_rules(config: Config) -> None:
    """Every rule that the configuration names must exist (a typo would silence the wrong thing). Raises UsageError."""
    import difflib

    rules = registry.ours()
    for name in _named_rules(config):
        if not any(entry.answers_to(name) for entry in rules.entries.values()):
            near = difflib.get_close_matches(name, sorted(rules.words), 1)
            raise UsageError(
                f'{config.path}: [rules] names "{name}", which is no rule',
                f'did you mean "{near[0]}"?' if near else "see `lockgate rules`",
            )
    for name, severity in config.rules.severity.items():
        if severity not in ("info", "warning", "error"):
            raise UsageError(f"{config.path}: rules.severity.{name} must be info, warning or error", "mend the value")


def _named_rules(config: Config) -> Sequence[str]:
    return (*config.rules.select, *config.rules.ignore, *config.rules.severity)
