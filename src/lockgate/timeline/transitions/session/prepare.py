"""PREPARE, EXECUTE, cursors, EXPLAIN, and statements without effect on the catalog (src/backend/commands/prepare.c,
portalcmds.c)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from lockgate.catalog.objects import Routine
from lockgate.parse.facts import QUERIES
from lockgate.timeline.binder import Column, Variables, analyze_query, check_uses, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Refused, Unsure
from lockgate.timeline.hazards.queries import queried
from lockgate.timeline.privileges.check import need_superuser
from lockgate.timeline.routines.effects import plan


def _single(node: Node) -> tuple[str, Node]:
    ((tag, body),) = node.items()
    return tag, body


def prepare(ctx: Context, node: Node) -> None:
    """PrepareQuery: 42P05, and the query's own refusals."""
    name = node.get("name", "")
    if name in ctx.session.prepared:
        raise ctx.refuse("42P05", f'prepared statement "{name}" already exists', name=name, object=name, kind="other")
    types = [resolve_type(ctx, arg["TypeName"]) for arg in node.get("argtypes", [])]
    tag, body = _single(node["query"])
    variables = Variables((), tuple(Column("", t.oid, t.typmod) for t in types), inferred=True)
    if tag in QUERIES:
        analyze_query(ctx, tag, body, variables=variables)
    ctx.session = replace(ctx.session, prepared=ctx.session.prepared.set(name, (tag, body, variables)))


def execute_prepared(ctx: Context, node: Node) -> None:
    """ExecuteQuery: 26000."""
    name = node.get("name", "")
    found: Any = ctx.session.prepared.get(name)
    if found is None:
        raise ctx.refuse("26000", f'prepared statement "{name}" does not exist', name=name, object=name, kind="other")
    tag, body, variables = found
    if tag in QUERIES:
        with suppress(Refused, Unsure):
            queried(ctx, tag, body, analyze_query(ctx, tag, body, variables=variables))
    ctx.catalog.forget()
    ctx.notes.append("EXECUTE of a prepared statement")


def deallocate(ctx: Context, node: Node) -> None:
    """DeallocateQuery: 26000."""
    name = node.get("name")
    if name is None:
        ctx.session = replace(ctx.session, prepared=type(ctx.session.prepared)())
        return
    if name not in ctx.session.prepared:
        raise ctx.refuse("26000", f'prepared statement "{name}" does not exist', name=name, object=name, kind="other")
    ctx.session = replace(ctx.session, prepared=ctx.session.prepared.delete(name))


def declare_cursor(ctx: Context, node: Node) -> None:
    """PerformCursorOpen: 25P01, 42P03, and the query's own refusals."""
    name, hold = node.get("portalname", ""), bool(node.get("options", 0) & 0x20)
    tag, body = _single(node["query"])
    query = analyze_query(ctx, tag, body)
    if not ctx.transaction.open and not hold and ctx.depth == 0:
        raise ctx.refuse("25P01", "DECLARE CURSOR can only be used in transaction blocks", kind="other")
    check_uses(ctx, query)
    if name in ctx.session.cursors:
        raise ctx.refuse("42P03", f'cursor "{name}" already exists', name=name, object=name, kind="other")
    ctx.session = replace(
        ctx.session,
        cursors=ctx.session.cursors | {name},
        held=ctx.session.held | {name} if hold else ctx.session.held - {name},
    )


def fetch(ctx: Context, node: Node) -> None:
    """PerformPortalFetch: 34000."""
    _need_cursor(ctx, node.get("portalname", ""))


def close(ctx: Context, node: Node) -> None:
    """PerformPortalClose: 34000."""
    name = node.get("portalname")
    if name is None:
        ctx.session = replace(ctx.session, cursors=frozenset())
        return
    _need_cursor(ctx, name)
    ctx.session = replace(ctx.session, cursors=ctx.session.cursors - {name})


def _need_cursor(ctx: Context, name: str) -> None:
    if name in ctx.session.cursors or ctx.depth:
        return
    if not any(r.language == "plpgsql" for r in ctx.catalog.objects(Routine)):  # a function may have opened it
        raise ctx.refuse("34000", f'cursor "{name}" does not exist', name=name, object=name, kind="other")


def explain(ctx: Context, node: Node) -> None:
    """ExplainQuery: the statement is analysed, and run with ANALYZE."""
    tag, body = _single(node["query"])
    options = {o["DefElem"].get("defname") for o in node.get("options", [])}
    if "analyze" in options:
        from lockgate.timeline.transitions import execute

        execute(ctx, tag, body)
    elif tag in QUERIES:
        query = analyze_query(ctx, tag, body)
        check_uses(ctx, query)
        plan(ctx, query)


def nothing(ctx: Context, node: Node) -> None:
    """A statement that leaves the catalog as it is."""


def checkpoint(ctx: Context, node: Node) -> None:
    """CHECKPOINT."""
    need_superuser(
        ctx,
        "permission denied to execute CHECKPOINT command"
        if ctx.catalog.major > 15
        else "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT",
        roles=("pg_checkpoint",),
    )


def load(ctx: Context, node: Node) -> None:
    """LOAD."""
    if not str(node.get("filename", "")).startswith("$libdir/plugins/"):
        need_superuser(ctx, f'access to library "{node.get("filename", "")}" is not allowed')


HANDLERS: dict[str, Any] = {
    "PrepareStmt": prepare,
    "ExecuteStmt": execute_prepared,
    "DeallocateStmt": deallocate,
    "DeclareCursorStmt": declare_cursor,
    "FetchStmt": fetch,
    "ClosePortalStmt": close,
    "ExplainStmt": explain,
    "ListenStmt": nothing,
    "NotifyStmt": nothing,
    "UnlistenStmt": nothing,
    "CheckPointStmt": checkpoint,
    "LoadStmt": load,
}
