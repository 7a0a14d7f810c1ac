"""Migrations in JavaScript and TypeScript: Knex, TypeORM, Sequelize."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.files import inside, peek
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source
from lockgate.sources.code import script, script_methods, sequelize, sequelize_types, tree, typeorm
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.knex import Knex
from lockgate.sources.code.leaving import TooLong, WayOut
from lockgate.sources.code.printed import script_of
from lockgate.sources.code.project import wanted
from lockgate.sources.code.recorder import ANYTHING, KnownTypes, SendLog
from lockgate.sources.code.values import UNKNOWN, ClassValue, Closure, Host, Instance, Names, Passed
from lockgate.sources.folder import read, shown
from lockgate.sources.listing import meant, walk
from lockgate.sources.migration import Migration, Transaction
from lockgate.sources.span import PENDING

if TYPE_CHECKING:
    from lockgate.sources.code.find import History

_SUFFIXES = (".ts", ".js", ".mts", ".cts", ".mjs", ".cjs")
_PLACE = pattern(r"(?:^|/)[^/]*migrations?[^/]*/", re.IGNORECASE)
_PASSED = pattern(r"\.d\.[mc]?ts$|\.(?:spec|test|map)\.|(?:^|/)(?:index|knexfile|ormconfig)\.\w+$")
_MARKS = {
    "typeorm": pattern(r"\bMigrationInterface\b|\bqueryRunner\b"),
    "sequelize": pattern(r"\bqueryInterface\b|\bQueryInterface\b"),
    "knex": pattern(r"\bknex\b|\bKnex\b"),
}
_UP = pattern(r"\bup\b")
_STAMP = pattern(r"(\d{13})\b|(\d{13})$")
_PER_ONE = pattern(r"migrationsTransactionMode\s*:\s*[\"'](each|none)[\"']")
_MOST = 3_000


def histories(root: Path) -> list[History]:
    """The histories below a folder: the folders whose files are written for one of the three."""
    from lockgate.sources.code.find import History

    found: dict[tuple[str, str], list[Path]] = {}
    base = root.name.lower()
    for relative in walk(root, 10):
        here = f"{base}/{relative}"
        if (
            not relative.endswith(_SUFFIXES)
            or _PASSED.search(relative)
            or not _PLACE.search(here)
            or not meant(relative.rpartition("/")[0])
        ):
            continue
        text = peek(root / relative, root)
        runner = next((name for name, mark in _MARKS.items() if mark.search(text)), "") if _UP.search(text) else ""
        if runner:
            found.setdefault((runner, _home(relative)), []).append(root / relative)
    out = [
        History(runner, (root / home if home else root,), files=tuple(_once(files))[:_MOST])
        for (runner, home), files in found.items()
    ]
    return _one_database(out, root)


def _one_database(found: list[History], root: Path) -> list[History]:
    """TypeORM's folders of one package are one history: its data source lists them all."""
    from lockgate.sources.code.find import OTHER

    groups: dict[object, list[History]] = {}
    for one in found:
        other = OTHER.search(os.path.relpath(one.homes[0], root).lower())
        alone = one.layout != "typeorm" or other
        groups.setdefault(one.homes[0] if alone else _package(one.homes[0], root), []).append(one)
    return [
        replace(
            group[0],
            homes=tuple(h for one in group for h in one.homes),
            files=tuple(f for one in group for f in one.files),
        )
        for group in groups.values()
    ]


def _package(folder: Path, root: Path) -> Path:
    for place in (folder, *folder.parents):
        if place == root or (place / "package.json").is_file():
            return place
    return root


def _home(relative: str) -> str:
    """The folder of a history: the one that is named after migrations, or one of years below it counts with it."""
    parts = relative.split("/")[:-1]
    while parts and re.fullmatch(r"\d[\d.\-_]*", parts[-1]):
        parts.pop()
    return "/".join(parts)


def _once(files: Sequence[Path]) -> list[Path]:
    """Without what is compiled beside its source."""
    typed = {f.with_suffix("") for f in files if f.suffix == ".ts"}
    return [f for f in files if f.suffix == ".ts" or f.with_suffix("") not in typed]


