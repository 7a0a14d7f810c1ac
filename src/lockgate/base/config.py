"""The configuration: ``lockgate.toml``, or ``[tool.lockgate]`` in pyproject.toml. Unknown keys are errors that suggest
the near one."""

from __future__ import annotations

import os
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from lockgate.base import toml
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_text
from lockgate.base.settings import (
    CHOICES,
    OF_A_HISTORY,
    Database,
    Deploy,
    Git,
    Gitea,
    LedgerSettings,
    Migrations,
    Queries,
    Roles,
    Rules,
    Sizes,
)
from lockgate.base.trust import doubt, line_of

__all__ = [
    "Config",
    "Database",
    "Deploy",
    "Git",
    "Gitea",
    "LedgerSettings",
    "Migrations",
    "Queries",
    "Roles",
    "Rules",
    "Sizes",
    "load",
    "sections",
]

C = TypeVar("C", bound=msgspec.Struct)


class Config(msgspec.Struct, frozen=True):
    """The whole configuration; ``root`` is the folder that its relative paths count from, ``path`` its file ("" if
    there is none)."""

    migrations: Migrations = Migrations()
    database: Database = Database()
    sizes: Sizes = Sizes()
    roles: Roles = Roles()
    ledger: LedgerSettings = LedgerSettings()
    git: Git = Git()
    rules: Rules = Rules()
    queries: Queries = Queries()
    deploy: Deploy = Deploy()
    gitea: Gitea = Gitea()
    root: Path = Path()
    path: str = ""
    histories: tuple[Config, ...] = ()  # one for each [[migrations]] table, where there are several histories
    untrusted: str = ""  # why nothing of the tree may be run or followed; "" where it may (base/trust.py)

    def resolve(self, relative: str) -> Path:
        """A path of the configuration, from its own folder."""
        return self.root / relative


def sections() -> dict[str, type[msgspec.Struct]]:
    """The sections of the file with their types, in order."""
    plain = Config()
    found = ((name, getattr(plain, name)) for name in Config.__match_args__)
    return {name: type(value) for name, value in found if isinstance(value, msgspec.Struct)}


def load(path: Path | None, cwd: Path) -> Config:
    """The configuration of a file, or the nearest one upward from ``cwd`` (not beyond the repository); defaults where
    there is none.

    Raises UsageError for an unknown key, a wrong type, a missing file or broken TOML.
    """
    if path is not None:
        if not path.is_file():
            raise UsageError(f"{path}: no such configuration file", "give --config an existing lockgate.toml")
        return _read(path)
    for folder in (cwd, *cwd.parents):
        for name in ("lockgate.toml", "pyproject.toml"):
            candidate = folder / name
            if name == "lockgate.toml" and os.path.lexists(
                candidate
            ):  # a FIFO or a broken link is told, not passed over
                return _read(candidate)
            if name == "pyproject.toml" and candidate.is_file() and _has_table(candidate):
                return _read(candidate)
        if (folder / ".git").exists():
            break
    return Config(root=cwd, untrusted=doubt(os.environ))


def _has_table(pyproject: Path) -> bool:
    try:
        return "[tool.lockgate" in read_text(pyproject, pyproject.parent)
    except (OSError, CannotCheck):
        return False


def _read(path: Path) -> Config:
    shown = os.path.relpath(path).replace(os.sep, "/")
    try:
        text = read_text(path, path.parent, name=shown)
    except OSError as error:
        raise CannotCheck(f"{shown}: {error.strerror}", "make the configuration readable") from error
    try:
        table = toml.loads(text)
    except toml.NotToml as error:
        raise UsageError(f"{shown}: {error}", "mend the TOML at that line") from error
    if path.name == "pyproject.toml":
        tool = table.get("tool")
        table = tool.get("lockgate", {}) if isinstance(tool, dict) else {}
        if not isinstance(table, dict):
            raise UsageError(f"{shown}: [tool.lockgate] is no table", "write it as [tool.lockgate]")
    return _Reader(shown, text).config(table, path)


