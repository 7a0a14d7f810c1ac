"""How statements end that are followed no further."""

from __future__ import annotations

from typing import Any


class WayOut(Exception):
    """``return``, ``raise``, ``break``, ``continue`` on their way out."""

    def __init__(self, word: str, value: Any = None) -> None:
        super().__init__(word)
        self.word, self.value = word, value


class TooLong(Exception):
    """The program is longer than is followed."""
