"""What earlier runs came to, file by file: a file in which no query begins is not read again, and what came of the
others stands as long as the schema does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import msgspec

from lockgate.base.text import Source
from lockgate.cache import store
from lockgate.cache.columns import dump, restore
from lockgate.cache.stamp import settled
from lockgate.cache.store import Unfit
from lockgate.queries.examine import Examined
from lockgate.queries.files import File
from lockgate.queries.hints import hints

T = TypeVar("T")
_Stamp = tuple[str | int, ...]  # with the name's suffix, as which of the languages the file is taken for


class Glance:
    """Files in which no query begins, by their stamps."""

    def __init__(self, place: str) -> None:
        self._start = time.time_ns()
        self._name = (
            store.digest(b"glance", place.encode("utf-8", "surrogateescape")) if store.folder() is not None else b""
        )
        self._before = _loaded(self._name, set[_Stamp])
        self._now: set[_Stamp] = set()

    def blank(self, file: File) -> bool:
        """Whether no query begins in a file, as an earlier run saw."""
        if (key := _stamp(file)) in self._before:
            self._now.add(key)
            return True
        return False

    def look(self, file: File, data: bytes) -> bool:
        """Whether a query may begin in what was read of a file."""
        suffix = file.path.rpartition(".")[2]
        if suffix == "sql" or next(hints(data, suffix), None) is not None:
            return True
        if file.stamp and settled(file.stamp, self._start):
            self._now.add(_stamp(file))
        return False

    def write(self) -> None:
        """Keep what this run saw."""
        if self._name and self._now != self._before:
            store.write(self._name, msgspec.msgpack.encode(self._now))


class Answers:
    """What the queries of each file came to, by its path and content. ``name`` is that of the schema, and of all else
    that they hang on; b"": nothing is kept."""

    def __init__(self, name: bytes, sources: Mapping[str, Source]) -> None:
        self._name, self._sources = name, dict(sources)
        self._before = _loaded(name, dict[bytes, bytes])
        self._now: dict[bytes, bytes] = {}
        self.used = False  # whether any was asked for, and there

    def get(self, path: str, data: bytes, shown: Callable[[], str]) -> Examined | None:
        """What became of a file, which reports call as ``shown`` says."""
        kept = self._before.get(key := _key(path, data)) if self._before else None
        if kept is None:
            return None
        self.used, self._now[key] = True, kept
        if not kept:
            return Examined((), ())
        name = shown()
        self._sources[name] = Source(name, data.decode("utf-8", "replace"))
        try:
            came: Examined = restore(kept, self._sources)
        except Unfit:
            return None
        return came

    def put(self, path: str, data: bytes, came: Examined) -> None:
        """Keep what became of a file."""
        if self._name:
            own = {id(one.query.source): one.query.source for one in came.resolutions}
            named = self._sources.values() if any(one.failure is not None for one in came.resolutions) else ()
            with suppress(Unfit):
                self._now[_key(path, data)] = dump(came, (*named, *own.values())) if own else b""

    def write(self) -> None:
        """Leave them to the next run."""
        if self._name and self._now != self._before:
            store.write(self._name, msgspec.msgpack.encode(self._now))


def _stamp(file: File) -> _Stamp:
    return file.path.rpartition(".")[2], *file.stamp


def _key(path: str, data: bytes) -> bytes:
    return store.digest(path.encode("utf-8", "surrogateescape"), data)


def _loaded(name: bytes, kind: type[T]) -> T:
    """What an earlier run left under a name; an empty one where there is nothing that fits."""
    data = store.read(name) if name else None
    try:
        return msgspec.msgpack.decode(data, type=kind) if data is not None else kind()
    except msgspec.MsgspecError:
        return kind()
