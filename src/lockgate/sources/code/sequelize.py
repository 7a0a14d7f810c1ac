"""Sequelize's ``queryInterface`` as the SQL that it sends to PostgreSQL (dialects/postgres/query-generator.js)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.quoting import columns, constant, listed, quoted, raw
from lockgate.sources.code.recorder import ANYTHING, SendLog, touched
from lockgate.sources.code.sequelize_types import SERIAL, kind
from lockgate.sources.code.values import Host, NotKnown, Passed

GUARD = NotKnown("what is in the database", guard=True)


class QueryInterface:
    """One migration's queryInterface."""

    def __init__(self, recorder: SendLog, apply: Callable[[Any, list[Any]], Any]) -> None:
        self._log, self._apply = recorder, apply
        self._inside = 0

    def host(self) -> Host:
        """What ``up`` is given."""
        made = Host("queryInterface", get=self._other)
        for word, work in _WORK.items():
            made.members[word] = Host(word, self._told(word, work))
        for word in ("describeTable", "showAllTables", "tableExists", "showIndex", "getForeignKeyReferencesForTable"):
            made.members[word] = Host(word, lambda passed: GUARD)
        sequelize = Host("sequelize", get=self._of_sequelize)
        made.members["sequelize"] = sequelize
        made.members["queryGenerator"] = Host("queryGenerator")
        return made

    def _of_sequelize(self, word: str) -> Any:
        match word:
            case "query":
                return Host(word, self._query)
            case "transaction":
                return Host(word, self._transaction)
            case "getDialect":
                return Host(word, lambda passed: "postgres")
            case "options" | "config":
                return {"dialect": "postgres"}
            case "dialect":
                return {"name": "postgres"}
            case "QueryTypes":
                return Host(word, get=lambda inner: inner)
        found = kind(word)
        return found if found.name != word else Host(word, lambda passed: self._log.rows(f"sequelize.{word}"))

    def _transaction(self, passed: Passed) -> Any:
        work = next((a for a in passed.args if not isinstance(a, dict)), None)
        if work is None:  # the migration ends it by itself
            self._log.sql("BEGIN", "sequelize.transaction")
            end = Host("commit", lambda p: self._log.sql("COMMIT", "sequelize.transaction"))
            return Host("transaction", commit=end, rollback=Host("rollback", lambda p: None))
        self._log.sql("BEGIN", "sequelize.transaction")
        out = self._apply(work, [Host("transaction")])
        self._log.sql("COMMIT", "sequelize.transaction")
        return out

    def _query(self, passed: Passed) -> Any:
        sql, options = passed.get(0, "sql"), passed.get(1, "options")
        sql = sql.get("query") if isinstance(sql, dict) else sql
        given = isinstance(options, dict) and (options.get("replacements") or options.get("bind"))
        if given and isinstance(sql, str) and not touched(sql):
            self._log.rows("sequelize.query: its parameters are worked out at run time")
        else:
            self._log.sql(sql, "sequelize.query")
        return NotKnown("what a query finds")

    def _other(self, word: str) -> Any:
        if word.startswith(("bulk", "insert", "select", "upsert", "update", "delete", "increment")):
            return Host(word, lambda passed: self._log.rows(f"queryInterface.{word}"))
        return Host(word, lambda passed: self._lost(word, passed))

    def _lost(self, word: str, passed: Passed) -> None:
        table = _name(passed.get(0, "table"))
        column = passed.get(1, "column") if word in ("addColumn", "changeColumn") else ""
        touches = (quoted(table),) if table else ANYTHING
        self._log.gap(
            f"queryInterface.{word}: it is worked out at run time", touches, column if isinstance(column, str) else ""
        )

    def _told(self, word: str, work: Callable[[Passed], list[str]]) -> Callable[[Passed], Any]:
        def call(passed: Passed) -> None:
            try:
                sent = work(passed)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                self._lost(word, passed)
                return
            for sql in sent:
                self._log.sql(sql, f"queryInterface.{word}")

        return call


