"""A column that takes less than the running release may write: see rules/narrowed-before-release.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.catalog.typename import base_type, type_name
from lockgate.rules.model import Attribute, Catalog, Relation, Remark, Scene, at_step, on_scene
from lockgate.timeline.hazards.retype import widens

_HELP = "a new column of the new type beside it, written by the new release; the old one goes once no old release runs"


@on_scene("altered", "AlterTableStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each column."""
    for step, change in scene.changes():
        old, new = change.before, change.after
        if not (isinstance(old, Relation) and isinstance(new, Relation) and scene.old(old.oid)):
            continue
        if step.fails is not None or old.kind not in "rp" or old.parents:
            continue
        now = {a.num: a for a in new.attributes}
        for column in old.attributes:
            after = now.get(column.num)
            if after is not None and _narrowed(scene.after, column, after):
                name = f"{scene.before.namespace_name(old.namespace)}.{old.name}.{column.name}"
                kinds = [type_name(scene.after, a.type, a.typmod) for a in (column, after)]
                message = f"column {name} takes {kinds[1]} in place of {kinds[0]}: not all that the running release writes or expects"
                yield at_step(step, message, _HELP, object=name)


def _narrowed(catalog: Catalog, old: Attribute, new: Attribute) -> bool:
    """Whether a value of the old type may be none of the new: no implicit cast goes there, or its length is less."""
    if (old.type, old.typmod) == (new.type, new.typmod) or not old.type or not new.type:
        return False
    was, now = base_type(catalog, old.type)[0], base_type(catalog, new.type)[0]
    if was == now:
        return new.typmod >= 0 and new.typmod != old.typmod and not widens(now, old.typmod, new.typmod)
    cast = catalog.builtins.cast(was, now)
    return cast is None or cast.context != "i" or new.typmod >= 0
