"""How much work the simulator takes on: for one statement, and for one run.

SQL is anybody's: it may loop for ever, double a text sixty times, join a catalog with itself. What costs more than the
budget is not followed, and told as such: what it may have changed is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from lockgate.timeline.failure import Unsure

STATEMENT = 6_000_000  # units of one statement; a unit is about a microsecond
RUN = 12_000_000  # units of one run
AGAIN = 2_000_000  # the least that a replay of the same folder gets after another
OF_A_RUN = "the budget of one run"  # as the reasons of doubt spell it
TEXT = 1_000_000  # characters of one value, its parts included; a longer one is not known
OBJECTS = 600_000  # what a run's catalog may come to hold: 4 for an object, 1 for a column; each about 400 bytes
ITEMS = 100_000  # parts of one value


class Exhausted(Unsure):
    """The budget is spent."""


class Budget(msgspec.Struct):
    """What is left of a run's work, and of it for the statement at hand."""

    run: int = RUN
    left: int = STATEMENT
    given: int = STATEMENT  # what the statement at hand began with
    kept: int = 0  # of OBJECTS
    counted: int = 0  # how much of the journal of the statement at hand is in there

    def begin(self) -> None:
        """The next statement begins."""
        self.run -= self.given - self.left
        self.given = self.left = max(0, min(STATEMENT, self.run))
        self.counted = 0

    def spend(self, units: int) -> None:
        """Count work before it is done; raises Exhausted when there has been too much."""
        self.left -= units
        if self.left < 0:
            raise self.over()

    def keep(self, objects: int) -> None:
        """Count what a statement made; raises Exhausted when the run has made too much."""
        self.kept += objects
        if self.kept > OBJECTS:
            raise Exhausted(f"the migrations make more objects than {OF_A_RUN} allows", ("any",), keep=True)

    def over(self) -> Exhausted:
        """What to raise when nothing is left."""
        whose = "the budget of one statement" if self.given == STATEMENT else OF_A_RUN
        return Exhausted(f"it takes more work to follow than {whose} allows", ("any",), keep=True)

    @contextmanager
    def part(self, units: int) -> Iterator[None]:
        """No more than so many units for what is done inside: what it finds out can be done without."""
        rest = max(0, self.left - units)
        self.left -= rest
        try:
            yield
        finally:
            self.left += rest
