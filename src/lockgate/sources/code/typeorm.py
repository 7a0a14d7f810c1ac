"""TypeORM's ``queryRunner`` as the SQL that it sends to PostgreSQL (PostgresQueryRunner, DefaultNamingStrategy)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from lockgate.sources.code.quoting import columns, listed, quoted
from lockgate.sources.code.recorder import ANYTHING, SendLog, touched
from lockgate.sources.code.values import Host, NotKnown, Passed

GUARD = NotKnown("what is in the database", guard=True)
_CLASSES = frozenset(
    [
        "Table",
        "TableColumn",
        "TableIndex",
        "TableForeignKey",
        "TableUnique",
        "TableCheck",
        "TablePrimaryKey",
        "TableExclusion",
        "View",
    ]
)
_SERIAL = {
    "int": "SERIAL",
    "integer": "SERIAL",
    "int4": "SERIAL",
    "bigint": "BIGSERIAL",
    "int8": "BIGSERIAL",
    "smallint": "SMALLSERIAL",
}


def name(module_name: str) -> Any:
    """What the package has under a name: descriptions of tables and their parts."""
    if module_name in _CLASSES:
        return Host(module_name, lambda passed: passed.get(0, "options", {}))
    return Host(module_name)


def made_name(kind: str, table: str, parts: list[str], length: int) -> str:
    """A name that the naming strategy makes (DefaultNamingStrategy)."""
    key = "_".join([table.replace(".", "_"), *sorted(parts)])
    return kind + hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()[:length]


class QueryRunner:
    """One migration's queryRunner."""

    def __init__(self, recorder: SendLog) -> None:
        self._log = recorder

    def host(self) -> Host:
        """What ``up`` is given."""
        runner = Host("queryRunner", get=self._other)
        for word, work in _WORK.items():
            runner.members[word] = Host(word, self._told(word, work))
        runner.members["query"] = Host("query", self._query)
        for word in ("hasTable", "hasColumn", "getTable", "getTables", "hasSchema", "hasDatabase"):
            runner.members[word] = Host(word, lambda passed: GUARD)
        runner.members |= {
            "manager": self._manager(runner),
            "connection": self._manager(runner),
            "isTransactionActive": True,
        }
        return runner

    def _manager(self, runner: Host) -> Host:
        def get(word: str) -> Any:
            if word == "query":
                return Host(word, self._query)
            if word == "connection":
                return self._manager(runner)
            if word in ("createQueryRunner", "transaction"):
                return Host(word, lambda passed: runner)
            return Host(word, lambda passed: self._rows(word), get)

        return Host("manager", get=get, options={"type": "postgres", "schema": "public"})

    def _rows(self, word: str) -> Host:
        self._log.rows(f"manager.{word}")
        return _chain()

    def _query(self, passed: Passed) -> Any:
        sql, given = passed.get(0, "query"), passed.get(1, "parameters")
        if given not in (None, []) and isinstance(sql, str) and not touched(sql):
            self._log.rows("queryRunner.query: its parameters are worked out at run time")
        else:
            self._log.sql(sql, "queryRunner.query")
        return NotKnown("what a query finds")

    def _other(self, word: str) -> Any:
        if word in ("startTransaction", "commitTransaction", "rollbackTransaction"):
            sql = {"startTransaction": "BEGIN", "commitTransaction": "COMMIT"}.get(word, "")
            return Host(word, lambda passed: self._log.sql(sql, word) if sql else None)
        if word in ("release", "connect", "afterMigration", "beforeMigration"):
            return Host(word, lambda passed: None)
        return Host(word, lambda passed: self._lost(word, passed))

    def _lost(self, word: str, passed: Passed) -> None:
        table = passed.get(0, "table")
        table = table.get("name") if isinstance(table, dict) else table
        self._log.gap(f"queryRunner.{word}", (quoted(table),) if isinstance(table, str) else ANYTHING)

    def _told(self, word: str, work: Callable[[Passed], list[str] | None]) -> Callable[[Passed], Any]:
        def call(passed: Passed) -> None:
            try:
                sent = work(passed)
            except (AttributeError, KeyError, TypeError, ValueError):
                sent = None
            if sent is None:
                self._lost(word, passed)
            for sql in sent or ():
                self._log.sql(sql, f"queryRunner.{word}")

        return call


