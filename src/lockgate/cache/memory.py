"""What a process that stays, a language server, keeps of the replays of a folder.

Where ``cache/replay`` leaves bytes for the next run, here the states of a replay lie as they are: a catalog is an immutable
value, so that a waypoint every few migrations costs little. A keystroke in a file is then a replay from the waypoint
before it. What comes after that file is told as it was the last time the whole folder was replayed (``until``): the
file's own findings come first, those of the rest when the buffer is at rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from copy import copy
from pathlib import Path
from typing import Any

import msgspec

from lockgate.cache import store
from lockgate.cache.replay import Recall, Tell, Told, spelled
from lockgate.catalog.catalog import Catalog
from lockgate.sources import Folder
from lockgate.sources.environment import Environment
from lockgate.timeline.budget import RUN
from lockgate.timeline.plan import Leg, Plan
from lockgate.timeline.replay import Replay

STRIDE = 8  # legs between two waypoints
_BOOKS = 16  # replays that are remembered: of both majors, of the newest files together
_SPELLINGS = 5_000  # legs whose keys are remembered, and with them their texts


class Waypoint(msgspec.Struct, frozen=True):
    """Everything in a replay between two legs."""

    catalog: Catalog
    rest: dict[str, Any]

    @classmethod
    def of(cls, replay: Replay) -> Waypoint:
        """A copy of a replay's state: what the replay changes is not shared."""
        return cls(replay.catalog, {name: _apart(getattr(replay, name)) for name in _STATE})

    def restore(self, replay: Replay) -> None:
        """Put a replay of the same plan into this state."""
        replay.draft = self.catalog.draft()
        for name, value in self.rest.items():
            setattr(replay, name, _apart(value))


_STATE = ("session", "state", "watch", "budget", "provided", "pending")  # of a replay, beside its catalog


def _apart(value: Any) -> Any:
    """A copy of a state that shares only what is never changed: of these structs, the fields that are collections."""
    if not isinstance(value, msgspec.Struct) or value.__struct_config__.frozen:
        return value
    out = copy(value)
    for name in out.__struct_fields__:
        field = getattr(out, name)
        if isinstance(field, (dict, set, list)):
            setattr(out, name, copy(field))
    return out


class Book(msgspec.Struct):
    """What a replay came to: the keys of its legs, what each was, and what was mended in the end."""

    paths: list[str]
    chain: list[bytes]
    told: list[Told]
    mended: frozenset[str]


class ReplayMemory:
    """What is remembered. ``until`` is the path of the file after which a replay may stop; "" for none."""

    def __init__(self) -> None:
        self.until = ""
        self.before: dict[tuple[str, ...], Environment | None] = {}  # what stood before, by the roots of a folder
        self.foresee = (
            0  # the major that refusals will be asked of, too, so that its replay had better be here; 0: none
        )
        self.states: dict[bytes, Waypoint] = {}
        self.books: dict[bytes, Book] = {}
        self._spelled: dict[int, tuple[Leg | object, bytes]] = {}
        self._folders: dict[Hashable, tuple[dict[str, tuple[int, int]], Folder]] = {}

    def folder(self, key: Hashable, load: Callable[[], Folder], cwd: Path) -> Folder:
        """A folder as it was read, while no file and no folder of it has changed."""
        known = self._folders.get(key)
        if known is not None and all(_stamp(path) == stamp for path, stamp in known[0].items()):
            return known[1]
        found = load()
        self._folders[key] = {path: _stamp(path) for path in _paths(found, cwd)}, found
        return found

    def forget_folders(self) -> None:
        """Something changed on the disk."""
        self._folders.clear()

    def spell(self, leg: Leg) -> bytes:
        """A leg as bytes; of the same migration only once."""
        known = self._spelled.get(id(leg.migration))
        if known is None or known[0] is not leg.migration:
            if len(self._spelled) > _SPELLINGS:
                self._spelled.clear()
            known = self._spelled[id(leg.migration)] = (
                leg.migration,
                store.digest(spelled(msgspec.structs.replace(leg, pending=False))),
            )
        return known[1] + leg.kind.encode() + bytes([leg.pending])

    def keep(self, name: bytes, book: Book) -> None:
        """Remember a whole replay, and no state that none of them passes."""
        self.books.pop(name, None)
        self.books[name] = book
        while len(self.books) > _BOOKS:
            del self.books[next(iter(self.books))]
        passed = {key for one in self.books.values() for key in one.chain}
        self.states = {key: state for key, state in self.states.items() if key in passed}


