"""The rulebook: every example of every rule, simulated and on a real PostgreSQL."""

from __future__ import annotations

import pytest

from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, Asked
from lockgate.rules import registry, rulebook
from lockgate.rules.rulebook import Example
from lockgate.run.examples import (
    first_pending,
    live_faults,
    migrations_of,
    queries_of,
    replayed,
    simulated_faults,
)
from lockgate.timeline.step import Step

OURS = registry.ours()
EXAMPLES = [e for name in rulebook.names() for e in rulebook.examples(rulebook.rule(name)) if e.language == "sql"]


def identify(example: Example) -> str:
    return f"{example.rule}-{example.number}"


def test_every_rule_has_a_module_and_all_sections() -> None:
    assert {e.name for e in registry.entries()} == set(rulebook.names())
    assert len({rulebook.rule(n).code for n in rulebook.names()}) == len(rulebook.names()), "codes are never reused"
    for name in rulebook.names():
        for section in rulebook.SECTIONS[:-1]:
            assert rulebook.rule(name).section(section), f"{name}: no section {section!r}"


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_simulated(example: Example) -> None:
    """Exactly the marked lines fire, and no other rule speaks."""
    assert not simulated_faults(example, OURS)


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_live(example: Example) -> None:
    """A line marked ok succeeds on the server; a finding whose rule declares SQLSTATEs fails there with one of them, one
    whose rule declares locks and work takes these and does that."""
    assert not live_faults(example, OURS)


WRONG = [
    ("already-exists", "CREATE TABLE t (a int); -- finding", "a finding is marked", "says nothing"),
    ("already-exists", "CREATE TABLE t (a int);\nCREATE TABLE t (a int); -- ok", "not marked", "refuses it"),
    ("already-exists", 'CREATE TABLE t (a int);\nCREATE TABLE t (b int); -- finding: "u"', '"u" is not in', ""),
    ("already-exists", "CREATE TABLE t (a int);\nSELECT b FROM t;", "unknown-column speaks, too", ""),
    ("already-exists", "DROP TABLE t; -- finding", "a finding is marked", "42P01"),
    ("maintenance-skipped", "SELECT 1; -- finding", "a finding is marked", "says nothing"),
]


@pytest.mark.parametrize(("rule", "sql", "simulated", "live"), WRONG)
def test_a_wrong_example_is_told(rule: str, sql: str, simulated: str, live: str) -> None:
    """The two tests above can fail."""
    text = f"+++\n+++\n# X\n\n## Examples\n\n```sql\n{sql}\n```\n"
    (example,) = rulebook.examples(rulebook.Rule(rule, rulebook.rule(rule).front, "", text))
    assert simulated in " ".join(simulated_faults(example, OURS))
    assert live in " ".join(live_faults(example, OURS))
    assert bool(live) == bool(live_faults(example, OURS))


WITH_QUERIES = [e for e in EXAMPLES if any(f.kind != "migration" for f in e.files)]


@pytest.mark.parametrize("example", WITH_QUERIES, ids=identify)
def test_queries_live(example: Example) -> None:
    """The server, after the migrations, refuses the marked queries with the rule's SQLSTATE and prepares every other
    one."""
    replay = replayed(example, OURS[example.rule])
    before = replay.catalog
    for item in replay.steps():
        if item.migration.id == first_pending(example) and isinstance(item, Step):
            before = item.before
    asked = queries_of(example, replay, before).resolutions
    report = verify(
        ApplyPlan(
            migrations_of(example, OURS[example.rule]),
            observe_locks=False,
            queries=tuple(Asked(one.query.sql, one.path) for one in asked),
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
    if not all(state.startswith("23") for state in states):  # what rows break shows when a query runs
        assert refused >= {place for place, kind in marks.items() if kind == "finding"}
    assert not {place for place in refused if marks[place] == "ok"} - {
        (one.query.source.path, n) for one in asked if one.query.fitted.partial for n in range(99)
    }
