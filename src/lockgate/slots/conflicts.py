"""What can be wrong with slots: a closed union of values that the rules of family S put into words."""

from __future__ import annotations

import msgspec

from lockgate.base.findings import Label
from lockgate.base.text import Source, Span
from lockgate.slots.claim import Claim
from lockgate.slots.ledger import Ledger, LedgerRow


class DuplicateSlot(msgspec.Struct, frozen=True):
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


class DeclaredTwice(msgspec.Struct, frozen=True):
    """A change that a plan or a changelog declares twice: its runner then takes none of it. ``does``: the runner's
    words."""

    name: str
    first: Label
    second: Label
    does: str


class SeveralHeads(msgspec.Struct, frozen=True):
    """Revisions at the top of one graph, where its runner wants one. ``does``: what it says then."""

    heads: tuple[tuple[str, Source], ...]
    does: str
    remedy: str


class Unread(msgspec.Struct, frozen=True):
    """A migration in code of which something could not be printed as SQL: the first place, why, and how many more there
    are. ``touches``: the relations that it may change; "*" stands for anything."""

    source: Source
    span: Span
    why: str
    more: int
    touches: tuple[str, ...]
    runner: str


class SharedNumber(msgspec.Struct, frozen=True):
    """Two migrations with one number, of a runner that goes by whole names."""

    first: Claim
    second: Claim
    layout: str


class PairMismatch(msgspec.Struct, frozen=True):
    """The up and the down of one slot have different names."""

    up: Claim
    down: Claim


class DownWithoutUp(msgspec.Struct, frozen=True):
    """A down whose slot has no up."""

    down: Claim


class MissingDown(msgspec.Struct, frozen=True):
    """An up without a down, in a folder of which ``having`` of ``total`` migrations have one. ``refused``: what the
    runner says to that."""

    up: Claim
    having: int
    total: int
    refused: str = ""


class Gap(msgspec.Struct, frozen=True):
    """Numbers that no file has, between two that are there."""

    before: Claim
    after: Claim
    missing: tuple[str, ...]


class PassedOver(msgspec.Struct, frozen=True):
    """A file that the runner does not run, though it is named much like a migration. ``stops``: the runner runs nothing
    because of it."""

    source: Source
    why: str
    stops: bool = False
    span: Span = Span(0, 0)


class StaleSums(msgspec.Struct, frozen=True):
    """A sum file that its runner compares with the files, and finds wrong."""

    source: Source
    span: Span
    why: str


class CaseCollision(msgspec.Struct, frozen=True):
    """Two names that are one on file systems that do not tell case, or Unicode forms, apart."""

    first: str
    second: Source
    how: str


class WrongDirection(msgspec.Struct, frozen=True):
    """A file whose SQL is for the other direction."""

    claim: Claim
    other: Claim
    why: str


class TakenOnBase(msgspec.Struct, frozen=True):
    """After a merge with the base branch two files claim one slot. ``applied``: the name that the ledger has;
    ``stays``: the claim of that name."""

    ours: Claim
    theirs: Claim
    applied: str = ""
    stays: Claim | None = None
    next_free: str = ""


class TakenOnBranch(msgspec.Struct, frozen=True):
    """Another branch that is not merged claims the same slot. ``merged``: ours is on the base branch already;
    ``stays``: the one that is applied."""

    ours: Claim
    theirs: Claim
    merged: bool
    stays: Claim | None = None
    next_free: str = ""


class TakenByReservation(msgspec.Struct, frozen=True):
    """Somebody else reserved the slot."""

    ours: Claim
    name: str
    who: str
    path: str


class NotCompared(msgspec.Struct, frozen=True):
    """Branches could not be compared, and why. ``grave``: somebody relies on it (CI, a shallow clone)."""

    source: Source
    why: str
    remedy: str
    grave: bool = False


class NameMismatch(msgspec.Struct, frozen=True):
    """The ledger holds a slot under another name than the tree. ``same``: the checksum proves that only the name is
    another one."""

    claim: Claim
    row: LedgerRow
    ledger: Ledger
    next_free: str = ""
    same: bool = False


class MissingSlot(msgspec.Struct, frozen=True):
    """The ledger holds a slot that the tree has not; ``does``: what the runner does then. ``stops``: it fails."""

    row: LedgerRow
    ledger: Ledger
    does: str = ""
    stops: bool = False
    remedy: str = ""


class Changed(msgspec.Struct, frozen=True):
    """An applied file is no longer what was applied: the runner's own checksum differs. ``ends``: in nothing but line
    ends."""

    claim: Claim
    row: LedgerRow
    ledger: Ledger
    algorithm: str
    ends: bool = False


class Below(msgspec.Struct, frozen=True):
    """A slot that is not applied, below the highest one that is; ``does``: what its runner does then, and never runs
    it."""

    claim: Claim
    highest: LedgerRow
    ledger: Ledger
    does: str


class OutOfOrder(msgspec.Struct, frozen=True):
    """A slot that is not applied, below the highest one that is, of a runner that applies it (or is not known)."""

    claim: Claim
    highest: LedgerRow
    ledger: Ledger
    does: str


class Dirty(msgspec.Struct, frozen=True):
    """The runner stopped in the middle of this slot."""

    row: LedgerRow
    ledger: Ledger


Conflict = (
    DuplicateSlot
    | DeclaredTwice
    | SeveralHeads
    | Unread
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
    | MissingSlot
    | Changed
    | Below
    | OutOfOrder
    | Dirty
)

# what the next deploy meets; the rest waits for a merge, or for a new database
AT_DEPLOY = (
    DuplicateSlot,
    DeclaredTwice,
    SeveralHeads,
    PassedOver,
    StaleSums,
    NameMismatch,
    MissingSlot,
    Changed,
    Below,
    Dirty,
)
