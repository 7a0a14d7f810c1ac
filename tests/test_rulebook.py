"""The rulebook: every example of every rule, simulated and on a real PostgreSQL."""

from __future__ import annotations

import pytest

from lockgate import rulebook
from lockgate.check import standing
from lockgate.findings import Finding
from lockgate.live import verify
from lockgate.live.plan import Plan as LivePlan
from lockgate.live.plan import RolePlan, State
from lockgate.rulebook import Example
from lockgate.rules import registry
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.text import Source
from lockgate.timeline.replay import Broken, Plan, Replay

EXAMPLES = [e for name in rulebook.names() for e in rulebook.examples(rulebook.rule(name)) if e.language == "sql"]
OWNER, DEPLOYER = "the_owner", "the_deployer"


def migrations_of(example: Example) -> tuple[Migration, ...]:
    return tuple(
        Migration(f.name, f.name.partition("_")[0], f.name.partition("_")[2], Script.whole(Source(f"{f.name}.sql", f.text), Transaction.STATEMENT))
        for f in example.files
    )


def identify(example: Example) -> str:
    return f"{example.rule}-{example.number}"


def two_roles(example: Example) -> bool:
    return any(f.role for f in example.files)


def simulate(example: Example) -> list[Finding]:
    owned = frozenset(f.name for f in example.files if f.role != "deployer")
    roles = {"owner": OWNER, "deployer": DEPLOYER, "owned": owned} if two_roles(example) else {}
    found: list[Finding] = []
    replay = Replay(Plan(migrations_of(example), 18, **roles))
    for item in replay.steps():
        found += registry.of_fact(item) if isinstance(item, Broken) else registry.of_step(item)
    return standing(found, replay)


def test_every_rule_has_a_module_and_all_sections() -> None:
    registry.load()
    assert len({rulebook.rule(n).code for n in rulebook.names()}) == len(rulebook.names()), "codes are never reused"
    for name in rulebook.names():
        for section in rulebook.SECTIONS[:-1]:
            assert rulebook.rule(name).section(section), f"{name}: no section {section!r}"


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_simulated(example: Example) -> None:
    """Exactly the marked lines fire, and no other rule speaks."""
    found = simulate(example)
    said = {(f.at.source.path, f.at.source.position(f.at.span.start).line): f for f in found if f.name == example.rule}
    wanted = {(f"{f.name}.sql", m.line): m for f in example.files for m in f.marks if m.kind == "finding"}
    assert set(said) == set(wanted), [f"{f.name}: {f.message}" for f in found]
    for place, mark in wanted.items():
        item = said[place]
        assert mark.text in " ".join((item.message, item.help, item.at.message, *(r.message for r in item.related))), item.message
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
    for file, migration in zip(example.files, migrations, strict=True):
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
            elif mark.kind == "finding":
                assert seen.fails is not None and seen.fails.sqlstate in states, (source.line(lines[0]), seen.fails)
