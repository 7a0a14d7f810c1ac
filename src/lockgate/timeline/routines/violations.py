"""Constraints that rows violate for certain (ExecConstraints in src/backend/executor/execMain.c, RI_FKey_check in
ri_triggers.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Constraint, Relation
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Row, known
from lockgate.timeline.evaluate.contents import Keys, contents_of
from lockgate.timeline.evaluate.value import Value, conjunction, equal


def check_nulls(ctx: Context, relation: Relation, row: Row) -> None:
    """A new row with NULL where the column takes none: 23502."""
    if ctx.catalog.taint_of(("any",), ("object", relation.oid), ("namespace", relation.namespace)):
        return
    for column in relation.attributes:
        missing = column.notnull and row.values.get(column.name, UNKNOWN) is None
        if missing and not ctx.catalog.taint_of(("column", relation.oid, column.name)):
            message = f'null value in column "{column.name}" of relation "{relation.name}" violates not-null constraint'
            raise ctx.refuse(
                "23502",
                message,
                name=column.name,
                object=f"{ctx.catalog.qualified(relation)}.{column.name}",
                kind="other",
            )


def check_keys(ctx: Context, relation: Relation, before: list[Row], after: list[Row]) -> None:
    """Rows that refer to nothing, rows gone that others still refer to: 23503."""
    old, new = {id(row) for row in before}, {id(row) for row in after}  # what stays is the same row
    fresh = [row for row in after if id(row) not in old]
    for key in ctx.catalog.of_relation(relation.oid, Constraint) if fresh else ():
        target = ctx.catalog.find(Relation, key.foreign) if key.kind == "f" and not _later(ctx, key) else None
        others = (after if target is relation else contents_of(ctx, target)) if target is not None else None
        if (
            others is not None
            and target is not None
            and any(_lost(row, relation, key.keys, others, target, key.foreign_keys) for row in fresh)
        ):
            raise ctx.refuse(
                "23503",
                f'insert or update on table "{relation.name}" violates foreign key constraint "{key.name}"',
                object=key.name,
                kind="other",
            )
    gone = [row for row in before if id(row) not in new]
    for edge in ctx.catalog.dependents(relation.oid) if gone else ():
        found = ctx.catalog.find(Constraint, edge.dependent[0])
        if (
            found is not None
            and found.kind == "f"
            and found.foreign == relation.oid
            and found.on_delete in "ar"
            and not _later(ctx, found)
        ):
            _check_referring(ctx, relation, found, after)


def check_existing(ctx: Context, key: Constraint) -> None:
    """RI_Initial_Check: a new foreign key, or one that is validated, over the rows that are there (23503)."""
    relation, target = ctx.catalog.find(Relation, key.relation), ctx.catalog.find(Relation, key.foreign)
    if relation is None or target is None or not (key.validated and key.enforced):
        return
    rows, others = contents_of(ctx, relation), contents_of(ctx, target)
    if rows and others is not None:
        for row in rows:
            if _lost(row, relation, key.keys, others, target, key.foreign_keys):
                message = f'insert or update on table "{relation.name}" violates foreign key constraint "{key.name}"'
                raise ctx.refuse("23503", message, object=key.name, kind="other")


def check_unique(ctx: Context, relation: Relation, index: Relation) -> None:
    """A new unique index over rows of which two have the same key (23505)."""
    rows = contents_of(ctx, relation) if index.index is not None and index.index.unique else None
    keys = Keys(ctx.catalog, relation, [])
    for row in rows or ():
        found = keys.clash(row)
        if isinstance(found, Relation) and found.oid == index.oid:
            message = f'could not create unique index "{index.name}"'
            raise ctx.refuse("23505", message, object=ctx.catalog.qualified(relation), kind="other")
        keys.add(row)


def _later(ctx: Context, key: Constraint) -> bool:
    """Whether a key is looked at when the block ends; outside of one that is at once."""
    return key.deferred and ctx.session.in_block


def _check_referring(ctx: Context, relation: Relation, key: Constraint, after: list[Row]) -> None:
    child = ctx.catalog.the(Relation, key.relation)
    rows = after if child is relation else contents_of(ctx, child)
    if rows and any(_lost(row, child, key.keys, after, relation, key.foreign_keys) for row in rows):
        message = f'update or delete on table "{relation.name}" violates foreign key constraint "{key.name}" on table "{child.name}"'
        raise ctx.refuse("23503", message, object=key.name, kind="other")


def _lost(
    row: Row, relation: Relation, keys: tuple[int, ...], others: list[Row], target: Relation, foreign: tuple[int, ...]
) -> bool:
    """Whether a row refers for certain to none of the others."""
    wanted = _of(row, relation, keys)
    if not known(*wanted) or None in wanted:
        return False
    return all(
        conjunction([equal(a, b) for a, b in zip(wanted, _of(other, target, foreign), strict=False)]) is False
        for other in others
    )


def _of(row: Row, relation: Relation, keys: tuple[int, ...]) -> list[Value]:
    return [
        row.values.get(column.name, UNKNOWN) if (column := relation.attribute_by_num(n)) is not None else UNKNOWN
        for n in keys
    ]
