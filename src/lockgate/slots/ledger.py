"""The ledger: what production's runner recorded as applied, from a snapshot file or, read-only, from a database."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockgate.config import Config
from lockgate.errors import CannotCheck, UsageError
from lockgate.slots import kinds
from lockgate.slots.kinds import Kind
from lockgate.sources.folder import read, shown
from lockgate.sources.naming import slot_number
from lockgate.text import Source, Span
from lockgate.values import dataclass

_AGAIN = "make the ledger snapshot again"
_TABLE = re.compile(r'(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")(?:\.(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"))?')


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One applied migration; ``span`` marks it in the ledger's text."""

    version: str  # as the runner wrote it; the whole name for runners that go by names
    name: str
    checksum: str
    dirty: bool
    span: Span
    applied_at: str = ""
    fake: bool = False  # a baseline or a marker of the runner itself: no file belongs to it

    @property
    def number(self) -> tuple[int, ...] | None:
        """The version as numbers."""
        return slot_number(self.version)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All rows that stand for something applied; ``source`` is the snapshot's text, or the rows of the table as read."""

    source: Source
    rows: tuple[LedgerRow, ...]
    kind: Kind = kinds.CUSTOM

    def applied_numbers(self) -> dict[tuple[int, ...], LedgerRow]:
        """The rows by number; without those that are none."""
        return {number: row for row in self.rows if (number := row.number) is not None}


def read_ledger(config: Config, cwd: Path) -> Ledger | None:
    """The configured ledger; None where none is configured. Raises CannotCheck, UsageError."""
    settings = config.ledger
    columns = {key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(settings, key))}
    if settings.snapshot:
        return read_snapshot(config.resolve(settings.snapshot), cwd, columns)
    if settings.dsn_env:
        return read_dsn(settings.dsn_env, settings.table, columns, config.path)
    return None


def read_snapshot(path: Path, cwd: Path, columns: Mapping[str, str] | None = None) -> Ledger:
    """A JSON file: a list of rows, or an object whose ``rows`` is one. Raises CannotCheck, UsageError."""
    if not path.exists():
        raise UsageError(f"{shown(path, cwd)}: no such ledger snapshot", "make it with `lockgate snapshot`, or mend ledger.snapshot")
    source = read(path, cwd)
    try:
        data = json.loads(source.text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise CannotCheck(f"{source.path}:{error.lineno}:{error.colno}: not JSON: {error.msg}", _AGAIN) from error
    except RecursionError as error:
        raise CannotCheck(f"{source.path}: not a ledger: nested too deeply", _AGAIN) from error
    rows = data.get("rows", data.get("ledger")) if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict | str | int) for row in rows):
        raise CannotCheck(f'{source.path}: expected a list of rows, or {{"rows": [...]}}', _AGAIN)
    rows = [row if isinstance(row, dict) else {"version": row} for row in rows]
    return ledger_of(source, rows, _spans(source.text, len(rows)), columns or {})


def _spans(text: str, count: int) -> list[Span]:
    """The places of the elements of the array of rows."""
    at = re.search(r'"(?:rows|ledger)"\s*:\s*\[', text)
    start = at.end() if at and text.lstrip("\ufeff \t\r\n").startswith("{") else text.index("[") + 1
    decoder, spans = json.JSONDecoder(), []
    space = re.compile(r"[\s,]*")
    for _ in range(count):
        skipped = space.match(text, start)
        start = skipped.end() if skipped else start
        _, end = decoder.raw_decode(text, start)
        spans.append(Span(start, end))
        start = end
    return spans


def ledger_of(source: Source, rows: Sequence[Mapping[str, Any]], spans: Sequence[Span], columns: Mapping[str, str]) -> Ledger:
    """The ledger that these rows are. Raises CannotCheck where no column holds the version."""
    names = frozenset(rows[0]) if rows else frozenset()
    kind = kinds.CUSTOM if "version" in columns else kinds.recognise(names)
    out: dict[str, LedgerRow] = {}
    for number, (row, span) in enumerate(zip(rows, spans, strict=True), 1):
        version = _value(row, "version", kind, columns)
        if kind.runner == "django":
            version = f"{row.get('app')}.{version}"
        if version is None and kind.runner != "flyway":
            raise CannotCheck(f"{source.path}: row {number} has no column for the version (it has {', '.join(row)})", "name it: [ledger] version = ...")
        if kind.runner == "goose":
            out.pop(str(version), None)  # the newest row of a version tells whether it is applied
        if _counts(row, kind, version):
            found = _row(row, version, span, kind, columns)
            out[found.version if found.version else f"repeatable {number}"] = found
    return Ledger(source, tuple(out.values()), kind)


