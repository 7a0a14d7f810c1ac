"""Rules of the user's own: folders of documents and modules that work like ours.

A folder comes from ``[rules] plugins`` or from an installed package's entry point of the group ``lockgate.rules``, whose
value names the package with the documents. In it ``my-rule.md`` is a rule's document, ``my_rule.py`` its module; modules
whose names begin with an underscore are the rules' own helpers (``from ._helpers import ...``).
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.cache.store import digest
from lockgate.rules import rulebook
from lockgate.rules.model import triggers_of
from lockgate.rules.registry import RuleEntry, Ruleset, entries, wanted

OURS = "ACDLOPSTX"  # the letters with which our codes begin, now and later
GROUP = "lockgate.rules"


class PluginFolder(msgspec.Struct, frozen=True):
    """A folder of rules, and who names it."""

    path: Path
    named_by: str


def plugins_allowed(config: Config) -> bool:
    """Whether code of the tree may be run. The seam for runs over a stranger's tree: everything that a plug-in runs
    passes by here, and no plug-in of ``[rules] plugins`` is loaded where this is False."""
    return not config.untrusted


def rules_of(config: Config) -> Ruleset:
    """Ours and the plug-ins' rules, of which those speak that are on by default or asked for. Raises UsageError."""
    return _chosen(load(config), config.rules.select, config.rules.ignore, config.rules.extend_select)


@lru_cache(maxsize=8)
def _chosen(
    extra: tuple[RuleEntry, ...], select: tuple[str, ...], ignore: tuple[str, ...], extend: tuple[str, ...]
) -> Ruleset:
    every = (*entries(), *extra)
    asked = {e.name for e in every if not e.front.default and wanted(e, select, ignore, extend)}
    key = " ".join([*sorted(asked), *(e.module for e in extra)])
    return Ruleset(every, lambda e: bool(e.front.default) or e.name in asked, key)


def load(config: Config) -> tuple[RuleEntry, ...]:
    """The plug-ins' rules. Raises UsageError where one is broken, or collides with another."""
    found = [*_configured(config), *_installed()]
    return _loaded(tuple((folder, _digest(folder.path)) for folder in found)) if found else ()


def _configured(config: Config) -> Iterator[PluginFolder]:
    for name in config.rules.plugins:
        path = config.resolve(name)
        if not path.is_dir():
            raise UsageError(
                f'{config.path}: [rules] plugins names "{name}", which is no folder',
                "mend the path, or let `lockgate rules new NAME` make it",
            )
        if not plugins_allowed(config):
            raise UsageError(
                f'{config.path}: [rules] plugins names "{name}": plug-ins are code, and this tree is not trusted',
                "check it as a trusted tree, or install the rules as a package (entry points lockgate.rules)",
            )
        yield PluginFolder(path, f"{config.path}: [rules] plugins")


# --- one folder -------------------------------------------------------------------------------------------------------


def _digest(folder: Path) -> str:
    """What a folder's rules are, in one word: they are loaded anew where it changes (an editor runs for days)."""
    parts = [os.fsencode(folder.resolve())]
    for path in sorted([*folder.glob("*.md"), *folder.glob("*.py"), *folder.glob("_*/**/*.py")]):
        try:
            parts += [os.fsencode(path), path.read_bytes()]
        except OSError as error:
            raise CannotCheck(f"{path}: {error.strerror}", "make the file readable") from error
    return digest(*parts).hex()


@lru_cache(maxsize=8)
def _loaded(folders: tuple[tuple[PluginFolder, str], ...]) -> tuple[RuleEntry, ...]:
    out: dict[str, RuleEntry] = {}
    for folder, version in folders:
        for entry in _of_folder(folder, version):
            _refuse_collision(entry, out)
            out[entry.name] = entry
    return tuple(out.values())


def _of_folder(folder: PluginFolder, version: str) -> Iterator[RuleEntry]:
    documents = sorted(p for p in folder.path.glob("*.md") if p.stem.lower() != "readme")
    modules = {p.stem for p in folder.path.glob("*.py") if not p.stem.startswith("_")}
    if not documents and not modules:
        raise UsageError(f"{folder.named_by}: {folder.path} holds no rules", "`lockgate rules new NAME` writes one")
    for stem in sorted(modules - {_stem(p) for p in documents}):
        wanted = stem.replace("_", "-") + ".md"
        raise UsageError(f"{folder.path / stem}.py: a rule without its document", f"write {wanted} beside it")
    package = f"lockgate_plugins_{version}"
    sys.modules.setdefault(package, types.ModuleType(package)).__path__ = [str(folder.path)]
    for path in documents:
        yield _of_document(path, package)


