"""A GRANT that grants nothing: see rules/grant-without-effect.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.run.evidence import Unheeded
from lockgate.timeline.review import Undone

_STATES = ("01006", "01007")


@on_fact(Undone)
def check(fact: Undone) -> Iterator[Draft]:
    """Foreseen: the role that runs it holds no grant option."""
    step, warned = fact.step, fact.warned
    if warned.sqlstate in _STATES:
        at = Label(step.statement.script.source, warned.span, "a warning, and nothing changes")
        yield Draft(
            warned.message,
            at,
            warned.help,
            object=warned.object,
            slot=step.migration.slot,
            statement=step.statement.index,
        )


@on_fact(Unheeded)
def observed(fact: Unheeded) -> Iterator[Draft]:
    """The server's own warning, where nothing was foreseen."""
    if fact.notice.sqlstate in _STATES:
        yield Draft(fact.notice.message, fact.at, slot=fact.migration.slot, statement=fact.observation.index)
