"""Django's migrations, in the order in which ``migrate`` runs them on a new database, as SQL read from their trees."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lockgate.base.files import peek
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.sources.code import python
from lockgate.sources.code.django.contrib import before
from lockgate.sources.code.django.editor import Editor
from lockgate.sources.code.django.library import DjangoLibrary, from_elsewhere
from lockgate.sources.code.django.operations import WORK
from lockgate.sources.code.django.runner import Operation, Runner
from lockgate.sources.code.django.state import Model, ModelState
from lockgate.sources.code.files import Files
from lockgate.sources.code.imports import Importer
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.leaving import TooLong, WayOut
from lockgate.sources.code.printed import script_of
from lockgate.sources.code.project import Modules
from lockgate.sources.code.recorder import ANYTHING, KnownTypes, SendLog
from lockgate.sources.code.values import ClassValue, Closure, Host, Passed
from lockgate.sources.folder import Revision
from lockgate.sources.listing import meant, walk
from lockgate.sources.migration import Migration, Transaction
from lockgate.sources.revisions import in_order

_USER = pattern(r"^\s*AUTH_USER_MODEL\s*(?::\s*\w+\s*)?=\s*[\"']([\w.]+)[\"']", re.MULTILINE)
_AUTO = pattern(r"^\s*DEFAULT_AUTO_FIELD\s*(?::\s*\w+\s*)?=\s*[\"'][\w.]*?(\w+)[\"']", re.MULTILINE)
_APP_AUTO = pattern(r"^\s+default_auto_field\s*(?::\s*\w+\s*)?=\s*[\"'][\w.]*?(\w+)[\"']", re.MULTILINE)
_SETTING = pattern(r"^([A-Z][A-Z0-9_]*)\s*(?::\s*\w+\s*)?=\s*(?:[\"']([^\"'\n]*)[\"']|(\d+))\s*$", re.MULTILINE)
_OLD = pattern(
    r"(?im)^[\"']?django[\"']?\s*(?:==|~=|=|>=|:)\s*[\"'{^~=]*\s*(?:version\s*=\s*[\"'])?[=~^]*([1-4])\.(\d+)"
)


class ProjectSettings:
    """What the project's settings say of its models."""

    def __init__(self, root: Path) -> None:
        texts = [peek(root / f, root) for f in walk(root, 8) if f.endswith(".py") and "settings" in f and meant(f)]
        texts.sort(key=len, reverse=True)
        self.values: dict[str, Any] = {}
        for text in texts:
            for name, word, number in _SETTING.findall(text):
                self.values.setdefault(name, int(number[:9]) if number else word)
        self.values["AUTH_USER_MODEL"] = _first(_USER, texts, "auth.User")
        self.auto = _first(_AUTO, texts, "AutoField")
        self.serial = _before_identity(root)


def _first(wanted: re.Pattern[str], texts: Sequence[str], default: str) -> str:
    return next((found.group(1) for text in texts if (found := wanted.search(text))), default)


def _before_identity(root: Path) -> bool:
    """Whether the project's Django is older than 4.1, whose primary keys are serial."""
    for name in ("requirements.txt", "requirements/base.txt", "pyproject.toml", "Pipfile", "setup.py"):
        found = _OLD.search(peek(root / name, root))
        if found:
            return (int(found.group(1)), int(found.group(2))) < (4, 1)
    return False


def migrations(found: Sequence[Revision], root: Path, cwd: Path) -> tuple[list[Migration], str, tuple[str, ...]]:
    """The migrations of a project, what stands there before the first, and the tables in that of which no more is known
    than that they are there."""
    settings = ProjectSettings(root)
    ordered = in_order(_linked(found, settings.values))
    auto = {one.home: kind for one in ordered if (kind := _app_auto(one, cwd)) is not None}
    reader = _Reader(root, cwd, settings, ModelState(auto, settings.auto))
    out = [reader.migration(one) for one in ordered]
    own = settings.values["AUTH_USER_MODEL"].lower() == "auth.user"
    return out, *before(reader.state.foreign.values(), [m.up.source.text for m in out], own)


def _app_auto(one: Revision, cwd: Path) -> str | None:
    apps = Path(os.path.normpath(cwd / one.source.path)).parent.parent / "apps.py"
    said = _APP_AUTO.search(peek(apps, apps.parent)) if apps.is_file() else None
    return said.group(1) if said else None


def _linked(found: Sequence[Revision], settings: Mapping[str, Any]) -> list[Revision]:
    """The graph of a new database: squashes in the place of what they replace, and the first or last migration of an app
    where only that is named."""
    every = {r.id: r for r in sorted(found, key=lambda r: r.id)}
    instead = {name: r.id for r in every.values() for name in r.replaces if all(n in every for n in r.replaces)}
    kept = {k: r for k, r in every.items() if k not in instead}

    def last(name: str) -> str:
        while name in instead:
            name = instead[name]
        return name

    firsts: dict[str, str] = {}
    for one in kept.values():
        if not any(name.partition(".")[0] == one.home and last(name) in kept for name in one.below):
            firsts.setdefault(one.home, one.id)
    out = []
    for one in kept.values():
        below = [firsts.get(n.partition(".")[0], n) if n.endswith("__first__") else last(n) for n in one.below]
        below = [_latest(n, kept) if n.endswith("__latest__") else n for n in below]
        below += [first for app in _swapped(one, settings) if (first := firsts.get(app))]
        if one.replaces:
            below += [last(n) for old in one.replaces if old in every for n in every[old].below]
        out.append(replace(one, below=tuple(dict.fromkeys(sorted(n for n in below if n != one.id)))))
    return out


