"""What the server keeps of the files that are open: in which history each stands, and what replays of it left."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from lockgate.api import Config, Request, Source, configuration
from lockgate.cache.memory import ReplayMemory
from lockgate.editor.place import asked_of
from lockgate.run.plan import NEWEST_MAJOR

Asked = tuple[Config, Request]


class Desk:
    """Files, as they were looked up, until something changes on the disk."""

    def __init__(self) -> None:
        self.memory = ReplayMemory()
        self._asked: dict[tuple[Path, Path], Asked | None] = {}

    def asked(self, path: Path, text: str, root: Path, *, first: bool = False) -> Asked | None:
        """What is asked of the history of one file, whose buffer holds ``text``; None where the file is in none.

        ``first``: its own findings first; those that rest on later files are as they were when it was saved. Raises
        LockgateError.
        """
        key = path, root
        if key not in self._asked:
            config = quiet(configuration(None, root))
            buffer = Source(os.path.relpath(path, root).replace(os.sep, "/"), text)
            self._asked[key] = asked_of(config, Request((), root, stdin=buffer, memory=self.memory))
        found = self._asked[key]
        if found is None:
            return None
        config, request = found
        assert request.stdin is not None
        self.memory.foresee = NEWEST_MAJOR if config.database.version is None else 0
        self.memory.until = request.stdin.path if first else ""
        return config, replace(request, stdin=Source(request.stdin.path, text))

    def changed(self) -> None:
        """Something may have changed on the disk."""
        self._asked.clear()
        self.memory.forget_folders()


def quiet(config: Config) -> Config:
    """The configuration without what runs a program at every keystroke, and, where the tree is not trusted, without its
    plug-ins and its ledger's server."""
    own = tuple(map(quiet, config.histories))
    config = replace(config, migrations=replace(config.migrations, command=""), histories=own)
    if not config.untrusted:
        return config
    rules, ledger = replace(config.rules, plugins=()), replace(config.ledger, dsn_env="")
    return replace(config, rules=rules, ledger=ledger)