def _counts(row: Mapping[str, Any], kind: Kind, version: object) -> bool:
    if kind.runner == "goose":
        return bool(row.get("is_applied")) and str(version) != "0"
    if kind.runner == "prisma":
        return row.get("rolled_back_at") is None
    if kind.runner == "flyway":
        return version is not None and str(row.get("type", "SQL")).upper() not in ("SCHEMA", "DELETE") and "UNDO" not in str(row.get("type", "")).upper()
    return True


def _row(row: Mapping[str, Any], version: object, span: Span, kind: Kind, columns: Mapping[str, str]) -> LedgerRow:
    dirty, success = _value(row, "dirty", kind, columns), _value(row, "success", kind, columns)
    broken = bool(dirty) or (success is not None and not success)
    if kind.runner == "prisma":
        broken = row.get("finished_at") is None
    if kind.runner == "atlas":
        broken = bool(row.get("error")) or row.get("applied") != row.get("total")
    fake = "BASELINE" in str(row.get("type", "")).upper()
    checksum = _value(row, "checksum", kind, columns)
    text = checksum.hex() if isinstance(checksum, bytes | memoryview) else _text(checksum)
    return LedgerRow(_text(version), _text(_value(row, "name", kind, columns)), text, broken, span, _text(_value(row, "applied_at", kind, columns)), fake)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _value(row: Mapping[str, Any], what: str, kind: Kind, columns: Mapping[str, str]) -> Any:
    if what in columns:
        return row.get(columns[what])
    if kind is not kinds.CUSTOM:
        known = getattr(kind, what)
        return row.get(known) if known else None
    return next((row[name] for name in kinds.COLUMNS[what] if name in row), None)


def read_dsn(variable: str, table: str, columns: Mapping[str, str] | None = None, config_path: str = "") -> Ledger:
    """The ledger's table, read in a transaction that cannot write. The DSN stays in its variable: no error shows it."""
    where = f"{config_path}: " if config_path else ""
    dsn = os.environ.get(variable)
    if not dsn:
        raise UsageError(f"{where}ledger.dsn_env names {variable}, which is not set", f"set {variable}, or use ledger.snapshot")
    if not _TABLE.fullmatch(table):
        raise UsageError(f"{where}ledger.table must name a table", 'such as table = "public.schema_migrations"')
    rows = _select(dsn, table, variable)
    lines = ["  ".join(f"{k}={_shown(v)}" for k, v in row.items()) for row in rows]
    spans, at = [], 0
    for line in lines:
        spans.append(Span(at, at + len(line)))
        at += len(line) + 1
    return ledger_of(Source(f"ledger {table}", "\n".join(lines)), rows, spans, columns or {})


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)[:100]


def _select(dsn: str, table: str, variable: str) -> list[dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(dsn, options="-c default_transaction_read_only=on", connect_timeout=10, row_factory=dict_row) as connection:
            connection.read_only = True
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()
    except psycopg.Error as error:
        # the message of a failed connection may repeat parts of the DSN: only the SQLSTATE is shown
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        raise CannotCheck(f"the ledger {table} cannot be read through {variable}{state}", "check the address, the role and the table") from None


def plain_name(name: str) -> str:
    """A migration's name as ledgers spell it in their different ways: without slot, direction and suffix, words joined alike."""
    name = re.sub(r"([._]up|[._]down)?\.sql$", "", name.rpartition("/")[2])
    name = re.sub(r"\.(?:postgres(?:ql)?|pg|all|autocommit)$", "", name)
    name = re.sub(r"^[VURB]?\d[\d.]*(__|[_\-. ]|$)", "", name)
    return re.sub(r"[\s_\-]+", "_", name).strip("_").lower()
