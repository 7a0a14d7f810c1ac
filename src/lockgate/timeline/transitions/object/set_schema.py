"""SET SCHEMA (AlterTableNamespace in tablecmds.c, AlterTypeNamespace in typecmds.c, AlterObjectNamespace in
alter.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Extension, Namespace, Relation, Routine, Trigger, Type
from lockgate.timeline.binder import find_namespace
from lockgate.timeline.context import Context, Node
from lockgate.timeline.describe import routine_signature
from lockgate.timeline.privileges.check import need_create, need_owner
from lockgate.timeline.transitions.object.address import RELATION_KINDS, find
from lockgate.timeline.transitions.object.finders import find_part
from lockgate.timeline.transitions.relation.new_name import identity_doubt
from lockgate.timeline.transitions.relation.relation import user_relation
from lockgate.timeline.transitions.relation.sequence import owned_sequences
from lockgate.timeline.transitions.role.ownership import need_own
from lockgate.timeline.transitions.table.alter_table import check_alterable


def alter_schema(ctx: Context, node: Node) -> None:
    """ALTER kind name SET SCHEMA schema."""
    kind = node["objectType"]
    if kind in RELATION_KINDS:
        _move_relation(ctx, node)
        return
    found = find(ctx, kind, node["object"])
    space = _target(ctx, node["newschema"])
    if found is None or found.address is None:
        if found is not None and found.obj is not None:
            need_own(ctx, found.obj)
        ctx.notes.append(f"SET SCHEMA of {kind}")
        return
    obj = found.obj
    if isinstance(obj, Extension):
        _move_extension(ctx, obj, space)
        return
    if isinstance(obj, Type):
        need_owner(ctx, obj, name=obj.name)
        _move_type_statement(ctx, obj, space)
        return
    if obj.namespace == space.oid:  # AlterObjectNamespace_internal looks no further
        return
    need_own(ctx, obj)
    _ensure_free(ctx, obj, space)
    _place(ctx, obj, space.oid)


def _target(ctx: Context, name: str) -> Namespace:
    """LookupCreationNamespace: 3F000, CREATE."""
    location = None
    space = find_namespace(ctx, name, location)
    assert space is not None
    need_create(ctx, space, location, name=name)
    return space


def _move_relation(ctx: Context, node: Node) -> None:
    relation = user_relation(ctx, node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    location = node["relation"].get("location", 0)
    check_alterable(ctx, relation, node["objectType"], location)
    if relation.kind in "iIc":
        word = "composite type" if relation.kind == "c" else "index"
        raise ctx.refuse(
            "42809", f'cannot change schema of {word} "{relation.name}"', location, name=relation.name, kind="relation"
        )
    if relation.kind == "S" and relation.sequence is not None and relation.sequence.owned:
        table = ctx.catalog.find(Relation, relation.sequence.owned[0])
        raise ctx.refuse(
            "0A000",
            "cannot move an owned sequence into another schema",
            location,
            name=relation.name,
            kind="sequence",
            help=f'Sequence "{relation.name}" is linked to table "{table.name if table else "?"}".',
        )
    space = _target(ctx, node["newschema"])
    if ctx.session.temp_namespace in (space.oid, relation.namespace):
        raise ctx.refuse("0A000", "cannot move objects into or out of temporary schemas", location, kind="schema")
    move_relation(ctx, relation, space)


def move_relation(ctx: Context, relation: Relation, space: Namespace) -> None:
    """AlterTableNamespaceInternal: with row type, indexes, owned sequences and constraints."""
    if relation.namespace == space.oid:
        return
    there = ctx.catalog.relation_named(space.oid, relation.name)
    if there is not None and identity_doubt(ctx, there) is None:
        raise ctx.refuse(
            "42P07",
            f'relation "{relation.name}" already exists in schema "{space.name}"',
            name=relation.name,
            kind="relation",
            object=ctx.catalog.qualified(there),
        )
    _place(ctx, relation, space.oid)
    rowtype = ctx.catalog.find(Type, relation.rowtype)
    if rowtype is not None:
        _move_type(ctx, rowtype, space)
    for index in ctx.catalog.of_relation(relation.oid, Relation):
        ctx.catalog.put(replace(index, namespace=space.oid))
    for sequence in owned_sequences(ctx, relation.oid):
        move_relation(ctx, sequence, space)
    for constraint in ctx.catalog.of_relation(relation.oid, Constraint):
        ctx.catalog.put(replace(constraint, namespace=space.oid))


def _move_type_statement(ctx: Context, found: Type, space: Namespace) -> None:
    relation = ctx.catalog.find(Relation, found.relation)
    if found.elem and found.category == "A" and found.kind == "b":
        raise ctx.refuse("42809", f"cannot alter array type {found.name}", name=found.name, kind="type")
    if relation is not None and relation.kind != "c":
        raise ctx.refuse(
            "42809",
            f"{found.name} is a table's row type",
            name=found.name,
            kind="type",
            help="Use ALTER TABLE instead.",
        )
    if found.namespace == space.oid:
        return
    if relation is not None:
        ctx.catalog.put(replace(relation, namespace=space.oid))
    _move_type(ctx, found, space)


def _move_type(ctx: Context, found: Type, space: Namespace) -> None:
    there = ctx.catalog.type_named(space.oid, found.name)
    if there is not None and ctx.catalog.taint_of(("any",), ("object", there.oid)) is None:
        raise ctx.refuse(
            "42710", f'type "{found.name}" already exists in schema "{space.name}"', name=found.name, kind="type"
        )
    _place(ctx, found, space.oid)
    array = ctx.catalog.find(Type, found.array)
    if array is not None:
        ctx.catalog.put(replace(array, namespace=space.oid))
    for oid in {e.dependent[0] for e in ctx.catalog.dependents(found.oid)}:
        constraint = ctx.catalog.find(Constraint, oid)
        if constraint is not None and constraint.type == found.oid:
            ctx.catalog.put(replace(constraint, namespace=space.oid))


def _move_extension(ctx: Context, extension: Extension, space: Namespace) -> None:
    need_owner(ctx, extension, name=extension.name)
    members = [e.dependent[0] for e in ctx.catalog.dependents(extension.oid) if e.kind == "e"]
    for oid in members:
        obj = ctx.catalog.get(oid)
        if obj is not None and getattr(obj, "namespace", 0) == extension.namespace:
            _place(ctx, obj, space.oid)
    _place(ctx, ctx.catalog.the(Extension, extension.oid), space.oid)


def _place(ctx: Context, obj: Any, namespace: int) -> None:
    ctx.catalog.undepend((obj.oid, 0), "n", referenced=obj.namespace)
    ctx.catalog.put(replace(obj, namespace=namespace))
    ctx.catalog.depend((obj.oid, 0), [(namespace, 0)])


def _ensure_free(ctx: Context, obj: Any, space: Namespace) -> None:
    if isinstance(obj, Routine):
        twin = next((r for r in ctx.catalog.routines_named(space.oid, obj.name) if r.args == obj.args), None)
        if twin is not None and ctx.catalog.taint_of(("any",), ("object", twin.oid)) is None:
            shown = routine_signature(ctx.catalog, replace(obj, namespace=0), ctx.path())
            raise ctx.refuse(
                "42723", f'function {shown} already exists in schema "{space.name}"', name=obj.name, kind="function"
            )
        return
    kind = getattr(obj, "kind", "")
    if isinstance(kind, str) and ctx.catalog.oids((kind, space.oid, obj.name)):
        raise ctx.refuse(
            "42710", f'{kind} "{obj.name}" already exists in schema "{space.name}"', name=obj.name, kind="other"
        )


def alter_depends(ctx: Context, node: Node) -> None:
    """ALTER ... DEPENDS ON EXTENSION (ExecAlterObjectDependsStmt)."""
    kind = node["objectType"]
    obj: Any = None
    if kind in RELATION_KINDS:
        obj = user_relation(ctx, node["relation"])
    elif kind == "OBJECT_TRIGGER":
        relation = user_relation(ctx, node["relation"])
        assert relation is not None
        part = find_part(
            ctx, Trigger, "trigger", "table", relation, node["object"]["List"]["items"][-1]["String"].get("sval", "")
        )
        obj = part.obj if part else None
    else:
        found = find(ctx, kind, node["object"])
        obj = found.obj if found else None
    extension = find(ctx, "OBJECT_EXTENSION", node["extname"])
    if obj is None or extension is None or ctx.catalog.get(getattr(obj, "oid", 0)) is None:
        return
    need_owner(ctx, ctx.catalog.the(Relation, obj.relation) if isinstance(obj, Trigger) else obj)
    if node.get("remove"):
        ctx.catalog.undepend((obj.oid, 0), "x", referenced=extension.obj.oid)
    else:
        ctx.catalog.depend((obj.oid, 0), [(extension.obj.oid, 0)], "x")


HANDLERS = {"AlterObjectSchemaStmt": alter_schema, "AlterObjectDependsStmt": alter_depends}
