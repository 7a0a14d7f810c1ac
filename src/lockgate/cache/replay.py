"""Recall: of a folder that was checked before, only what comes after the first change is replayed.

Every leg of a replay has a key, made from its text and the key before it: two replays with the same key so far are in
the same state. Under the folder's name the cache holds what each leg came to; under keys of legs it holds checkpoints
from which a replay goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lockgate.base.findings import Finding
from lockgate.base.text import Source, Span
from lockgate.cache import store
from lockgate.cache.store import Unfit
from lockgate.catalog.catalog import Catalog
from lockgate.sources.migration import Migration
from lockgate.timeline.budget import AGAIN, RUN
from lockgate.timeline.plan import Leg, Plan
from lockgate.timeline.replay import Replay

if TYPE_CHECKING:
    from lockgate.cache.checkpoint import Point

_ATOMS = frozenset({int, bool, bytes, type(None)})
_STRIDE = (
    1000  # statements replayed before the first checkpoint that lies amid a folder; each one after it lies twice as far
)

Missed = tuple[str, str, str]  # SQLSTATE, qualified name and file of what a statement is refused for lack of


class Told(msgspec.Struct):
    """What one leg came to."""

    statements: int = 0
    tainted: int = 0
    unmodelled: dict[str, int] = msgspec.field(default_factory=dict)
    findings: list[Finding] = msgspec.field(default_factory=list)
    spans: list[tuple[Source, Span]] = msgspec.field(
        default_factory=list
    )  # of the statements of sources with directives in them
    missed: list[Missed] = msgspec.field(default_factory=list)

    def note(self, reason: str) -> None:
        """Count something that is not known for certain, or not modelled."""
        self.unmodelled[reason] = self.unmodelled.get(reason, 0) + 1


Tell = Callable[[Replay, Leg], Told]
Spell = Callable[[Leg], bytes]  # everything in a leg, as bytes


_LATE = 64  # legs whose rest is written anew with each run, apart from that of the many before them


class _Book(msgspec.Struct):
    """What the cache holds of a folder: the keys of its legs, what each came to, and what was mended in the end.

    ``told``: statements, tainted, not modelled of each leg. The rest stands as columns of all legs together, which is
    read ten times as fast as each by itself: of the first ``settled``, which another run takes over as they are, and of
    those after them.
    """

    chain: list[bytes] = msgspec.field(default_factory=list)
    told: list[tuple[int, int, dict[str, int]]] = msgspec.field(default_factory=list)
    settled: int = 0
    early: bytes = b""
    late: bytes = b""
    mended: list[str] = msgspec.field(default_factory=list)


class Recall:
    """A replay that remembers. ``brief``: the text is an editor's, and changes with the next key; keep no more than
    what the next run needs."""

    def __init__(
        self, plan: Plan, tell: Tell, place: str = "", brief: bool = False, work: int = RUN, spell: Spell | None = None
    ) -> None:
        self._plan, self._tell, self._brief, self._work = plan, tell, brief, work
        self._replay = Replay(plan, work=work)
        self._legs = list(self._replay.legs())
        self._done = 0  # legs that the replay has taken
        self._sources = {s.path: s for leg in self._legs if leg.migration is not None for s in _sources(leg.migration)}
        self._on = spell is not None or store.folder() is not None
        self._chain = list(_chain(plan, self._legs, spell or spelled)) if self._on else []
        self._name = store.digest(b"book", place.encode(), self._chain[0]) if self._on else b""

    def told(self, progress: Callable[[int, Leg], None]) -> tuple[list[Told], frozenset[str]]:
        """What every leg came to, and the breakages that were mended in the end (see ``Replay.mended``)."""
        book, told = self._remembered()
        known = len(told)
        if known == len(self._legs) == len(book.chain):
            return told, frozenset(book.mended)
        self._replay, self._done = self._from(known)
        del told[self._done :]
        for leg in self._walk(known, told):
            progress(self._done, leg)
            told.append(self._tell(self._replay, leg))
        mended = self._replay.mended()
        self._write(book, known, told, sorted(mended))
        return told, mended

    @property
    def left(self) -> int:
        """The budget of work for one more replay of the same folder."""
        return max(AGAIN, self._replay.budget.run)

    def finished(self) -> Replay:
        """The replay after its last leg."""
        if self._done < len(self._legs):
            self._replay, self._done = self._at(len(self._legs)), len(self._legs)
        return self._replay

    def end(self) -> Point:
        """The state after the last leg."""
        from lockgate.cache.checkpoint import Point

        return Point(self._chain[-1] if self._on else b"", lambda: self.finished().catalog)

    def before(self, ids: frozenset[str]) -> Point | None:
        """The state before the first of these migrations; None where none of them is there."""
        from lockgate.cache.checkpoint import Point

        for number, leg in enumerate(self._legs):
            if leg.kind == "migration" and leg.migration is not None and leg.migration.id in ids:
                return Point(self._chain[number] if self._on else b"", partial(self._catalog, number))
        return None

    def _catalog(self, number: int) -> Catalog:
        return self._at(number).catalog

    def _walk(self, known: int, told: list[Told]) -> Iterator[Leg]:
        """The legs still to take; checkpoints are left before the first that is new, before the last, and at growing
        distances."""
        taken, stride, last = 0, _STRIDE, len(self._legs) - 1
        for number in range(self._done, len(self._legs)):
            if taken and self._on and (number == known or (not self._brief and (number == last or taken >= stride))):
                self._leave(number)
                taken, stride = 0, stride * 2 if taken >= stride else stride
            yield self._legs[number]
            self._done += 1
            taken += max(1, told[-1].statements)

    def _leave(self, number: int) -> None:
        """Leave a checkpoint of the state before a leg, unless it holds what cannot be stored."""
        from lockgate.cache.checkpoint import save

        if not store.has(self._chain[number]):
            with suppress(Unfit):
                store.write(self._chain[number], save(self._replay, self._sources))

    def _at(self, number: int) -> Replay:
        """A replay that has taken so many legs."""
        replay, done = self._from(number)
        for leg in self._legs[done:number]:
            for _ in replay.take(leg):
                pass
        return replay

    def _from(self, number: int) -> tuple[Replay, int]:
        """A replay that goes on from the last checkpoint that has no more than so many legs behind it, and how many those
        are."""
        for done in range(min(number, len(self._legs) - 1), 0, -1):
            data = store.read(self._chain[done]) if self._on and store.has(self._chain[done]) else None
            if data is None:
                continue
            from lockgate.cache.checkpoint import load

            replay = Replay(self._plan, work=self._work)
            try:
                load(replay, data, self._sources)
            except Unfit:
                continue
            return replay, done
        return Replay(self._plan, work=self._work), 0

    # --- what the cache holds -----------------------------------------------------------------------------------------

    def _remembered(self) -> tuple[_Book, list[Told]]:
        """The folder's book, and what the legs came to that are as they were."""
        data = store.read(self._name) if self._on else None
        if data is None:
            return _Book(), []
        try:
            book = msgspec.msgpack.decode(data, type=_Book)
            same = [a == b for a, b in zip(book.chain, self._chain[1:], strict=False)]
            known = same.index(False) if False in same else len(same)
            return book, self._restored(book, known)
        except (msgspec.MsgspecError, Unfit):
            return _Book(), []

    def _restored(self, book: _Book, known: int) -> list[Told]:
        rests: list[Any] = []
        for part, legs in ((book.early, book.settled), (book.late, len(book.told) - book.settled)):
            if not part:
                rests += [((), (), ())] * legs
            elif len(rests) < known:
                from lockgate.cache.columns import restore

                rests += restore(part, self._sources)
        rests = [tuple(map(list, rest)) for rest in rests]
        return [Told(*counts, *rest) for counts, rest in zip(book.told[:known], rests, strict=False)]

    def _write(self, old: _Book, known: int, told: list[Told], mended: list[str]) -> None:
        """Leave what is known now; ``known`` legs of the old book were as they are."""
        if not self._on:
            return
        counts = [(one.statements, one.tainted, one.unmodelled) for one in told]
        rests = [(one.findings, one.spans, one.missed) for one in told]
        settled, early = old.settled, old.early
        with suppress(Unfit, UnicodeEncodeError):  # the latter of a name that is no UTF-8
            if known < settled or len(told) - settled > _LATE:
                settled, early = len(told), self._dumped(rests)
            book = _Book(self._chain[1:], counts, settled, early, self._dumped(rests[settled:]), mended)
            store.write(self._name, msgspec.msgpack.encode(book))

    def _dumped(self, rests: list[tuple[Any, ...]]) -> bytes:
        if not any(map(any, rests)):
            return b""
        from lockgate.cache.columns import dump

        return dump(rests, self._sources.values())


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")  # sets too


