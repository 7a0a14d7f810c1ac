"""Alembic's revisions, in order, as migrations whose SQL is read from their syntax trees."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lockgate.base.files import peek
from lockgate.base.text import Source
from lockgate.sources.code import python, tree
from lockgate.sources.code.alembic.extensions import entity, reference
from lockgate.sources.code.alembic.library import SqlalchemyLibrary, from_elsewhere
from lockgate.sources.code.alembic.naming import DEFAULT
from lockgate.sources.code.alembic.operations import WORK
from lockgate.sources.code.alembic.operator import Operations
from lockgate.sources.code.files import Files
from lockgate.sources.code.imports import Importer
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.leaving import TooLong, WayOut
from lockgate.sources.code.printed import Sent, script_of
from lockgate.sources.code.project import Modules
from lockgate.sources.code.recorder import ANYTHING, KnownTypes, SendLog
from lockgate.sources.code.values import UNKNOWN, Closure, Host, Names, Passed
from lockgate.sources.folder import Revision
from lockgate.sources.listing import walk
from lockgate.sources.migration import Migration, Transaction

_PACKAGES = frozenset({"sqlalchemy", "sqlalchemy_utils", "pgvector", "sqlmodel", "geoalchemy2", "advanced_alchemy"})
_CONVENTION = re.compile(r"\bnaming_convention\b|\bNAMING_CONVENTION\b")
_PER_MIGRATION = re.compile(r"transaction_per_migration\s*=\s*True")
_BY_SETTING = re.compile(r"transaction_per_migration\s*=")


class RevisionReader:
    """Reads the revisions of one history, in order: what one makes the next may rest on."""

    def __init__(self, root: Path, cwd: Path, home: Path) -> None:
        self.modules = Modules(root, cwd, _roots(root, home))
        self.files = Files(root)
        self.cwd, self.world = cwd, KnownTypes()
        self.made: set[str] = set()
        self.convention: Mapping[str, Any] = _convention(self.modules, root, home)

    def sent(self, source: Source) -> list[Sent]:
        """What a revision's ``upgrade`` sends."""
        recorder = SendLog(self.world)
        library = SqlalchemyLibrary(recorder)
        op = Operations(recorder, self.convention, self.made, WORK).host(library.connection)
        importer = Importer(self.modules, lambda module, name: _known(module, name, op, library), from_elsewhere)
        importer.follow = follow = Follower(source, importer, library.member)
        recorder.followed = follow
        importer.files = follow.files = self.files
        follow.words |= self.files.words(Path(os.path.normpath(self.cwd / source.path)))
        try:
            scope = follow.module(python.parse(source), source)
            upgrade = scope.names.get("upgrade")
            if isinstance(upgrade, Closure):
                follow.enter(upgrade, Passed([], {}, upgrade.function.span, source.path))
        except (WayOut, TooLong, RecursionError, SyntaxError, ValueError, MemoryError) as error:
            recorder.gap(f"it cannot be followed to its end ({type(error).__name__})", ANYTHING)
        return recorder.sent


def _known(module: str, name: str, op: Host, library: SqlalchemyLibrary) -> Any:
    """What alembic, SQLAlchemy and their companions have under a name."""
    top = module.partition(".")[0]
    if top == "alembic":
        return {"op": op, "context": _context(library)}.get(name) or _alembic(op, library)
    if top in _PACKAGES:
        return library.name(name) if name else library.sqlalchemy
    if top in ("alembic_utils", "alembic_postgresql_enum"):
        return entity(name) or (Host(name, reference) if name == "TableReference" else Host(name, get=Host))
    return None


def _roots(root: Path, home: Path) -> tuple[Path, ...]:
    """Where absolute imports may begin: the folders from the revisions' up to the first one, and their ``src``."""
    out = [home]
    for folder in home.parents:
        out += [folder, folder / "src"]
        if folder == root:
            break
    return tuple(out)


def _alembic(op: Host, library: SqlalchemyLibrary) -> Host:
    return Host("alembic", op=op, context=_context(library))


def _context(library: SqlalchemyLibrary) -> Host:
    return Host(
        "context",
        is_offline_mode=Host("is_offline_mode", lambda passed: False),
        get_bind=Host("get_bind", lambda passed: library.connection),
        get_context=Host(
            "get_context", lambda passed: Host("context", as_sql=False, dialect=library.connection.members["dialect"])
        ),
        config=Host("config", get=lambda name: Host(name)),
    )


def _convention(modules: Modules, root: Path, home: Path) -> Mapping[str, Any]:
    """The naming convention of the project's metadata: the first dict of that name or argument that its files have."""
    tops = [home.parent, *list(home.parents)[:3]]
    top = next((t for t in reversed(tops) if t == root or root in t.parents), home.parent)
    for relative in walk(top, 6):
        path = top / relative
        if relative.endswith(".py") and "/tests/" not in f"/{relative}" and _CONVENTION.search(peek(path, root)):
            found = modules.parsed(path)
            known = _conventional(found[1], found[0]) if found is not None else None
            if known is not None:
                return {**DEFAULT, **known}
    return DEFAULT


def _conventional(body: Sequence[tree.ProgramNode], source: Source) -> dict[str, Any] | None:
    """The dict that a module gives as ``naming_convention``."""
    follow = Follower(source, lambda *_: UNKNOWN)
    scope = Names()
    for node in body:
        if isinstance(node, tree.AssignNode) and isinstance(node.target, tree.Name):
            try:
                scope.names[node.target.name] = follow.value(node.value, scope)
            except (WayOut, TooLong):
                continue
    for node in _all(body):
        if isinstance(node, tree.CallNode):
            for given in node.arguments:
                if given.name == "naming_convention":
                    value = follow.value(given.value, scope)
                    if isinstance(value, dict) and set(value) & {"ix", "uq", "ck", "fk", "pk"}:
                        return value
    return None


def _all(body: Iterable[Any]) -> Iterable[tree.ProgramNode]:
    stack: list[Any] = list(body)
    while stack:
        one = stack.pop()
        if isinstance(one, tree.ProgramNode):
            yield one
        if isinstance(one, tuple):
            stack.extend(one)
        elif isinstance(one, tree.ProgramNode | tree.Argument | tree.Parameter):
            stack.extend(getattr(one, field) for field in one.__struct_fields__ if field != "span")


def per_migration(home: Path, root: Path) -> bool:
    """Whether env.py asks for a transaction for each revision."""
    return bool(_PER_MIGRATION.search(peek(home.parent / "env.py", root)))


def migrations(revisions: Sequence[Revision], root: Path, cwd: Path) -> list[Migration]:
    """The migrations of one history; ``revisions`` in the order in which alembic runs them."""
    reader = RevisionReader(root, cwd, Path(revisions[0].home)) if revisions else None
    out = []
    for one in revisions:
        assert reader is not None
        script = script_of(one.source, reader.sent(one.source), Transaction.FILE)
        out.append(Migration(one.id, one.id, "", script))
    return out
