"""Several tables that production has, locked in one transaction: see rules/several-tables-locked.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Age, Constraint, Effect, Remark, Scene, Step, at_effect, on_scene

_HELP = "one table in each migration: a transaction keeps its locks to its end"


@on_scene("locked")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each transaction, where it takes the second table."""
    held: dict[int, str] = {}
    told = False
    for step in scene.steps:
        if not step.session.in_block:
            held, told = {}, False
        for effect in step.effects:
            if not _blocks(effect) or effect.oid in _keys(step):
                continue
            held.setdefault(effect.oid, effect.relation)
            if len(held) > 1 and not told:
                first = next(iter(held.values()))
                told = True
                message = f"locks {effect.relation} while its transaction keeps {first} locked"
                yield at_effect(
                    step, effect, f"{message}: whoever takes them in the other order ends in a deadlock", _HELP
                )


def _blocks(effect: Effect) -> bool:
    held = effect.held
    taken = effect.lock is not None and held is not None and held.blocks_writes
    return taken and effect.told and effect.age is Age.PRODUCTION and effect.kind == "table"


def _keys(step: Step) -> set[int]:
    """The tables that a foreign key refers to: another rule tells of them."""
    keys = [o for c in step.changes for o in (c.before, c.after) if isinstance(o, Constraint) and o.kind == "f"]
    return {key.foreign for key in keys}
