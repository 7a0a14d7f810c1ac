"""A constraint that rows of production may break: see rules/depends-on-rows.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import (
    Change,
    Constraint,
    Effect,
    Relation,
    Remark,
    Scene,
    Step,
    at_effect,
    mended_before,
    on_effect,
)
from lockgate.rules.truth import over_new_columns

_HELP = "ask production first which rows break it, and mend them in an earlier migration"
_STATES = {"c": "23514", "f": "23503", "u": "23505", "p": "23505", "x": "23P01"}


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table."""
    if effect.kind != "table" or mended_before(scene, step, effect.oid):
        return
    for change in step.changes:
        found = _condition(scene, change, effect.oid)
        if found:
            what, state = found
            message = (
                f"{what}: refused ({state}) where rows of {effect.relation} break it, which no empty database shows"
            )
            yield at_effect(step, effect, message, _HELP, rows="some")
            return


def _condition(scene: Scene, change: Change, oid: int) -> tuple[str, str] | None:
    """What every row of the table must now satisfy, and how the server refuses one that does not."""
    old, new = change.before, change.after
    table = scene.before.find(Relation, oid)
    columns = {a.num for a in table.attributes} if table is not None else set()
    match old, new:
        case ((None | Constraint(validated=False)), Constraint(relation=relation, validated=True, kind=kind)) if (
            relation == oid
            and kind in _STATES
            and (not new.keys or columns & set(new.keys))
            and over_new_columns(scene, new) is None  # another rule tells that
        ):
            return f"constraint {new.name} is held against the rows", _STATES[kind]
        case None, Relation(index=index) if index is not None and index.relation == oid and index.unique:
            return f"unique index {new.name} is built over the rows", "23505"
        case Relation(oid=same), Relation() if same == oid:
            nulls = {a.num for a in old.attributes if not a.notnull}
            names = [a.name for a in new.attributes if a.notnull and a.num in nulls & columns]
            return (f"column {names[0]} becomes NOT NULL", "23502") if names else None
    return None