def finished(plan: Plan) -> Replay:
    """The replay after its last leg; what a check of the same folder left behind shortens the way."""
    return Recall(plan, lambda replay, leg: Told()).finished()


def _sources(migration: Migration) -> Iterator[Source]:
    yield migration.up.source
    if migration.down is not None:
        yield migration.down.source


def _chain(plan: Plan, legs: list[Leg], spell: Spell) -> Iterator[bytes]:
    """The key of the state before the first leg, and after each."""
    rest = replace(plan, migrations=(), owned=frozenset(), handover_sql=None, baseline=None, pending=None)
    key = store.digest(msgspec.msgpack.encode((_plain(rest), bool(plan.owned), plan.baseline is None)))
    yield key
    for leg in legs:
        key = store.digest(key, spell(leg))
        yield key


def spelled(leg: Leg) -> bytes:
    """Everything in a leg, as bytes: equal where it is."""
    try:
        return _ENCODER.encode(leg)
    except UnicodeEncodeError:  # a file's name is no UTF-8
        return msgspec.msgpack.encode(_plain(leg))


def _plain(value: Any) -> Any:
    """A value of frozen parts, all fields of all of them, as what msgpack takes."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is str:
        return value.encode("utf-8", "surrogatepass")
    if kind is Span:
        return value.start, value.end
    if kind is tuple:
        return tuple([_plain(each) for each in value])
    if kind is frozenset:
        return tuple(sorted(value))
    if isinstance(value, Enum):
        return value.value
    return kind.__name__, *[_plain(getattr(value, name)) for name in kind.__match_args__]
