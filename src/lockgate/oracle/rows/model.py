"""What a run over rows is asked, and what it answers: frozen values."""

from __future__ import annotations

import msgspec


class RowWish(msgspec.Struct, frozen=True):
    """Which migrations run over tables with rows.

    ``pending`` are the ids of those that the next deploy runs together, None where nobody says: each is then a deploy of
    its own. ``refused`` are the statements (migration, index) that the server refuses without rows, too. ``apart`` are
    tables that are left empty, the runner's own: qualified names, or bare ones.
    """

    pending: frozenset[str] | None = None
    refused: frozenset[tuple[str, int]] = frozenset()
    apart: frozenset[str] = frozenset()
    seconds: float = 10.0  # that filling may take in all


class RowFailure(msgspec.Struct, frozen=True):
    """A statement that the server takes over empty tables and refuses over rows.

    ``tried`` rows of ``table`` were put before it one by one, ``broke`` of them are refused alone; ``rows`` are such rows
    in a few words: "id = 900003, note = NULL".
    """

    migration: str
    index: int  # 1-based; 0: the script's final COMMIT
    sqlstate: str
    message: str
    role: str
    detail: str = ""
    context: str = ""
    table: str = ""  # qualified
    column: str = ""
    constraint: str = ""
    tried: int = 0
    broke: int = 0
    rows: tuple[str, ...] = ()
    any: bool = False  # every row has the same in what the statement looks at: none would pass


class RowReport(msgspec.Struct, frozen=True):
    """What a run over rows came to. ``unfilled`` tells why tables have no row; ``note`` why the run ended early."""

    failures: tuple[RowFailure, ...] = ()
    tables: int = 0  # with a row at least
    rows: int = 0
    unfilled: tuple[tuple[str, str], ...] = ()  # table, reason
    note: str = ""
