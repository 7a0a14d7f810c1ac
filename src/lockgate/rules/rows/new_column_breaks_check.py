"""A CHECK over a column that is NULL in every row: see rules/new-column-breaks-check.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Age, Constraint, Remark, Scene, Step, at_effect, mended_before, on_scene
from lockgate.rules.truth import over_new_columns

_HELP = "fill the column first (UPDATE, in batches), or add the CHECK NOT VALID and VALIDATE it once it is filled"


@on_scene("altered", "AlterTableStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each CHECK that some rows, or all, are certain to break."""
    for step, change in scene.changes():
        key = change.after
        begun = change.before is None or (isinstance(change.before, Constraint) and not change.before.validated)
        if isinstance(key, Constraint) and key.kind == "c" and key.validated and begun and step.fails is None:
            yield from _of(scene, step, key)


def _of(scene: Scene, step: Step, key: Constraint) -> Iterator[Remark]:
    effect = next((e for e in step.effects if e.oid == key.relation and e.age is Age.PRODUCTION and e.told), None)
    truth = over_new_columns(scene, key)
    if effect is None or truth is None or mended_before(scene, step, key.relation):
        return
    names = ", ".join(sorted(truth.columns))
    if truth.value is False:
        message = f"constraint {key.name} is false while {names} is NULL, as in every row there is: refused (23514) where {effect.relation} has any row"
        yield at_effect(step, effect, message, _HELP, rows="any")
    else:
        message = f"{names} is NULL in every row there is: constraint {key.name} is refused (23514) for the rows whose other columns do not make up for it"
        yield at_effect(step, effect, message, _HELP, rows="some")
