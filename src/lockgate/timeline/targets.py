"""What a statement may touch, read off its tree: the taints of a statement that the simulator cannot follow.

Each verb puts in doubt what it can change, and no more: ALTER TABLE ... ADD COLUMN neither drops a table nor gives it
to somebody else. A name of which only a part is known (HOLE) stands for every object that it fits, and for new ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lockgate.catalog.acl import ANYBODY
from lockgate.catalog.objects import PG_CATALOG, Namespace, Object, Relation, Routine, Type
from lockgate.parse.facts import BESIDE_A_TABLE, KEEPING_THE_CATALOG
from lockgate.parse.statement import Node, nodes
from lockgate.timeline.context import Context

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

HOLE = "lockgate_hole"  # stands for a part of a name that is not known

_RELATIONS = "rpvmfS"
_DROPPED = {
    "OBJECT_TABLE": "relation",
    "OBJECT_VIEW": "relation",
    "OBJECT_MATVIEW": "relation",
    "OBJECT_SEQUENCE": "relation",
    "OBJECT_INDEX": "relation",
    "OBJECT_FOREIGN_TABLE": "relation",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "type",
    "OBJECT_FUNCTION": "routine",
    "OBJECT_PROCEDURE": "routine",
    "OBJECT_ROUTINE": "routine",
    "OBJECT_AGGREGATE": "routine",
}
_PARTS = frozenset({"OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"})  # of a relation
_RENAMED_PARTS = _PARTS | {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_ATTRIBUTE"}
# a new part or another look of relations that were there before
_SHAPING = BESIDE_A_TABLE | {
    "CreateStatsStmt",
    "AlterSeqStmt",
    "RefreshMatViewStmt",
    "TruncateStmt",
    "ReindexStmt",
    "ClusterStmt",
}


def taints_of(ctx: Context, tag: str, node: Node) -> list[TaintKey]:
    """Taint keys for all that a statement may change; reads are left out. None where its targets cannot be told."""
    if tag in KEEPING_THE_CATALOG:
        return []
    return list(dict.fromkeys(_keys(ctx, tag, node)))


def _keys(ctx: Context, tag: str, node: Node) -> Iterable[TaintKey]:
    match tag:
        case "ViewStmt" | "CreateTableAsStmt":
            return [*_created(ctx, node.get("view") or node.get("into", {}).get("rel", {}))]
        case "CreateStmt" | "CreateForeignTableStmt" | "CreateSeqStmt" | "CompositeTypeStmt":
            return _table(ctx, node.get("base", node))
        case "CreateFunctionStmt":
            return _named(ctx, "routine", node.get("funcname", []))
        case "IndexStmt":
            return [
                *_new(ctx, "relation", node.get("relation", {}).get("schemaname"), node.get("idxname", HOLE)),
                *_shapes(ctx, node.get("relation", {})),
            ]
        case "CreateSchemaStmt":
            return [("name", "namespace", 0, node.get("schemaname", ""))]
        case "AlterTableStmt":
            return _altered(ctx, node)
        case "DropStmt":
            return _dropped(ctx, node)
        case "GrantStmt":
            return [("acls", grantee) for grantee in _grantees(ctx, node)]
        case "AlterDefaultPrivilegesStmt":
            return [("default acls",)]
        case "GrantRoleStmt" | "AlterRoleStmt":
            return [("privileges",)]
        case "CreateRoleStmt":
            return _new_object("role", node.get("role", ""))
        case "AlterDatabaseSetStmt" | "AlterRoleSetStmt":
            return [("settings",)]
        case "CreatePublicationStmt" | "AlterPublicationStmt":
            published = [key for rangevar in _rangevars(node) for key in _shapes(ctx, rangevar)]
            return [*_new_object("publication", node.get("pubname", "")), *published]
        case "AlterExtensionContentsStmt":
            parts = _words(node.get("object", {}))
            return (
                _shapes(ctx, _rangevar(parts)) if parts and _DROPPED.get(node.get("objtype", "")) == "relation" else []
            )
        case "RenameStmt" if node.get("renameType") in _RENAMED_PARTS:
            return _shapes(ctx, node.get("relation", {}))
        case _ if tag in _SHAPING:
            return [key for rangevar in _rangevars(node) for key in _shapes(ctx, rangevar)]
        case _:
            return _others(ctx, tag, node)


def _others(ctx: Context, tag: str, node: Node) -> list[TaintKey]:
    keys = _moved(ctx, node) if tag in ("RenameStmt", "AlterObjectSchemaStmt") else []
    for field in ("typeName", "defnames", "domainname"):
        if isinstance(node.get(field), list):
            keys += _named(ctx, "type", node[field])
    return keys + [key for rangevar in _rangevars(node) for key in _whole(ctx, rangevar)]


def _moved(ctx: Context, node: Node) -> list[TaintKey]:
    """The name that an object may have afterwards."""
    rangevar = node.get("relation", {})
    name = node.get("newname") if "subname" not in node else None
    name = name or (rangevar.get("relname") if "newschema" in node else None)
    schema = node.get("newschema") or rangevar.get("schemaname")
    return [key for kind in ("relation", "type", "routine") for key in _new(ctx, kind, schema, name)] if name else []


# --- relations --------------------------------------------------------------------------------------------------------


def _rangevars(node: Node) -> Iterator[Node]:
    return (item for item in nodes(node) if "relname" in item and "relpersistence" in item)


def _table(ctx: Context, node: Node) -> Iterator[TaintKey]:
    """A new table, and what it hangs on: parents and the tables that its foreign keys name."""
    target = node.get("relation") or node.get("sequence") or node.get("typevar", {})
    yield from _created(ctx, target)
    name = target.get("relname", "")
    yield from _new(ctx, "relation", target.get("schemaname"), name if HOLE in name else _made_for(name) + HOLE)
    like = [item["TableLikeClause"]["relation"] for item in nodes(node) if "TableLikeClause" in item]
    for rangevar in _rangevars(node):
        if rangevar is not target and rangevar not in like:
            yield from _shapes(ctx, rangevar)


def _created(ctx: Context, rangevar: Node) -> Iterator[TaintKey]:
    """A name that is taken afterwards; whatever it names already may have been replaced."""
    schema, name = rangevar.get("schemaname"), rangevar.get("relname", "")
    found = list(relations_of(ctx, rangevar)) if HOLE not in name else []
    yield from (("shape", relation.oid) for relation in found)
    if not found or HOLE in (schema or ""):
        for kind in ("relation", "type"):
            yield from _new(ctx, kind, schema, name)


def _altered(ctx: Context, node: Node) -> Iterator[TaintKey]:
    """ALTER TABLE and its kin, by subcommands."""
    relations = list(relations_of(ctx, node["relation"]))
    if not relations or node.get("objtype") == "OBJECT_TYPE":
        yield from _whole(ctx, node["relation"])
    for item in node.get("cmds", ()):
        command = item["AlterTableCmd"]
        subtype = command["subtype"]
        for relation in relations:
            yield ("owner", relation.oid) if subtype == "AT_ChangeOwner" else ("shape", relation.oid)
            if subtype in ("AT_DropColumn", "AT_DropConstraint"):
                yield from (("object", part.oid) for part in _parts(ctx, relation))
                if command.get("behavior") == "DROP_CASCADE":
                    yield from _dependents(ctx, relation)
            elif _makes_more(command):
                yield ("name", "relation", relation.namespace, _made_for(relation.name) + "*")
        for body in command.get("def", {}).values():
            name = body.get("conname") if isinstance(body, dict) else None
            yield from _new(ctx, "relation", node["relation"].get("schemaname"), name) if name else ()
        for rangevar in _rangevars(command):
            yield from _shapes(ctx, rangevar)
            if subtype == "AT_AttachPartition":
                yield from (
                    ("name", "relation", r.namespace, _made_for(r.name) + "*") for r in relations_of(ctx, rangevar)
                )


def _makes_more(command: Node) -> bool:
    """Whether a subcommand may make indexes and sequences with names of PostgreSQL's choice."""
    column: Node | None = command.get("def", {}).get("ColumnDef")
    if column is None:
        return bool(command["subtype"] == "AT_AddConstraint")
    words = _words({"TypeName": column.get("typeName", {})})
    return bool("constraints" in column) or any("serial" in word or HOLE in word for word in words)


