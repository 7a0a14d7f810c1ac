"""RENAME of what stands outside of relations: schemas, databases, roles and the rest (src/backend/commands/alter.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog import acl
from lockgate.catalog.objects import (
    Namespace,
    Operator,
    Other,
    Role,
    Routine,
)
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.context import Context, Node
from lockgate.timeline.describe import describe_object, routine_signature
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.check import (
    database,
    need_attribute,
    need_create,
    need_create_on_database,
    need_owner,
    need_superuser,
)
from lockgate.timeline.privileges.may import CURRENT_DATABASE
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.role.ownership import need_own


def after_to(ctx: Context, name: str, words: str = "to") -> Span:
    """The token of the new name."""
    bounds = ctx.bounds or ctx.statement.span
    text = ctx.text_source.text
    at = text.lower().rfind(f" {words} ", bounds.start, bounds.end)
    found = find_name(text, name, at + 1 if at >= 0 else bounds.start, bounds.end)
    return Span(found, token_end(text, found)) if found >= 0 else bounds


def rename_schema(ctx: Context, node: Node) -> None:
    found = find(ctx, "OBJECT_SCHEMA", {"String": {"sval": node["subname"]}})
    assert found is not None
    new = node["newname"]
    existing = ctx.catalog.namespace(new)
    if (
        existing is not None
        and ctx.catalog.taint_of(("any",), ("object", existing.oid), ("name", "namespace", 0, new)) is None
    ):
        raise ctx.refuse(
            "42P06",
            f'schema "{new}" already exists',
            span=after_to(ctx, new),
            object=new,
            kind="schema",
            related=created_here(ctx, existing.oid),
        )
    need_owner(ctx, found.obj, name=found.obj.name)
    need_create_on_database(ctx)
    if new.startswith("pg_"):
        raise ctx.refuse(
            "42939",
            f'unacceptable schema name "{new}"',
            span=after_to(ctx, new),
            kind="schema",
            help='The prefix "pg_" is reserved for system schemas.',
        )
    ctx.catalog.put(replace(found.obj, name=new))


def rename_database(ctx: Context, node: Node) -> None:
    """RenameDatabase: its owner may, with CREATEDB; one that the timeline did not make is taken for the current one,
    which cannot be renamed."""
    name = node["subname"]
    found = ctx.catalog.one(Other, ("database", 0, name)) or database(ctx)
    need_owner(ctx, found, name=name, shown=name)
    need_attribute(ctx, "createdb", "permission denied to rename database", name=name)
    if found.oid == CURRENT_DATABASE:
        ctx.notes.append("RENAME of a database")
    else:
        ctx.catalog.put(replace(found, name=node["newname"]))


def rename_role(ctx: Context, node: Node) -> None:
    found = find(ctx, "OBJECT_ROLE", {"String": {"sval": node["subname"]}})
    assert found is not None and isinstance(found.obj, Role)
    new, role = node["newname"], found.obj
    if ctx.session.known and role.oid in (ctx.session.login, ctx.session.role):
        raise ctx.refuse(
            "0A000",
            f"{'session' if role.oid == ctx.session.login else 'current'} user cannot be renamed",
            name=role.name,
            kind="role",
        )
    for name in (role.name, new):
        if name.startswith("pg_"):
            raise ctx.refuse(
                "42939",
                f'role name "{name}" is reserved',
                name=name,
                object=name,
                kind="role",
                help='Role names starting with "pg_" are reserved.',
            )
    if ctx.catalog.role(new) is not None:
        raise ctx.refuse("42710", f'role "{new}" already exists', span=after_to(ctx, new), object=new, kind="role")
    if role.superuser:
        need_superuser(
            ctx,
            "must be superuser to rename superusers" if ctx.catalog.major < 16 else "permission denied to rename role",
            name=role.name,
        )
    elif ctx.catalog.major >= 16 and ctx.session.known and not acl.is_admin(ctx.catalog, ctx.session.role, role.oid):
        raise ctx.refuse(
            "42501",
            "permission denied to rename role",
            name=role.name,
            kind="privilege",
            object=role.name,
            subject=NoPrivilege(),
        )
    else:
        need_attribute(ctx, "createrole", "permission denied to rename role", None)
    ctx.catalog.put(replace(found.obj, name=new))


def rename_object(ctx: Context, node: Node) -> None:
    """AlterObjectRename_internal, for kinds that need no more than a name."""
    kind = node["renameType"]
    target = node.get("object") or {"String": {"sval": node.get("subname", "")}}
    found = find(ctx, kind, target)
    if found is None or found.address is None:
        if found is not None and found.obj is not None:
            need_own(ctx, found.obj)
        ctx.notes.append(f"RENAME of {kind}")
        return
    obj, new = found.obj, node["newname"]
    need_own(ctx, obj)
    space = ctx.catalog.find(Namespace, getattr(obj, "namespace", 0))
    if space is not None:
        need_create(ctx, space, None)
    _ensure_object_free(ctx, obj, new)
    ctx.catalog.put(replace(obj, name=new))


def _ensure_object_free(ctx: Context, obj: Any, new: str) -> None:
    catalog = ctx.catalog
    if isinstance(obj, Routine):
        twin = next((r for r in catalog.routines_named(obj.namespace, new) if r.args == obj.args), None)
        if twin is not None and catalog.taint_of(("any",), ("object", twin.oid)) is None:
            schema = catalog.namespace_name(obj.namespace)
            shown = routine_signature(catalog, replace(obj, name=new, namespace=0), ctx.path())
            raise ctx.refuse(
                "42723",
                f'function {shown} already exists in schema "{schema}"',
                span=after_to(ctx, new),
                kind="function",
            )
        return
    if isinstance(obj, Other) and catalog.oids((obj.kind, obj.namespace, new)):
        word = describe_object(catalog, replace(obj, namespace=0)).rsplit(" ", 1)[0]
        where = f' in schema "{catalog.namespace_name(obj.namespace)}"' if obj.namespace else ""
        raise ctx.refuse("42710", f'{word} "{new}" already exists{where}', span=after_to(ctx, new), kind="other")
    if isinstance(obj, Operator):
        ctx.notes.append("operators have no RENAME")
