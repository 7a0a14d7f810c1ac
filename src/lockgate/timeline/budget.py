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
RUN = 15_000_000  # units of one run
TEXT = 1_000_000  # characters of one value, its parts included; a longer one is not known
ITEMS = 100_000  # parts of one value


class Exhausted(Unsure):
    """The budget is spent."""


class Budget(msgspec.Struct):
    """What is left of a run's work, and of it for the statement at hand."""

    run: int = RUN
    left: int = STATEMENT
    given: int = STATEMENT  # what the statement at hand began with

    def begin(self) -> None:
        """The next statement begins."""
        self.run -= self.given - self.left
        self.given = self.left = max(0, min(STATEMENT, self.run))

    def spend(self, units: int) -> None:
        """Count work before it is done; raises Exhausted when there has been too much."""
        self.left -= units
        if self.left < 0:
            raise self.over()

    def over(self) -> Exhausted:
        """What to raise when nothing is left."""
        whose = "one statement" if self.given == STATEMENT else "one run"
        return Exhausted(f"it takes more work to follow than the budget of {whose} allows", ("any",), keep=True)

    @contextmanager
    def part(self, units: int) -> Iterator[None]:
        """No more than so many units for what is done inside: what it finds out can be done without."""
        rest = max(0, self.left - units)
        self.left -= rest
        try:
            yield
        finally:
            self.left += rest
