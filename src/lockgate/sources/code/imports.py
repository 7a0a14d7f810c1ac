"""What a followed program imports: a library's names from whoever stands for it, the project's own from its files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.base.text import Source
from lockgate.sources.code.files import Files
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.project import Body, Modules, wanted
from lockgate.sources.code.values import UNKNOWN, Host, Names, NotKnown

Known = Callable[
    [str, str], Any
]  # module and name ("" for the module) of a library; None where it is none that is known
Elsewhere = Callable[[str], Any]  # a name of a package that nobody here knows


class Importer:
    """The imports of one migration and of what it imports. ``follow`` is set by whoever makes the interpreter."""

    follow: Follower
    files: Files | None = None  # of the project, that a migration may read

    def __init__(self, modules: Modules, known: Known, elsewhere: Elsewhere) -> None:
        self._modules, self._known, self._elsewhere = modules, known, elsewhere
        self._loaded: dict[str, Names] = {}

    def __call__(self, module: str, name: str, level: int, importing: Source) -> Any:
        """What ``from module import name`` gives."""
        if not level:
            known = self._known(module, name)
            if known is None and self.files is not None:
                known = self.files.standard(module, name)
            if known is None:
                known = standard(module, name)
            if known is not None:
                return known
        found = self._modules.find(module, level, importing)
        if found is None and not name:
            return Host(module, get=self._elsewhere)
        if not name:
            return self._host(module, level, importing)
        if name == "*":
            return {}
        if found is not None:
            inner = self.of_module(found, name)
            if not isinstance(inner, NotKnown):
                return inner
        below = self._modules.find(f"{module}.{name}".strip("."), level, importing)
        if below is not None:
            return self._host(f"{module}.{name}".strip("."), level, importing)
        return self._elsewhere(name) if found is None else UNKNOWN

    def _host(self, module: str, level: int, importing: Source) -> Host:
        """A module of the project as a value."""

        def get(name: str) -> Any:
            return self(module, name, level, importing)

        return Host(module, get=get)

    def of_module(self, found: tuple[Source, Body], name: str) -> Any:
        """A name of a module of the project: only what defines it is followed."""
        source, body = found
        scope = self._loaded.get(source.path)
        if scope is None:
            scope = self._loaded[source.path] = self.follow.module((), source)
        if name not in scope.names:
            scope.names[name] = UNKNOWN  # modules that import each other
            self.follow.module(wanted(body, {name}), source, scope)
        return scope.names[name]


def standard(module: str, name: str) -> Any:
    """What is known of the standard library."""
    if module == "textwrap":
        work = Host("dedent", lambda p: _dedented(p.get(0, "text")))
        return work if name == "dedent" else Host("textwrap", dedent=work)
    if module == "contextlib" and name in ("suppress", "contextmanager"):
        return Host(name, lambda p: p.get(0, "func"))
    if module == "functools":
        return Host(name or module, lambda p: p.get(0, "func"), lambda inner: Host(inner, lambda p: p.get(0, "func")))
    if module in _STANDARD:
        return Host(name or module, get=lambda inner: Host(inner))
    return None


_STANDARD = frozenset(
    [
        "enum",
        "typing",
        "uuid",
        "datetime",
        "json",
        "logging",
        "os",
        "re",
        "collections",
        "decimal",
        "itertools",
        "time",
        "random",
        "string",
        "sys",
        "pathlib",
        "hashlib",
        "secrets",
        "math",
        "abc",
        "copy",
        "operator",
        "warnings",
        "types",
        "inspect",
        "dataclasses",
    ]
)


def _dedented(value: Any) -> Any:
    import textwrap

    return textwrap.dedent(value) if isinstance(value, str) else value