def _latest(name: str, kept: Mapping[str, Revision]) -> str:
    own = [i for i, r in kept.items() if r.home == name.partition(".")[0]]
    return max(own, default=name)


def _swapped(one: Revision, settings: Mapping[str, Any]) -> Iterator[str]:
    """The apps of models that a setting names."""
    for name in re.findall(r"swappable_dependency\(\s*settings\.(\w+)", one.source.text):
        if isinstance(settings.get(name), str):
            yield settings[name].partition(".")[0].lower()


class _Reader:
    def __init__(self, root: Path, cwd: Path, settings: ProjectSettings, state: ModelState) -> None:
        self._files, self._cwd = Files(root), cwd
        self._modules = Modules(root, cwd, _roots(root, cwd))
        self._settings, self.state, self._world = settings, state, KnownTypes()
        self._now: Operation | None = None  # of a class of the project's
        self._models: dict[str, Model] = {}  # before it

    def migration(self, one: Revision) -> Migration:
        """One migration."""
        recorder = SendLog(self._world)
        library = DjangoLibrary(self._settings.values, recorder)
        importer = Importer(self._modules, lambda module, name: _known(module, name, library), from_elsewhere)
        follow = Follower(one.source, importer, library.member, library.made)
        importer.follow = library.follow = recorder.followed = follow
        importer.files = follow.files = self._files
        follow.words |= self._files.words(Path(os.path.normpath(self._cwd / one.source.path)))
        follow.words["super"] = library.parent()
        atomic = self._follow(one, follow, recorder, library)
        shape = Transaction.FILE if atomic else Transaction.STATEMENT
        slot = re.match(r"(\w+\.\d+)_?(.*)", one.id)
        script = script_of(one.source, recorder.sent, shape)
        return Migration(one.id, slot.group(1) if slot else one.id, slot.group(2) if slot else "", script)

    def _follow(self, one: Revision, follow: Follower, recorder: SendLog, library: DjangoLibrary) -> bool:
        atomic = True
        try:
            scope = follow.module(python.parse(one.source), one.source)
            made = scope.names.get("Migration")
            if not isinstance(made, ClassValue):
                recorder.gap("its class Migration is not known", ANYTHING)
                return atomic
            atomic = made.members.get("atomic") is not False
            editor = Editor(self.state, recorder, follow.apply, self._settings.serial)
            runner = Runner(editor, one.home, lambda function, _: library.run(function), WORK)
            library.base = lambda: self._base(runner)
            self._run(made.members.get("operations", []), runner, recorder, library)
            recorder.fixed = None
            editor.close()
        except (WayOut, TooLong, RecursionError, SyntaxError, ValueError, MemoryError) as error:
            recorder.gap(f"it cannot be followed to its end ({type(error).__name__})", ANYTHING)
        return atomic

    def _run(self, operations: Any, runner: Runner, recorder: SendLog, library: DjangoLibrary) -> None:
        if not isinstance(operations, list | tuple):
            recorder.gap("its operations are worked out at run time", ANYTHING)
            return
        for operation in operations:
            if not isinstance(operation, Operation):
                why = getattr(operation, "why", "") or "an operation of a package that is not known"
                recorder.gap(why, ANYTHING)
                continue
            recorder.fixed = operation.at
            before = len(recorder.sent)
            if not self._own(operation, runner, recorder, library):
                runner.run(operation)
            if operation.kind == "RunPython":  # its statements stand in its function
                _within(recorder, before, operation.at)

    def _base(self, runner: Runner) -> None:
        """What the operation at hand sends as Django's own."""
        if self._now is not None:
            before, runner.sends = runner.sends, True
            runner.editor.state.models, kept = dict(self._models), runner.editor.state.models
            runner.run(self._now)
            runner.editor.state.models = kept
            runner.sends = before

    def _own(self, operation: Operation, runner: Runner, recorder: SendLog, library: DjangoLibrary) -> bool:
        """An operation of the project's class that sends something of its own: the models change as its base's do."""
        forwards = operation.own.members.get("database_forwards") if isinstance(operation.own, ClassValue) else None
        if not isinstance(forwards, Closure) or library.follow is None:
            return False
        self._now, self._models = operation, dict(runner.models)
        runner.sends = False
        runner.run(operation)
        runner.sends = True
        count = len(recorder.sent)
        this = Host("operation", get=lambda name: operation.passed.named.get(name))
        library.follow.enter(
            forwards, Passed([this, runner.app, library.editor(), Host("state"), Host("state")], {}, operation.at)
        )
        if len(recorder.sent) == count:
            recorder.gap(f"{operation.own.name}: what it sends is not known", ANYTHING)
        return True


def _within(recorder: SendLog, first: int, at: Span) -> None:
    """Nothing is known of where in the function a statement stands but its operation."""
    recorder.sent[first:] = [s if s.at != Span(0, 0) else replace(s, at=at) for s in recorder.sent[first:]]


def _roots(root: Path, cwd: Path) -> tuple[Path, ...]:
    """Where absolute imports may begin: every folder with a manage.py, and the first one."""
    found = [Path(folder) for folder, inside, names in _folders(root) if "manage.py" in names]
    return tuple(dict.fromkeys((*found, *(f / "src" for f in found), root, root / "src", cwd)))


def _folders(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, inside, names in os.walk(root):
        depth = os.path.relpath(folder, root).count(os.sep)
        inside[:] = sorted(
            d for d in inside if not d.startswith(".") and d not in ("node_modules", "venv") and depth < 3
        )
        yield folder, inside, names


def _known(module: str, name: str, library: DjangoLibrary) -> Any:
    if module.partition(".")[0] != "django":
        return None
    return library.name(name) if name else Host("django", get=library.name)


__all__ = ["Source", "migrations"]
