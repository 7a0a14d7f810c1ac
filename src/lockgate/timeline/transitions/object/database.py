"""Databases, tablespaces (src/backend/commands/dbcommands.c, tablespace.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Other
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import database, need_attribute, need_owner, need_superuser
from lockgate.timeline.privileges.may import CURRENT_DATABASE
from lockgate.timeline.transitions.object.creation import refuse_existing
from lockgate.timeline.transitions.role.role import changed_settings


def _outside_block(ctx: Context, words: str) -> None:
    """PreventInTransactionBlock."""
    if ctx.session.in_block or ctx.transaction.open:
        raise ctx.refuse("25001", f"{words} cannot run inside a transaction block", None, kind="transaction")


def create_database(ctx: Context, node: Node) -> None:
    """createdb."""
    _outside_block(ctx, "CREATE DATABASE")
    name = node["dbname"]
    need_attribute(ctx, "createdb", "permission denied to create database", name=name)
    found = ctx.catalog.one(Other, ("database", 0, name))
    if found is not None and found.oid != CURRENT_DATABASE:
        refuse_existing(ctx, found.oid, "database", f'database "{name}" already exists', name=name, sqlstate="42P04")
    made = Other(ctx.catalog.new_oid(), "database", name, 0, ctx.session.role)
    ctx.catalog.put(made)
    ctx.created(made, name=name)


def drop_database(ctx: Context, node: Node) -> None:
    """dropdb: only databases that the timeline made are known; another may be there or not."""
    _outside_block(ctx, "DROP DATABASE")
    found = ctx.catalog.one(Other, ("database", 0, node["dbname"]))
    if found is not None:
        need_owner(ctx, found, name=found.name)
        ctx.catalog.remove(found.oid)
    else:
        ctx.notes.append("DROP DATABASE")


def _named(ctx: Context, node: Node) -> Other:
    found = ctx.catalog.one(Other, ("database", 0, node.get("dbname", "")))
    return found if found is not None else database(ctx)


def alter_database(ctx: Context, node: Node) -> None:
    """AlterDatabase and AlterDatabaseRefreshColl: their owner may."""
    need_owner(ctx, _named(ctx, node), shown=node.get("dbname", ""))
    if any(d["DefElem"]["defname"] == "tablespace" for d in node.get("options", [])):
        _outside_block(ctx, "ALTER DATABASE SET TABLESPACE")


def alter_database_set(ctx: Context, node: Node) -> None:
    """AlterDatabaseSet: what later sessions start with. A database that the timeline did not make is taken for the
    current one."""
    found = _named(ctx, node)
    need_owner(ctx, found, shown=node.get("dbname", ""))
    if found.oid != CURRENT_DATABASE:
        return
    before = tuple((name, value) for (scope, name), value in ctx.catalog.settings.items() if scope == "database")
    after = changed_settings(ctx, before, node["setstmt"])
    settings = ctx.catalog.settings
    for name, _ in before:
        settings = settings.delete(("database", name))
    for name, value in after:
        settings = settings.set(("database", name), value)
    ctx.catalog.settings = settings


def create_tablespace(ctx: Context, node: Node) -> None:
    """CreateTableSpace."""
    _outside_block(ctx, "CREATE TABLESPACE")
    name = node["tablespacename"]
    need_superuser(
        ctx,
        f'permission denied to create tablespace "{name}"',
        name=name,
        help="Must be superuser to create a tablespace.",
    )
    if not node.get("location", "").startswith("/"):
        raise ctx.refuse("42P17", "tablespace location must be an absolute path", None, name=name, kind="other")
    if name.startswith("pg_"):
        raise ctx.refuse(
            "42939",
            f'unacceptable tablespace name "{name}"',
            None,
            name=name,
            kind="other",
            help='The prefix "pg_" is reserved for system tablespaces.',
        )
    found = ctx.catalog.one(Other, ("tablespace", 0, name))
    if found is not None:
        refuse_existing(ctx, found.oid, "tablespace", f'tablespace "{name}" already exists', name=name)
    ctx.catalog.put(Other(ctx.catalog.new_oid(), "tablespace", name, 0, ctx.session.role))


def drop_tablespace(ctx: Context, node: Node) -> None:
    """DropTableSpace."""
    _outside_block(ctx, "DROP TABLESPACE")
    found = ctx.catalog.one(Other, ("tablespace", 0, node["tablespacename"]))
    if found is None:
        ctx.notes.append("DROP TABLESPACE")
        return
    need_owner(ctx, found, name=found.name)
    ctx.catalog.remove(found.oid)


def alter_tablespace(ctx: Context, node: Node) -> None:
    """AlterTableSpaceOptions."""
    found = ctx.catalog.one(Other, ("tablespace", 0, node["tablespacename"]))
    if found is not None:
        need_owner(ctx, found, name=found.name)


HANDLERS = {
    "CreatedbStmt": create_database,
    "DropdbStmt": drop_database,
    "AlterDatabaseStmt": alter_database,
    "AlterDatabaseRefreshCollStmt": alter_database,
    "AlterDatabaseSetStmt": alter_database_set,
    "CreateTableSpaceStmt": create_tablespace,
    "DropTableSpaceStmt": drop_tablespace,
    "AlterTableSpaceOptionsStmt": alter_tablespace,
}
