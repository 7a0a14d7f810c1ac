"""Checkpoints: the whole state of a replay between two migrations as bytes, to go on from there in another run.

Texts are left out: the run that goes on has them at hand, and the key under which one lies says that they are
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from lockgate.base.text import Source
from lockgate.catalog.catalog import Catalog
from lockgate.timeline.replay import Replay

_STATE = ("session", "state", "watch", "budget", "provided", "pending")  # of a replay, beside its catalog


class Point(msgspec.Struct, frozen=True):
    """A state of a replay between two legs. ``key`` is another where the state is; b"" where nothing is to be
    remembered."""

    key: bytes
    catalog: Callable[[], Catalog]


def save(replay: Replay, sources: Mapping[str, Source]) -> bytes:
    """The state of a replay; ``sources`` are the texts that whoever loads it will have. Raises Unfit."""
    from lockgate.cache.columns import dump

    return dump((replay.catalog, {name: getattr(replay, name) for name in _STATE}), sources.values())


def load(replay: Replay, data: bytes, sources: Mapping[str, Source]) -> None:
    """Put a replay into a saved state. Raises Unfit where the bytes do not fit this run."""
    from lockgate.cache.columns import restore

    catalog, state = restore(data, sources)
    replay.draft = catalog.draft()
    for name in _STATE:
        setattr(replay, name, state[name])
