"""Waypoints: the whole state of a replay between two migrations as bytes, to go on from there in another run.

Texts are left out: the run that goes on has them at hand, and the key under which a waypoint lies says that they are
the same.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from lockgate.base.text import Source
from lockgate.catalog.builtin import Builtins, builtins
from lockgate.catalog.catalog import Catalog
from lockgate.timeline.replay import Replay

_PROTOCOL = 5
_STATE = ("session", "state", "watch", "budget", "provided")  # of a replay, beside its catalog


class Point(msgspec.Struct, frozen=True):
    """A state of a replay between two legs. ``key`` is another where the state is; b"" where nothing is to be
    remembered."""

    key: bytes
    catalog: Callable[[], Catalog]


def save(replay: Replay, sources: Mapping[str, Source]) -> bytes:
    """The state of a replay; ``sources`` are the texts that whoever loads it will have."""
    return dump((replay.catalog, {name: getattr(replay, name) for name in _STATE}), sources.values())


def load(replay: Replay, data: bytes, sources: Mapping[str, Source]) -> None:
    """Put a replay into a saved state. Raises whatever unpickling may where the bytes do not fit this run."""
    catalog, state = restore(data, sources)
    replay.draft = catalog.draft()
    for name in _STATE:
        setattr(replay, name, state[name])


def dump(value: object, sources: Iterable[Source]) -> bytes:
    """A value of frozen parts as bytes, without the texts of these sources."""
    known = {id(source) for source in sources}

    def reduced(source: Source) -> Any:
        return (_source, (source.path,)) if id(source) in known else (Source, (source.path, source.text))

    out = io.BytesIO()
    pickler = pickle.Pickler(out, _PROTOCOL)
    pickler.dispatch_table = copyreg.dispatch_table | {
        Source: reduced,
        Builtins: lambda b: (builtins, (b.major,)),
        Catalog: _reduced_catalog,
    }
    pickler.dump(value)
    return out.getvalue()


def restore(data: bytes, sources: Mapping[str, Source]) -> Any:
    """The value that ``dump`` was given, with this run's sources in the places of the other's."""
    return _Loader(io.BytesIO(data), sources).load()


def _source(path: str) -> Source:
    raise NotImplementedError(path)  # stands for a look-up, see _Loader


class _Loader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, sources: Mapping[str, Source]) -> None:
        super().__init__(file)
        self._sources = sources

    def find_class(self, module: str, name: str) -> Any:
        """The classes of ours that a pickle names; the place of a text is taken by the text."""
        if (module, name) == (__name__, "_source"):
            return self._sources.__getitem__
        return super().find_class(module, name)


def _reduced_catalog(catalog: Catalog) -> Any:
    return (_catalog, tuple(getattr(catalog, slot) for slot in Catalog.__slots__))


def _catalog(*values: Any) -> Catalog:
    catalog = Catalog.__new__(Catalog)
    for slot, value in zip(Catalog.__slots__, values, strict=True):
        setattr(catalog, slot, value)
    return catalog
