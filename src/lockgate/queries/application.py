"""The application's queries as the configuration names them: those of this tree, and of the running release where there
is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache as once
from functools import partial
from pathlib import Path

import msgspec

from lockgate.base.config import Config
from lockgate.base.text import Source
from lockgate.cache import store
from lockgate.cache.answers import Answers, Glance
from lockgate.cache.checkpoint import Point
from lockgate.cache.queries import QueryMemory, remembered
from lockgate.queries.examine import Examined, Schema, beside, of_release, of_tree
from lockgate.queries.files import File, in_commit, in_tree, wanted, whole_tree
from lockgate.queries.others import Others
from lockgate.sources.folder import shown
from lockgate.sources.migration import Migration

Ask = Callable[[list[tuple[str, bytes]]], Examined]


def examine_all(
    config: Config,
    cwd: Path,
    release: str,
    migrations: tuple[Migration, ...],
    path: tuple[str, ...],
    before: Point | None,
    after: Point,
) -> Examined:
    """``before`` is the state that the running release works with (None: no migration is pending, so nothing can break
    it)."""
    place = str(config.root.resolve())
    desk = _Desk(
        config.root, cwd, remembered(place), Glance(place), {m.up.source.path: m.up.source for m in migrations}
    )
    paths = [m.up.source.path for m in migrations]
    want = wanted(config, paths, cwd)
    later = once(lambda: Schema(after.catalog(), path))
    found = desk.examined(in_tree(config, want), lambda files: of_tree(files, later(), desk.memory), (after.key,), path)
    if release and before is not None:
        earlier = once(lambda: Schema(before.catalog(), path))
        broken = desk.examined(
            in_commit(config, want, release),
            lambda files: of_release(files, release, earlier(), later(), desk.memory),
            (release.encode(), before.key, after.key),
            path,
        )
        found = Examined(
            (*found.facts, *broken.facts), (*found.resolutions, *broken.resolutions), found.own, lacks=broken.lacks
        )
    desk.write()
    return beside(
        found, Others(lambda: _everything(config.root, cwd), map(os.path.dirname, paths), lambda: later().catalog)
    )


def _everything(root: Path, cwd: Path) -> Iterator[tuple[str, bytes]]:
    for path, data in whole_tree(root):
        yield shown(root / path, cwd), data


class _Desk(msgspec.Struct):
    """Where files are looked at, with what is remembered of them."""

    root: Path
    cwd: Path
    memory: QueryMemory
    glance: Glance
    sources: Mapping[str, Source]

    def examined(self, files: Iterable[File], ask: Ask, schemas: tuple[bytes, ...], path: tuple[str, ...]) -> Examined:
        """What these files come to; only those are asked about of which no earlier run knows."""
        name = (
            store.digest(self.memory.name, repr((schemas, path, str(self.cwd))).encode("utf-8", "surrogateescape"))
            if self.memory.name
            else b""
        )
        answers, came = Answers(name, self.sources), []
        for file in files:
            if self.glance.blank(file):
                continue
            data = file.read()
            one = answers.get(file.path, data, partial(self._shown, file))
            if one is None and self.glance.look(file, data):
                one = ask([(self._shown(file), data)])
                answers.put(file.path, data, one)
            if one is not None:
                came.append(one)
        answers.write()
        self.memory.whole &= not answers.used
        return Examined(
            tuple(f for one in came for f in one.facts),
            tuple(r for one in came for r in one.resolutions),
            sum(one.own for one in came),
            lacks=tuple(each for one in came for each in one.lacks),
        )

    def _shown(self, file: File) -> str:
        return shown(self.root / file.path, self.cwd)

    def write(self) -> None:
        """Leave what is known to the next run."""
        self.memory.write()
        self.glance.write()
