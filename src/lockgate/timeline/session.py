"""The session in which statements run: roles, search_path, settings, transaction."""

from __future__ import annotations

import msgspec

from lockgate.base.lazy_imports import Map


class Session(msgspec.Struct, frozen=True):
    """An immutable session state.

    ``role`` is the current role's oid (what CURRENT_USER is), ``login`` the session role's. ``known`` is False where
    the configuration names no role: privileges are then unknown and every need is held "unknown". ``search_path`` as
    SET wrote it ("$user" included).
    """

    role: int
    login: int
    known: bool = True
    search_path: tuple[str, ...] = ("$user", "public")
    settings: Map[str, str] = msgspec.field(default_factory=Map)
    local: Map[str, str | None] = msgspec.field(default_factory=Map)  # what SET LOCAL hides until the transaction ends
    in_block: bool = False  # inside a transaction block (explicit, or the runner's)
    prepared: Map[str, object] = msgspec.field(default_factory=Map)
    cursors: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()  # those WITH HOLD, which outlive their transaction
    temp_namespace: int = 0  # oid of this session's temporary schema, 0 before the first temporary object
