"""What a snapshot knows of production's tables: estimates, never data (``lockgate/statistics.json``)."""

from __future__ import annotations

import msgspec


class ColumnStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """pg_stats: ``n_distinct`` below 0 is a share of the rows (manual: view-pg-stats)."""

    null_frac: float
    n_distinct: float


class TableStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rows`` is pg_class.reltuples, None where the table was never analyzed; ``bytes`` pg_relation_size, the indexes
    apart. Of a partitioned table the sums of its partitions."""

    rows: int | None
    bytes: int
    index_bytes: int = 0
    columns: dict[str, ColumnStatistics] = msgspec.field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it has no rows: no file holds any."""
        return self.bytes == 0


class Statistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; tables by their qualified names, quoted where PostgreSQL would."""

    version: int
    tables: dict[str, TableStatistics]


def decoded(text: str) -> Statistics:
    """The statistics in a file's text. Raises ValueError with what is wrong."""
    try:
        found = msgspec.json.decode(text, type=Statistics)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    if found.version != 1:
        raise ValueError(f"version {found.version} is not known")
    return found


def encoded(found: Statistics) -> str:
    """The file's text: tables by name, one a line."""
    lines = [
        f"  {msgspec.json.encode(name).decode()}: {msgspec.json.encode(table).decode()}"
        for name, table in sorted(found.tables.items())
    ]
    return '{"version": 1, "tables": {\n' + ",\n".join(lines) + "\n}}\n"
