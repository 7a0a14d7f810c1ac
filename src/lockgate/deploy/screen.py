"""Where a deploy stands: a live line on a terminal, plain lines elsewhere. Everything shown passes through the
masker."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, TextIO

from lockgate.base.text import clean, clean_text
from lockgate.deploy.secret import Masker, printable

_HEARTBEAT = 30.0  # seconds after which a plain log says again that it still waits


class PlainScreen:
    """Lines for a log. The prefix keeps foreign text from being read as a runner's workflow command."""

    def __init__(self, masker: Masker, stream: TextIO | None = None) -> None:
        self._masker = masker
        self._stream = stream or sys.stderr
        self._phase = ""
        self._started = time.monotonic()
        self._last: tuple[str, float] = ("", 0.0)

    def phase(self, name: str, timeout: float = 0) -> None:
        """A new phase begins, with so many seconds to end."""
        self._phase, self._started, self._last = name, time.monotonic(), ("", 0.0)
        self._write(f"[{name}]" + (f" up to {timeout:.0f} s" if timeout else ""))

    def detail(self, text: str) -> None:
        """Where the phase stands; said again only when it changes, or after a while."""
        now = time.monotonic()
        if text != self._last[0] or now - self._last[1] >= _HEARTBEAT:
            self._last = (text, now)
            self._write(f"[{self._phase}] {text} ({now - self._started:.0f} s)")

    def say(self, text: str) -> None:
        """Something that stays on the screen."""
        for line in text.splitlines():
            self._write(line)

    def quote(self, text: str) -> None:
        """Foreign text: a log's tail."""
        for line in printable(text).splitlines():
            self._write(f"  | {line}")

    def close(self) -> None:
        """End the live line."""

    def _write(self, line: str) -> None:
        self._stream.write(f"lockgate: {clean_text(self._masker.text(line))}\n")
        self._stream.flush()


class Live(PlainScreen):
    """The same with a moving line of rich for the phase under way."""

    def __init__(self, masker: Masker) -> None:
        super().__init__(masker)
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status: Any = None

    def phase(self, name: str, timeout: float = 0) -> None:
        self.close()
        self._phase, self._started, self._last = (
            name,
            time.monotonic(),
            (f"up to {timeout:.0f} s" if timeout else "", 0.0),
        )
        self._status = self._console.status(self._line())
        self._status.start()

    def detail(self, text: str) -> None:
        self._last = (text, time.monotonic())
        if self._status is not None:
            self._status.update(self._line())

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self) -> str:
        from rich.markup import escape

        text, seconds = escape(clean(self._masker.text(self._last[0]))), time.monotonic() - self._started
        return f"[bold]{escape(clean(self._phase))}[/bold] {text} [dim]{seconds:.0f} s[/dim]"

    def _write(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text(clean_text(self._masker.text(line))))


Screen = PlainScreen


def screen(masker: Masker) -> Screen:
    """A live screen on a terminal, lines in a pipe and in CI."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI"):
        return Live(masker)
    return PlainScreen(masker)
