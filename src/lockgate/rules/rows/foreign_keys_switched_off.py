"""Rows that no foreign key looks at: see rules/foreign-keys-switched-off.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Effect, Remark, Scene, Step, at_step, on_scene, tree

_HELP = "DISABLE TRIGGER USER leaves the foreign keys on; or drop them, and add them again afterwards (NOT VALID, then VALIDATE)"


@on_scene("locked", "AlterTableStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each statement."""
    for step in scene.steps:
        if step.statement.tag != "AlterTableStmt" or step.fails is not None:
            continue
        kinds = {c["AlterTableCmd"].get("subtype") for c in tree(step).get("cmds", ())}
        effect = next((e for e in step.effects if e.keeps_out), None)
        if "AT_DisableTrigAll" in kinds and effect is not None and _keys(scene, effect):
            message = f"foreign keys of {effect.relation} are switched off, and ENABLE does not look at the rows that came in meanwhile"
            yield _at(step, effect, message)


def _at(step: Step, effect: Effect, message: str) -> Remark:
    return at_step(step, message, _HELP, object=effect.relation)


def _keys(scene: Scene, effect: Effect) -> bool:
    """Whether foreign keys stand on a table, or refer to it."""
    keys = scene.before.objects(Constraint)
    return any(c.kind == "f" and effect.oid in (c.relation, c.foreign) for c in keys)
