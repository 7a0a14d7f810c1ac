"""Trigger events that wait for the end of the transaction, and what they keep from a table (AfterTriggerPendingOnRel in
src/backend/commands/trigger.c, CheckTableNotInUse in tablecmds.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.objects import Constraint, Relation, Trigger
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Row, known


def queue_events(ctx: Context, relation: Relation, event: str, rows: Iterable[tuple[Row | None, Row | None]]) -> None:
    """Rows that were written for certain, each as it was and as it is, queue the table's deferred triggers: those of
    foreign keys on both of their sides, and constraint triggers of users."""
    written = list(rows)
    if not ctx.session.in_block or relation.oid in ctx.transaction.pending or not written:
        return
    own = event != "D" and any(_moved(relation, keys, written) for keys, own in _deferred_keys(ctx, relation) if own)
    referred = event == "D" and any(not own for _, own in _deferred_keys(ctx, relation))
    if own or referred or any(_deferred(ctx, t, event) for t in ctx.catalog.of_relation(relation.oid, Trigger)):
        ctx.transaction.pending.add(relation.oid)


def _deferred(ctx: Context, trigger: Trigger, event: str) -> bool:
    made = ctx.catalog.find(Constraint, trigger.constraint)
    fires = event in trigger.events and trigger.enabled in "OA" and not trigger.conditional and not trigger.columns
    return not trigger.internal and made is not None and made.deferred and fires


def _deferred_keys(ctx: Context, relation: Relation) -> Iterator[tuple[tuple[int, ...], bool]]:
    """The columns of each deferred foreign key, and whether it is the table's own (else: one that refers to it)."""
    for key in ctx.catalog.of_relation(relation.oid, Constraint):
        if key.kind == "f" and key.deferred and key.enforced:
            yield key.keys, True
    for edge in ctx.catalog.dependents(relation.oid, of_columns=True):
        found = ctx.catalog.find(Constraint, edge.dependent[0])
        if (
            found is not None
            and (found.kind, found.foreign) == ("f", relation.oid)
            and found.deferred
            and found.enforced
            and found.on_delete == "a"
        ):
            yield found.foreign_keys, False


def _moved(relation: Relation, keys: tuple[int, ...], rows: Iterable[tuple[Row | None, Row | None]]) -> bool:
    """Whether a row is new, or its key has certainly changed to another (RI_FKey_fk_upd_check_required)."""
    names = [a.name for n in keys if (a := relation.attribute_by_num(n)) is not None]
    for old, new in rows:
        if old is None:
            return True
        before, after = ([row.values.get(n, UNKNOWN) for n in names] if row is not None else [] for row in (old, new))
        if known(*before, *after) and None not in after and before != after:
            return True
    return False


def check_not_in_use(ctx: Context, relation: Relation, what: str) -> None:
    """55006 where the table has pending trigger events; ``what`` is the command as the server says it."""
    if ctx.session.in_block and relation.oid in ctx.transaction.pending:
        raise ctx.refuse(
            "55006",
            f'cannot {what} "{relation.name}" because it has pending trigger events',
            name=relation.name,
            object=ctx.catalog.qualified(relation),
            kind="relation",
            help="SET CONSTRAINTS ALL IMMEDIATE before it, or do it in a migration of its own.",
        )
