"""The examples of a rule's document, simulated and on a real server: what ``lockgate rules test`` runs, and our own
tests. Each function returns what is wrong, in words; nothing where all is right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from lockgate.base.findings import Finding, Verdict
from lockgate.base.text import Source
from lockgate.catalog.catalog import Catalog
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, Observation, ObservationState, RolePlan, ServerWish
from lockgate.queries.examine import Examined, Schema, of_release, of_tree
from lockgate.rules.model import Scene
from lockgate.rules.registry import RuleEntry, Ruleset
from lockgate.rules.rulebook import Example, ExampleFile, Mark
from lockgate.run.plan import standing
from lockgate.run.proof import judged
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Broken, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

OWNER, DEPLOYER = "the_owner", "the_deployer"
_MAJOR = 18
Place = tuple[str, int]


def migrations_of(example: Example, entry: RuleEntry) -> tuple[Migration, ...]:
    """An example's migrations, each statement on its own; each file in one transaction where locks and work are what
    the rule is about, as most runners send it."""
    shape = Transaction.FILE if _of_locks(entry) else Transaction.STATEMENT
    return tuple(
        Migration(f.name, *f.name.partition("_")[::2], Script.whole(Source(path_of(f), f.text), shape))
        for f in example.files
        if f.kind == "migration"
    )


def _of_locks(entry: RuleEntry) -> bool:
    return bool(entry.front.locks or entry.front.work)


def path_of(file: ExampleFile) -> str:
    """The path of a file of an example in findings."""
    return f"{file.name}.sql" if file.kind == "migration" else file.name


def queries_of(example: Example, replay: Replay, before: Catalog) -> Examined:
    """The queries of the application's in an example; the migrations after the first file of a release are pending."""
    files = {
        kind: [(f.name, f.text.encode()) for f in example.files if f.kind == kind] for kind in ("query", "release")
    }
    after = Schema(replay.catalog, replay.plan.search_path)
    own = of_tree(files["query"], after)
    released = of_release(files["release"], "v1", Schema(before, after.path), after)
    resolutions = (*own.resolutions, *released.resolutions)
    return Examined((*own.facts, *released.facts), resolutions, lacks=released.lacks)


def first_pending(example: Example) -> str:
    """The migration after the files of the running release."""
    kinds = [f.kind for f in example.files]
    return example.files[kinds.index("release") + 1].name if "release" in kinds else ""


def _owned(example: Example) -> frozenset[str] | None:
    """The migrations that the owner applies; None where one role applies everything."""
    if not any(f.role for f in example.files):
        return None
    return frozenset(f.name for f in example.files if f.role != "deployer")


def replayed(example: Example, entry: RuleEntry) -> Replay:
    """The replay of an example, before its first step."""
    owned = _owned(example)
    migrations = migrations_of(example, entry)
    return Replay(
        Plan(migrations, _MAJOR, owner=OWNER, deployer=DEPLOYER, owned=owned)
        if owned is not None
        else Plan(migrations, _MAJOR)
    )


def simulate(example: Example, rules: Ruleset) -> list[Finding]:
    """What the rules say of an example."""
    if example.language == "yaml":
        return [found for fact in _surface(example) for found in rules.of_fact(fact)]
    found: list[Finding] = []
    replay = replayed(example, rules[example.rule])
    before = replay.catalog
    for name, items in groupby(replay.steps(), key=lambda item: item.migration.id):
        taken = list(items)
        if name == first_pending(example) and isinstance(taken[0], Step):
            before = taken[0].before
        for item in taken:
            found += rules.of_fact(item) if isinstance(item, Broken) else rules.of_step(item)
        found += rules.of_scene(Scene.of(item for item in taken if isinstance(item, Step)))
    examined = queries_of(example, replay, before)
    found += [f for fact in (*examined.facts, *examined.lacks) for f in rules.of_fact(fact)]
    return standing(found, replay.mended())


def _surface(example: Example) -> list[object]:
    """The facts of an example's compose file or workflow; of two, the first is the base branch's."""
    from lockgate.surface import facts_of
    from lockgate.surface.service import ComposeChange, ComposeFile

    facts = []
    for file in example.files:
        folder = ".gitea/workflows/" if "\njobs:" in file.text else ""
        facts.append(tuple(facts_of(Source(f"{folder}{file.name}.yml", file.text))))
    if len(facts) == 2 and isinstance(facts[0][0], ComposeFile) and isinstance(facts[1][0], ComposeFile):
        return [facts[1][0], ComposeChange(facts[0][0], facts[1][0])]
    return list(facts[0]) if facts else []


