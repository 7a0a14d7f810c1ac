"""Where a ledger comes from: a snapshot file, or, read-only, a database."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.config import Config
from lockgate.errors import CannotCheck, UsageError
from lockgate.lean import pattern
from lockgate.slots import kinds
from lockgate.slots.ledger import Ledger
from lockgate.slots.rows import ledger_of
from lockgate.sources.folder import Folder, read, shown
from lockgate.text import Source, Span

_AGAIN = "make the ledger snapshot again"
_TABLE = pattern(r'(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")(?:\.(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"))?')
# a lock or a slow table must not hold up a deploy, nor the deploy us; the DSN may say otherwise, but never that we write
_TIMEOUTS, _READ_ONLY = "-c statement_timeout=30s -c lock_timeout=5s", "-c default_transaction_read_only=on"


def read_ledger(config: Config, cwd: Path, folder: Folder | None = None) -> Ledger | None:
    """The configured ledger; None where none is configured. Raises CannotCheck, UsageError.

    With a DSN and no table it is the one that the runner of this folder keeps.
    """
    settings = config.ledger
    columns = {key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(settings, key))}
    if settings.snapshot:
        return read_snapshot(config.resolve(settings.snapshot), cwd, columns)
    if settings.dsn_env:
        known = kinds.of_layout(_runner(folder)) if folder is not None else None
        return read_dsn(settings.dsn_env, settings.table or (known.table if known else ""), columns, config.path)
    return None


def _runner(folder: Folder) -> str:
    """The runner that keeps the ledger; of what a command prints, Django's are named after their apps."""
    if folder.layout != "command":
        return folder.layout
    return "django" if any("." in m.slot for m in folder.migrations) else "alembic"


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


def read_dsn(variable: str, table: str, columns: Mapping[str, str] | None = None, config_path: str = "") -> Ledger:
    """The ledger's table, read in a transaction that cannot write. The DSN stays in its variable: no error shows it."""
    where = f"{config_path}: " if config_path else ""
    dsn = os.environ.get(variable)
    if not dsn:
        raise UsageError(f"{where}ledger.dsn_env names {variable}, which is not set", f"set {variable}, or use ledger.snapshot")
    if not _TABLE.fullmatch(table):
        raise UsageError(f"{where}ledger.table must name a table" + (f", not {table!r}" if table else ""), 'such as table = "public.schema_migrations"')
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
        options = f"{_TIMEOUTS} {psycopg.conninfo.conninfo_to_dict(dsn).get('options') or ''} {_READ_ONLY}"
        with psycopg.connect(dsn, options=options, connect_timeout=10, row_factory=dict_row) as connection:
            connection.read_only = True
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()
    except psycopg.Error as error:
        # the message may repeat parts of the DSN: only words of our own, and the SQLSTATE, are shown
        why, remedy = _words(str(error), error.sqlstate or "", table)
        raise CannotCheck(f"the ledger {table} cannot be read through {variable}: {why}", remedy) from None


def _words(message: str, state: str, table: str) -> tuple[str, str]:
    """What went wrong, and the remedy, without a word of the DSN."""
    for sign, why, remedy in (
        ("42P01", f"there is no table {table}", "set [ledger] table to the runner's table, with its schema"),
        ("42501", "the role may not read it", f"GRANT SELECT ON {table} to it, and USAGE on its schema"),
        ("57014", "no answer in time", "see what holds the table"),
        ("25006", "it would write: a view that calls a function?", "name the table itself"),
        ("55P03", "it is locked", "try again when no migration is running"),
        ("password authentication failed", "the server refuses the password", "mend the DSN in the variable"),
        ("no password supplied", "the server wants a password", "mend the DSN in the variable"),
        ("no pg_hba.conf entry", "the server lets this role, or this machine, not in", "see its pg_hba.conf"),
        ("could not translate host name", "the host's name is not known", "mend the DSN in the variable"),
        ("onnection refused", "nothing listens there", "is the server up, and the port right?"),
        ("timeout expired", "no connection within 10 s", "is the server to be reached from here?"),
        ("No such file or directory", "there is no such socket", "is the server up, and the folder right?"),
        ("SSL", "no TLS connection could be made", "see sslmode in the DSN"),
        ('database "', "the server has no such database", "mend the DSN in the variable"),
        ('role "', "the server has no such role", "mend the DSN in the variable"),
        ("invalid connection option", "the DSN has an option that libpq does not know", "mend the DSN in the variable"),
        ("connection info", "the DSN is none", "mend the DSN in the variable"),
    ):
        if sign == state or (not state and sign in message):
            return why, remedy
    return f"SQLSTATE {state}" if state else "no connection", "check the address, the role and the table"
