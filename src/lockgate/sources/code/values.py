"""Values of a program that is read and not run: known ones are Python's own, the rest say what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from lockgate.base.text import Source, Span
from lockgate.sources.code import tree

LONGEST = 1_000_000  # characters of a text, items of a list


class NotKnown(msgspec.Struct, frozen=True):
    """A value that is not known. ``guard``: it tells what is in the database (an inspector's answer)."""

    why: str = "a value that is worked out at run time"
    guard: bool = False


UNKNOWN = NotKnown()


class Partial(msgspec.Struct, frozen=True):
    """A text parts of which are not known."""

    parts: tuple[str | NotKnown, ...]

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else "\N{REPLACEMENT CHARACTER}" for part in self.parts)


class Passed(msgspec.Struct):
    """What a call is given."""

    args: list[Any]
    named: dict[str, Any]
    at: Span  # in the file of the call
    path: str = ""

    def get(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by its name, else by its place (-1: by name alone)."""
        if name in self.named:
            return self.named[name]
        return self.args[place] if 0 <= place < len(self.args) else default


class Host:
    """Something of a library's. What a name or a call of it gives is said by whoever makes it."""

    def __init__(
        self,
        name: str,
        /,
        call: Callable[[Passed], Any] | None = None,
        get: Callable[[str], Any] | None = None,
        **members: Any,
    ) -> None:
        self.name, self._call, self._get, self.members = name, call, get, members

    def __repr__(self) -> str:
        return f"Host({self.name})"

    def call(self, passed: Passed) -> Any:
        """What calling it gives."""
        return self._call(passed) if self._call is not None else UNKNOWN

    def get(self, name: str) -> Any:
        """One of its attributes."""
        if name in self.members:
            return self.members[name]
        return self._get(name) if self._get is not None else UNKNOWN


class Combining(msgspec.Struct):
    """A library's value that operators put together with others."""

    def combine(self, word: str, other: Any) -> Any:
        """What ``self word other`` comes to; ``~`` stands alone."""
        return UNKNOWN


class Closure(msgspec.Struct):
    """A function of the program's, with where it was made."""

    function: tree.Function
    scope: Names
    source: Source
    this: Any = None


class ClassValue(msgspec.Struct):
    """A class of the program's: its bases' values and its own names."""

    name: str
    bases: list[Any]
    members: dict[str, Any]
    source: Source


class Instance(msgspec.Struct):
    """Something made of a class of the program's."""

    of: ClassValue
    members: dict[str, Any]


class Names:
    """Variables, the ones around them behind them."""

    __slots__ = ("names", "outer")

    def __init__(self, outer: Names | None = None, names: dict[str, Any] | None = None) -> None:
        self.outer, self.names = outer, names if names is not None else {}

    def find(self, name: str) -> Names | None:
        """The scope that has a variable."""
        scope: Names | None = self
        while scope is not None and name not in scope.names:
            scope = scope.outer
        return scope


def is_known(value: Any) -> bool:
    """Whether a value is known to its last part."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(is_known, value))
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    return value is None or isinstance(value, str | int | float | bool | bytes)


def text_of(parts: Iterable[Any], *, script: bool = False) -> str | Partial | NotKnown:
    """Values put together as a text."""
    out: list[str | NotKnown] = []
    for part in parts:
        if isinstance(part, Partial):
            out += part.parts
        elif isinstance(part, (NotKnown, str)):
            out.append(part)
        elif part is None or isinstance(part, bool):
            out.append(({True: "true", False: "false", None: "null"} if script else {}).get(part, str(part)))
        elif isinstance(part, int | float) or (is_known(part) and not script):
            out.append(str(part))
        else:
            out.append(UNKNOWN)
    if sum(len(part) for part in out if isinstance(part, str)) > LONGEST:
        return NotKnown("a text that is too long")
    if all(isinstance(part, str) for part in out):
        return "".join(part for part in out if isinstance(part, str))
    return Partial(tuple(out))
