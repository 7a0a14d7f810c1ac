"""A progress bar on a terminal for work that takes long; nothing where output is piped."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[int, int, str], None]
_QUIET_SECONDS = 0.7  # shorter work shows no bar


@contextmanager
def progress(title: str) -> Iterator[Progress | None]:
    """A callback (done, total, what) that draws a bar on standard error; None where nobody watches."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        yield None
        return
    started, bar, task = time.monotonic(), None, None  # type: float, Any, Any

    def advance(done: int, total: int, what: str) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - started < _QUIET_SECONDS:
                return
            bar, task = _bar(title, total)
        bar.update(task, completed=done, total=total, what=what)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar(title: str, total: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[what]}"), console=Console(stderr=True), transient=True)
    bar.start()
    return bar, bar.add_task(title, total=total, what="")