def _made_for(table: str) -> str:
    """How the names of a table's own indexes and sequences begin (makeObjectName: of long names the end gives way)."""
    return f"{table}_"[:20]


def relations_of(ctx: Context, rangevar: Node, kinds: str = _RELATIONS) -> Iterator[Relation]:
    """The relations that a name may stand for: the first on the search path, or with holes in it each one that it
    fits."""
    schema, name = rangevar.get("schemaname"), rangevar.get("relname", "")
    spaces = _namespaces(ctx, schema)
    if HOLE in name:
        fits = re.compile(re.escape(name).replace(HOLE, ".*"), re.DOTALL)
        for space in spaces:
            members = ctx.catalog.in_namespace(space)
            yield from (o for o in members if isinstance(o, Relation) and o.kind in kinds and fits.fullmatch(o.name))
        return
    for space in spaces:
        found = ctx.catalog.relation_named(space, name)
        if found is not None:
            yield found
            if HOLE not in (schema or ""):
                return


def _shapes(ctx: Context, rangevar: Node) -> list[TaintKey]:
    """What relations are like."""
    return [("shape", relation.oid) for relation in relations_of(ctx, rangevar)] or _whole(ctx, rangevar)


def _whole(ctx: Context, rangevar: Node) -> list[TaintKey]:
    """Relations as a whole, or whether there is one of that name."""
    known: list[TaintKey] = [("object", relation.oid) for relation in relations_of(ctx, rangevar, _RELATIONS + "iI")]
    schema = rangevar.get("schemaname")
    if HOLE not in (schema or "") and known:
        return known
    return known + _new(ctx, "relation", schema, rangevar.get("relname", ""))


