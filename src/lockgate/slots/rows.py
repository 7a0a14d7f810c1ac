"""Rows as a runner wrote them become a ledger: which of them still count, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.slots import kinds
from lockgate.slots.kinds import Kind
from lockgate.slots.ledger import Ledger, LedgerRow
from lockgate.sources.naming import slot_number

Row = Mapping[str, Any]
_FILE = pattern(r"(?:.*/)?[VUB]?(\d+(?:\.\d+)*)[_\-. ]")


def ledger_of(source: Source, rows: Sequence[Row], spans: Sequence[Span], columns: Mapping[str, str]) -> Ledger:
    """The ledger that these rows are. Raises CannotCheck where no column holds the version."""
    names = frozenset(rows[0]) if rows else frozenset()
    kind = kinds.CUSTOM if "version" in columns else kinds.recognise(names)
    out: dict[str, LedgerRow] = {}
    repeated: dict[str, LedgerRow] = {}
    for number, row, span in sorted(
        zip(range(1, len(rows) + 1), rows, spans, strict=True), key=lambda item: _place(item[1], kind)
    ):
        version = _version(row, kind, columns)
        if version is None and kind.runner != "flyway":
            raise CannotCheck(
                f"{source.path}: row {number} has no column for the version (it has {', '.join(row)})",
                "name it: [ledger] version = ...",
            )
        key = _key(row, kind, str(version))
        if _undone(row, kind):
            out.pop(key, None)
        elif version is None:
            repeated[str(row.get("description"))] = _row(row, "", span, kind, columns)
        elif _counts(row, kind, version):
            out[key] = _row(row, version, span, kind, columns)
    return Ledger(source, tuple(out.values()), kind, tuple(repeated.values()))


def _version(row: Row, kind: Kind, columns: Mapping[str, str]) -> object:
    if kind.runner == "django":
        return f"{row.get('app')}.{row.get('name')}"
    if kind.runner == "liquibase":
        return f"{row.get('author')}:{row.get('id')}"
    version = _value(row, "version", kind, columns)
    if kind is kinds.CUSTOM and "version" not in columns:
        name = _value(row, "name", kind, columns)
        # a key that counts rows says nothing beside the name of a file
        counted = not any(column in row for column in kinds.COLUMNS["version"] if column != "id")
        return name if counted and (version is None or _FILE.match(str(name))) else version
    return version


def _split(version: str) -> tuple[str, str]:
    """Slot and name of a file's name, which many a table of one's own keeps in place of both."""
    found = _FILE.match(version) if slot_number(version) is None else None
    return (found.group(1), version) if found else (version, "")


def _key(row: Row, kind: Kind, version: str) -> str:
    """What makes a row the successor of an earlier one. sqitch has a row for every time that a change was reworked."""
    own = {"sqitch": row.get("change_id"), "liquibase": f"{version} {row.get('filename')}"}
    return str(own.get(kind.runner, version))


def _place(row: Row, kind: Kind) -> tuple[int, str]:
    """The order in which rows were written, where it matters: a later one may take an earlier one back."""
    order = row.get({"flyway": "installed_rank", "goose": "id", "sqitch": "committed_at"}.get(kind.runner, ""))
    return (order, "") if isinstance(order, int) else (0, str(order or ""))


def _undone(row: Row, kind: Kind) -> bool:
    """Whether a row says that its version is applied no more: the newest one of goose tells, flyway adds rows for undo
    and repair."""
    if kind.runner == "flyway":
        what = str(row.get("type", "")).upper()
        return what == "DELETE" or (what.startswith("UNDO") and bool(row.get("success")))
    return kind.runner == "goose" and not row.get("is_applied")


def _counts(row: Row, kind: Kind, version: object) -> bool:
    match kind.runner:
        case "goose":
            return str(version) != "0"
        case "prisma":
            return row.get("rolled_back_at") is None
        case "atlas":
            return not str(version).startswith(".")  # atlas's own mark of its cloud
        case "flyway":
            what = str(row.get("type", "SQL")).upper()
            return what != "SCHEMA" and not what.startswith("UNDO")
    return True


def _row(row: Row, version: object, span: Span, kind: Kind, columns: Mapping[str, str]) -> LedgerRow:
    checksum = _value(row, "checksum", kind, columns)
    if isinstance(checksum, list):  # supabase keeps the statements themselves
        checksum = ";\n".join(map(str, checksum))
    text = checksum.hex() if isinstance(checksum, bytes | memoryview) else _text(checksum)
    name, applied_at = (_text(_value(row, what, kind, columns)) for what in ("name", "applied_at"))
    slot, rest = _split(_text(version)) if kind is kinds.CUSTOM else (_text(version), "")
    return LedgerRow(slot, rest or name, text, _broken(row, kind, columns), span, applied_at, _fake(row, kind))


def _broken(row: Row, kind: Kind, columns: Mapping[str, str]) -> bool:
    if kind.runner == "prisma":
        return row.get("finished_at") is None
    if kind.runner == "atlas":
        return bool(row.get("error")) or row.get("applied") != row.get("total")
    dirty, success = _value(row, "dirty", kind, columns), _value(row, "success", kind, columns)
    return bool(dirty) or (success is not None and not success)


def _fake(row: Row, kind: Kind) -> bool:
    """Whether the row is a baseline: everything up to it counts as applied (flyway's BASELINE and SQL_BASELINE; atlas's
    RevisionTypeBaseline, a bit)."""
    if kind.runner == "atlas":
        return isinstance(row.get("type"), int) and bool(row["type"] & 1)
    return kind.runner == "flyway" and "BASELINE" in str(row.get("type", "")).upper()


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _value(row: Row, what: str, kind: Kind, columns: Mapping[str, str]) -> Any:
    if what in columns:
        return row.get(columns[what])
    if kind is not kinds.CUSTOM:
        known = getattr(kind, what)
        return row.get(known) if known else None
    return next((row[name] for name in kinds.COLUMNS[what] if name in row), None)
