"""A column that the running release's INSERTs must name from now on: see rules/value-required-before-release.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.required import needs_value, required
from lockgate.rules.model import (
    Attribute,
    Catalog,
    Change,
    Constraint,
    Relation,
    Remark,
    Scene,
    Severity,
    at_step,
    on_scene,
)
from lockgate.timeline.hazards.implied import claim_of, implies

_HELP = "keep a default, or the NULLs, until a release that gives a value is everywhere"


@on_scene("altered")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each column, where the migration leaves it so."""
    told: set[tuple[int, int]] = set()
    for step in reversed(scene.steps):
        for change in step.changes if step.fails is None else ():
            for number, name in _required(scene, change):
                if (change.before is not None) and (change.before.oid, number) not in told:
                    told.add((change.before.oid, number))
                    message = f"column {name} needs a value from now on, which INSERTs of the running release that do not name it lack (23502)"
                    severity = Severity.INFO if _was_empty(scene, change.before.oid, number) else Severity.WARNING
                    yield at_step(step, message, _HELP, object=name, severity=severity)


def _was_empty(scene: Scene, table: int, number: int) -> bool:
    """Whether a column stood there before and took NULLs: whoever requires a value has seen that it is given."""
    was = scene.before.find(Relation, table)
    column = was.attribute_by_num(number) if was is not None else None
    return column is not None and not column.notnull and not column.has_default


def proven(catalog: Catalog, table: Relation, column: Attribute) -> bool:
    """Whether a CHECK, valid or not, has refused NULLs of a column before."""
    checks = (c for c in catalog.of_relation(table.oid, Constraint) if c.kind == "c" and c.expression)
    return any(implies(claim_of(c), ("set", column.name)) for c in checks)


def _required(scene: Scene, change: Change) -> Iterator[tuple[int, str]]:
    old, new = change.before, change.after
    if not (isinstance(old, Relation) and isinstance(new, Relation) and new.kind in "rp" and scene.old(old.oid)):
        return
    was = scene.before.find(Relation, old.oid)
    first = {a.num: a for a in was.attributes} if was is not None else {}
    final = required(scene.after, new.oid)
    before = {a.num: a for a in old.attributes}
    for column in new.attributes if not new.parents else ():
        began = first.get(column.num)
        needed = began is not None and needs_value(scene.before, began)
        changed = before.get(column.num) != column
        if was is not None and began is not None and proven(scene.before, was, began):
            continue
        if changed and column.name in final and not needed and needs_value(scene.after, column):
            space = scene.after.namespace_name(new.namespace)
            yield column.num, f"{space}.{new.name}.{column.name}"
