"""Production as it is, as two readable files: the baseline (roles, schema, owners, grants) and the ledger's rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.statistics import encoded
from lockgate.oracle.read import pg_dump, production


class Snapshot(msgspec.Struct, frozen=True):
    """What ``lockgate snapshot`` writes."""

    baseline: str
    ledger: str  # "" where no ledger is configured
    statistics: str = ""  # estimates of sizes


def dsn_from(variable: str) -> str:
    """The DSN in an environment variable. Raises UsageError."""
    dsn = os.environ.get(variable, "")
    if not dsn:
        raise UsageError(
            f"the environment variable {variable} is not set", "set it to the database's DSN; it is never printed"
        )
    return dsn


def take(dsn: str, ledger_table: str = "", tool: str = "", *, required: bool = True, variable: str = "") -> Snapshot:
    """Read a database without writing to it; ``required``: the ledger was named by the user. Raises CannotCheck,
    UsageError."""
    before = production.read(dsn, ledger_table, required, variable)
    schema = pg_dump.dump(dsn, pg_dump.choose(before.major, tool), variable)
    if production.read(dsn, ledger_table, required, variable) != before:
        raise CannotCheck(
            "roles or ledger changed while the schema was read", "run it again when no deploy is under way"
        )
    return Snapshot(
        before.header + schema,
        _ledger_json(ledger_table, before.ledger) if before.ledger is not None else "",
        encoded(production.statistics(dsn, variable)),
    )


def _ledger_json(table: str, rows: list[dict[str, Any]]) -> str:
    return json.dumps({"table": table, "rows": rows}, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)


def write(path: Path, text: str) -> None:
    """Write a file whole. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "give a writable place") from error
