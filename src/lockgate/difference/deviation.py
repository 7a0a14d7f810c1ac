"""What differs between two databases, object by object: values only."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from lockgate.oracle.read.definition import Definition

Key = tuple[str, ...]  # kind, then what names the object


class DriftKind(str, Enum):
    """How production stands to its migrations."""

    BY_HAND = "by-hand"  # production has it, and no applied migration made it
    LACKING = "lacking"  # an applied migration made it, and production lacks it
    CHANGED = "changed"  # both have it, and not the same


class LastTouch(msgspec.Struct, frozen=True):
    """The last statement of an applied migration that touched an object; or the pending one that means to make it."""

    slot: str
    path: str
    line: int
    dropped: bool = False
    pending: bool = False


class Deviation(msgspec.Struct, frozen=True):
    """One object that is not the same in production and after its applied migrations."""

    key: Key
    change: DriftKind
    production: Definition | None  # as it is there
    migrations: Definition | None  # as they make it
    properties: dict[str, tuple[Any, Any]] = msgspec.field(
        default_factory=dict
    )  # of CHANGED: in production, and as the migrations make it
    inside: tuple[Definition, ...] = ()  # what goes with a whole schema, table, view or type: its columns and all
    touch: LastTouch | None = None
    doubt: str = ""  # why it may be no deviation at all
    undo: tuple[str, ...] = ()  # SQL for production: as the migrations make it
    keep: tuple[str, ...] = ()  # SQL for a migration: as production has it

    @property
    def kind(self) -> str:
        """As in COMMENT ON."""
        return self.key[0]

    @property
    def definition(self) -> Definition:
        """Production's where it has the object, else the migrations'."""
        found = self.production or self.migrations
        assert found is not None, "one of the two has it"
        return found

    @property
    def name(self) -> str:
        """The object's name with its schema and table."""
        return shown(self.definition)


def shown(one: Definition) -> str:
    """An object's name as messages write it."""
    if one.kind == "default privileges":
        return " ".join(
            (
                *((f"of {one.owner}",) if one.owner else ()),
                *((f"in {one.name[0]}",) if one.name[0] else ()),
                f"on {one.name[1].lower()}",
            )
        )
    if one.kind == "membership":
        return f"of {one.name[1]} in {one.name[0]}"
    return ".".join(one.name) + (f"({one.args})" if one.args is not None else "")


class Difference(msgspec.Struct, frozen=True):
    """Everything that differs, and what could not be told."""

    deviations: tuple[Deviation, ...] = ()
    notes: tuple[str, ...] = ()
    major: int = 0  # production's
    server: str = ""  # which server applied the migrations

    def __bool__(self) -> bool:
        return any(not each.doubt for each in self.deviations)
