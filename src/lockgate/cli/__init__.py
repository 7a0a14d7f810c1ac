"""The command line: nothing but arguments, calls and exit codes."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys

from lockgate.base.put_off import lightly

TYPE_CHECKING = False  # as typing's, which a run that repeats another need not import
if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Entry point: every way a run can end becomes the contract's exit code; no traceback reaches a user."""
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding, by_line = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = _Output(sys.stdout.detach(), encoding, "backslashreplace", line_buffering=by_line)
    # nearly all that a run makes lives to its end: looking for garbage costs a tenth of it and finds next to none
    gc.set_threshold(2_000_000, 20, 100)
    lightly("pathlib", "click")
    from lockgate.cli.group import run

    try:
        code = run()
        if not sys.stdout.closed:  # the language server's client has left
            sys.stdout.flush()
    except OSError as error:  # what a command can meet, it tells itself (cli/group.py)
        code = _cannot_say(error)
    except KeyboardInterrupt:
        code = 3
    if sys.argv[1:2] == ["check"] and "LOCKGATE_DEBUG" not in os.environ:
        _leave(code)
    sys.exit(code)


class Unwritten(OSError):
    """Standard output takes no more: a full disk, or a reader that has gone. Without an errno, for click would end the
    run with 1, which reads as findings, where it sees EPIPE."""


class _Output(io.TextIOWrapper):
    """Standard output, whose refusals say that they are its own."""

    def write(self, text: str) -> int:
        with _named():
            return super().write(text)

    def flush(self) -> None:
        with _named():
            super().flush()


@contextlib.contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritten(f"standard output: {error.strerror or error}") from None


def _open_standard_streams() -> None:
    """A stream that was closed (``>&-``) must not become the number of the next file or socket that is opened: it is
    /dev/null, opened so that a word to standard output is refused, and not lost."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, flags), number)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _cannot_say(error: OSError) -> int:
    """Standard output takes no more, or the working folder was deleted."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"lockgate: {words_of(error)}\n")
        sys.stderr.flush()
    _silence()
    return 3


def words_of(error: OSError) -> str:
    """Where the system refused something, and why, on one line."""
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    try:
        os.getcwd()
    except OSError as gone:
        return f"the working folder: {gone.strerror}"
    return error.strerror or str(error)


def _silence() -> None:
    """What is left unwritten is dropped: the interpreter would try again at its end, and exit with 120."""
    null = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(null, number)


def _leave(code: int) -> None:
    """End the process as it stands: a check has nothing to close, and taking its values apart one by one costs another
    tenth."""
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