def _chain() -> Host:
    return Host("rows", lambda passed: _chain(), lambda word: _chain())


def _table(passed: Passed) -> str:
    given = passed.args[0]
    found = given.get("name") if isinstance(given, dict) else given
    if not isinstance(found, str):
        raise TypeError
    return found


def _column(one: dict[str, Any]) -> str:
    """A column (PostgresQueryRunner.buildCreateColumnSql)."""
    kind, out = one["type"], f'"{one["name"]}"'
    if not isinstance(kind, str) or one.get("enum") is not None or isinstance(one.get("default"), NotKnown):
        raise TypeError
    strategy = one.get("generationStrategy")
    if one.get("isGenerated") and strategy == "increment":
        out += f" {_SERIAL[kind]}"
    else:
        length = f"({one['length']})" if one.get("length") else ""
        if one.get("precision") is not None and kind in ("decimal", "numeric"):
            length = f"({one['precision']}" + (f",{one['scale']}" if one.get("scale") is not None else "") + ")"
        out += f" {kind}{length}" + ("[]" if one.get("isArray") else "")
    if one.get("asExpression"):
        out += f" GENERATED ALWAYS AS ({one['asExpression']}) STORED"
    if one.get("charset") is None and one.get("collation"):
        out += f' COLLATE "{one["collation"]}"'
    if not one.get("isNullable"):
        out += " NOT NULL"
    if one.get("isGenerated") and strategy == "uuid" and one.get("default") is None:
        out += " DEFAULT uuid_generate_v4()"
    elif one.get("default") is not None:
        out += f" DEFAULT {one['default']}"
    return out


def _key(table: str, one: dict[str, Any]) -> str:
    local, there = listed(one["columnNames"]) or [], listed(one["referencedColumnNames"]) or []
    given = one.get("name") or made_name("FK_", table, local, 27)
    sql = f'CONSTRAINT "{given}" FOREIGN KEY ({columns(local)}) REFERENCES {quoted(one["referencedTableName"])} ({columns(there)})'
    sql += f" ON DELETE {one['onDelete']}" if one.get("onDelete") else ""
    sql += f" ON UPDATE {one['onUpdate']}" if one.get("onUpdate") else ""
    return sql + (f" DEFERRABLE {one['deferrable']}" if one.get("deferrable") else "")


def _index(table: str, one: dict[str, Any]) -> str:
    names = listed(one["columnNames"]) or []
    given = one.get("name") or made_name("IDX_", table, names, 26)
    sql = f'CREATE {"UNIQUE " if one.get("isUnique") else ""}INDEX {"CONCURRENTLY " if one.get("isConcurrent") else ""}"{given}" ON {quoted(table)} '
    sql += "USING GiST " if one.get("isSpatial") else ""
    return f"{sql}({columns(names)})" + (f" WHERE {one['where']}" if one.get("where") else "")


def _unique(table: str, names: list[str], given: Any = None) -> str:
    return f'CONSTRAINT "{given or made_name("UQ_", table, names, 27)}" UNIQUE ({columns(names)})'


def _create_table(passed: Passed) -> list[str] | None:
    one, table = passed.args[0], _table(passed)
    parts = [_column(c) for c in one["columns"]]
    unique = [[c["name"]] for c in one["columns"] if c.get("isUnique")]
    parts += [_unique(table, names) for names in unique]
    parts += [_unique(table, listed(u["columnNames"]) or [], u.get("name")) for u in one.get("uniques") or ()]
    parts += [
        f'CONSTRAINT "{c.get("name") or made_name("CHK_", table, [c["expression"]], 26)}" CHECK ({c["expression"]})'
        for c in one.get("checks") or ()
    ]
    parts += [_key(table, k) for k in one.get("foreignKeys") or ()]
    primary = [c["name"] for c in one["columns"] if c.get("isPrimary")]
    if primary:
        parts.append(f'CONSTRAINT "{made_name("PK_", table, primary, 27)}" PRIMARY KEY ({columns(primary)})')
    guard = "IF NOT EXISTS " if passed.get(1, "ifNotExist") is True else ""
    return [
        f"CREATE TABLE {guard}{quoted(table)} ({', '.join(parts)})",
        *(_index(table, i) for i in one.get("indices") or ()),
    ]


