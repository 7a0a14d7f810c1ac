"""A run that is told to end leaves no server, no scratch database and no file behind, and says so."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from lockgate.base.errors import CannotCheck


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM (a cancelled job) and SIGHUP (a closed terminal) end the block as Ctrl-C does: with CannotCheck, after
    everything was closed.

    Who asked for a signal to be ignored (nohup) is obeyed.
    """
    taken = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt as word:
        said = signal.Signals(word.args[0]).name if word.args else "Ctrl-C"
        raise CannotCheck(
            f"interrupted by {said}", "Nothing was proven; the scratch server and its files are gone."
        ) from None
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
