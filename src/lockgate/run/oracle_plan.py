"""The one way from a plan to what the oracle is asked, and to the server that shall answer."""

from __future__ import annotations

import os
from typing import Any

from msgspec.structs import replace

from lockgate.base.config import Config, Database
from lockgate.base.errors import UsageError
from lockgate.base.files import inside
from lockgate.base.trust import need
from lockgate.oracle.apply import plan as live
from lockgate.run.plan import DEFAULT_PATH
from lockgate.timeline.plan import Plan


def oracle_plan(config: Config, plan: Plan, server: live.ServerWish, **measured: Any) -> live.ApplyPlan:
    """The same migrations as the same roles over the same beginning; ``measured`` are fields of the oracle's plan that
    say what is looked at (bodies, downs, audit, definitions, queries, observe_locks)."""
    _within_bounds(config)
    roles = live.RolePlan(
        plan.deployer or plan.role,
        plan.owner,
        plan.owned,
        plan.handover_sql.source if plan.handover_sql is not None else None,
        plan.superuser,
        tuple(map(live.ScratchRole, config.roles.assumed)),
    )
    return live.ApplyPlan(
        plan.migrations,
        server=server,
        roles=roles,
        baseline=live.Baseline(plan.baseline.source) if plan.baseline is not None else None,
        environment=plan.environment,
        search_path=plan.search_path if plan.search_path != DEFAULT_PATH else (),
        statement_timeout=float(config.database.statement_timeout),
        **measured,
    )


def _within_bounds(config: Config) -> None:
    """What a tree that nobody vouches for may not ask of the scratch server. Raises UsageError."""
    if config.roles.superuser:
        need(config, "roles", "superuser", "lets its SQL run as a superuser", "remove it and give --superuser")
    if config.database.statement_timeout > Database().statement_timeout:
        need(config, "database", "statement_timeout", "is longer than the default")


def wished(config: Config, dsn: str, binaries: str) -> live.ServerWish:
    """Which server is asked. Raises UsageError."""
    variable = config.database.dsn_env
    if not dsn and variable:
        need(config, "database", "dsn_env", "names a variable with a server to reach", "give --dsn")
        dsn = os.environ.get(variable, "")
        if not dsn:
            raise UsageError(
                f"{config.path}: database.dsn_env names {variable}, which is not set",
                f"set {variable}, or remove dsn_env",
            )
    if (
        not binaries
        and not dsn
        and config.database.binaries
        and inside(config.resolve(config.database.binaries), config.root)
    ):
        need(config, "database", "binaries", "names programs of the tree", "give --binaries")
    return live.ServerWish(dsn, binaries or config.database.binaries, config.database.version)


def of_server(config: Config, wish: live.ServerWish) -> Config:
    """The configuration with the major of the server that will speak, where none is configured: both must be asked
    about the same."""
    if config.database.version is not None:
        return config
    if wish.dsn:
        from lockgate.oracle.server.dsn import major_behind

        major = major_behind(wish.dsn)
    else:
        from lockgate.oracle.server.binaries import choose

        major = choose(wish.bindir, None).major
    return replace(config, database=replace(config.database, version=major))
