"""Effects as a statement runs: looked at before it (its locks, by name), and settled after it (its work, by what it
changed).

``transitions.execute`` calls ``look`` for every statement, those inside DO blocks and routines included, so that what
the interpreter carries out is told of, too. Nothing here refuses, taints or changes the catalog.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

from lockgate.base.effects import Lock
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Other, Relation
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.hazards.touches import Touches

# the module and the function that looks at a statement before it runs; "" where all that it locks is what it makes,
# changes or drops. They are imported with the first such statement.
_LOOKS = {
    "AlterDomainStmt": "statements.alter_domain",
    "AlterExtensionStmt": "",
    "AlterObjectSchemaStmt": "statements.set_schema",
    "AlterPolicyStmt": "statements.on_table",
    "AlterPublicationStmt": "statements.publication",
    "AlterSeqStmt": "statements.alter_sequence",
    "AlterTableStmt": "alter.alter_table",
    "ClusterStmt": "statements.cluster",
    "CommentStmt": "statements.comment",
    "CompositeTypeStmt": "",
    "CopyStmt": "statements.copy",
    "CreateExtensionStmt": "",
    "CreateForeignTableStmt": "",
    "CreatePolicyStmt": "statements.on_table",
    "CreatePublicationStmt": "statements.publication",
    "CreateSeqStmt": "statements.create_sequence",
    "CreateStatsStmt": "statements.statistics",
    "CreateStmt": "statements.create_table",
    "CreateTableAsStmt": "",
    "CreateTrigStmt": "statements.trigger",
    "DropOwnedStmt": "",
    "DropStmt": "statements.drop",
    "GrantStmt": "statements.grant",
    "IndexStmt": "statements.create_index",
    "LockStmt": "statements.lock",
    "ReassignOwnedStmt": "",
    "RefreshMatViewStmt": "statements.refresh",
    "ReindexStmt": "statements.reindex",
    "RenameStmt": "statements.rename",
    "RuleStmt": "statements.on_relation",
    "SecLabelStmt": "statements.comment",
    "TruncateStmt": "statements.truncate",
    "VacuumStmt": "statements.vacuum",
    "ViewStmt": "",
}
_CONCURRENT = frozenset({"IndexStmt", "DropStmt"})


def look(ctx: Context, touches: Touches, tag: str, node: Node) -> Callable[[], None] | None:
    """Before a statement runs; what is returned is to be called once it has run. None where there is nothing to see."""
    found = _LOOKS.get(tag)
    if found is None:
        return None
    start = len(ctx.catalog.journal)
    before = ctx.catalog.freeze() if start or ctx.depth else touches.before
    then = _safely(touches, _function(found), ctx, touches, node) if found else None
    return partial(_safely, touches, _settle, ctx, touches, tag, node, before, start, then)


@cache
def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"lockgate.timeline.hazards.{module}"), function)
    return found


def _safely(touches: Touches, run: Callable[..., Any], *arguments: Any) -> Any:
    """A hole in the effects must not stop the replay: what is found is then not certain."""
    try:
        return run(*arguments)
    except Exception:
        if os.environ.get("LOCKGATE_DEBUG"):
            raise
        touches.exact = False
        return None


def _settle(
    ctx: Context,
    touches: Touches,
    tag: str,
    node: Node,
    before: Catalog,
    start: int,
    then: Callable[[Catalog], None] | None,
) -> None:
    entries = ctx.catalog.journal[start:]
    if tag == "ViewStmt":
        entries = [(old, new) for old, new in entries if isinstance(new, Relation)]
        for old, new in entries:
            if isinstance(old, Relation) and isinstance(new, Relation) and before.get(old.oid) is not None:
                touches.lock(new, Lock.ACCESS_EXCLUSIVE)
    if tag in _CONCURRENT and node.get("concurrent"):
        entries = [entry for entry in entries if entry[0] is None]
    if entries:
        from lockgate.timeline.hazards.journal import Journal

        nulls = _function("alter.null_columns")(node) if tag == "AlterTableStmt" else frozenset()
        journal = Journal(touches, entries, before, ctx.catalog, nulls=nulls, filled=partial(_filled, ctx, before))
        touches.made |= journal.made
        journal.settle()
    if then is not None:
        then(ctx.catalog)


def _filled(ctx: Context, before: Catalog, table: Relation, key: Constraint) -> bool:
    """Whether a table may have values in the columns of a foreign key: not where they were made in this transaction,
    without a default, and nothing was written since."""
    start = ctx.transaction.start
    first = start.catalog if start is not None else before
    if table.oid in ctx.transaction.written:
        return True
    was = first.find(Relation, table.oid)
    if was is None:
        return False
    now, filled = before.find(Relation, table.oid), ctx.transaction.filled
    return all(
        was.attribute_by_num(n) is not None
        or (table.oid, n) in filled
        # added by this very statement
        or ((now is None or now.attribute_by_num(n) is None) and _given(ctx.catalog, table, n))
        for n in key.keys
    )


def _given(catalog: Catalog, table: Relation, number: int) -> bool:
    return catalog.one(Other, ("default", 0, f"{table.oid}.{number}")) is not None
