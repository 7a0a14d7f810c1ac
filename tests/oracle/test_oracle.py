"""Generated sequences of statements, by several roles, on every server at hand and on the simulator: outcome and
catalog after each statement.

``LOCKGATE_ORACLE_EXAMPLES`` asks for more sequences than the few of the normal suite; ``python -m tests.oracle`` runs
for as long as one likes. A difference is shrunk to the statements that show it; it then becomes a line of a script in
tests/timeline.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lockgate.oracle.server.embedded import Server
from tests.oracle import state
from tests.oracle.compare import replay_texts, run, shrink
from tests.oracle.program import PREAMBLE, next_statement
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED

EXAMPLES = int(os.environ.get("LOCKGATE_ORACLE_EXAMPLES", "14"))
LENGTH = 30
RARE = 0.01  # of the statements may leave the simulator unsure


@pytest.fixture(params=sorted(ENABLED), ids=str)
def server(request: pytest.FixtureRequest, server_of: ServerOf) -> Server:
    return server_of(request.param)


def test_server_and_simulator_are_alike(server: Server) -> None:
    counts: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=not os.environ.get("LOCKGATE_RANDOM"),
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.randoms(use_true_random=False))
    def one(source: random.Random) -> None:
        outcome = run(
            server, PREAMBLE, lambda replay, number: next_statement(source, replay) if number < LENGTH else None
        )
        counts["statements"] += outcome.compared
        counts["tainted"] += bool(outcome.tainted) and not outcome.tainted.startswith("data")
        if outcome.difference:
            texts = shrink(server, outcome.statements, outcome.difference)
            pytest.fail(
                ";\n".join(texts[:-1]) + ";\n>>> " + (replay_texts(server, texts).difference or outcome.difference),
                pytrace=False,
            )

    one()
    assert counts["statements"] > EXAMPLES * 20
    assert counts["tainted"] <= max(2, counts["statements"] * RARE), counts


def test_a_difference_is_seen_and_shrunk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that forgets indexes is caught, and the statements that do not matter are left out."""
    ours = state.ours
    texts = [
        *PREAMBLE,
        "create table a (x int)",
        "create schema s3",
        "create table s3.b (x int)",
        "create index on s3.b (x)",
    ]
    assert replay_texts(server, texts).difference == ""
    monkeypatch.setattr(state, "ours", lambda catalog: frozenset(fact for fact in ours(catalog) if fact[0] != "index"))
    found = replay_texts(server, texts).difference
    assert "missing: index b_x_idx" in found
    assert shrink(server, texts, found) == texts[-3:]


def test_views_on_views_are_looked_at_once(server: Server) -> None:
    """Every column is an edge: a walk over all paths through twelve views of twenty columns would never end."""
    columns = ", ".join(f"c{n}" for n in range(20))
    views = (f"create view v{n} as select {columns} from v{n - 1}" for n in range(1, 12))
    texts = [
        f"create table v0 ({columns.replace(',', ' int,')} int)",
        *views,
        "select * from v11",
        "delete from v11 where c1 = 1",
    ]
    assert replay_texts(server, texts).difference == ""
