"""What one leg of the replay did, as it is shown: changes in words, locks that others run into, the file."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.text import clean_text
from lockgate.run.effects import foreseen
from lockgate.timeline.plan import Leg
from lockgate.timeline.step import Change, Step
from lockgate.walk.changes import words_of
from lockgate.walk.document import Deed, Mark, Moment, Sign, Wait

LONGEST_FILE = 100_000  # characters of a file that is carried along whole
MOST_CHANGES = 2_000  # of one file that are told in words
_SIGNS: dict[str, Sign] = {"+": "+", "-": "-", "~": "~"}


class Taken:
    """What the steps of one leg came to so far."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.role = ""
        self.fails = 0
        self.lines: list[int] = []
        self.changes: list[Deed] = []
        self.waits: list[Wait] = []
        self._open: dict[tuple[str, str], tuple[int, Wait]] = {}

    def look(self, step: Step) -> None:
        """Take up one step, with the catalogs around its statement."""
        line = step.statement.script.source.position(step.statement.span.start).line
        self.lines.append(line)
        self.role = step.before.role_name(step.session.role) if step.session.known else ""
        if step.fails is not None:
            self.fails += 1
            self.changes.append(Deed(line, "!", f"{step.fails.sqlstate}: {step.fails.message}"))
        if step.tainted:
            self.changes.append(Deed(line, "?", step.tainted[0]))
        for change in step.changes if len(self.changes) < MOST_CHANGES else ():
            about = _about(change)
            for words in words_of(step.before, step.after, change):
                self.changes.append(Deed(line, _SIGNS[words[0]], words[2:], about))
        self._hold(foreseen(step).effects, line)

    def _hold(self, effects: Iterable[Effect], line: int) -> None:
        """Lengthen the locks that the transaction goes on to hold, and begin those that are new or heavier."""
        seen = set()
        for effect in filter(_matters, effects):
            held = effect.held or effect.lock
            mode = held.mode if held is not None else ""
            key = (effect.kind, effect.relation)
            seen.add(key)
            index, before = self._open.get(key, (-1, None))
            work = effect.work.name.lower()
            if before is not None and (before.lock, "none") == (mode, work):
                self.waits[index] = wait = replace(before, last=line)
            else:
                wait = Wait(effect.relation, mode, line, line, effect.kind, work, effect.why, effect.rows)  # type: ignore[arg-type]
                index = len(self.waits)
                self.waits.append(wait)
            self._open[key] = (index, wait)
        for key in self._open.keys() - seen:
            del self._open[key]

    def moment(self, *, baseline: bool = False) -> Moment:
        """As it is told. A baseline is production's dump: nobody wants to read it as changes."""
        migration, kind = self.leg.migration, self.leg.kind
        source = migration.up.source if migration is not None else None
        text = source.text if source is not None else ""
        cut = len(text) > LONGEST_FILE
        return Moment(
            migration.slot if migration is not None else "",
            (migration.name or migration.id) if migration is not None else kind,
            source.path if source is not None else "",
            "baseline" if baseline else "handover" if kind == "handover" else "migration",
            self.role,
            self.leg.pending,
            0 if baseline else self.fails,
            [] if baseline else self.lines,
            [] if baseline else self.changes,
            [] if baseline else self.waits,
            "" if cut or baseline else clean_text(text),
            cut or baseline,
        )


def _matters(effect: Effect) -> bool:
    """Whether anybody can run into it: what the transaction itself made nobody else sees, and a query that reads a table
    keeps nobody out."""
    if effect.age is Age.TRANSACTION:
        return False
    held = effect.held or effect.lock
    return effect.work > Work.SCAN or (held is not None and held >= Lock.SHARE_UPDATE_EXCLUSIVE)


def _about(change: Change) -> Mark:
    """The relation or object that a change is shown at."""
    obj = change.after or change.before
    holder = getattr(obj, "relation", 0)
    return (holder if isinstance(holder, int) and holder else getattr(obj, "oid", 0), 0)