def _name(value: Any) -> str:
    if isinstance(value, dict):
        schema, table = value.get("schema"), value.get("tableName") or value.get("name")
        return f"{schema}.{table}" if isinstance(schema, str) and isinstance(table, str) else str(table or "")
    return value if isinstance(value, str) else ""


def _table(passed: Passed) -> str:
    found = _name(passed.args[0])
    if not found:
        raise TypeError
    return found


def _sql_type(table: str, name: str, one: dict[str, Any]) -> tuple[str, list[str]]:
    """A column's type, and what is sent before it for an enum of its own."""
    given = one["type"]
    if isinstance(given, str):
        return given, []
    if not isinstance(given, Host):
        raise TypeError
    if given.members.get("is_enum") is True:
        values = given.members.get("values") or one.get("values")
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise TypeError
        bare = table.rpartition(".")[2]
        enum = f'"public"."enum_{bare}_{name}"'
        body = f"CREATE TYPE {enum} AS ENUM({', '.join(map(literal, values))})"
        return enum, [
            f"DO 'BEGIN {body.replace(chr(39), chr(39) * 2)}; EXCEPTION WHEN duplicate_object THEN null; END'"
        ]
    sql = given.members.get("sql")
    if not isinstance(sql, str):
        raise TypeError
    return sql, []


def _column(table: str, name: str, given: Any) -> tuple[str, list[str]]:
    """A column (attributesToSQL), without its name."""
    one = given if isinstance(given, dict) else {"type": given}
    if any(isinstance(v, NotKnown) for v in one.values()):
        raise TypeError
    out, before = _sql_type(table, name, one)
    if one.get("autoIncrement"):
        out = SERIAL.get(out, out)
    if one.get("allowNull") is False:
        out += " NOT NULL"
    default = one.get("defaultValue")
    if default is not None and not (isinstance(default, Host) and default.name == "generated"):
        if isinstance(default, Host) and default.name == "type":
            default = raw("CURRENT_TIMESTAMP")
        sql = constant([] if default == [] else default)
        if isinstance(default, list):
            sql = f"ARRAY[{', '.join(str(constant(v)) for v in default)}]::{out.split(' ')[0]}"
        if sql is None:
            raise TypeError
        out += f" DEFAULT {sql}"
    if one.get("unique") is True:
        out += " UNIQUE"
    if one.get("primaryKey"):
        out += " PRIMARY KEY"
    return out + _references(one), before


def _references(one: dict[str, Any]) -> str:
    there = one.get("references")
    if there is None:
        return ""
    model = there.get("model") or there.get("table") if isinstance(there, dict) else there
    key = there.get("key") or there.get("field") or "id" if isinstance(there, dict) else one.get("referencesKey", "id")
    out = f' REFERENCES {quoted(_name(model))} ("{key}")'
    out += f" ON DELETE {str(one['onDelete']).upper()}" if one.get("onDelete") else ""
    out += f" ON UPDATE {str(one['onUpdate']).upper()}" if one.get("onUpdate") else ""
    return out + (" DEFERRABLE INITIALLY DEFERRED" if isinstance(there, dict) and there.get("deferrable") else "")


def _create_table(passed: Passed) -> list[str]:
    table, attributes = _table(passed), passed.args[1]
    options = passed.args[2] if len(passed.args) > 2 and isinstance(passed.args[2], dict) else {}
    before: list[str] = []
    lines, primary = [], []
    for name, given in attributes.items():
        sql, first = _column(table, name, given)
        before += first
        if " PRIMARY KEY" in sql:
            primary.append(name)
            sql = sql.replace(" PRIMARY KEY", "")
        lines.append(f'"{name}" {sql}')
    for key, one in (options.get("uniqueKeys") or {}).items():
        lines.append(f'CONSTRAINT "{one.get("name") or key}" UNIQUE ({columns(listed(one["fields"]) or [])})')
    if primary:
        lines.append(f"PRIMARY KEY ({columns(primary)})")
    schema = f"{options['schema']}." if isinstance(options.get("schema"), str) else ""
    return [*before, f"CREATE TABLE IF NOT EXISTS {quoted(schema + table)} ({', '.join(lines)})"]