def _add_columns(passed: Passed) -> list[str] | None:
    table, given = _table(passed), passed.args[1]
    out = []
    for one in given if isinstance(given, list) else [given]:
        out.append(f"ALTER TABLE {quoted(table)} ADD {_column(one)}")
        if one.get("isUnique"):
            out.append(f"ALTER TABLE {quoted(table)} ADD {_unique(table, [one['name']])}")
    return out


def _named(value: Any) -> str:
    found = value.get("name") if isinstance(value, dict) else value
    if not isinstance(found, str):
        raise TypeError
    return found


def _drop_columns(passed: Passed) -> list[str] | None:
    given = passed.args[1]
    every = given if isinstance(given, list) else [given]
    return [f'ALTER TABLE {quoted(_table(passed))} DROP COLUMN "{_named(one)}"' for one in every]


def _many(make: Callable[[str, dict[str, Any]], str], alter: bool = True) -> Callable[[Passed], list[str] | None]:
    def work(passed: Passed) -> list[str]:
        table, given = _table(passed), passed.args[1]
        head = f"ALTER TABLE {quoted(table)} ADD " if alter else ""
        return [head + make(table, one) for one in (given if isinstance(given, list) else [given])]

    return work


def _drop_named(passed: Passed) -> list[str] | None:
    return [f'ALTER TABLE {quoted(_table(passed))} DROP CONSTRAINT "{_named(passed.args[1])}"']


def _drop_index(passed: Passed) -> list[str] | None:
    schema, dot, _ = _table(passed).rpartition(".")
    return [f'DROP INDEX {quoted(schema) + dot if schema else ""}"{_named(passed.args[1])}"']


def _drop_table(passed: Passed) -> list[str] | None:
    guard = "IF EXISTS " if passed.get(1, "ifExist") is True else ""
    return [f"DROP TABLE {guard}{quoted(_table(passed))}"]


def _primary(passed: Passed) -> list[str] | None:
    table, names = _table(passed), listed(passed.args[1]) or []
    return [
        f'ALTER TABLE {quoted(table)} ADD CONSTRAINT "{made_name("PK_", table, names, 27)}" PRIMARY KEY ({columns(names)})'
    ]


_WORK: dict[str, Callable[[Passed], list[str] | None]] = {
    "createTable": _create_table,
    "dropTable": _drop_table,
    "renameTable": lambda p: [f"ALTER TABLE {quoted(_table(p))} RENAME TO {quoted(_named(p.args[1]))}"],
    "addColumn": _add_columns,
    "addColumns": _add_columns,
    "dropColumn": _drop_columns,
    "dropColumns": _drop_columns,
    "createIndex": _many(_index, alter=False),
    "createIndices": _many(_index, alter=False),
    "dropIndex": _drop_index,
    "createForeignKey": _many(_key),
    "createForeignKeys": _many(_key),
    "dropForeignKey": _drop_named,
    "createUniqueConstraint": _many(
        lambda table, one: _unique(table, listed(one["columnNames"]) or [], one.get("name"))
    ),
    "dropUniqueConstraint": _drop_named,
    "dropCheckConstraint": _drop_named,
    "createPrimaryKey": _primary,
    "createSchema": lambda p: [f"CREATE SCHEMA {'IF NOT EXISTS ' if p.get(1, 'x') is True else ''}{quoted(_table(p))}"],
    "clearTable": lambda p: [f"TRUNCATE TABLE {quoted(_table(p))}"],
    "renameColumn": lambda p: [
        f'ALTER TABLE {quoted(_table(p))} RENAME COLUMN "{_named(p.args[1])}" TO "{_named(p.args[2])}"'
    ],
}
