"""Small plans for the tests of the oracle."""

from __future__ import annotations

import functools
from typing import Any

from lockgate.base.text import Source
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, Observation, RolePlan, ServerWish
from lockgate.oracle.server.binaries import at_hand
from lockgate.sources.migration import Migration, Script, Transaction


def migration(name: str, up: str, down: str = "", shape: Transaction = Transaction.IMPLICIT) -> Migration:
    """A migration whose slot is the first word of its name."""
    back = Script.whole(Source(f"m/{name}.down.sql", down), shape) if down else None
    return Migration(name, name.split("_")[0], name, Script.whole(Source(f"m/{name}.up.sql", up), shape), back)


TWO = RolePlan(deployer="app", owner="own", owner_ids=frozenset({"1"}))


def run(
    *migrations: Migration,
    roles: RolePlan = TWO,
    major: int | None = None,
    server: ServerWish | None = None,
    **options: Any,
) -> ApplyReport:
    """Verify on the best server at hand, or on that of a major."""
    return verify(ApplyPlan(migrations, server=server or ServerWish(major=major), roles=roles, **options))


def outcome(report: ApplyReport) -> list[tuple[str, int, str]]:
    """Migration, statement and SQLSTATE of every statement; "" where the server took it."""
    return [(seen.migration, seen.index, seen.fails.sqlstate if seen.fails else "") for seen in report.observations]


def only(report: ApplyReport, name: str, index: int = 1) -> Observation:
    seen = report.of(name, index)
    assert seen is not None
    return seen


@functools.cache
def majors() -> tuple[int, ...]:
    """The majors that this machine has binaries of."""
    return tuple(sorted({found.major for found in at_hand()}))
