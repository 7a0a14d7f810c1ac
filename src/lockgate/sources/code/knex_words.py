"""The words of Knex's table builder."""

from __future__ import annotations

from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.knex_table import TableBuilder, Word, made_name
from lockgate.sources.code.quoting import constant, listed, quoted
from lockgate.sources.code.values import Host, Passed

_PLAIN = {
    "integer": "integer",
    "int": "integer",
    "tinyint": "smallint",
    "smallint": "smallint",
    "mediumint": "integer",
    "bigInteger": "bigint",
    "bigint": "bigint",
    "text": "text",
    "mediumtext": "text",
    "longtext": "text",
    "float": "real",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "binary": "bytea",
    "json": "json",
    "jsonb": "jsonb",
    "uuid": "uuid",
    "geometry": "geometry",
    "geography": "geography",
    "point": "point",
}
_SERIAL = {
    "increments": "serial",
    "smallincrements": "smallserial",
    "bigIncrements": "bigserial",
    "bigincrements": "bigserial",
}
_SUFFIX = {"unique": "unique", "index": "index", "foreign": "foreign"}


def _names(passed: Passed) -> list[str]:
    found = listed(passed.args[0])
    if found is None:
        raise TypeError
    return found


def _given(passed: Passed, place: int = 1) -> Any:
    return passed.args[place] if len(passed.args) > place else None


def _string(b: TableBuilder, word: str, p: Passed) -> Any:
    length = _given(p)
    return b.column(
        p.args[0], f"{'varchar' if word == 'string' else 'char'}({length if isinstance(length, int) else 255})"
    )


def _decimal(b: TableBuilder, word: str, p: Passed) -> Any:
    precision, scale = _given(p), _given(p, 2)
    if precision is None and len(p.args) > 1:
        return b.column(p.args[0], "decimal")
    return b.column(p.args[0], f"decimal({precision or 8}, {2 if scale is None else scale})")


def _moment(b: TableBuilder, word: str, p: Passed) -> Any:
    options = _given(p)
    without = options is True or (isinstance(options, dict) and options.get("useTz") is False)
    size = options.get("precision") if isinstance(options, dict) else _given(p, 2)
    tail = f"({size})" if isinstance(size, int) and not isinstance(size, bool) else ""
    if word == "time":
        return b.column(p.args[0], "time")
    return b.column(p.args[0], f"timestamp{tail}" if without else f"timestamptz{tail}")


def _increments(b: TableBuilder, word: str, p: Passed) -> Any:
    options = _given(p)
    made = b.column(p.args[0] if p.args else "id", _SERIAL[word])
    if not (isinstance(options, dict) and options.get("primaryKey") is False):
        made.get("primary").call(Passed([], {}, p.at))
    return made


def _enum(b: TableBuilder, word: str, p: Passed) -> Any:
    values, options = listed(p.args[1]), _given(p, 2)
    options = options if isinstance(options, dict) else {}
    if options.get("useNative"):
        name = options["enumName"]
        schema = f"{options['schemaName']}." if isinstance(options.get("schemaName"), str) else ""
        if not options.get("existingType"):
            if values is None:
                raise TypeError
            b.log.sql(f"create type {quoted(schema + name)} as enum ({', '.join(map(literal, values))})", "table.enu")
        return b.column(p.args[0], quoted(schema + name))
    if values is None:
        raise TypeError
    return b.column(p.args[0], f"text check ({quoted(p.args[0])} in ({', '.join(map(literal, values))}))")


def _timestamps(b: TableBuilder, word: str, p: Passed) -> Any:
    first = p.args[0] if p.args else False
    options = (
        first
        if isinstance(first, dict)
        else {"useTimestamps": first, "defaultToNow": _given(p), "useCamelCase": _given(p, 2)}
    )
    names = ("createdAt", "updatedAt") if options.get("useCamelCase") else ("created_at", "updated_at")
    for name in names:
        made = b.column(name, "timestamptz")
        if options.get("defaultToNow"):
            b.columns_[-1].null, b.columns_[-1].default = False, "CURRENT_TIMESTAMP"
    return made


def _specific(b: TableBuilder, word: str, p: Passed) -> Any:
    kind = constant(p.args[1]) if isinstance(p.args[1], Host) else p.args[1]
    if not isinstance(kind, str):
        raise TypeError
    return b.column(p.args[0], kind)


_COLUMNS: dict[str, Word] = {
    **{name: (lambda b, word, p: b.column(p.args[0], _PLAIN[word])) for name in _PLAIN},
    **dict.fromkeys(_SERIAL, _increments),
    **dict.fromkeys(("string", "char"), _string),
    **dict.fromkeys(("decimal", "numeric"), _decimal),
    **dict.fromkeys(("timestamp", "datetime", "dateTime", "time"), _moment),
    **dict.fromkeys(("enu", "enum"), _enum),
    "timestamps": _timestamps,
    "specificType": _specific,
}


def _drop_columns(b: TableBuilder, word: str, p: Passed) -> None:
    names = [n for a in p.args for n in (a if isinstance(a, list) else [a])]
    if not names or not all(isinstance(n, str) for n in names):
        raise TypeError
    b.alter(", ".join(f"drop column {quoted(n)}" for n in names))


def _drop(kind: str) -> Word:
    def work(b: TableBuilder, word: str, p: Passed) -> None:
        given = _given(p)
        if kind == "pkey":
            name = p.args[0] if p.args and isinstance(p.args[0], str) else f"{b.bare}_pkey"
        else:
            name = given if isinstance(given, str) else made_name(b.table, _names(p), _SUFFIX[kind])
        if kind == "index":
            schema = b.table.rpartition(".")[0]
            b.statement(f"drop index {quoted(schema) + '.' if schema else ''}{quoted(name)}")
        else:
            b.alter(f"drop constraint {quoted(name)}")

    return work


def _drop_times(b: TableBuilder, word: str, p: Passed) -> None:
    names = ("createdAt", "updatedAt") if _given(p, 0) is True else ("created_at", "updated_at")
    b.alter(", ".join(f"drop column {quoted(n)}" for n in names))


def _check(b: TableBuilder, word: str, p: Passed) -> None:
    sql, name = p.args[0], _given(p, 2)
    if not isinstance(sql, str) or _given(p) not in (None, [], {}):
        raise TypeError
    b.alter(f"add {f'constraint {quoted(name)} ' if isinstance(name, str) else ''}check ({sql})")


def _comment(b: TableBuilder, word: str, p: Passed) -> None:
    b.statement(f"comment on table {quoted(b.table)} is {literal(p.args[0])}")


WORDS: dict[str, Word] = _COLUMNS | {
    "primary": lambda b, word, p: b.primary(_names(p), _given(p)),
    "unique": lambda b, word, p: b.unique(_names(p), _given(p)),
    "index": lambda b, word, p: b.index(_names(p), _given(p), _given(p, 2)),
    "foreign": lambda b, word, p: b.key(_names(p), _given(p)),
    "dropColumn": _drop_columns,
    "dropColumns": _drop_columns,
    "dropPrimary": _drop("pkey"),
    "dropUnique": _drop("unique"),
    "dropIndex": _drop("index"),
    "dropForeign": _drop("foreign"),
    "dropTimestamps": _drop_times,
    "renameColumn": lambda b, word, p: b.alter(f"rename column {quoted(p.args[0])} to {quoted(p.args[1])}"),
    "setNullable": lambda b, word, p: b.alter(f"alter column {quoted(p.args[0])} drop not null"),
    "dropNullable": lambda b, word, p: b.alter(f"alter column {quoted(p.args[0])} set not null"),
    "comment": _comment,
    "check": _check,
}
