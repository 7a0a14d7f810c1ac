"""Files of the project that a migration reads its SQL from: ``open``, ``os.path``, ``pathlib``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.sources.code.values import UNKNOWN, Combining, Host, Passed


class PathValue(Combining):
    """A ``pathlib.Path``."""

    path: str

    def combine(self, word: str, other: Any) -> Any:
        """``path / name``."""
        part = text_of_path(other)
        return PathValue(os.path.join(self.path, part)) if word == "/" and part else UNKNOWN


def text_of_path(value: Any) -> str:
    """A path as text; "" where it is not known."""
    return value.path if isinstance(value, PathValue) else value if isinstance(value, str) else ""


class Files:
    """What lies below ``root``; nothing else is read."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def words(self, file: Path) -> dict[str, Any]:
        """The words of a module that lies in ``file``."""
        return {"open": Host("open", lambda p: self._opened(p.get(0, "file"))), "__file__": str(file)}

    def standard(self, module: str, name: str) -> Any:
        """What of the standard library leads to files."""
        if module == "pathlib":
            return Host("Path", _path) if name == "Path" else Host("pathlib", Path=Host("Path", _path))
        if module == "os":
            return self._os_path() if name == "path" else Host("os", get=Host, path=self._os_path())
        return self._os_path().get(name) if module == "os.path" and name else None

    @staticmethod
    def _os_path() -> Host:
        def given(work: Any) -> Any:
            return lambda p: work(*parts) if all(parts := [text_of_path(a) for a in p.args]) else UNKNOWN

        names = {"join": os.path.join, "dirname": os.path.dirname, "basename": os.path.basename}
        made = Host("path", get=Host)
        made.members |= {name: Host(name, given(work)) for name, work in names.items()}
        made.members |= {name: Host(name, lambda p: p.get(0, "path")) for name in ("abspath", "realpath", "normpath")}
        return made

    def text(self, value: Any) -> Any:
        """A file's text; unknown where it is not there, or leads out of the project."""
        path = text_of_path(value)
        try:
            return read_text(path, self._root) if path and os.path.isabs(path) else UNKNOWN
        except (CannotCheck, OSError):
            return UNKNOWN

    def _opened(self, value: Any) -> Host:
        text = self.text(value)
        lines = text.splitlines(keepends=True) if isinstance(text, str) else UNKNOWN
        made = Host(
            "file", read=Host("read", lambda p: text), readlines=Host("readlines", lambda p: lines), close=Host("close")
        )
        made.members |= {"__enter__": Host("__enter__", lambda p: made), "__exit__": None}
        return made

    def member(self, of: PathValue, name: str) -> Any:
        """An attribute of a path."""
        match name:
            case "parent":
                return PathValue(os.path.dirname(of.path))
            case "name":
                return os.path.basename(of.path)
            case "read_text":
                return Host(name, lambda p: self.text(of))
            case "open":
                return Host(name, lambda p: self._opened(of))
            case "resolve" | "absolute":
                return Host(name, lambda p: of)
            case "joinpath":
                return Host(name, lambda p: _joined(of, p))
        return UNKNOWN


def _joined(of: PathValue, passed: Passed) -> Any:
    out: Any = of
    for part in passed.args:
        out = out.combine("/", part) if isinstance(out, PathValue) else UNKNOWN
    return out


def _path(passed: Passed) -> Any:
    first = text_of_path(passed.args[0]) if passed.args else ""
    return _joined(PathValue(first), Passed(passed.args[1:], {}, passed.at)) if first else UNKNOWN