def _stem(document: Path) -> str:
    return document.stem.replace("-", "_")


def _of_document(path: Path, package: str) -> RuleEntry:
    from lockgate.rules.guard import shown

    module = path.with_name(f"{_stem(path)}.py")
    if not module.stem.isidentifier() or path.stem != path.stem.lower():
        raise UsageError(f"{path}: no name for a rule", "name it in small letters, digits and dashes")
    if not module.is_file():
        raise UsageError(f"{path}: a document without its module", f"write {module.name} beside it")
    rule = rulebook.read(path.stem, path.read_text(encoding="utf-8", errors="replace"), shown(path), plugin=True)
    name = f"{package}.{module.stem}"
    loaded = _imported(name, module)
    own = [f for f in vars(loaded).values() if getattr(f, "__module__", "") == name]
    triggers = tuple(sorted({trigger.key for f in own for trigger in triggers_of(f)}))
    if not triggers:
        remedy = "put a function under @on_scene(...), @on_effect, @on_failure(...) or @on_fact(...)"
        raise UsageError(f"{shown(module)}: no function of it is a rule", remedy)
    if "effect" in triggers and not (rule.front.locks or rule.front.work):
        raise UsageError(f"{shown(path)}:1: @on_effect needs locks or work in the document", 'add work = ["rewrite"]')
    return RuleEntry(path.stem, rule.front, name, triggers, rule)


def _imported(name: str, path: Path) -> types.ModuleType:
    """A plug-in's module; nothing is written beside it. Raises UsageError with the line where it raises."""
    from lockgate.rules.guard import line_of, quiet, shown

    kept = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        with quiet():
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        line = f"{shown(path)}:{line_of(error, path)}"
        raise UsageError(f"{line}: {type(error).__name__}: {error}", "mend the rule's module") from error
    finally:
        sys.dont_write_bytecode = kept


def _refuse_collision(entry: RuleEntry, others: dict[str, RuleEntry]) -> None:
    path, front = entry.document.path if entry.document is not None else "", entry.front
    if front.code[0] in OURS:
        free = ", ".join(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in OURS)
        raise UsageError(
            f"{path}: code {front.code}: codes with {front.code[0]} are Lockgate's own", f"use one of {free}"
        )
    for other in (*entries(), *others.values()):
        where = other.document.path if other.document is not None else "Lockgate's own"
        if other.name == entry.name:
            raise UsageError(f"{path}: there is another rule {entry.name}: {where}", "give it another name")
        if other.front.code == front.code:
            raise UsageError(f"{path}: code {front.code} is {other.name}'s: {where}", "give it another code")


# --- installed packages -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _installed() -> tuple[PluginFolder, ...]:
    """The folders that installed packages name. Their metadata is read as it lies: ``importlib.metadata`` takes as long
    to import as a check of a small folder."""
    found = dict(pair for place in sys.path for pair in _entry_points(place))
    return tuple(
        PluginFolder(_folder_of(name, value), f"entry point {name} = {value}") for name, value in found.items()
    )


def _entry_points(place: str) -> Iterator[tuple[str, str]]:
    """The entry points of our group below one folder of sys.path; what lies in the working directory is the tree's, and
    not installed."""
    if not os.path.isabs(place) or os.path.realpath(place) == os.path.realpath(os.curdir):
        return
    try:
        names = [n for n in os.listdir(place) if n.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(place, name, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        if GROUP in text:
            yield from _of_group(text)


def _of_group(text: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _folder_of(name: str, value: str) -> Path:
    """The folder of a package, without running its code."""
    from importlib.util import find_spec

    top, *rest = value.partition(":")[0].split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place, *rest)
        if folder.is_dir():
            return folder
    raise UsageError(f"entry point {name} = {value}: no such package", f"reinstall what brings the rules {name}")
