"""Every row of a table that production has goes: see rules/emptied-table.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect

_HELP = "make sure that nobody needs them; CASCADE empties whatever refers to the table, too"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table, those that CASCADE reaches among them."""
    if step.statement.tag == "TruncateStmt" and effect.kind == "table":
        message = f"every row of {effect.relation} goes, and nobody can read or write it until the transaction ends"
        yield at_effect(step, effect, message, _HELP)