def _new(ctx: Context, kind: str, schema: str | None, name: str) -> list[TaintKey]:
    """Whether there is an object of that name; with a hole in it, of any that begins like it."""
    shown = name.split(HOLE)[0] + "*" if HOLE in name else name
    return [("name", kind, space, shown) for space in _namespaces(ctx, schema)]


def _new_object(kind: str, name: str) -> list[TaintKey]:
    """Whether there is an object that lives in no schema."""
    return [("name", kind, 0, name.split(HOLE)[0] + "*" if HOLE in name else name)]


def _namespaces(ctx: Context, schema: str | None) -> list[int]:
    if schema and HOLE in schema:
        fits = re.compile(re.escape(schema).replace(HOLE, ".*"), re.DOTALL)
        spaces = ctx.catalog.objects(Namespace)
        return [
            s.oid
            for s in spaces
            if fits.fullmatch(s.name) and not s.name.startswith("pg_") and s.name != "information_schema"
        ]
    if schema:
        found = ctx.catalog.namespace(schema)
        return [found.oid] if found else []
    return [oid for oid in ctx.path() if oid != PG_CATALOG]


# --- drops and grants -------------------------------------------------------------------------------------------------


def _dropped(ctx: Context, node: Node) -> Iterator[TaintKey]:
    """DROP: the objects, their names, with CASCADE all that hangs on them. Nothing where what it drops is not known by
    name here."""
    kind = node.get("removeType", "")
    for item in node.get("objects", ()):
        parts = _words(item)
        if kind in _PARTS:
            parts = parts[:-1]
        elif kind not in _DROPPED:
            return
        rangevar = _rangevar(parts)
        if kind in _PARTS:
            yield from _shapes(ctx, rangevar)
            continue
        found = list(_objects(ctx, _DROPPED[kind], rangevar))
        yield from _new(ctx, _DROPPED[kind], rangevar.get("schemaname"), rangevar["relname"])
        for obj in found:
            yield ("object", obj.oid)
            yield from (
                _dependents(ctx, obj)
                if node.get("behavior") == "DROP_CASCADE"
                else (("object", part.oid) for part in _parts(ctx, obj))
            )


def _rangevar(parts: list[str]) -> Node:
    return {"relname": parts[-1] if parts else HOLE} | ({"schemaname": parts[-2]} if len(parts) > 1 else {})


def _objects(ctx: Context, kind: str, rangevar: Node) -> Iterator[Object]:
    fits = re.compile(re.escape(rangevar["relname"]).replace(HOLE, ".*"), re.DOTALL)
    cls = {"relation": Relation, "type": Type, "routine": Routine}[kind]
    for space in _namespaces(ctx, rangevar.get("schemaname")):
        yield from (
            o for o in ctx.catalog.in_namespace(space) if isinstance(o, cls) and fits.fullmatch(getattr(o, "name", ""))
        )


def _parts(ctx: Context, obj: Object) -> Iterator[Object]:
    """What goes with a relation: its indexes and sequences."""
    return (
        o
        for edge in ctx.catalog.dependents(obj.oid)
        if edge.kind in "ai" and isinstance(o := ctx.catalog.get(edge.dependent[0]), Relation)
    )


def _dependents(ctx: Context, obj: Object) -> Iterator[TaintKey]:
    seen, stack = {obj.oid}, [obj.oid]
    while stack:
        for edge in ctx.catalog.dependents(stack.pop()):
            oid = edge.dependent[0]
            if oid not in seen:
                seen.add(oid)
                stack.append(oid)
                yield ("object", oid)


def _grantees(ctx: Context, node: Node) -> list[int]:
    found = []
    for item in node.get("grantees", ()):
        spec = item["RoleSpec"]
        role = ctx.catalog.role(spec.get("rolename", "")) if spec.get("roletype") == "ROLESPEC_CSTRING" else None
        found.append(0 if spec.get("roletype") == "ROLESPEC_PUBLIC" else role.oid if role is not None else ANYBODY)
    return found or [ANYBODY]


def _words(item: Any) -> list[str]:
    names = (
        item.get("List", {}).get("items")
        or item.get("ObjectWithArgs", {}).get("objname")
        or item.get("TypeName", {}).get("names")
        or []
    )
    return [n["String"].get("sval", "") for n in names if "String" in n]


def _named(ctx: Context, kind: str, names: list[Any]) -> list[TaintKey]:
    words = [n["String"].get("sval", "") for n in names if "String" in n]
    return _new(ctx, kind, words[-2] if len(words) > 1 else None, words[-1]) if words else []
