"""A table rewritten while nobody can use it: see rules/rewrite-under-lock.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect

_HELP = "add a new column, fill it in batches, and switch over to it in a later release"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table; its indexes are built anew with it."""
    if effect.kind == "table" and step.statement.tag != "TruncateStmt":  # of rows that go another rule tells
        why = f" ({effect.why})" if effect.why else ""
        yield at_effect(step, effect, f"{effect.relation} is rewritten while nobody can read or write it{why}", _HELP)
