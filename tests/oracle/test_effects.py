"""Pairs of statements, drawn at random, in one transaction: the simulated effects of the second are the server's."""

from __future__ import annotations

import random

import pytest

from tests.effects_kit import Observer, last_step, simulate
from tests.shared_servers import ServerOf
from tests.test_hazards_effects import ALONE, BASE

PAIRS = 25


@pytest.mark.parametrize("major", [15, 18])
def test_pairs_of_statements(server_of: ServerOf, major: int) -> None:
    statements = ALONE.strip().splitlines()
    draw = random.Random(major)
    different, compared = [], 0
    observer = Observer(server_of(major), BASE)
    while compared < PAIRS:
        first, second = draw.sample(statements, 2)
        if last_step(BASE, "", "", first, major).fails is not None:
            continue
        ours = simulate(BASE, "", first, second, major)
        if isinstance(ours, str):
            continue  # refused: the sequences of test_oracle.py compare that
        compared += 1
        real, alone = observer.observe("", first, second), observer.observe("", "", second)
        if isinstance(real, dict):  # what the first alone has locked is no effect of the second
            real = {name: seen for name, seen in real.items() if name in alone or name in ours}
        if real != ours:
            different.append(f"{first}; {second}\n    server    {real}\n    simulated {ours}")
    assert not different, "\n".join(different)
