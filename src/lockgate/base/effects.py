"""Lock modes with their conflict matrix, work, and effects."""

from __future__ import annotations

from enum import IntEnum

from lockgate.base.values import dataclass


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

    def conflicts(self, other: Lock) -> bool:
        """Whether two sessions cannot hold both on one relation (LockConflicts in src/backend/storage/lmgr/lock.c)."""
        return other in _CONFLICTS[self]


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


class Work(IntEnum):
    """How much a statement does to a relation's rows."""

    NONE = 0
    CATALOG = 1
    SCAN = 2
    BUILD = 3
    REWRITE = 4


@dataclass(frozen=True, slots=True)
class Effect:
    """A lock taken and work done on one relation."""

    relation: str
    lock: Lock
    work: Work