def _add_column(passed: Passed) -> list[str]:
    table, name = _table(passed), passed.args[1]
    sql, before = _column(table, name, passed.args[2])
    return [*before, f'ALTER TABLE {quoted(table)} ADD COLUMN "{name}" {sql}']


def _change_column(passed: Passed) -> list[str]:
    """changeColumnQuery: each property in a statement of its own; with a reference only the foreign key."""
    table, name, given = _table(passed), passed.args[1], passed.args[2]
    one = given if isinstance(given, dict) else {"type": given}
    sql, before = _column(table, name, {k: v for k, v in one.items() if k in ("type", "values")})
    head = f'ALTER TABLE {quoted(table)} ALTER COLUMN "{name}"'
    refers = bool(one.get("references"))
    out = []
    if one.get("allowNull") is False or not refers:
        out.append(f"{head} {'SET' if one.get('allowNull') is False else 'DROP'} NOT NULL")
    default = one.get("defaultValue")
    known = constant(default)
    if known is None:
        raise TypeError
    if default is not None or not refers:
        out.append(f"{head} SET DEFAULT {known}" if default is not None else f"{head} DROP DEFAULT")
    if one.get("unique") is True:
        out.append(f'ALTER TABLE {quoted(table)} ADD UNIQUE ("{name}")')
    if refers:
        out.append(f'ALTER TABLE {quoted(table)} ADD FOREIGN KEY ("{name}"){_references(one)}')
    elif isinstance(one["type"], Host) and one["type"].members.get("is_enum") is True:
        out += [*before, f'{head} TYPE {sql} USING ("{name}"::text::{sql})']
    else:
        out.append(f"{head} TYPE {sql}")
    return out


def _underscored(text: str) -> str:
    return re.sub(r"[-\s.]+", "_", re.sub(r"(?<=[a-z\d])([A-Z])", r"_\1", text)).lower()


def _add_index(passed: Passed) -> list[str]:
    table, given = _table(passed), passed.args[1]
    options = given if isinstance(given, dict) else (passed.args[2] if len(passed.args) > 2 else None) or {}
    fields = options["fields"] if isinstance(given, dict) else given
    parts, names = [], []
    for field in fields if isinstance(fields, list) else [fields]:
        parts.append(_indexed(field))
        names.append(field if isinstance(field, str) else str(field.get("name", "")) if isinstance(field, dict) else "")
    condition = options.get("where")
    parts_where = (constant(condition) if isinstance(condition, Host) else _where(condition)) if condition else ""
    name = (
        options.get("name") or options.get("indexName") or _underscored(f"{table.rpartition('.')[2]}_{'_'.join(names)}")
    )
    if not isinstance(name, str) or parts_where is None:
        raise TypeError
    unique = (
        options.get("unique") is True or str(options.get("type", options.get("indicesType", ""))).upper() == "UNIQUE"
    )
    using = options.get("using") or options.get("method")
    sql = f'CREATE {"UNIQUE " if unique else ""}INDEX {"CONCURRENTLY " if options.get("concurrently") else ""}"{name}" ON {quoted(table)}'
    sql += f" USING {using}" if isinstance(using, str) else ""
    return [f"{sql} ({', '.join(parts)})" + (f" WHERE {parts_where}" if parts_where else "")]


def _indexed(field: Any) -> str:
    if isinstance(field, str):
        return f'"{field}"'
    if isinstance(field, dict):
        name = field.get("name") or field["attribute"]
        kind_of = f" {field['operator']}" if field.get("operator") else ""
        return f'"{name}"{kind_of}' + (f" {field['order']}" if field.get("order") else "")
    sql = constant(field)
    if sql is None:
        raise TypeError
    return sql


