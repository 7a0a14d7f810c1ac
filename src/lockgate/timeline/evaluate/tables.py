"""Relations as rows: the system catalogs from the simulated catalog, tables whose rows are known, everything else as
one row of unknown content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lockgate.base.sql import qualified
from lockgate.catalog.objects import FIRST_USER_OID, Relation
from lockgate.timeline.evaluate.contents import contents_of
from lockgate.timeline.evaluate.lookup import lookup
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Reg, Row, Value
from lockgate.timeline.evaluate.world import World

Wanted = dict[str, frozenset[Any]]
Provider = Callable[[World, Wanted], Iterable[Row]]


def names_in(wanted: Wanted, column: str) -> frozenset[str] | None:
    """The texts that a name column is compared with; None for any."""
    found = wanted.get(column)
    return (
        frozenset(v for v in found if isinstance(v, str))
        if found is not None and all(isinstance(v, str) for v in found)
        else None
    )


def oids_in(wanted: Wanted, column: str) -> frozenset[int] | None:
    """The oids that an oid column is compared with; None for any."""
    found = wanted.get(column)
    return frozenset(int(v) for v in found) if found is not None and all(isinstance(v, int) for v in found) else None


def rows_of(world: World, schema: str | None, name: str, wanted: Wanted) -> tuple[list[str], list[Row]]:
    """The columns and rows of a relation as the search path finds it."""
    found = lookup(world, "class", qualified(schema or "", name))
    if not isinstance(found, Reg):
        return [], [Row({}, False)]
    if int(found) >= FIRST_USER_OID:
        return _user(world, int(found))
    builtin = world.ctx.catalog.builtins.relation_by_oid(int(found))
    if builtin is None:
        return [], [Row({}, False)]
    columns = [c[0] for c in builtin.columns]
    provider = _providers().get((builtin.schema, builtin.name))
    blank: dict[str, Value] = {c[0]: SOMETHING if c[3] else UNKNOWN for c in builtin.columns}
    if builtin.schema == "pg_catalog":
        blank["tableoid"] = SOMETHING
    if provider is None:
        return columns, [Row(blank, False)]
    # a column that no provider tells of is unknown; "oid" is a plain column since 12
    rows = [Row({**blank, **row.values}, row.certain) for row in provider(world, wanted)]
    if world.ctx.catalog.taint_of(("any",)):
        rows.append(Row(blank, False))
    return columns, rows


def _user(world: World, oid: int) -> tuple[list[str], list[Row]]:
    relation = world.ctx.catalog.the(Relation, oid)
    rows = contents_of(world.ctx, relation)
    if rows is not None:
        return [a.name for a in relation.attributes], rows
    values: dict[str, Value] = {a.name: SOMETHING if a.notnull else UNKNOWN for a in relation.attributes}
    return list(values), [Row(values, False)]


def _providers() -> dict[tuple[str, str], Provider]:
    if not _found:
        from lockgate.timeline.evaluate import information_schema, pg_objects, pg_relations, pg_views

        for module in (pg_objects, pg_relations, pg_views):
            _found.update({("pg_catalog", name): provider for name, provider in module.PROVIDERS.items()})
        _found.update(
            {("information_schema", name): provider for name, provider in information_schema.PROVIDERS.items()}
        )
    return _found


_found: dict[tuple[str, str], Provider] = {}
