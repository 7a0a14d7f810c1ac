"""A name changed that the running release still uses: see rules/rename-before-release.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Change, Relation, Remark, Routine, Scene, Type, at_step, on_scene

_HELP = "beside the old name first: a new column filled by a trigger, or a view of the old name; drop it once no old release runs"


@on_scene("altered")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each statement."""
    for step in scene.steps:
        names = [found for change in step.changes for found in _renamed(scene, change)] if step.fails is None else []
        if names:
            what, name, now = names[0]
            message = f"{what} {name} is called {now} from now on, and the running release may still use the old name"
            yield at_step(step, message, _HELP, object=name)


def _renamed(scene: Scene, change: Change) -> Iterator[tuple[str, str, str]]:
    old, new = change.before, change.after
    if old is None or new is None or not scene.old(old.oid):
        return
    match old, new:
        case Relation(kind="r" | "p" | "v" | "m" | "f"), Relation():
            space = scene.before.namespace_name(old.namespace)
            name = f"{space}.{old.name}"
            if (old.namespace, old.name) != (new.namespace, new.name) and _missing(scene, old):
                yield (
                    "relation",
                    name,
                    new.name
                    if old.namespace == new.namespace
                    else f"{scene.after.namespace_name(new.namespace)}.{new.name}",
                )
            if not old.parents:
                now = {a.num: a.name for a in new.attributes}
                last = scene.after.find(Relation, old.oid)
                names = {a.name for a in last.attributes} if last is not None else set()
                for column in old.attributes:
                    if now.get(column.num, column.name) != column.name and column.name not in names:
                        yield "column", f"{name}.{column.name}", now[column.num]
        case Routine(), Routine() if old.name != new.name and not any(
            r.name == old.name and r.namespace == old.namespace for r in scene.after.objects(Routine)
        ):
            yield "function", f"{scene.before.namespace_name(old.namespace)}.{old.name}", new.name
        case Type(kind="e"), Type() if len(old.labels) == len(new.labels):
            for was, label in zip(old.labels, new.labels, strict=True):
                if was != label:
                    yield "value", f"{was} of {scene.before.namespace_name(old.namespace)}.{old.name}", label


def _missing(scene: Scene, old: Relation) -> bool:
    """Whether nothing stands in for it under the old name."""
    return scene.after.relation_named(old.namespace, old.name) is None
