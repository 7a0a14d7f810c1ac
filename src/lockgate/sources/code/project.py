"""The project's own modules that a migration imports: read as the migration is, and never run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockgate.base.errors import CannotCheck
from lockgate.base.files import inside
from lockgate.base.text import Source
from lockgate.sources.code import python, tree
from lockgate.sources.folder import read

Body = tuple[tree.ProgramNode, ...]
_MOST = 200_000  # characters of a module that is read for what a migration takes from it


class Modules:
    """Parsed modules of a project. ``roots`` are the folders that absolute imports begin at."""

    def __init__(self, root: Path, cwd: Path, roots: tuple[Path, ...]) -> None:
        self._root, self._cwd, self._roots = root, cwd, roots
        self._parsed: dict[Path, tuple[Source, Body] | None] = {}

    def find(self, module: str, level: int, importing: Source) -> tuple[Source, Body] | None:
        """A module by its name; None where it is not the project's, or cannot be read."""
        parts = [p for p in module.split(".") if p]
        if level:
            start = Path(os.path.normpath(self._cwd / importing.path)).parent
            for _ in range(level - 1):
                start = start.parent
            bases: tuple[Path, ...] = (start,)
        else:
            bases = self._roots
        for base in bases:
            place = base.joinpath(*parts)
            for path in (place.with_suffix(".py"), place / "__init__.py") if parts else (place / "__init__.py",):
                found = self.parsed(path)
                if found is not None:
                    return found
        return None

    def parsed(self, path: Path) -> tuple[Source, Body] | None:
        """A file, parsed; None where it is not there, or no Python."""
        if path not in self._parsed:
            self._parsed[path] = self._parse(path)
        return self._parsed[path]

    def _parse(self, path: Path) -> tuple[Source, Body] | None:
        try:
            if not path.is_file() or not inside(path, self._root):
                return None
            source = read(path, self._cwd, self._root)
            return (source, python.parse(source)) if len(source.text) <= _MOST else None
        except (CannotCheck, SyntaxError, ValueError, RecursionError, MemoryError, OSError):
            return None


def wanted(body: Body, names: set[str]) -> Body:
    """The statements of a module that define these names, with all that those use in turn: nothing else of it is
    followed."""
    makers: dict[str, list[int]] = {}
    for number, node in enumerate(body):
        for name in _made(node):
            makers.setdefault(name, []).append(number)
    todo, kept = list(names), set[int]()
    while todo:
        for number in makers.get(todo.pop(), ()):
            if number not in kept:
                kept.add(number)
                todo += _used(body[number])
    return tuple(node for number, node in enumerate(body) if number in kept)


def _made(node: tree.ProgramNode) -> list[str]:
    match node:
        case tree.AssignNode(_, tree.Name(_, name)) | tree.Function(_, name) | tree.Class(_, name):
            return [name]
        case tree.Import(_, _, name, target):
            return [target if name != "*" else "*"]
        case tree.IfNode(_, _, yes, no):
            return [name for inner in (*yes, *no) for name in _made(inner)]
        case tree.Try(_, body, _):
            return [name for inner in body for name in _made(inner)]
    return []


def _used(value: Any) -> list[str]:
    out: list[str] = []
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, tree.Name):
            out.append(one.name)
        elif isinstance(one, tuple):
            stack.extend(one)
        elif isinstance(one, tree.ProgramNode | tree.Argument | tree.Parameter):
            stack.extend(getattr(one, field) for field in one.__struct_fields__)
    return out


Finder = Callable[[str, int, Source], "tuple[Source, Body] | None"]
