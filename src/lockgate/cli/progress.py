"""A progress bar on a terminal for work that takes long; nothing where output is piped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lockgate.base.text import clean

Progress = Callable[[int, int, str], None]
_QUIET_SECONDS = 0.7  # shorter work shows no bar


@contextmanager
def progress(title: str, quiet: bool = False) -> Iterator[Progress | None]:
    """A callback (done, total, what) that draws a bar on standard error; None where nobody watches."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        yield None
        return
    from threading import Timer

    bar = _Bar(title)
    timer = Timer(_QUIET_SECONDS, bar.show)  # not at the next step: that may be a minute away
    timer.daemon = True
    timer.start()
    try:
        yield bar.advance
    finally:
        timer.cancel()
        timer.join()
        bar.hide()


class _Bar:
    def __init__(self, title: str) -> None:
        self._title = title
        self._state: dict[str, Any] = {"completed": 0, "total": None, "what": ""}
        self._shown: Any = None

    def advance(self, done: int, total: int, what: str) -> None:
        self._state = {"completed": done, "total": total, "what": clean(what)}
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], **self._state)

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn(self._title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[what]}", markup=False),
        )
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(self._title, **self._state)
        self._shown = bar
        bar.start()
        bar.update(task, **self._state)

    def hide(self) -> None:
        if self._shown is not None:
            self._shown.stop()
