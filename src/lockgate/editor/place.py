"""Where a file stands: in the history that the command line finds in the same root, else in the one around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from lockgate.api import CannotCheck, Config, LockgateError, Request, UsageError, configuration
from lockgate.run.plan import read_folder
from lockgate.sources import may_hold_code

SQL = ".sql"


def may_be_code(path: Path, root: Path) -> bool:
    """Whether a file that is no SQL lies where migrations in code do, or where the configuration names them. Raises
    UsageError."""
    config = configuration(None, root)
    named = any(path.is_relative_to(config.resolve(place)) for place in config.migrations.paths)
    return path.is_relative_to(root) and (named or may_hold_code([path.relative_to(root).as_posix()]))


def asked_of(path: Path, config: Config, request: Request) -> Request | None:
    """The request whose history holds a file, which is first what ``lockgate check`` takes in the root. None where that
    history does not hold it: then the command line says nothing of it, either.

    Where the root holds several histories, and nobody says which, it is the uppermost folder around the file that has one.
    Raises LockgateError as the command line would in the root.
    """
    failed: LockgateError | None = None
    for paths in _tries(path, config, request.cwd):
        one = replace(request, paths=paths)
        try:
            return one if _holds(config, one) else None
        except (UsageError, CannotCheck) as error:
            failed = failed or error
    assert failed is not None
    raise failed


def _tries(path: Path, config: Config, root: Path) -> Iterator[tuple[Path, ...]]:
    yield ()
    if not config.migrations.paths and path.is_relative_to(root):
        inner = [up for up in path.parents if up != root and up.is_relative_to(root)]
        yield from ((up,) for up in reversed(inner))


def _holds(config: Config, request: Request) -> bool:
    """Whether the folder has the buffer's file among its migrations, as it lies on the disk."""
    folder, name = read_folder(config, replace(request, stdin=None)), request.stdin.path if request.stdin else ""
    files = {one.source.path for one in folder.files}
    for migration in folder.migrations:
        for script in filter(None, (migration.up, migration.down)):
            files.add(script.source.written.path)
    return name in files
