"""The command line: nothing but arguments, calls and exit codes."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Entry point: every way a run can end becomes the contract's exit code; no traceback reaches a user."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(
        100_000, 20, 100
    )  # nearly all that a run makes lives to its end: looking for garbage costs a tenth of it and finds none
    from lockgate.cli.group import run

    try:
        code = run()
        if sys.argv[1:2] == ["check"] and "LOCKGATE_DEBUG" not in os.environ:
            _leave(code)
        sys.exit(code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(3)


def _leave(code: int) -> None:
    """End the process as it stands: a check has nothing to close, and taking its values apart one by one costs another
    tenth."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