def _where(given: dict[str, Any]) -> str:
    parts = []
    for name, value in given.items():
        if isinstance(value, dict) and set(value) <= {"$op.ne", "$op.eq", "$op.is", "$op.not"}:
            word, inner = next(iter(value.items()))
            negated = word in ("$op.ne", "$op.not")
            sql = constant(inner)
            parts.append(
                f'"{name}" IS {"NOT " if negated else ""}NULL'
                if inner is None
                else f'"{name}" {"!=" if negated else "="} {sql}'
            )
        elif value is None or isinstance(value, str | int | bool):
            parts.append(f'"{name}" IS NULL' if value is None else f'"{name}" = {constant(value)}')
        else:
            raise TypeError
    return " AND ".join(parts)


def _remove_index(passed: Passed) -> list[str]:
    table, given = _table(passed), passed.args[1]
    name = given if isinstance(given, str) else _underscored(f"{table}_{'_'.join(listed(given) or [])}")
    options = passed.args[2] if len(passed.args) > 2 and isinstance(passed.args[2], dict) else {}
    return [f'DROP INDEX {"CONCURRENTLY " if options.get("concurrently") else ""}IF EXISTS "{name}"']


_SUFFIX = {"unique": "uk", "check": "ck", "primary key": "pk", "foreign key": "fk"}


def _add_constraint(passed: Passed) -> list[str]:
    table, one = _table(passed), passed.args[-1] if isinstance(passed.args[-1], dict) else passed.args[1]
    fields = one.get("fields") or (passed.args[1] if isinstance(passed.args[1], list) else [])
    names, kind_of = listed(fields), str(one["type"]).lower()
    if names is None:
        raise TypeError
    name = one.get("name") or f"{table.rpartition('.')[2]}_{'_'.join(names)}_{_SUFFIX[kind_of]}"
    match kind_of:
        case "unique":
            body = f"UNIQUE ({columns(names)})"
        case "primary key":
            body = f"PRIMARY KEY ({columns(names)})"
        case "foreign key":
            there = one["references"]
            fields_there = listed(there.get("fields") or there.get("field")) or []
            body = (
                f"FOREIGN KEY ({columns(names)}) REFERENCES {quoted(_name(there['table']))} ({columns(fields_there)})"
            )
            body += f" ON UPDATE {str(one['onUpdate']).upper()}" if one.get("onUpdate") else ""
            body += f" ON DELETE {str(one['onDelete']).upper()}" if one.get("onDelete") else ""
        case _:
            body = f"CHECK ({_where(one['where'])})"
    return [f'ALTER TABLE {quoted(table)} ADD CONSTRAINT "{name}" {body}']


def _drop_table(passed: Passed) -> list[str]:
    options = passed.args[1] if len(passed.args) > 1 and isinstance(passed.args[1], dict) else {}
    return [f"DROP TABLE IF EXISTS {quoted(_table(passed))}{' CASCADE' if options.get('cascade') else ''}"]


_WORK: dict[str, Callable[[Passed], list[str]]] = {
    "createTable": _create_table,
    "dropTable": _drop_table,
    "renameTable": lambda p: [f"ALTER TABLE {quoted(_table(p))} RENAME TO {quoted(_name(p.args[1]))}"],
    "addColumn": _add_column,
    "removeColumn": lambda p: [f'ALTER TABLE {quoted(_table(p))} DROP COLUMN "{p.args[1]}"'],
    "renameColumn": lambda p: [f'ALTER TABLE {quoted(_table(p))} RENAME COLUMN "{p.args[1]}" TO "{p.args[2]}"'],
    "changeColumn": _change_column,
    "addIndex": _add_index,
    "removeIndex": _remove_index,
    "addConstraint": _add_constraint,
    "removeConstraint": lambda p: [f'ALTER TABLE {quoted(_table(p))} DROP CONSTRAINT "{p.args[1]}"'],
    "createSchema": lambda p: [f"CREATE SCHEMA IF NOT EXISTS {quoted(_table(p))}"],
    "dropSchema": lambda p: [f"DROP SCHEMA IF EXISTS {quoted(_table(p))} CASCADE"],
}
