"""A migration as its runner sees it."""

from __future__ import annotations

from enum import Enum

import msgspec

from lockgate.base.text import Source, Span


class Transaction(str, Enum):
    """How a runner sends one script."""

    FILE = "file"  # BEGIN, every piece, COMMIT
    IMPLICIT = "implicit"  # the whole text as one simple query: one implicit transaction block
    STATEMENT = "statement"  # every statement in a transaction of its own


class Unprinted(msgspec.Struct, frozen=True):
    """What a program does between its statements and nobody could print. ``span`` is its place in the printed text.

    ``touches`` are the relations that it may change, schemas included where they are named; "*" stands for anything at
    all, and nothing for rows alone.
    """

    span: Span
    why: str
    touches: tuple[str, ...] = ()
    column: str = ""  # of the relation, where no more than whether and how it is there is in doubt

    @property
    def wide(self) -> bool:
        """Whether it may have changed anything."""
        return "*" in self.touches

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """The relations' schemas ("" where none is written) and names, as the catalog has them."""
        return () if self.wide else tuple(map(split_name, self.touches))


def split_name(written: str) -> tuple[str, str]:
    """A name as SQL has it, into schema and name."""
    parts, inside = [""], False
    for letter in written:
        if letter == '"':
            inside = not inside
        elif letter == "." and not inside:
            parts.append("")
            continue
        parts[-1] += letter if inside or letter == '"' else letter.lower()
    names = [part.strip('"') for part in parts]
    return (names[-2] if len(names) > 1 else ""), names[-1]


class Script(msgspec.Struct, frozen=True):
    """One direction of a migration: the parts of a file that its runner sends, and how."""

    source: Source
    pieces: tuple[Span, ...]  # what the runner sends, in order; the whole text for most runners
    transaction: Transaction
    refused: str = ""  # why its runner does not take it as it is
    goes_on: bool = False  # its runner's transaction does not end with it: the next pending one runs in it, too
    joined: bool = False  # it shares its runner's transaction with other pending ones
    apart: bool = False  # the runner sends it in one transaction, and ``--transaction statement`` takes it apart
    made_up: tuple[
        str, ...
    ] = ()  # names that stand for a template's values which nobody gave (see sources.placeholders)
    gaps: tuple[Unprinted, ...] = ()  # of a program: what could not be printed

    @staticmethod
    def whole(source: Source, transaction: Transaction) -> Script:
        """A script that is a whole file."""
        return Script(source, (Span(0, len(source.text)),), transaction)


class Migration(msgspec.Struct, frozen=True):
    """One numbered file or folder of a runner."""

    id: str  # unique in its folder and stable: the stem that the runner shows
    slot: str  # the version, as written: ``129``, ``0129``, ``20260525101500``; "" for repeatable ones
    name: str  # what follows the slot: ``project_event_choices``
    up: Script
    down: Script | None = None
    afresh: bool = False  # the runner sets its session's search_path back before it
    opaque: str = ""  # why its statements are not known: it is written in another language
