"""Which columns an INSERT must give a value for, and which it gives."""

from __future__ import annotations

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Relation, Trigger, Type
from lockgate.parse.statement import Node


def target(node: Node, catalog: Catalog, path: tuple[str, ...]) -> Relation | None:
    """The table that an InsertStmt writes to."""
    named = node.get("relation", {})
    for schema in (named["schemaname"],) if named.get("schemaname") else path:
        space = catalog.namespace(schema)
        found = catalog.relation_named(space.oid, named.get("relname", "")) if space is not None else None
        if found is not None:
            return found
    return None


def given(node: Node, table: Relation) -> frozenset[str] | None:
    """The columns that an InsertStmt gives values for; None where its text does not tell how many."""
    if node.get("cols"):
        return frozenset(str(c["ResTarget"].get("name", "")) for c in node["cols"])
    select = node.get("selectStmt", {}).get("SelectStmt")
    if select is None:
        return frozenset()  # DEFAULT VALUES
    rows = select.get("valuesLists")
    if not rows:
        return None
    width = len(rows[0].get("List", {}).get("items", ()))
    return frozenset(a.name for a in table.attributes[:width])


def required(catalog: Catalog, oid: int) -> frozenset[str]:
    """The columns of a table that take no NULL and have no value of their own; none where a trigger may give one."""
    table = catalog.find(Relation, oid)
    if table is None or table.kind not in "rp" or any(_fills(t) for t in catalog.of_relation(oid, Trigger)):
        return frozenset()
    return frozenset(a.name for a in table.attributes if needs_value(catalog, a))


def needs_value(catalog: Catalog, column: Attribute) -> bool:
    """Whether a row must be given a value of a column."""
    kind = catalog.find(Type, column.type)
    filled = column.has_default or column.identity or column.generated or (kind is not None and kind.has_default)
    return column.notnull and bool(column.type) and not filled


def _fills(trigger: Trigger) -> bool:
    return trigger.row and trigger.timing == "B" and "I" in trigger.events