def simulated_faults(example: Example, rules: Ruleset) -> list[str]:
    """Exactly the marked lines fire, and no other rule foresees a refusal."""
    found = simulate(example, rules)
    yaml = example.language == "yaml"
    said = {_place(f, yaml): f for f in found if f.name == example.rule}
    files = example.files[-1:] if yaml else example.files
    wanted = {("" if yaml else path_of(f), m.line): m for f in files for m in f.marks if m.kind == "finding"}
    out = [f"{_at(place)}: a finding is marked, and nothing is said" for place in sorted(wanted.keys() - said.keys())]
    out += [f"{_at(p)}: said, and not marked: {said[p].message}" for p in sorted(said.keys() - wanted.keys())]
    for place in said.keys() & wanted.keys():
        item, mark = said[place], wanted[place]
        words = " ".join((item.message, item.help, item.at.message, *(r.message for r in item.related)))
        if mark.text not in words:
            out.append(f'{_at(place)}: "{mark.text}" is not in what is said: {words}')
    marked = wanted if rules[example.rule].plugin else {}
    others = [f for f in found if f.name != example.rule and f.sqlstate and _place(f, yaml) not in marked]
    return out + [f"{_at(_place(f, yaml))}: {f.name} speaks, too: {f.message}" for f in others]


def _place(item: Finding, yaml: bool) -> Place:
    return "" if yaml else item.at.source.path, item.at.start.line


def _at(place: Place) -> str:
    return f"{place[0]}:{place[1]}" if place[0] else f"line {place[1]}"


# --- on a real server -------------------------------------------------------------------------------------------------


def live_faults(example: Example, rules: Ruleset, server: ServerWish | None = None) -> list[str]:
    """A line marked ok succeeds on the server; one marked finding is proven as the rule's document declares: it fails
    with one of its SQLSTATEs (of class 01: it warns), or takes its locks and does its work."""
    if example.language != "sql":
        return []
    entry, owned = rules[example.rule], _owned(example)
    roles = RolePlan(DEPLOYER, OWNER, owned) if owned is not None else RolePlan()
    migrations = migrations_of(example, entry)
    plan = ApplyPlan(migrations, roles=roles, observe_locks=_of_locks(entry), server=server or ServerWish())
    report = verify(plan)
    found = (
        {_place(f, False): f for f in simulate(example, rules) if f.name == example.rule} if plan.observe_locks else {}
    )
    out = []
    for file, migration in zip((f for f in example.files if f.kind == "migration"), migrations, strict=True):
        seen = [one for one in report.observations if one.migration == migration.id]
        for one, mark in _marked(file, migration, seen):
            wrong = _fault(entry, mark, one, found.get((path_of(file), mark.line)))
            out += [f"{path_of(file)}:{mark.line}: {wrong}"] if wrong else []
    return out


def _marked(file: ExampleFile, migration: Migration, seen: list[Observation]) -> Iterator[tuple[Observation, Mark]]:
    """The observations of marked statements."""
    source, marks = migration.up.source, {m.line: m for m in file.marks}
    for one in seen:
        lines = range(source.position(one.span.start).line, source.position(one.span.end).line + 1)
        mark = next((marks[line] for line in lines if line in marks), None)
        if mark is not None:
            yield one, mark


def _fault(entry: RuleEntry, mark: Mark, one: Observation, said: Finding | None) -> str:
    front = entry.front
    if mark.kind == "todo-finding":
        return ""
    if mark.kind == "finding" and not (front.sqlstate or _of_locks(entry)):
        return ""
    if one.state not in (ObservationState.OBSERVED, ObservationState.AFTER_FAILURE):
        return f"the server was not asked: {one.reason}"
    if mark.kind == "finding" and front.sqlstate:
        states = [n.sqlstate for n in one.notices] if front.sqlstate[0].startswith("01") else []
        states += [one.fails.sqlstate] if one.fails is not None else []
        return "" if set(states) & set(front.sqlstate) else f"the server says {one.fails or 'nothing'}"
    if one.fails is not None:
        return f"the server refuses it: {one.fails.message} ({one.fails.sqlstate})"
    if mark.kind == "finding" and said is not None:
        verdict, words = judged(said, front, one, one.effects)
        return "" if verdict is Verdict.CONFIRMED else words
    proof = next((e for e in one.effects if front.work and front.proven_by(e)), None)
    return f"marked ok, and the server does it: {proof.held} on {proof.relation}, {proof.proof}" if proof else ""
