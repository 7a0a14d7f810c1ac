"""Where a file stands: in one of the histories that the command line finds in the same root."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from lockgate.api import Config, LockgateError, Request, configuration
from lockgate.run.histories import each_of
from lockgate.run.plan import read_folder
from lockgate.sources import may_hold_code

SQL = ".sql"


def may_be_code(path: Path, root: Path) -> bool:
    """Whether a file that is no SQL lies where migrations in code do, or where the configuration names them. Raises
    UsageError."""
    config = configuration(None, root)
    every = (config, *config.histories)
    named = any(path.is_relative_to(own.resolve(place)) for own in every for place in own.migrations.paths)
    return path.is_relative_to(root) and (named or may_hold_code([path.relative_to(root).as_posix()]))


def asked_of(config: Config, request: Request) -> tuple[Config, Request] | None:
    """What is asked of the history that holds the buffer's file, among those that ``lockgate check`` takes in the root.
    None where none does: then the command line says nothing of it, either. Raises LockgateError as that would."""
    failed: LockgateError | None = None
    for own, asked in each_of(config, request):
        try:
            if _holds(own, asked):
                return own, asked
        except LockgateError as error:  # what stops one does not stop the others
            failed = failed or error
    if failed is not None:
        raise failed
    return None


def _holds(config: Config, request: Request) -> bool:
    """Whether the folder has the buffer's file among its migrations, as it lies on the disk."""
    folder, name = read_folder(config, replace(request, stdin=None)), request.stdin.path if request.stdin else ""
    files = {one.source.path for one in folder.files}
    for migration in folder.migrations:
        for script in filter(None, (migration.up, migration.down)):
            files.add(script.source.written.path)
    return name in files
