"""One object of a database, as its server defines it."""

from __future__ import annotations

from typing import Any

import msgspec


class Definition(msgspec.Struct, frozen=True):
    """One object. ``properties`` hold text, numbers, lists and, as ``grants``, the privileges of each grantee ("" is
    the owner, * may grant on)."""

    kind: str  # as in COMMENT ON: "table", "materialized view", "default privileges"
    name: tuple[str, ...]  # schema, table, name; as many as the kind has
    args: str | None = None  # of functions
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    owner: str = ""
    inherited: bool = False  # the part that a partition, or a child, has of its parent's
