"""The rulebook: every example of every rule, simulated and on a real PostgreSQL."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest

from lockgate.base.findings import Finding
from lockgate.base.text import Source
from lockgate.catalog.catalog import Catalog
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import Asked, RolePlan, State
from lockgate.oracle.apply.plan import Plan as LivePlan
from lockgate.queries.examine import Examined, Schema, of_release, of_tree
from lockgate.rules import registry, rulebook
from lockgate.rules.model import Scene
from lockgate.rules.rulebook import Example, File
from lockgate.run.plan import standing
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.replay import Broken, Plan, Replay
from lockgate.timeline.step import Step

EXAMPLES = [e for name in rulebook.names() for e in rulebook.examples(rulebook.rule(name)) if e.language == "sql"]
OWNER, DEPLOYER = "the_owner", "the_deployer"


def migrations_of(example: Example) -> tuple[Migration, ...]:
    return tuple(
        Migration(
            f.name,
            f.name.partition("_")[0],
            f.name.partition("_")[2],
            Script.whole(Source(f"{f.name}.sql", f.text), Transaction.STATEMENT),
        )
        for f in example.files
        if f.kind == "migration"
    )


def queries_of(example: Example, replay: Replay, before: Catalog) -> Examined:
    """The queries of the application's in an example; the migrations after the first file of a release are pending."""
    files = {
        kind: [(f.name, f.text.encode()) for f in example.files if f.kind == kind] for kind in ("query", "release")
    }
    after = Schema(replay.catalog, replay.plan.search_path)
    own = of_tree(files["query"], after)
    released = of_release(files["release"], "v1", Schema(before, after.path), after)
    return Examined((*own.facts, *released.facts), (*own.resolutions, *released.resolutions))


def first_pending(example: Example) -> str:
    """The migration after the files of the running release."""
    kinds = [f.kind for f in example.files]
    return example.files[kinds.index("release") + 1].name if "release" in kinds else ""


def path_of(file: File) -> str:
    return f"{file.name}.sql" if file.kind == "migration" else file.name


def identify(example: Example) -> str:
    return f"{example.rule}-{example.number}"


def two_roles(example: Example) -> bool:
    return any(f.role for f in example.files)


def simulate(example: Example) -> list[Finding]:
    owned = frozenset(f.name for f in example.files if f.role != "deployer")
    roles: dict[str, Any] = {"owner": OWNER, "deployer": DEPLOYER, "owned": owned} if two_roles(example) else {}
    found: list[Finding] = []
    replay = Replay(Plan(migrations_of(example), 18, **roles))
    before = replay.catalog
    for name, items in groupby(replay.steps(), key=lambda item: item.migration.id):
        taken = list(items)
        if name == first_pending(example) and isinstance(taken[0], Step):
            before = taken[0].before
        for item in taken:
            found += registry.of_fact(item) if isinstance(item, Broken) else registry.of_step(item)
        found += registry.of_scene(Scene.of(item for item in taken if isinstance(item, Step)))
    found += [f for fact in queries_of(example, replay, before).facts for f in registry.of_fact(fact)]
    return standing(found, replay.mended())


def test_every_rule_has_a_module_and_all_sections() -> None:
    assert {e.name for e in registry.entries()} == set(rulebook.names())
    assert len({rulebook.rule(n).code for n in rulebook.names()}) == len(rulebook.names()), "codes are never reused"
    for name in rulebook.names():
        for section in rulebook.SECTIONS[:-1]:
            assert rulebook.rule(name).section(section), f"{name}: no section {section!r}"


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_simulated(example: Example) -> None:
    """Exactly the marked lines fire, and no other rule speaks."""
    found = simulate(example)
    said = {(f.at.source.path, f.at.source.position(f.at.span.start).line): f for f in found if f.name == example.rule}
    wanted = {(path_of(f), m.line): m for f in example.files for m in f.marks if m.kind == "finding"}
    assert set(said) == set(wanted), [f"{f.name}: {f.message}" for f in found]
    for place, mark in wanted.items():
        item = said[place]
        assert mark.text in " ".join((item.message, item.help, item.at.message, *(r.message for r in item.related))), (
            item.message
        )
    others = [f"{f.name}: {f.message}" for f in found if f.name != example.rule and f.sqlstate]
    assert not others


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_live(example: Example) -> None:
    """A line marked ok succeeds on the server; a finding whose rule declares SQLSTATEs fails there with one of them."""
    owned = frozenset(f.name for f in example.files if f.role != "deployer")
    roles = RolePlan(DEPLOYER, OWNER, owned) if two_roles(example) else RolePlan()
    migrations = migrations_of(example)
    report = verify(LivePlan(migrations, roles=roles, observe_locks=False))
    states = rulebook.rule(example.rule).sqlstate
    for file, migration in zip((f for f in example.files if f.kind == "migration"), migrations, strict=True):
        source = migration.up.source
        marks = {m.line: m for m in file.marks}
        for seen in report.observations:
            if seen.migration != migration.id:
                continue
            lines = range(source.position(seen.span.start).line, source.position(seen.span.end).line + 1)
            mark = next((marks[line] for line in lines if line in marks), None)
            if mark is None or (mark.kind == "finding" and not states):
                continue
            assert seen.state in (State.OBSERVED, State.AFTER_FAILURE), seen.reason
            if mark.kind == "ok":
                assert seen.fails is None, seen.fails
            elif all(state.startswith("01") for state in states):
                assert [n for n in seen.notices if n.sqlstate in states], (source.line(lines[0]), seen.notices)
            elif mark.kind == "finding":
                assert seen.fails is not None and seen.fails.sqlstate in states, (source.line(lines[0]), seen.fails)


WITH_QUERIES = [e for e in EXAMPLES if any(f.kind != "migration" for f in e.files)]


@pytest.mark.parametrize("example", WITH_QUERIES, ids=identify)
def test_queries_live(example: Example) -> None:
    """The server, after the migrations, refuses the marked queries with the rule's SQLSTATE and prepares every other
    one."""
    replay = Replay(Plan(migrations_of(example), 18))
    before = replay.catalog
    for item in replay.steps():
        if item.migration.id == first_pending(example) and isinstance(item, Step):
            before = item.before
    asked = queries_of(example, replay, before).resolutions
    report = verify(
        LivePlan(
            migrations_of(example), observe_locks=False, queries=tuple(Asked(one.query.sql, one.path) for one in asked)
        )
    )
    marks = {(f.name, m.line): m.kind for f in example.files if f.kind != "migration" for m in f.marks}
    states = rulebook.rule(example.rule).sqlstate
    refused = set()
    for one, failure in zip(asked, report.queries, strict=True):
        place = one.query.source.position(one.query.span.start).line, one.query.source.position(one.query.span.end).line
        lines = {line for path, line in marks if path == one.query.source.path and place[0] <= line <= place[1]}
        assert lines, one.query.sql
        if failure is not None:
            refused |= {(one.query.source.path, line) for line in lines}
            assert failure.sqlstate in states or one.query.fitted.partial, failure
    assert refused >= {place for place, kind in marks.items() if kind == "finding"}
    assert not {place for place in refused if marks[place] == "ok"} - {
        (one.query.source.path, n) for one in asked if one.query.fitted.partial for n in range(99)
    }