def _stamp(path: str) -> tuple[int, int]:
    try:
        seen = os.stat(path)
    except OSError:
        return 0, -1
    return seen.st_mtime_ns, seen.st_size


def _paths(folder: Folder, cwd: Path) -> set[str]:
    """The files of a folder, and the folders that they lie in."""
    out = {str(cwd)}
    files = {one.source.path for one in folder.files}
    files |= {script.source.path for m in folder.migrations for script in (m.up, m.down) if script is not None}
    for path in {os.path.join(cwd, file) for file in files}:
        out.add(path)
        up = os.path.dirname(path)
        while up not in out and len(up) > 1:
            out.add(up)
            up = os.path.dirname(up)
    return out


class Remembered(Recall):
    """A replay with a memory."""

    def __init__(self, plan: Plan, tell: Tell, place: str, memory: ReplayMemory, work: int = RUN) -> None:
        self._memory, self._place = memory, place
        super().__init__(plan, tell, place, brief=True, work=work, spell=memory.spell)
        self._paths = [leg.migration.up.source.path if leg.migration is not None else "" for leg in self._legs]
        self._book: Book | None = memory.books.get(self._name)

    def told(self, progress: Callable[[int, Leg], None]) -> tuple[list[Told], frozenset[str]]:
        """What every leg came to; of those after the file ``until``, what they came to when the whole was last replayed."""
        book, known = self._book, self._known()
        if book is not None and known == len(self._legs) == len(book.told):
            return list(book.told), book.mended
        stop = self._stop()
        known = min(known, stop)
        told = book.told[:known] if book is not None else []
        self._replay, self._done = self._from(known)
        del told[self._done :]
        for number in range(self._done, stop):
            if number % STRIDE == 0 or number == known:
                self._leave(number)
            progress(number, self._legs[number])
            told.append(self._tell(self._replay, self._legs[number]))
            self._done = number + 1
        if stop < len(self._legs):
            assert book is not None
            return told + book.told[stop : len(self._legs)], book.mended
        mended = self._replay.mended()
        self._leave(stop)
        if book is None or len(book.told) <= len(told):  # else this is the beginning of what is remembered
            self._memory.keep(self._name, Book(self._paths, self._chain[1:], list(told), mended))
        if book is None and self._memory.foresee not in (0, self._plan.major):
            twin = msgspec.structs.replace(self._plan, major=self._memory.foresee)
            Remembered(twin, self._tell, self._place, self._memory, self.left).told(lambda number, leg: None)
        return told, mended

    def around(self) -> list[Catalog]:
        """The catalogs after the file ``until`` and before it; none where it is not replayed."""
        if self._memory.until not in self._paths:
            return []
        number = self._paths.index(self._memory.until)
        return [self._at(number + 1).catalog, self._at(number).catalog]

    def finished(self) -> Replay:
        """The replay after its last leg; where it stopped before, as it was there the last time."""
        if self._done < len(self._legs) and self._stop() < len(self._legs) and self._book is not None:
            state = self._memory.states.get(self._book.chain[-1])
            if state is not None:
                replay = Replay(self._plan, work=self._work)
                state.restore(replay)
                return replay
        return super().finished()

    def _known(self) -> int:
        """How many legs are as the book has them."""
        chain = self._book.chain if self._book is not None else []
        same = [a == b for a, b in zip(chain, self._chain[1:], strict=False)]
        return same.index(False) if False in same else len(same)

    def _stop(self) -> int:
        """How many legs are to be taken: those up to the edited file, where a book of the same files tells the rest."""
        until, whole = self._memory.until, len(self._legs)
        if self._book is None or until not in self._paths or self._book.paths[:whole] != self._paths:
            return whole
        return self._paths.index(until) + 1

    def _leave(self, number: int) -> None:
        self._memory.states[self._chain[number]] = Waypoint.of(self._replay)

    def _from(self, number: int) -> tuple[Replay, int]:
        for done in range(min(number, len(self._legs)), 0, -1):
            state = self._memory.states.get(self._chain[done])
            if state is not None:
                replay = Replay(self._plan, work=self._work)
                state.restore(replay)
                return replay, done
        return Replay(self._plan, work=self._work), 0
