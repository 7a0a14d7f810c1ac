"""Where a history does not begin with an empty database: its first migration already uses what no migration makes.

A framework made the first tables, an administrator the schema. Nothing is known of them, so nothing is said of what
rests on them.
"""

from __future__ import annotations

from lockgate.base.findings import Finding
from lockgate.base.values import replace
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.typename import quote_identifier
from lockgate.sources.environment import Environment
from lockgate.timeline.replay import Plan

_ENOUGH = 2  # a single name, or a single migration, is rather a mistake


def beginning(plan: Plan, findings: list[Finding], after: Catalog) -> Environment | None:
    """What stands before the first migration, where that is more than the plan has.

    ``findings`` and the catalog ``after`` the last migration are those of a replay that began without it.
    """
    if plan.baseline is not None or not plan.migrations:
        return None
    relations = [name for name in _from_the_start(plan, findings, "42P01") if _never_made(after, name)]
    schemas = [
        name
        for name in _from_the_start(plan, findings, "3F000")
        if ("schema", "", name) not in after.events and after.namespace(name) is None
    ]
    if len(relations) < _ENOUGH and not schemas:
        return None
    known = plan.environment or Environment("history", "", (), ())
    sql = known.sql + "".join(f"create schema {quote_identifier(name)};\n" for name in schemas)
    beside = (*(("public",) if len(relations) >= _ENOUGH else ()), *schemas)
    return replace(known, sql=sql, beside=(*known.beside, *beside))


def _from_the_start(plan: Plan, findings: list[Finding], sqlstate: str) -> list[str]:
    """The names that several migrations miss, the first one among them."""
    where: dict[str, set[str]] = {}
    for item in findings:
        if item.sqlstate == sqlstate and item.object and item.name in ("unknown-relation", "unknown-object"):
            where.setdefault(item.object, set()).add(item.at.source.path)
    paths = set().union(*where.values())
    return sorted(where) if plan.migrations[0].up.source.path in paths and len(paths) >= _ENOUGH else []


def _never_made(after: Catalog, qualified: str) -> bool:
    schema, _, name = qualified.rpartition(".")
    space = after.namespace(schema)
    return (
        space is not None
        and after.relation_named(space.oid, name) is None
        and ("relation", schema, name) not in after.events
    )
