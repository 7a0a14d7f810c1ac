"""All rows of a table written in a schema migration: see rules/backfill-in-migration.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect, tree

_WORDS = {"UpdateStmt": "updated", "DeleteStmt": "deleted"}
_HELP = "in batches, each its own transaction, outside of the schema migration"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each statement without a condition."""
    word = _WORDS.get(step.statement.tag)
    written = effect.lock is None or not effect.lock.blocks_writes
    if word and written and effect.kind == "table" and "whereClause" not in tree(step):
        yield at_effect(step, effect, f"every row of {effect.relation} is {word} in one transaction", _HELP)
