"""What a statement may touch, read off its tree: the taints of a statement that the simulator cannot follow."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import NameKey
from lockgate.catalog.objects import PG_CATALOG, Namespace
from lockgate.parse.statement import Node, nodes
from lockgate.timeline.context import Context

HOLE = "lockgate_hole"  # stands for a part of a name that is not known

# statements that leave the catalog as it is, whatever they read
HARMLESS = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "ExplainStmt", "CopyStmt", "VacuumStmt",
                      "CommentStmt", "LockStmt", "NotifyStmt", "ListenStmt", "CheckPointStmt", "VariableShowStmt"})  # fmt: skip
_NAMED = {"ViewStmt": ("view",), "IndexStmt": ("relation",), "CreateStmt": ("relation",), "CreateTableAsStmt": ("into",)}


def taints_of(ctx: Context, tag: str, node: Node) -> list[NameKey]:
    """Taint keys for all that a statement names as its target; reads are left out."""
    if tag in HARMLESS:
        return []
    keys: list[NameKey] = []
    if tag in ("ViewStmt", "CreateTableAsStmt"):
        target = node.get("view") or node.get("into", {}).get("rel", {})
        return _relation(ctx, target)
    if tag == "CreateFunctionStmt":
        return _named(ctx, "routine", node.get("funcname", []))
    if tag == "IndexStmt" and node.get("idxname"):
        relation = node.get("relation", {})
        keys += [("name", "relation", ns, node["idxname"]) for ns in _namespaces(ctx, relation.get("schemaname"))]
        return keys + _relation(ctx, relation)
    if tag == "CreateSchemaStmt":
        return [("name", "namespace", 0, node.get("schemaname", ""))]
    if tag in ("RenameStmt", "AlterObjectSchemaStmt"):
        keys += _moved(ctx, node)
    for field in ("typeName", "defnames", "domainname"):
        if isinstance(node.get(field), list):
            keys += _named(ctx, "type", node[field])
    for item in nodes(node):
        if "relname" in item and "relpersistence" in item:
            keys += _relation(ctx, item)
    return keys


def _moved(ctx: Context, node: Node) -> list[NameKey]:
    """The name that an object may have afterwards."""
    rangevar = node.get("relation", {})
    name = node.get("newname") if "subname" not in node else None
    spaces = _namespaces(ctx, node.get("newschema") or rangevar.get("schemaname"))
    name = name or (rangevar.get("relname") if "newschema" in node else None)
    return [("name", kind, space, name) for space in spaces for kind in ("relation", "type", "routine")] if name else []


def _namespaces(ctx: Context, schema: str | None) -> list[int]:
    if schema and HOLE in schema:
        return [space.oid for space in ctx.catalog.objects(Namespace) if not space.name.startswith("pg_") and space.name != "information_schema"]
    if schema:
        found = ctx.catalog.namespace(schema)
        return [found.oid] if found else []
    return [oid for oid in ctx.path() if oid != PG_CATALOG]


def _relation(ctx: Context, rangevar: Node) -> list[NameKey]:
    name = rangevar.get("relname", "")
    spaces = _namespaces(ctx, rangevar.get("schemaname"))
    named = {space: ctx.catalog.relation_named(space, name) for space in spaces}
    known: list[NameKey] = [("object", found.oid) for found in named.values() if found is not None]
    if HOLE in rangevar.get("schemaname", ""):
        return known + [("name", "relation", space, name) for space, found in named.items() if found is None]
    return known[:1] or [("name", "relation", space, name) for space in spaces]


def _named(ctx: Context, kind: str, names: list[Any]) -> list[NameKey]:
    words = [n["String"].get("sval", "") for n in names if "String" in n]
    if not words:
        return []
    schema = words[-2] if len(words) > 1 else None
    return [("name", kind, space, words[-1]) for space in _namespaces(ctx, schema)]
