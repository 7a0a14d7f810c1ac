"""An index built while nobody can write: see rules/index-build-under-lock.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table."""
    held = effect.held or effect.lock
    if effect.kind == "table" and held is not None:
        who = "read or write" if held.blocks_reads else "write to"
        message = f"an index of {effect.relation} is built while nobody can {who} the table"
        yield at_effect(step, effect, message, _help(step))


def _help(step: Step) -> str:
    if step.statement.tag == "IndexStmt":
        return "CREATE INDEX CONCURRENTLY, in a migration that its runner does not put into a transaction"
    return "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT ... USING INDEX"
