"""Operations of packages that stand on alembic: alembic_utils' entities, alembic_postgresql_enum's values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.recorder import ANYTHING, SendLog
from lockgate.sources.code.values import UNKNOWN, Host, Passed, is_known

_FIELDS = ("schema", "signature", "definition")
_KINDS = {
    "PGFunction": _FIELDS,
    "PGView": _FIELDS,
    "PGMaterializedView": _FIELDS,
    "PGExtension": ("schema", "signature"),
    "PGTrigger": ("schema", "signature", "on_entity", "definition", "is_constraint"),
    "PGPolicy": ("schema", "signature", "on_entity", "definition"),
}
_DEFAULTED = re.compile(r"\s+default\s.*", re.IGNORECASE | re.DOTALL)


def entity(name: str) -> Host | None:
    """A class of alembic_utils; None where it is none that is known."""
    fields = _KINDS.get(name)
    if fields is None:
        return None

    def make(passed: Passed) -> Host:
        given = {field: passed.get(place, field) for place, field in enumerate(fields)}
        return Host("entity", kind=name, **given)

    return Host(name, make, lambda inner: UNKNOWN)


def reference(passed: Passed) -> dict[str, Any]:
    """``TableReference`` of alembic_postgresql_enum."""
    fields = ("table_name", "column_name", "table_schema", "column_type", "existing_server_default")
    return {field: passed.get(place, field) for place, field in enumerate(fields)}


def _create(one: dict[str, Any], replace: bool = False) -> Iterator[str]:
    schema, name, body = one["schema"], one["signature"], one.get("definition")
    match one["kind"]:
        case "PGFunction":
            yield f"CREATE {'OR REPLACE ' if replace else ''}FUNCTION {_schema(schema)}{_signature(name)} {body}"
        case "PGView":
            yield f'CREATE {"OR REPLACE " if replace else ""}VIEW {_schema(schema)}"{name}" AS {body}'
        case "PGMaterializedView":
            if replace:
                yield f'DROP MATERIALIZED VIEW IF EXISTS {_schema(schema)}"{name}"'
            yield f'CREATE MATERIALIZED VIEW {_schema(schema)}"{name}" AS {str(body).rstrip().rstrip(";")} WITH DATA'
        case "PGExtension":
            yield f'CREATE EXTENSION "{name}" WITH SCHEMA "{schema}"'
        case "PGTrigger":
            if replace:
                yield f'DROP TRIGGER IF EXISTS "{name}" ON {one["on_entity"]}'
            yield f'CREATE{" CONSTRAINT" if one.get("is_constraint") is True else ""} TRIGGER "{name}" {body}'
        case _:
            if replace:
                yield f"DROP POLICY IF EXISTS {name} on {one['on_entity']}"
            yield f"CREATE POLICY {name} on {one['on_entity']} {body}"


def _drop(one: dict[str, Any], cascade: bool) -> str:
    schema, name, tail = one["schema"], one["signature"], " CASCADE" if cascade else ""
    match one["kind"]:
        case "PGFunction":
            head, _, rest = name.partition("(")
            given = ", ".join(_DEFAULTED.sub("", part).strip() for part in rest.rstrip(") ").split(","))
            return f'DROP FUNCTION {_schema(schema)}"{head.strip()}"({given}){tail}'
        case "PGView":
            return f'DROP VIEW {_schema(schema)}"{name}"{tail}'
        case "PGMaterializedView":
            return f'DROP MATERIALIZED VIEW {_schema(schema)}"{name}"{tail}'
        case "PGExtension":
            return f'DROP EXTENSION "{name}"{tail}'
        case "PGTrigger":
            return f'DROP TRIGGER "{name}" ON {one["on_entity"]}{tail}'
        case _:
            return f"DROP POLICY {name} on {one['on_entity']}{tail}"


def _schema(schema: str) -> str:
    return f'"{schema}".'


def _signature(signature: str) -> str:
    head, paren, rest = signature.partition("(")
    return f'"{head.strip()}"{paren}{rest}'


def _of_entity(recorder: SendLog, name: str, passed: Passed) -> None:
    one = passed.get(0, "target")
    given = one.members if isinstance(one, Host) and one.name == "entity" else None
    if given is None or not is_known(list(given.values())) or not isinstance(given.get("signature"), str):
        return recorder.gap(f"op.{name}: what it makes is worked out at run time", ANYTHING)
    if name == "drop_entity":
        return recorder.sql(_drop(given, passed.get(1, "cascade") is True), f"op.{name}")
    for sql in _create(given, name != "create_entity"):
        recorder.sql(sql, f"op.{name}")
    return None


def _sync_enum(recorder: SendLog, name: str, passed: Passed) -> None:
    """SyncEnumValuesOp._set_enum_values: a new type in the old one's place, and every column cast to it."""
    schema, kind, values = passed.get(0, "enum_schema"), passed.get(1, "enum_name"), passed.get(2, "new_values")
    columns, renamed = passed.get(3, "affected_columns"), passed.get(4, "enum_values_to_rename", ())
    known = is_known([schema, kind, values]) and isinstance(columns, list) and isinstance(renamed, list | tuple)
    if not known or not isinstance(values, list) or not is_known(list(renamed)):
        return recorder.gap(f"op.{name}: it is worked out at run time", ANYTHING)
    new, old = f'"{schema}"."{kind}"', f'"{kind}_old"'
    recorder.sql(f"ALTER TYPE {new} RENAME TO {old}", f"op.{name}")
    recorder.sql(f"CREATE TYPE {new} AS ENUM({', '.join(literal(str(v)) for v in values)})", f"op.{name}")
    for one in columns:
        _cast(recorder, one, schema, new, list(renamed))
    return recorder.sql(f'DROP TYPE "{schema}".{old}', f"op.{name}")


def _cast(recorder: SendLog, one: Any, schema: str, kind: str, renamed: list[Any]) -> None:
    """One column from the old type to the new one."""
    asked = isinstance(one, tuple | list)  # then the package looks for the default in the database
    if asked:
        one = {"table_name": one[0], "column_name": one[1]}
    if not isinstance(one, dict) or not isinstance(one.get("table_name"), str):
        return recorder.gap("op.sync_enum_values: a column is worked out at run time", ANYTHING)
    table, name = f'"{one.get("table_schema") or schema}"."{one["table_name"]}"', f'"{one["column_name"]}"'
    array = "ARRAY" in str(getattr(one.get("column_type"), "name", ""))
    to, cast = (f"{kind}[]", f"{name}::text[]") if array else (kind, f"{name}::text")
    for old, new in renamed:
        cast = (
            f"array_replace({cast}, {literal(old)}, {literal(new)})"
            if array
            else f"CASE WHEN {name}::text = {literal(old)} THEN {literal(new)} ELSE ({cast}) END"
        )
    default = one.get("existing_server_default")
    head = f"ALTER TABLE {table} ALTER COLUMN {name}"
    if asked or default is not None:
        recorder.sql(f"{head} DROP DEFAULT", "op.sync_enum_values")
    recorder.sql(f"{head} TYPE {to} USING ({cast})::{to}", "op.sync_enum_values")
    if isinstance(default, str):
        recorder.sql(f"{head} SET DEFAULT {default}", "op.sync_enum_values")
    elif asked:
        recorder.gap("op.sync_enum_values: the default that the column had", (table,))
    return None


OPERATIONS: dict[str, Callable[[SendLog, str, Passed], None]] = {
    "create_entity": _of_entity,
    "drop_entity": _of_entity,
    "replace_entity": _of_entity,
    "revert_entity": _of_entity,
    "sync_enum_values": _sync_enum,
}
