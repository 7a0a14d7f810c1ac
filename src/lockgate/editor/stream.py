"""Standard input as a language server reads it: what an editor sends is bounded, and what is said of it takes one line."""

from __future__ import annotations

import logging
from typing import IO

from lockgate.base.text import clean

_HEADER = 1024  # bytes of a line of a message's head
_MESSAGE = 128 << 20  # bytes of a message; one is in memory three times while it is read


class BoundedInput:
    """A stream that ends where a message is larger than anything that an editor sends: nobody reads on from the middle
    of one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ended = False

    def readline(self) -> bytes:
        """A line of a message's head; nothing at the end, or where it is none."""
        line = b"" if self._ended else self._stream.readline(_HEADER)
        return self._kept(line, len(line) < _HEADER, "what comes is no message: a line of its head has no end")

    def read(self, size: int) -> bytes:
        """So many bytes; nothing where that is too much."""
        if size > _MESSAGE:
            return self._kept(b"", False, f"a message is larger than {_MESSAGE >> 20} MB")
        return b"" if self._ended else self._stream.read(size)

    def _kept(self, data: bytes, fine: bool, words: str) -> bytes:
        if fine or self._ended:
            return data
        self._ended = True
        logging.getLogger("lockgate.editor").error("%s; the language server ends", words)
        return b""


def speak_in_lines() -> None:
    """Log in single lines to standard error, where an editor shows them: pygls would add a traceback to everything that
    a client got wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        words = record.getMessage().partition("\n")[0]  # pygls puts a traceback there, too
        words += f": {type(error).__name__}: {error}" if error is not None else ""
        return clean(" ".join(f"lockgate: {words}".split())[:500])
