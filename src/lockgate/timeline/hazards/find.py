"""Relations by the names in a raw statement, as they are before it runs; nothing is refused or asked for here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.objects import Relation
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context


def named(ctx: Context, rangevar: Node | None) -> Relation | None:
    """The relation that a RangeVar names; None where there is none of the user's."""
    if not rangevar:
        return None
    return by_name(ctx, str(rangevar.get("schemaname", "")), str(rangevar.get("relname", "")))


def by_name(ctx: Context, schema: str, name: str) -> Relation | None:
    """A relation by schema (the search path's where it is empty) and name."""
    if schema == "pg_temp":
        return ctx.catalog.relation_named(ctx.session.temp_namespace, name)
    if schema:
        space = ctx.catalog.namespace(schema)
        return ctx.catalog.relation_named(space.oid, name) if space is not None else None
    for oid in ctx.path():
        found = ctx.catalog.relation_named(oid, name)
        if found is not None:
            return found
    return None


def by_list(ctx: Context, names: Iterable[Node]) -> Relation | None:
    """A relation by a list of name parts."""
    parts = [str(n.get("String", {}).get("sval", "")) for n in names]
    return by_name(ctx, parts[-2] if len(parts) > 1 else "", parts[-1]) if parts else None


def items(node: Node) -> list[Node]:
    """The name parts of an object's address."""
    found: list[Node] = node.get("List", {}).get("items", []) if isinstance(node, dict) else node
    return found


def rangevars(nodes: Iterable[Node]) -> Iterator[Node]:
    """The RangeVars of a list."""
    for node in nodes:
        if "RangeVar" in node:
            yield node["RangeVar"]