class _Reader(msgspec.Struct, frozen=True):
    shown: str
    text: str

    def config(self, table: dict[str, Any], path: Path) -> Config:
        known = sections()
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name not in known:
                raise self.unknown(name, tuple(known), "section")
            if name == "migrations" and isinstance(value, list):
                continue
            if not isinstance(value, dict):
                raise self.wrong(name, name, "a section")
            values[name] = self.section(name, known[name], value)
        whole = Config(**values, root=path.resolve().parent, path=self.shown, untrusted=doubt(os.environ))
        several = table.get("migrations")
        return self.with_histories(whole, several) if isinstance(several, list) else whole

    def with_histories(self, whole: Config, tables: list[Any]) -> Config:
        """[[migrations]]: each table is a history with its own ledger, roles, database and queries."""
        for section, said in (
            ("ledger", whole.ledger != LedgerSettings()),
            ("queries", whole.queries != Queries()),
            ("roles.handover", bool(whole.roles.handover)),
        ):
            if said and len(tables) > 1:
                raise UsageError(
                    f"{self.shown}: {section} does not say whose it is: there are {len(tables)} [[migrations]]",
                    f"write it below the one that it belongs to, as [migrations.{section.partition('.')[0]}]",
                )
        out = list[Config]()
        for table in tables:
            if not isinstance(table, dict):
                raise self.wrong("migrations", "migrations", "a table, or [[migrations]] tables")
            beside = {k: v for k, v in table.items() if k in OF_A_HISTORY and isinstance(v, dict)}
            plain = self.section("migrations", Migrations, {k: v for k, v in table.items() if k not in beside})
            if not plain.name or not (plain.paths or plain.command) or plain.name in (c.migrations.name for c in out):
                raise UsageError(
                    f"{self.shown}:{self.line('migrations')}: each [[migrations]] has a name of its own, and paths",
                    'write name = "..." and paths = ["..."] in it',
                )
            own = {k: self.over(getattr(whole, k), k, v) for k, v in beside.items()}
            out.append(replace(whole, migrations=plain, **own))
        return replace(whole, histories=tuple(out)) if len(out) > 1 else out[0] if out else whole

    def over(self, general: C, section: str, table: dict[str, Any]) -> C:
        """A section as it stands for all, with what one history's own table says in place of it."""
        own = self.section(section, type(general), table)
        said = (key.replace("-", "_") for key in table)
        return replace(general, **{name: getattr(own, name) for name in said})

    def section(self, section: str, kind: type[C], table: dict[str, Any]) -> C:
        hints = typing.get_type_hints(kind)
        values: dict[str, Any] = {}
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in hints:
                raise self.unknown(key, tuple(hints), f"key in [{section}]", section)
            values[name] = self.value(section, key, hints[name], value)
        return kind(**values)

    def value(self, section: str, key: str, hint: Any, value: Any) -> Any:
        choices = CHOICES.get((section, key))
        if choices is not None and value not in choices:
            raise self.wrong(section, key, " or ".join(f'"{c}"' if isinstance(c, str) else str(c) for c in choices))
        if isinstance(hint, types.UnionType):
            hint = next(a for a in typing.get_args(hint) if a is not type(None))
        if typing.get_origin(hint) is tuple:
            if isinstance(value, str) or not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
                raise self.wrong(section, key, 'a list of strings, such as ["..."]')
            return tuple(value)
        if typing.get_origin(hint) is dict:
            if not (isinstance(value, dict) and all(isinstance(v, str) for v in value.values())):
                raise self.wrong(section, key, "a table of strings")
            return dict(value)
        if hint is str and isinstance(value, int) and not isinstance(value, bool) and key == "handover":
            return str(value)
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
            words = {str: "a string", int: "a whole number", bool: "true or false", float: "a number"}
            raise self.wrong(section, key, words[hint])
        return value

    def line(self, key: str, section: str = "") -> int:
        return line_of(self.text, section, key)

    def unknown(self, key: str, known: tuple[str, ...], what: str, section: str = "") -> UsageError:
        import difflib

        near = difflib.get_close_matches(key, known, 1)
        remedy = f'did you mean "{near[0]}"?' if near else "known here: " + ", ".join(known)
        return UsageError(f'{self.shown}:{self.line(key, section)}: unknown {what}: "{key}"', remedy)

    def wrong(self, section: str, key: str, wanted: str) -> UsageError:
        return UsageError(
            f"{self.shown}:{self.line(key, section)}: {section}.{key} must be {wanted}",
            f"see `lockgate explain configuration {section}.{key}`",
        )
