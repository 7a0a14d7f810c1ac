"""The ledger: what production's runner recorded as applied, from a snapshot file or, read-only, from a database."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.config import Config
from lockgate.errors import CannotCheck, UsageError
from lockgate.sources.naming import slot_number
from lockgate.sources import Folder, Migration
from lockgate.sources.folder import shown
from lockgate.text import Source, Span

# names under which runners and teams keep each column
_COLUMNS = {
    "version": ("version", "version_id", "id", "slot", "migration_id", "installed_rank", "migration"),
    "name": ("name", "description", "filename", "file_name", "migration_name", "script"),
    "checksum": ("checksum", "hash", "sha256"),
    "applied_at": ("applied_at", "created_at", "tstamp", "installed_on", "run_on", "finished_at", "applied"),
    "dirty": ("dirty",),
    "success": ("success", "is_applied"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One applied migration; ``span`` marks it in the snapshot's text."""

    version: str
    name: str
    checksum: str
    dirty: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Ledger:
    """All rows; ``source`` is the snapshot (empty text for a database)."""

    source: Source
    rows: tuple[LedgerRow, ...]


@dataclass(frozen=True, slots=True)
class NameMismatch:
    """The ledger holds a slot under another name than the tree."""

    migration: Migration
    row: LedgerRow
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Missing:
    """The ledger holds a slot that the tree has not."""

    row: LedgerRow
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Below:
    """A slot that is not applied, below the highest one that is: ``layout`` decides what its runner does."""

    migration: Migration
    highest: LedgerRow
    ledger: Ledger
    layout: str


@dataclass(frozen=True, slots=True)
class Dirty:
    """The runner stopped in the middle of this slot."""

    row: LedgerRow
    ledger: Ledger


def read_ledger(config: Config, cwd: Path) -> Ledger | None:
    """The configured ledger; None where none is configured."""
    if config.ledger.snapshot:
        return read_snapshot(config.resolve(config.ledger.snapshot), cwd, _named(config))
    if config.ledger.dsn_env:
        return _read_database(config)
    return None


def _named(config: Config) -> dict[str, str]:
    return {key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(config.ledger, key))}


def read_snapshot(path: Path, cwd: Path, columns: dict[str, str] | None = None) -> Ledger:
    """A JSON file: a list of rows, or an object whose ``rows`` is one. Raises CannotCheck, UsageError."""
    name = shown(path, cwd)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{name}: no such ledger snapshot", "make it with `lockgate snapshot`, or mend ledger.snapshot") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCheck(f"{name}: cannot be read as UTF-8 text", "make the ledger snapshot again") from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise CannotCheck(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}", "make the ledger snapshot again") from error
    rows = data.get("rows") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CannotCheck(f'{name}: expected a list of rows, or {{"rows": [...]}}', "make the ledger snapshot again")
    source = Source(name, text)
    return Ledger(source, tuple(_rows(source, rows, columns or {})))


def _rows(source: Source, rows: list[dict[str, Any]], columns: dict[str, str]) -> Iterator[LedgerRow]:
    at = 0
    for number, row in enumerate(rows, 1):
        version = _value(row, "version", columns)
        if version is None:
            raise CannotCheck(f"{source.path}: row {number} has no column for the version ({', '.join(row)})", "name it under [ledger] version")
        text = str(version)
        match = re.compile(r'(?<![\w.])"?' + re.escape(text) + r'"?(?![\w.])').search(source.text, at)
        span = Span(match.start(), match.end()) if match else Span(0, 0)
        at = match.end() if match else at
        success = _value(row, "success", columns)
        dirty = bool(_value(row, "dirty", columns)) or success is False
        yield LedgerRow(text, str(_value(row, "name", columns) or ""), str(_value(row, "checksum", columns) or ""), dirty, span)


def _value(row: dict[str, Any], kind: str, columns: dict[str, str]) -> Any:
    wanted = (columns[kind],) if kind in columns else _COLUMNS[kind]
    return next((row[name] for name in wanted if name in row), None)


def _read_database(config: Config) -> Ledger:
    variable, table = config.ledger.dsn_env, config.ledger.table
    dsn = os.environ.get(variable)
    if not dsn:
        raise UsageError(f"{config.path}: ledger.dsn_env names {variable}, which is not set", f"set {variable}, or use ledger.snapshot")
    if not re.fullmatch(r'(?:[\w$]+|"[^"]+")(?:\.(?:[\w$]+|"[^"]+"))?', table):
        raise UsageError(f"{config.path}: ledger.table must name a table", 'such as table = "public.schema_migrations"')
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(dsn, options="-c default_transaction_read_only=on", connect_timeout=10) as connection:
            rows = connection.cursor(row_factory=dict_row).execute(f"SELECT * FROM {table}").fetchall()  # type: ignore[call-overload]
    except psycopg.Error as error:
        state = f" ({error.sqlstate})" if error.sqlstate else ""
        raise CannotCheck(f"the ledger {table} cannot be read through {variable}{state}", "check the address, the role and the table") from None
    return Ledger(Source(f"ledger {table}", ""), tuple(_rows(Source(f"ledger {table}", ""), rows, _named(config))))


def plain_name(name: str) -> str:
    """A migration's name as ledgers spell it in their different ways: without slot, direction and suffix, words joined alike."""
    name = re.sub(r"(\.up|\.down)?\.sql$", "", name.rpartition("/")[2])
    name = re.sub(r"^[VURB]?\d[\d.]*(__|[_\-. ]|$)", "", name)
    return re.sub(r"[\s_\-]+", "_", name).strip("_").lower()


def compare(folder: Folder, ledger: Ledger) -> Iterator[NameMismatch | Missing | Below | Dirty]:
    """What ledger and tree disagree on."""
    by_number: dict[Any, list[Migration]] = {}
    for migration in folder.migrations:
        by_number.setdefault(slot_number(migration.slot), []).append(migration)
    applied = {slot_number(row.version): row for row in ledger.rows}
    single = len(ledger.rows) == 1 and folder.layout == "golang-migrate" and not ledger.rows[0].name
    for number, row in applied.items():
        held = by_number.get(number, [])
        if row.dirty:
            yield Dirty(row, ledger)
        if not held:
            yield Missing(row, ledger)
        elif row.name and all(plain_name(m.name) != plain_name(row.name) for m in held):
            yield NameMismatch(held[0], row, ledger)
    numbers = [n for n in applied if n is not None]
    if not numbers or single:
        return
    highest = applied[max(numbers)]
    for number, migrations in by_number.items():
        if number is not None and number < max(numbers) and number not in applied:
            yield Below(migrations[0], highest, ledger, folder.layout)