def migrations(layout: str, files: Sequence[Path], root: Path, cwd: Path) -> tuple[list[Migration], str]:
    """The migrations of one history in its runner's order, and its span."""
    reader = _Reader(layout, root, cwd)
    found = [one for path in files if (one := reader.migration(path)) is not None]
    found.sort(key=lambda item: item[0])
    out = [one for _, one in found]
    return out, _span(layout, out, root)


def _span(layout: str, found: Sequence[Migration], root: Path) -> str:
    """TypeORM sends all that is pending in one transaction unless it is told otherwise, Knex unless one of the files
    opts out (Migrator.js), Sequelize never."""
    if layout == "sequelize":
        return "file"
    alone = any(m.up.transaction is Transaction.STATEMENT for m in found)
    if layout == "knex":
        return "file" if alone else PENDING
    said = next((m for f in _configured(root) if (m := _PER_ONE.search(peek(f, root)))), None)
    return "file" if alone or said is not None else PENDING


def _configured(root: Path) -> Iterator[Path]:
    for relative in walk(root, 6):
        if re.search(r"(?:data-?source|ormconfig|typeorm|database)[^/]*\.[jt]s$", relative, re.IGNORECASE):
            yield root / relative


class _Reader:
    def __init__(self, layout: str, root: Path, cwd: Path) -> None:
        self._layout, self._root, self._cwd = layout, root, cwd
        self._world = KnownTypes()
        self._parsed: dict[str, tuple[Source, tuple[tree.ProgramNode, ...]] | None] = {}

    def migration(self, path: Path) -> tuple[tuple[object, ...], Migration] | None:
        """One file, with what it is sorted by."""
        source = read(path, self._cwd, self._root)
        recorder = SendLog(self._world)
        follow = Follower(source, lambda m, n, level, at: self._imported(m, n, at, follow), self._member, script=True)
        self._scopes: dict[str, Names] = {}
        follow.words |= script_methods.GLOBALS | {"Sequelize": sequelize_types.kind("Sequelize")}
        recorder.followed = follow
        stem = path.name.partition(".")[0] if path.name.count(".") == 1 else path.name.rpartition(".")[0]
        shape, ident = Transaction.FILE, stem
        try:
            scope = self._loaded(source, script.parse(source), follow)
            up, holder = _exported(scope, "up")
            shape, ident = self._shape(scope, holder, stem)
            if up is None:
                return None
            self._up(up, follow, recorder)
        except (WayOut, TooLong, RecursionError, ValueError) as error:
            recorder.gap(f"it cannot be followed to its end ({type(error).__name__})", ANYTHING)
        printed = script_of(source, recorder.sent, shape)
        stamp = _STAMP.search(ident)
        key: tuple[object, ...] = (
            (int(stamp.group(1) or stamp.group(2)), stem) if stamp and self._layout == "typeorm" else (0, stem)
        )
        slot = re.match(r"\d[\d.\-]*", stem)
        return key, Migration(stem, slot.group().rstrip("-.") if slot else stem, "", printed)

    def _up(self, up: Closure, follow: Follower, recorder: SendLog) -> None:
        place = up.function.span
        match self._layout:
            case "typeorm":
                args: list[Any] = [typeorm.QueryRunner(recorder).host()]
            case "sequelize":
                interface = sequelize.QueryInterface(recorder, follow.apply).host()
                names = up.function.parameters
                wrapped = names and isinstance(names[0].target, tree.Table)  # umzug: { context }
                args = [{"context": interface}] if wrapped else [interface, sequelize_types.kind("Sequelize")]
            case _:
                args = [Knex(recorder, follow.apply).host()]
        out = follow.enter(up, Passed(args, {}, place, up.source.path))
        if isinstance(out, Closure):
            follow.enter(out, Passed(args, {}, place, up.source.path))

    def _shape(self, scope: Names, holder: Any, stem: str) -> tuple[Transaction, str]:
        """The transaction that the file asks for, and the name that its class gives it."""
        ident = stem
        alone = self._layout == "sequelize"
        if isinstance(holder, ClassValue):
            said = holder.members.get("name")
            ident = said if isinstance(said, str) else holder.name or stem
            alone = alone or holder.members.get("transaction") is False
        config, _ = _exported(scope, "config", any_value=True)
        alone = alone or (isinstance(config, dict) and config.get("transaction") is False)
        return (Transaction.STATEMENT if alone else Transaction.FILE), ident

    # --- modules ------------------------------------------------------------------------------------------------------

    def _loaded(self, source: Source, body: tuple[tree.ProgramNode, ...], follow: Follower) -> Names:
        exports: dict[str, Any] = {}
        base = Names(names=dict(follow.words))
        module = {"exports": exports}
        require = Host("require", lambda p: self._imported(str(p.get(0, "id")), "", source, follow))
        base.names |= {"exports": exports, "module": module, "require": require, "__dirname": UNKNOWN}
        return follow.module(body, source, Names(base))

    def _imported(self, module: str, name: str, importing: Source, follow: Follower) -> Any:
        """What a module of the project, or a library, has under a name; "" for the module itself."""
        if not module.startswith("."):
            return self._library(module, name)
        found = self._find(module, importing)
        if found is None:
            return UNKNOWN
        source, body = found
        if name and name != "default":
            picked = self._picked(source, body, name, follow)
            if picked is not None:
                return picked
        scope = self._scopes.get(source.path)
        if scope is None:
            self._scopes[source.path] = Names()  # modules that import each other
            scope = self._scopes[source.path] = self._loaded(source, body, follow)
        if not name:
            exported = _module(scope)
            return exported if exported else dict(scope.names.items())
        return _exported(scope, name, any_value=True)[0] if name != "default" else _default(scope)

    def _picked(self, source: Source, body: tuple[tree.ProgramNode, ...], name: str, follow: Follower) -> Any:
        """A name that a module exports where it defines it: nothing else of the module is followed."""
        chosen = wanted(body, {name})
        key = f"{source.path}:{name}"
        if not chosen:
            return None
        if key not in self._scopes:
            self._scopes[key] = Names(names={name: UNKNOWN})
            self._scopes[key] = self._loaded(source, chosen, follow)
        return self._scopes[key].names.get(name)

    def _library(self, module: str, name: str) -> Any:
        if module == "typeorm":
            return typeorm.name(name) if name else Host(module, get=typeorm.name)
        if module in ("sequelize", "sequelize-typescript", "@sequelize/core"):
            return sequelize_types.kind(name or "Sequelize")
        if module == "knex":
            return Host(name or module, get=lambda word: Host(word))
        return Host(name or module, lambda p: UNKNOWN, lambda word: Host(word, lambda p: UNKNOWN))

    def _find(self, module: str, importing: Source) -> tuple[Source, tuple[tree.ProgramNode, ...]] | None:
        at = Path(os.path.normpath(self._cwd / importing.path)).parent / module
        for path in (
            at,
            *(at.with_name(at.name + s) for s in _SUFFIXES),
            *(at.with_suffix(s) for s in _SUFFIXES),
            *(at / f"index{s}" for s in _SUFFIXES),
        ):
            if path.suffix in _SUFFIXES and path.is_file() and inside(path, self._root):
                name = shown(path, self._cwd)
                if name not in self._parsed:
                    try:
                        source = read(path, self._cwd, self._root)
                        self._parsed[name] = (source, script.parse(source)) if len(source.text) < 200_000 else None
                    except CannotCheck:
                        self._parsed[name] = None
                return self._parsed[name]
        return None

    @staticmethod
    def _member(of: Any, name: str) -> Any:
        return UNKNOWN


def _module(scope: Names) -> Any:
    where = scope.find("module")
    return (
        where.names["module"].get("exports") if where is not None and isinstance(where.names["module"], dict) else None
    )


def _default(scope: Names) -> Any:
    return scope.names.get("default", _module(scope) or UNKNOWN)


def _exported(scope: Names, name: str, any_value: bool = False) -> tuple[Any, Any]:
    """What a module exports under a name, and the class that has it, if one does."""
    exports = _module(scope)
    default = scope.names.get("default")
    for holder in (exports, default, scope.names):
        if isinstance(holder, dict) and name in holder and (any_value or isinstance(holder[name], Closure)):
            return holder[name], holder
    classes = [c for c in (default, exports, *scope.names.values()) if isinstance(c, ClassValue)]
    for one in classes:
        found = one.members.get(name)
        if isinstance(found, Closure):
            this = Instance(one, {k: v for k, v in one.members.items() if not isinstance(v, Closure)})
            return Closure(found.function, found.scope, found.source, this), one
    return None, None
