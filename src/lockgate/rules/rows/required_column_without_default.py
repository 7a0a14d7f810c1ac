"""A column that every row would need a value for: see rules/required-column-without-default.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import (
    Age,
    Attribute,
    Effect,
    Relation,
    Remark,
    Scene,
    Step,
    Type,
    at_effect,
    emptied,
    on_scene,
)

_HELP = "give it a DEFAULT; or add it nullable, fill it, and SET NOT NULL in a later migration"


@on_scene("altered", "AlterTableStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each column of a table that production has."""
    for step, change in scene.changes():
        old, new = change.before, change.after
        if not (isinstance(old, Relation) and isinstance(new, Relation)) or step.fails is not None:
            continue
        effect = _of(step, new)
        known = {a.num for a in old.attributes}
        for column in new.attributes:
            if column.num in known or effect is None or emptied(scene, step, new.oid) or not _needed(scene, column):
                continue
            message = f"column {column.name} is NOT NULL and has no default: refused (23502) where {effect.relation} has any row"
            yield at_effect(step, effect, message, _HELP, rows="any")


def _of(step: Step, relation: Relation) -> Effect | None:
    return next((e for e in step.effects if e.oid == relation.oid and e.age is Age.PRODUCTION), None)


def _needed(scene: Scene, column: Attribute) -> bool:
    """Whether no default fills it: its own, a generated value's, or its domain's."""
    kind = scene.after.find(Type, column.type)
    filled = column.has_default or column.identity or column.generated or (kind is not None and kind.kind == "d")
    return column.notnull and bool(column.type) and not filled
