"""Where a ledger comes from: a snapshot file, or, read-only, a database."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.extras import told
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.base.trust import need
from lockgate.slots import kinds
from lockgate.slots.ledger import Ledger
from lockgate.sources.folder import Folder, read, shown

_AGAIN = "make the ledger snapshot again"
_TABLE = pattern(r'(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+")(?:\.(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"))?')
# a lock or a slow table must not hold up a deploy, nor the deploy us; the DSN may say otherwise, but never that we
# write
_TIMEOUTS, _READ_ONLY = "-c statement_timeout=30s -c lock_timeout=5s", "-c default_transaction_read_only=on"


def read_ledger(config: Config, cwd: Path, folder: Folder | None = None) -> Ledger | None:
    """The configured ledger; None where none is configured. Raises CannotCheck, UsageError.

    With a DSN and no table it is the one that the runner of this folder keeps.
    """
    settings = config.ledger
    columns = {key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(settings, key))}
    if settings.snapshot:
        return read_snapshot(config.resolve(settings.snapshot), cwd, columns, config.root)
    if settings.dsn_env:
        need(config, "ledger", "dsn_env", "names a variable with a server to reach", "use ledger.snapshot")
        made = kinds.of_layout(_runner(folder)) if folder is not None and not settings.table else None
        return read_dsn(settings.dsn_env, ledger_table(config, folder), columns, config.path, made)
    return None


def ledger_table(config: Config, folder: Folder | None) -> str:
    """The ledger's table: the configured one, else the one that the runner of this folder keeps; "" where it is not
    known to keep any."""
    known = kinds.of_layout(_runner(folder)) if folder is not None and not config.ledger.table else None
    return config.ledger.table or (known.table if known else "")


def _runner(folder: Folder) -> str:
    """The runner that keeps the ledger; of what a command prints, Django's are named after their apps."""
    if folder.layout != "command":
        return folder.layout
    return "django" if any("." in m.slot for m in folder.migrations) else "alembic"


def read_snapshot(path: Path, cwd: Path, columns: Mapping[str, str] | None = None, root: Path | None = None) -> Ledger:
    """A JSON file: a list of rows, or an object whose ``rows`` is one. Raises CannotCheck, UsageError."""
    if not path.exists():
        raise UsageError(
            f"{shown(path, cwd)}: no such ledger snapshot", "make it with `lockgate snapshot`, or mend ledger.snapshot"
        )
    import json

    source = read(path, cwd, root)
    try:
        data = json.loads(source.text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise CannotCheck(f"{source.path}:{error.lineno}:{error.colno}: not JSON: {error.msg}", _AGAIN) from error
    except (RecursionError, ValueError) as error:  # deep, or a number of thousands of digits
        raise CannotCheck(f"{source.path}: not a ledger: nested too deeply, or a number too long", _AGAIN) from error
    rows = data.get("rows", data.get("ledger")) if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(row, dict | str | int) for row in rows):
        raise CannotCheck(f'{source.path}: expected a list of rows, or {{"rows": [...]}}', _AGAIN)
    rows = [row if isinstance(row, dict) else {"version": row} for row in rows]
    from lockgate.slots.rows import ledger_of

    return ledger_of(source, rows, _spans(source.text, len(rows)), columns or {})


def _spans(text: str, count: int) -> list[Span]:
    """The places of the elements of the array of rows."""
    at = re.search(r'"(?:rows|ledger)"\s*:\s*\[', text)
    start = at.end() if at and text.lstrip("\ufeff \t\r\n").startswith("{") else text.index("[") + 1
    from json import JSONDecoder

    decoder, spans = JSONDecoder(), []
    space = re.compile(r"[\s,]*")
    for _ in range(count):
        skipped = space.match(text, start)
        start = skipped.end() if skipped else start
        _, end = decoder.raw_decode(text, start)
        spans.append(Span(start, end))
        start = end
    return spans


def read_dsn(
    variable: str,
    table: str,
    columns: Mapping[str, str] | None = None,
    config_path: str = "",
    made: kinds.Kind | None = None,
) -> Ledger:
    """The ledger's table, read in a transaction that cannot write. The DSN stays in its variable: no error shows it.

    ``made``: the kind whose runner makes the table at its first run: where it is not there, nothing is applied.
    """
    where = f"{config_path}: " if config_path else ""
    dsn = os.environ.get(variable)
    if not dsn:
        raise UsageError(
            f"{where}ledger.dsn_env names {variable}, which is not set", f"set {variable}, or use ledger.snapshot"
        )
    if not _TABLE.fullmatch(table):
        raise UsageError(
            f"{where}ledger.table must name a table" + (f", not {table!r}" if table else ""),
            'such as table = "public.schema_migrations"',
        )
    rows = _select(dsn, table, variable, made is not None)
    if rows is None and made is not None:
        return Ledger(Source(f"ledger {table}", "the table is not there yet: nothing is applied"), (), made)
    assert rows is not None
    lines = ["  ".join(f"{k}={_shown(v)}" for k, v in row.items()) for row in rows]
    spans, at = [], 0
    for line in lines:
        spans.append(Span(at, at + len(line)))
        at += len(line) + 1
    from lockgate.slots.rows import ledger_of

    return ledger_of(Source(f"ledger {table}", "\n".join(lines)), rows, spans, columns or {})


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)[:100]


def _select(dsn: str, table: str, variable: str, may_lack: bool) -> list[dict[str, Any]] | None:
    """The rows; None where the table is not there and ``may_lack`` says that this is no mistake."""
    with told():
        import psycopg
        from psycopg.rows import dict_row

    from lockgate.base.conninfo import CONNECT_TIMEOUT, cannot, parts_of

    parts = parts_of(dsn, variable)
    options = {
        "options": f"{_TIMEOUTS} {parts.get('options', '')} {_READ_ONLY}",
        "connect_timeout": parts.get("connect_timeout", CONNECT_TIMEOUT),
    }
    try:
        with psycopg.connect(dsn, **options, row_factory=dict_row) as connection:  # type: ignore[arg-type]
            connection.read_only = True
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()
    except psycopg.Error as error:
        if may_lack and error.sqlstate == "42P01":
            return None
        raise cannot(
            f"the ledger {table} cannot be read through {variable}", str(error), error.sqlstate, dsn, variable
        ) from None
