"""What can be wrong with slots: a closed union of values that the rules of family S put into words."""

from __future__ import annotations

from lockgate.base.text import Source, Span
from lockgate.base.values import dataclass
from lockgate.slots.claim import Claim
from lockgate.slots.ledger import Ledger, LedgerRow


@dataclass(frozen=True, slots=True)
class DuplicateSlot:
    """``second`` claims the slot that ``first`` holds, and should move (``why``).

    ``applied`` is the name that the ledger has, if known; ``does``: what the runner does where the ledger holds the
    slot without a name.
    """

    first: Claim
    second: Claim
    applied: str | None = None
    why: str = ""
    next_free: str = ""
    does: str = ""


@dataclass(frozen=True, slots=True)
class SharedNumber:
    """Two migrations with one number, of a runner that goes by whole names."""

    first: Claim
    second: Claim
    layout: str


@dataclass(frozen=True, slots=True)
class PairMismatch:
    """The up and the down of one slot have different names."""

    up: Claim
    down: Claim


@dataclass(frozen=True, slots=True)
class DownWithoutUp:
    """A down whose slot has no up."""

    down: Claim


@dataclass(frozen=True, slots=True)
class MissingDown:
    """An up without a down, in a folder of which ``having`` of ``total`` migrations have one. ``refused``: what the
    runner says to that."""

    up: Claim
    having: int
    total: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that no file has, between two that are there."""

    before: Claim
    after: Claim
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that the runner does not run, though it is named much like a migration. ``stops``: the runner runs nothing
    because of it."""

    source: Source
    why: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class StaleSums:
    """A sum file that its runner compares with the files, and finds wrong."""

    source: Source
    span: Span
    why: str


@dataclass(frozen=True, slots=True)
class CaseCollision:
    """Two names that are one on file systems that do not tell case, or Unicode forms, apart."""

    first: str
    second: Source
    how: str


@dataclass(frozen=True, slots=True)
class WrongDirection:
    """A file whose SQL is for the other direction."""

    claim: Claim
    other: Claim
    why: str


@dataclass(frozen=True, slots=True)
class TakenOnBase:
    """After a merge with the base branch two files claim one slot. ``applied``: the name that the ledger has;
    ``stays``: the claim of that name."""

    ours: Claim
    theirs: Claim
    applied: str = ""
    stays: Claim | None = None
    next_free: str = ""


@dataclass(frozen=True, slots=True)
class TakenOnBranch:
    """Another branch that is not merged claims the same slot. ``merged``: ours is on the base branch already;
    ``stays``: the one that is applied."""

    ours: Claim
    theirs: Claim
    merged: bool
    stays: Claim | None = None
    next_free: str = ""


@dataclass(frozen=True, slots=True)
class TakenByReservation:
    """Somebody else reserved the slot."""

    ours: Claim
    name: str
    who: str
    path: str


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Branches could not be compared, and why."""

    source: Source
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class NameMismatch:
    """The ledger holds a slot under another name than the tree."""

    claim: Claim
    row: LedgerRow
    ledger: Ledger
    next_free: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """The ledger holds a slot that the tree has not."""

    row: LedgerRow
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Changed:
    """An applied file is no longer what was applied: the runner's own checksum differs."""

    claim: Claim
    row: LedgerRow
    ledger: Ledger
    algorithm: str


@dataclass(frozen=True, slots=True)
class Below:
    """A slot that is not applied, below the highest one that is; ``does``: what its runner does then, and never runs
    it."""

    claim: Claim
    highest: LedgerRow
    ledger: Ledger
    does: str


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """A slot that is not applied, below the highest one that is, of a runner that applies it (or is not known)."""

    claim: Claim
    highest: LedgerRow
    ledger: Ledger
    does: str


@dataclass(frozen=True, slots=True)
class Dirty:
    """The runner stopped in the middle of this slot."""

    row: LedgerRow
    ledger: Ledger


Conflict = (
    DuplicateSlot
    | SharedNumber
    | PairMismatch
    | DownWithoutUp
    | MissingDown
    | Gap
    | PassedOver
    | StaleSums
    | CaseCollision
    | WrongDirection
    | TakenOnBase
    | TakenOnBranch
    | TakenByReservation
    | NotCompared
    | NameMismatch
    | Missing
    | Changed
    | Below
    | OutOfOrder
    | Dirty
)
