"""Effects as text: what each statement locks and does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from lockgate.base.effects import Age, Effect, Lock, Work

if TYPE_CHECKING:
    from lockgate.timeline.step import Step

_WORK = {Work.SCAN: "read whole", Work.BUILD: "an index is built on it", Work.REWRITE: "written anew"}


def effects_text(steps: Iterable[Step]) -> str:
    """One short line for each effect that can make anybody wait, under its file."""
    out = []
    for path, group in groupby(steps, key=lambda step: step.statement.script.source.path):
        lines = [line for step in group for line in _lines(step)]
        if lines:
            out += [f"{path}\n", *lines]
    return "".join(out)


def _lines(step: Step) -> Iterator[str]:
    line = step.statement.script.source.position(step.statement.span.start).line
    for effect in step.effects:
        if _matters(effect):
            yield f"  {line:>5}  {_words(effect)}\n"


def _matters(effect: Effect) -> bool:
    if effect.age is Age.TRANSACTION:
        return False
    strong = effect.held is not None and effect.held >= Lock.SHARE_UPDATE_EXCLUSIVE
    return effect.work is not Work.NONE or (strong and effect.lock is not None)


def _words(effect: Effect) -> str:
    lock = effect.lock.mode.removesuffix("Lock") if effect.lock is not None else "no lock"
    words = f"{effect.relation}: {lock}"
    if effect.held is not None and effect.held != effect.lock:
        words += f" (holds {effect.held.mode.removesuffix('Lock')})"
    if effect.work is not Work.NONE:
        words += f", {_WORK[effect.work]}"
    if effect.why:
        words += f" ({effect.why})"
    if effect.age is Age.RELEASE:
        words += ", made by this release"
    return words + ("" if effect.exact else "   ? not certain")
