"""A foreign key that would set NULL where none may be: see rules/set-null-on-not-null.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Relation, Remark, Scene, at_step, on_scene

_HELP = "ON DELETE CASCADE or RESTRICT; or let the column take NULLs"


@on_scene("made")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each foreign key, as it stands at the end of the migration."""
    for step, key in scene.made(Constraint):
        if key.kind != "f" or key.parent or "n" not in (key.on_delete, key.on_update):
            continue
        table = scene.after.find(Relation, key.relation)
        columns = [a for n in key.keys if table is not None and (a := table.attribute_by_num(n)) is not None]
        tight = next((a.name for a in columns if a.notnull), "")
        if tight and scene.after.taint_of(("object", key.relation)) is None:
            event = "DELETE" if key.on_delete == "n" else "UPDATE"
            message = f"foreign key {key.name} sets {tight} to NULL on {event}, which is NOT NULL: each such {event} fails (23502)"
            yield at_step(step, message, _HELP, object=key.name)
