"""The command line: nothing but arguments, calls and exit codes."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: every way a run can end becomes the contract's exit code; no traceback reaches a user."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(_run())
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(3)


def _run() -> int:
    from lockgate.memo import remembered

    known = remembered(sys.argv[1:])
    if known is not None:
        sys.stdout.write(known[0])
        sys.stdout.flush()
        return known[1]
    from lockgate.cli.group import run

    return run()
