"""How the gate asks while a release is under way: patiently where Dokploy gives no answer, and without Dokploy where the
key's limit is used up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from lockgate.deploy.dokploy import DokployRefused, Unsettled
from lockgate.deploy.ending import RESUME, Clock, End, Pace, Stop
from lockgate.deploy.health import HealthProbe
from lockgate.deploy.rhythm import Rhythm
from lockgate.deploy.screen import Screen

T = TypeVar("T")
# seconds for which a used-up key is waited for: a limit by the minute is over then, one by the hour is not
_WINDOW = 90.0


class ProvenByApp(Exception):
    """The app answered with the gated commit, steadily, while Dokploy refused to be asked."""


class AppProof:
    """The app's own word for its commit: as often in a row as configured, over ``settle`` seconds."""

    def __init__(self, probe: HealthProbe, settle: float) -> None:
        self._probe, self._settle = probe, settle
        self._row, self._since = 0, 0.0
        self.wrong = ""

    def look(self) -> bool:
        """Ask once; whether that is proof by now."""
        now, self.wrong = time.monotonic(), self._probe.ask()
        if self.wrong:
            self._row = 0
            return False
        self._since = now if not self._row else self._since
        self._row += 1
        return self._row >= self._probe.expectation.successes and now - self._since >= self._settle


class Asker(msgspec.Struct):
    """Asks Dokploy questions in a rhythm. ``errors`` counts the answers that did not come."""

    screen: Screen
    rhythm: Rhythm
    pace: Pace
    app: AppProof | None = None
    errors: int = 0
    limited: bool = False  # the key's limit was met
    deadline: float = 0.0  # until when its window is waited for

    def ask(self, question: Callable[[], T], clock: Clock, what: str) -> T:
        """Ask until there is an answer, or the phase is over. Raises Stop, DokployRefused, ProvenByApp."""
        pause = self.rhythm.again()
        while True:
            try:
                return self._answer(question, clock, what, pause, self.screen.detail)
            except DokployRefused as error:
                if error.kind != "limit":
                    raise
                self._without_dokploy(error, clock)

    def ask_once(self, question: Callable[[], T], clock: Clock, what: str) -> T | None:
        """The same for what is good to know: None where the key's limit is used up."""
        if self.limited:
            return None
        try:
            return self._answer(question, clock, what, self.rhythm.again())
        except DokployRefused as error:
            if error.kind != "limit":
                raise
            self.limited = True
            return None

    def _answer(
        self,
        question: Callable[[], T],
        clock: Clock,
        what: str,
        pause: Rhythm,
        told: Callable[[str], None] = lambda words: None,
    ) -> T:
        """Ask until Dokploy answers or refuses, or the phase is over; ``told`` hears why there was no answer."""
        while True:
            try:
                return question()
            except Unsettled as error:
                self.errors += 1
                told(error.message)
                if clock.over:
                    raise Stop(End.UNKNOWN, f"{what}: {error.message}", RESUME) from None
                pause.pause(clock.left)

    def _without_dokploy(self, error: DokployRefused, clock: Clock) -> None:
        """Wait, so that the window of the limit may pass. Raises ProvenByApp where the app tells its commit meanwhile,
        Stop where the time is over."""
        if not self.limited:
            self.screen.say(f"{error.message}; " + ("the app is asked alone" if self.app else "waiting for its window"))
            self.limited, self.deadline = True, time.monotonic() + _WINDOW
        again = Clock(self.pace.poll * 30)
        while not again.over:
            if self.app is not None and self.app.look():
                raise ProvenByApp(error.message)
            if self.app is not None:
                self.screen.detail(self.app.wrong or "the app answers with the gated commit")
            if clock.over or (self.app is None and time.monotonic() >= self.deadline):
                raise Stop(End.UNKNOWN, error.message, f"{error.remedy}; then {RESUME}")
            time.sleep(self.pace.poll)
