"""A GRANT that grants nothing: see rules/grant-without-effect.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_fact, on_scene
from lockgate.run.evidence import Unheeded

_STATES = ("01006", "01007")


@on_scene("warned")
def check(scene: Scene) -> Iterator[Remark]:
    """Foreseen: the role that runs it holds no grant option."""
    for step, warned in scene.undone():
        if warned.sqlstate in _STATES:
            mark = "a warning, and nothing changes"
            yield at_step(step, warned.message, warned.help, mark=mark, span=warned.span, object=warned.object)


@on_fact(Unheeded)
def observed(fact: Unheeded) -> Iterator[Remark]:
    """The server's own warning, where nothing was foreseen."""
    if fact.notice.sqlstate in _STATES:
        yield Remark(fact.notice.message, fact.at, slot=fact.migration.slot, statement=fact.observation.index)
