"""BEGIN, COMMIT, ROLLBACK and savepoints (src/backend/access/transam/xact.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.timeline import transaction
from lockgate.timeline.context import Context, Node


def control(ctx: Context, node: Node) -> None:
    """TransactionStmt."""
    _KINDS[node.get("kind", "TRANS_STMT_BEGIN")](ctx, node)


def _begin(ctx: Context, node: Node) -> None:
    if ctx.transaction.open and not ctx.transaction.implicit:
        ctx.warn("there is already a transaction in progress", sqlstate="25001")
    ctx.session = transaction.begin(ctx.transaction, ctx.catalog, ctx.session)
    ctx.transaction.implicit = False


def _commit(ctx: Context, node: Node) -> None:
    if not ctx.transaction.open:
        if node.get("chain"):
            raise _needs_block(ctx, "COMMIT AND CHAIN")
        ctx.warn("there is no transaction in progress", sqlstate="25P01")
    session = transaction.commit(ctx.transaction, ctx.catalog, ctx.session)
    ctx.session = replace(session, cursors=session.cursors & session.held)
    _chain(ctx, node)


def _rollback(ctx: Context, node: Node) -> None:
    if not ctx.transaction.open:
        if node.get("chain"):
            raise _needs_block(ctx, "ROLLBACK AND CHAIN")
        ctx.warn("there is no transaction in progress", sqlstate="25P01")
    ctx.session = transaction.rollback(ctx.transaction, ctx.catalog, ctx.session)
    _chain(ctx, node)


def _chain(ctx: Context, node: Node) -> None:
    if node.get("chain"):
        ctx.session = transaction.begin(ctx.transaction, ctx.catalog, ctx.session)


def _needs_block(ctx: Context, what: str) -> Exception:
    return ctx.refuse("25P01", f"{what} can only be used in transaction blocks", kind="other")


def _savepoint(ctx: Context, node: Node) -> None:
    if not ctx.transaction.open:
        raise _needs_block(ctx, "SAVEPOINT")
    transaction.savepoint(ctx.transaction, ctx.catalog, ctx.session, node.get("savepoint_name", ""))


def _release(ctx: Context, node: Node) -> None:
    if not ctx.transaction.open:
        raise _needs_block(ctx, "RELEASE SAVEPOINT")
    if not transaction.release(ctx.transaction, node.get("savepoint_name", "")):
        raise _missing(ctx, node)


def _rollback_to(ctx: Context, node: Node) -> None:
    if not ctx.transaction.open:
        raise _needs_block(ctx, "ROLLBACK TO SAVEPOINT")
    session = transaction.rollback_to(ctx.transaction, ctx.catalog, ctx.session, node.get("savepoint_name", ""))
    if session is None:
        raise _missing(ctx, node)
    ctx.session = session


def _missing(ctx: Context, node: Node) -> Exception:
    name = node.get("savepoint_name", "")
    return ctx.refuse(
        "3B001", f'savepoint "{name}" does not exist', node.get("location"), name=name, object=name, kind="other"
    )


def _prepare(ctx: Context, node: Node) -> None:
    # the transaction leaves the session; what it did is kept by whoever commits it
    if not ctx.transaction.open:
        ctx.warn("there is no transaction in progress", sqlstate="25P01")
    ctx.session = transaction.commit(ctx.transaction, ctx.catalog, ctx.session)
    ctx.notes.append("PREPARE TRANSACTION")


def _finish_prepared(ctx: Context, node: Node) -> None:
    if ctx.transaction.open:
        word = "COMMIT" if node.get("kind") == "TRANS_STMT_COMMIT_PREPARED" else "ROLLBACK"
        raise ctx.refuse("25001", f"{word} PREPARED cannot run inside a transaction block", kind="other")
    ctx.notes.append("two-phase commit")


_KINDS = {
    "TRANS_STMT_BEGIN": _begin,
    "TRANS_STMT_START": _begin,
    "TRANS_STMT_COMMIT": _commit,
    "TRANS_STMT_ROLLBACK": _rollback,
    "TRANS_STMT_SAVEPOINT": _savepoint,
    "TRANS_STMT_RELEASE": _release,
    "TRANS_STMT_ROLLBACK_TO": _rollback_to,
    "TRANS_STMT_PREPARE": _prepare,
    "TRANS_STMT_COMMIT_PREPARED": _finish_prepared,
    "TRANS_STMT_ROLLBACK_PREPARED": _finish_prepared,
}

HANDLERS = {"TransactionStmt": control}
