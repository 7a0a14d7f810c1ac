"""The folder that the command line, the configuration, or the tree itself names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck
from lockgate.base.files import inside
from lockgate.base.trust import need
from lockgate.sources import Folder, Separate, SeveralHistories, load, load_separate

if TYPE_CHECKING:
    from lockgate.run.plan import Request


def from_disk(config: Config, request: Request) -> Folder:
    """The migrations as they lie there. Raises SeveralHistories where nobody says which of them is meant."""
    if request.memory is None:
        return _read(config, request)
    asked = replace(request, stdin=None, memory=None), repr(config.migrations)
    return request.memory.folder(asked, lambda: _read(config, request), request.cwd)


def _read(config: Config, request: Request) -> Folder:
    one = request.separate
    if config.histories and not request.paths and one is None:
        names = [own.migrations.name for own in config.histories]
        raise SeveralHistories(config.path, [Separate(name, "", config.root) for name in names])
    layout = request.layout or config.migrations.layout
    command = "" if request.paths or one is not None else config.migrations.command
    if command:
        need(config, "migrations", "command", "runs a program", "name the folder of migrations on the command line")
    given: Any = {
        "transaction": request.transaction or config.migrations.transaction,
        "placeholders": config.migrations.placeholders,
        "exclude": request.exclude,
    }
    if one is None:
        paths = list(request.paths) or configured_paths(config) or [request.cwd]
        try:
            return load(paths, layout, command=command, cwd=request.cwd, **given)
        except SeveralHistories as several:
            if not request.history:
                raise
            one = several.named(request.history)
    return load_separate(one, cwd=request.cwd, **given)


def configured_paths(config: Config) -> list[Path]:
    """The configuration's folders. Raises CannotCheck for one that leads out of the repository."""
    paths = [config.resolve(p) for p in config.migrations.paths]
    for name, path in zip(config.migrations.paths, paths, strict=True):
        if not inside(path, config.root):
            raise CannotCheck(
                f"{config.path}: migrations.paths: {name} leads out of the repository",
                "name a folder inside of it, or give the folder on the command line",
            )
    return paths
