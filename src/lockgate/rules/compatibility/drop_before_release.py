"""Something dropped that the running release still uses, for all that is known: see rules/drop-before-release.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Change, Relation, Remark, Routine, Scene, at_step, on_scene

_HELP = "two deploys: first a release that does without it, once that is everywhere the migration that drops it (`--release REF` asks the running one's queries)"
_TRIGGER = 2279  # pg_type: what a trigger function returns
_KINDS = {"r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialized view"}


@on_scene("dropped")
@on_scene("altered")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each statement."""
    for step in scene.steps:
        gone = [name for change in step.changes for name in _gone(scene, change)] if step.fails is None else []
        if gone:
            more = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
            message = f"{gone[0]}{more} goes while the running release may still use it"
            yield at_step(step, message, _HELP, object=gone[0].partition(" ")[2])


def _gone(scene: Scene, change: Change) -> Iterator[str]:
    """What an application can name and is not there after the migration: "table public.t", "column public.t.c"."""
    old, new = change.before, change.after
    if old is None or not scene.old(old.oid):
        return
    match old:
        case Relation(kind=kind) if kind in _KINDS:
            there = scene.after.find(Relation, old.oid)
            name = f"{scene.before.namespace_name(old.namespace)}.{old.name}"
            if new is None:
                if scene.after.relation_named(old.namespace, old.name) is None and not old.is_partition:
                    yield f"{_KINDS[kind]} {name}"
            elif isinstance(new, Relation) and there is not None and not old.parents:
                kept = {a.num for a in new.attributes}
                names = {a.name for a in there.attributes}
                yield from (
                    f"column {name}.{a.name}" for a in old.attributes if a.num not in kept and a.name not in names
                )
        case Routine() if new is None and not _replaced(scene, old) and old.result != _TRIGGER:
            yield f"function {scene.before.namespace_name(old.namespace)}.{old.name}"


def _replaced(scene: Scene, old: Routine) -> bool:
    return any(r.name == old.name and r.namespace == old.namespace for r in scene.after.objects(Routine))
