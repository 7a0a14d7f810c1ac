"""CREATE SCHEMA with its elements (src/backend/commands/schemacmds.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.catalog.objects import Namespace, Role
from lockgate.timeline import dependency
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import initial_acl, need_create_on_database, need_member
from lockgate.timeline.transitions.object.creation import find_role
from lockgate.timeline.transitions.relation.new_name import created_here

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

# the order in which elements are made, whatever the order written (transformCreateSchemaStmtElements)
_ORDER = ("CreateSeqStmt", "CreateStmt", "ViewStmt", "IndexStmt", "CreateTrigStmt", "GrantStmt")
_TARGET = {
    "CreateSeqStmt": "sequence",
    "CreateStmt": "relation",
    "ViewStmt": "view",
    "IndexStmt": "relation",
    "CreateTrigStmt": "relation",
}


def create_schema(ctx: Context, node: Node) -> None:
    """CREATE SCHEMA (CreateSchemaCommand)."""
    spec = node.get("authrole")
    role = find_role(ctx, spec) if spec else ctx.catalog.the(Role, ctx.session.role)
    assert role is not None
    name = node.get("schemaname") or role.name
    need_create_on_database(ctx)
    need_member(ctx, role, spec.get("location", 0) if spec else None)
    if name.startswith("pg_"):
        raise ctx.refuse(
            "42939",
            f'unacceptable schema name "{name}"',
            0,
            name=name,
            kind="schema",
            help='The prefix "pg_" is reserved for system schemas.',
        )
    existing = ctx.catalog.namespace(name)
    key: TaintKey = ("name", "namespace", 0, name)
    if existing is not None and ctx.catalog.taint_of(("any",), ("object", existing.oid), key) is None:
        if node.get("if_not_exists"):
            ctx.warn(f'schema "{name}" already exists, skipping', 0, sqlstate="42P06", level="NOTICE")
            return
        raise ctx.refuse(
            "42P06",
            f'schema "{name}" already exists',
            0,
            name=name,
            object=name,
            kind="schema",
            related=created_here(ctx, existing.oid),
        )
    if existing is not None:
        if node.get("if_not_exists"):
            return
        dependency.erase(ctx.catalog, existing.oid)
    space = Namespace(ctx.catalog.new_oid(), name, role.oid, initial_acl(ctx, "schema", 0, role.oid))
    ctx.catalog.put(space)
    ctx.catalog.untaint(key)
    ctx.created(space, location=0, name=name)
    if node.get("schemaElts"):
        _elements(ctx, space, role, node["schemaElts"])


def _elements(ctx: Context, space: Namespace, role: Role, elements: list[Node]) -> None:
    from lockgate.timeline.transitions import execute

    session = ctx.session
    ctx.session = replace(session, search_path=(space.name, *session.search_path), role=role.oid)
    items = [next(iter(e.items())) for e in elements]
    for tag, body in sorted(items, key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)):
        target = body.get(_TARGET.get(tag, ""), {})
        schema = target.get("schemaname") if isinstance(target, dict) else None
        if schema and schema != space.name:
            raise ctx.refuse(
                "42P15",
                f"CREATE specifies a schema ({schema}) different from the one being created ({space.name})",
                target.get("location", 0),
                name=schema,
                kind="schema",
            )
        if isinstance(target, dict) and "relname" in target and not schema:
            body = body | {_TARGET[tag]: target | {"schemaname": space.name}}
        execute(ctx, tag, body)
    ctx.session = replace(ctx.session, search_path=session.search_path, role=session.role)


HANDLERS = {"CreateSchemaStmt": create_schema}
