"""Lock modes with their conflict matrix, work, and effects: what a statement does to the relations it touches.

Both producers make the same ``Effect``: the simulator (``timeline.hazards``) and the oracle (``oracle.apply``).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class Lock(IntEnum):
    """Table-level lock modes, weakest first (src/include/storage/lockdefs.h)."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def mode(self) -> str:
        """PostgreSQL's name, as pg_locks shows it: ``AccessExclusiveLock``."""
        return "".join(word.capitalize() for word in self.name.split("_")) + "Lock"

    @property
    def blocks_reads(self) -> bool:
        """Whether a plain SELECT waits for it."""
        return self.conflicts(Lock.ACCESS_SHARE)

    @property
    def blocks_writes(self) -> bool:
        """Whether an INSERT, UPDATE or DELETE waits for it."""
        return self.conflicts(Lock.ROW_EXCLUSIVE)

    def conflicts(self, other: Lock) -> bool:
        """Whether two sessions cannot hold both on one relation (LockConflicts in src/backend/storage/lmgr/lock.c)."""
        return other in _CONFLICTS[self]

    def covers(self, other: Lock) -> bool:
        """Whether it keeps out everybody whom the other one keeps out."""
        return _CONFLICTS[other] <= _CONFLICTS[self]

    @classmethod
    def of(cls, mode: str) -> Lock:
        """The lock of PostgreSQL's name. Raises KeyError."""
        return _MODES[mode]


_CONFLICTS: dict[int, frozenset[int]] = {
    1: frozenset({8}),
    2: frozenset({7, 8}),
    3: frozenset({5, 6, 7, 8}),
    4: frozenset({4, 5, 6, 7, 8}),
    5: frozenset({3, 4, 6, 7, 8}),
    6: frozenset({3, 4, 5, 6, 7, 8}),
    7: frozenset({2, 3, 4, 5, 6, 7, 8}),
    8: frozenset(range(1, 9)),
}


_MODES = {lock.mode: lock for lock in Lock}


class Work(IntEnum):
    """How much a statement does to a relation's rows: the more, the higher."""

    NONE = 0
    SCAN = 1
    BUILD = 2
    REWRITE = 3


class Age(StrEnum):
    """Since when a relation exists, seen from the statement: only what production has can make anybody wait."""

    TRANSACTION = "transaction"  # made in the statement's own transaction
    RELEASE = "release"  # made by a migration that is known to be pending with it
    PRODUCTION = "production"  # the rest


class Effect(msgspec.Struct, frozen=True):
    """What one statement does to one relation.

    ``lock`` is what the statement takes on it, ``held`` the strongest that its transaction holds on it afterwards;
    both are None where it takes none (work without a lock of its own does not exist: it is done under ``held``).
    ``rows`` is an estimate, None where nobody knows. ``why`` gives the reason of the work in a few words, ``proof``
    the server's own (its debug1 message), None where it was not asked or said nothing. ``exact`` is False where the
    simulator is not certain.
    """

    oid: int
    relation: str  # schema-qualified, quoted where needed
    lock: Lock | None
    held: Lock | None
    work: Work = Work.NONE
    kind: str = "table"  # or "index"
    age: Age = Age.PRODUCTION
    rows: int | None = None
    why: str = ""
    proof: str | None = None
    exact: bool = True
    planned: bool = False  # all that is not certain is how the planner reads it

    @property
    def told(self) -> bool:
        """Whether it is certain enough to speak of: the lock is, though the planner may find another way to the rows."""
        return self.exact or self.planned

    @property
    def keeps_out(self) -> bool:
        """Whether its statement locks a table of production's, so that whoever wants to write to it waits."""
        strong = self.lock is not None and self.lock.blocks_writes
        return strong and self.kind == "table" and self.age is Age.PRODUCTION and self.told
