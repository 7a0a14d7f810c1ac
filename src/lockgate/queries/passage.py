"""A passage: text of SQL as the server gets it, with the place in the file of every character."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

HOLE = "\ue000"  # stands in a text for a fragment that the program puts in


class Passage(msgspec.Struct, frozen=True):
    """``runs`` are pairs (offset in the text, offset in the file): from there on one to one, up to the next. ``end`` is
    the file's offset after it.

    ``receiver`` is the function, macro or tag that a program gives it to, as it is written; "" where that is not seen.
    """

    text: str
    runs: tuple[tuple[int, int], ...]
    end: int
    receiver: str = ""

    def place(self, offset: int) -> int:
        """The file's offset of an offset in the text."""
        if offset >= len(self.text):
            return self.end
        at, start = self.runs[max(bisect_right(self.runs, (offset, self.end + 1)) - 1, 0)]
        return start + offset - at

    def cut(self, start: int, end: int) -> Passage:
        """A part of it."""
        writer = Writer()
        writer.copy(self, start, end)
        return writer.passage()


class Writer:
    """Puts a passage together."""

    __slots__ = ("end", "length", "parts", "runs")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.runs: list[tuple[int, int]] = []
        self.length = self.end = 0

    def add(self, text: str, start: int, end: int | None = None) -> None:
        """Text that stands at ``start`` in the file: as it is, or in the place of what ends at ``end``."""
        if not text:
            return
        if not self.runs or self.runs[-1][1] - self.runs[-1][0] != start - self.length:
            self._run(start)
        self.parts.append(text)
        self.length += len(text)
        self.end = start + len(text) if end is None else end
        if self.end - start != len(text):
            self._run(self.end)

    def _run(self, start: int) -> None:
        if self.runs and self.runs[-1][0] == self.length:
            self.runs.pop()
        self.runs.append((self.length, start))

    def copy(self, other: Passage, start: int, end: int) -> None:
        """A part of another passage, with its places."""
        first = max(bisect_right(other.runs, (start, other.end + 1)) - 1, 0)
        for number in range(first, len(other.runs)):
            at, place = other.runs[number]
            stop = other.runs[number + 1][0] if number + 1 < len(other.runs) else len(other.text)
            low, high = max(at, start), min(stop, end)
            if low < high:
                self.add(other.text[low:high], place + low - at)
                if high == stop:
                    self.end = other.place(stop) if stop < len(other.text) else other.end
            if stop >= end:
                break

    def passage(self, receiver: str = "") -> Passage:
        """What has been put together."""
        runs = self.runs[:-1] if self.runs and self.runs[-1][0] == self.length else self.runs
        return Passage("".join(self.parts), tuple(runs) or ((0, self.end),), self.end, receiver)
