"""Findings by the size of the tables that they speak of, where a snapshot knows it; unknown ones count in full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.effects import Effect, Work
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_text
from lockgate.base.findings import Finding, Severity
from lockgate.base.statistics import Statistics, TableStatistics, decoded

_MB = 1024 * 1024
# MB of the table in a second: slowly (an estimate for a disk that must be read) and quickly (measured on PostgreSQL 15 and
# 18, the table in memory); of a rewrite with its indexes
RATES = {Work.SCAN: (100, 800), Work.BUILD: (20, 300), Work.REWRITE: (10, 60)}
_DONE = {Work.SCAN: "read", Work.BUILD: "read, and its index built", Work.REWRITE: "written anew"}


def statistics(config: Config) -> Statistics | None:
    """What ``[database] statistics`` names; None where nothing is named. Raises UsageError, CannotCheck."""
    name = config.database.statistics
    if not name:
        return None
    try:
        return decoded(read_text(config.resolve(name), config.root, name=name))
    except FileNotFoundError as error:
        raise UsageError(f"{config.path}: {name} does not exist", "write it: `lockgate snapshot`") from error
    except OSError as error:
        raise CannotCheck(f"{name}: {error.strerror}", "make it readable") from error
    except ValueError as error:
        raise CannotCheck(f"{name}: {error}", "write it anew: `lockgate snapshot`") from error


def by_size(findings: Iterable[Finding], config: Config, known: Statistics | None, pending: bool) -> Iterator[Finding]:
    """The findings with what is known of their tables. ``pending``: it is known which migrations are."""
    for item in findings:
        yield _sized(item, config, known, pending) if known is not None else item


def counted(effects: tuple[Effect, ...], known: Statistics | None) -> tuple[Effect, ...]:
    """Effects with the rows that their relations have."""
    if known is None:
        return effects
    tables = known.tables
    return tuple(replace(e, rows=tables[e.relation].rows) if e.relation in tables else e for e in effects)


def _sized(item: Finding, config: Config, known: Statistics, pending: bool) -> Finding:
    name = item.effect.relation if item.effect is not None else item.object
    works = item.effect is not None and item.effect.work is not Work.NONE
    if not works and item.rows is None:
        return item
    table = known.tables.get(name)
    if table is None:
        words = f"how large {name} is, {config.database.statistics} does not say: it counts as large" if name else ""
        return replace(item, help="; ".join(filter(None, (item.help, words))))
    effect = replace(item.effect, rows=table.rows) if item.effect is not None else None
    words = "; ".join(filter(None, (item.help, consequence(name, table, item.effect))))
    return replace(item, severity=_severity(item, table, works, config, pending), effect=effect, help=words)


def _severity(item: Finding, table: TableStatistics, works: bool, config: Config, pending: bool) -> Severity:
    """An empty table has no rows to fail on; a small one is done at once; a large one stops the site for certain."""
    if item.rows is not None and table.empty:
        return Severity.INFO
    if item.rows == "any":
        return Severity.ERROR if pending else item.severity
    if not works or item.effect is None or item.rows is not None:
        return item.severity
    if table.bytes < config.sizes.small * _MB:
        return Severity.INFO
    blocks = item.effect.held is not None and item.effect.held.blocks_writes
    large = table.bytes >= config.sizes.large * _MB
    certain = large and blocks and pending and item.effect.exact and item.severity is not Severity.INFO
    return Severity.ERROR if certain else item.severity


def consequence(name: str, table: TableStatistics, effect: Effect | None) -> str:
    """How large a table is, and how long the work on it takes: from quick hardware to slow."""
    if table.empty:
        return f"{name} is empty in the snapshot"
    rows = f"{table.rows:,} rows, " if table.rows is not None else ""
    size = f"{name} has {rows}{shown_bytes(table.bytes)}"
    if effect is None or effect.work is Work.NONE:
        return size
    slow, quick = RATES[effect.work]
    least, most = (table.bytes / _MB / rate for rate in (quick, slow))
    return f"{size}: {_DONE[effect.work]} in some {shown_seconds(least)} to {shown_seconds(most)}"


def shown_bytes(size: int) -> str:
    """Bytes in the unit that a person would take: "2.1 GB"."""
    for unit, factor in (("TB", _MB * _MB), ("GB", 1024 * _MB), ("MB", _MB), ("kB", 1024)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 1000 * factor else f"{size / factor:.0f} {unit}"
    return f"{size} bytes"


def shown_seconds(seconds: float) -> str:
    """A time in one unit: "40 s", "12 min"."""
    if seconds < 1:
        return "1 s" if seconds >= 0.5 else f"{max(round(seconds * 1000), 1)} ms"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
