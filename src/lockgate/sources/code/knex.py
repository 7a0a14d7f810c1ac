"""Knex's schema builder as the SQL that it sends to PostgreSQL (lib/dialects/postgres/schema, lib/schema)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.sources.code.knex_table import TableBuilder
from lockgate.sources.code.knex_words import WORDS
from lockgate.sources.code.quoting import constant, quoted, raw
from lockgate.sources.code.recorder import ANYTHING, SendLog
from lockgate.sources.code.values import Closure, Host, NotKnown, Partial, Passed

GUARD = NotKnown("what is in the database", guard=True)
_BINDING = re.compile(r"\?\??|:(\w+):?")


class Knex:
    """One migration's ``knex``."""

    def __init__(self, recorder: SendLog, apply: Callable[[Any, list[Any]], Any]) -> None:
        self._log, self._apply = recorder, apply

    def host(self) -> Host:
        """What ``up`` is given: callable with a table's name."""
        made = Host("knex", lambda passed: self._rows(), self._of_knex)
        made.members["schema"] = self._schema("")
        made.members["client"] = {"config": {"client": "pg"}, "dialect": "postgresql", "driverName": "pg"}
        made.members["transaction"] = Host("transaction", lambda passed: self._transaction(passed, made))
        return made

    def _of_knex(self, word: str) -> Any:
        match word:
            case "raw":
                return Host(word, lambda passed: self.raw(passed))
            case "fn":
                moments = {"now": "CURRENT_TIMESTAMP", "uuid": "gen_random_uuid()"}
                return Host("fn", get=lambda inner: Host(inner, lambda p: raw(moments.get(inner))))
            case "ref":
                return Host(word, lambda passed: raw(passed.get(0, "ref")))
            case "destroy" | "initialize":
                return Host(word, lambda passed: None)
            case "isTransaction":
                return True
        return Host(word, lambda passed: self._rows())

    def _rows(self) -> Host:
        """A query builder: nothing that it builds changes more than rows."""
        self._log.rows("knex: a query that is built")
        return _chain()

    def _transaction(self, passed: Passed, made: Host) -> Any:
        work = passed.get(0, "work")
        if not isinstance(work, Closure):
            return made
        self._log.sql("SAVEPOINT trx", "knex.transaction")
        out = self._apply(work, [made])
        self._log.sql("RELEASE SAVEPOINT trx", "knex.transaction")
        return out

    def raw(self, passed: Passed) -> Any:
        """``knex.raw(sql, bindings)``: a value where another one takes it, else a statement. It is taken for a statement
        when it is one by its first word."""
        sql, given = passed.get(0, "sql"), passed.get(1, "bindings")
        bound = bind(sql, given) if isinstance(sql, str) and given is not None else sql
        text = str(bound) if isinstance(bound, str | Partial) else ""
        if (
            re.match(
                r"\s*(?:--[^\n]*\n\s*)*(?:create|alter|drop|comment|insert|update|delete|select|with|grant|revoke|do|set|truncate|refresh|vacuum|reindex|lock|call|begin|commit)\b",
                text,
                re.IGNORECASE,
            )
            or not text
        ):
            self._log.sql(bound, "knex.raw")
        return raw(bound if isinstance(bound, str) else None)

    # --- the schema ---------------------------------------------------------------------------------------------------

    def _schema(self, schema: str) -> Host:
        made = Host("schema", get=lambda word: self._lost(word, made))
        head = f"{schema}." if schema else ""

        def told(word: str, work: Callable[[Passed], None]) -> Host:
            def call(passed: Passed) -> Any:
                try:
                    work(passed)
                except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                    self._gap(word, passed)
                return made

            return Host(word, call)

        def sql(form: Callable[[str, Passed], str]) -> Callable[[Passed], None]:
            return lambda passed: self._log.sql(form(head, passed), "knex.schema")

        made.members |= {word: told(word, sql(form)) for word, form in _SIMPLE.items()}
        made.members |= {
            "createTable": told("createTable", lambda p: self._table(head, p, "create")),
            "createTableIfNotExists": told(
                "createTableIfNotExists", lambda p: self._table(head, p, "create if not there")
            ),
            "alterTable": told("alterTable", lambda p: self._table(head, p, "alter")),
            "table": told("table", lambda p: self._table(head, p, "alter")),
            "raw": told("raw", lambda p: self._statement(p)),
            "hasTable": Host("hasTable", lambda p: GUARD),
            "hasColumn": Host("hasColumn", lambda p: GUARD),
            "withSchema": Host("withSchema", lambda p: self._schema(_text(p, 0))),
            "then": Host("then", lambda p: self._then(p)),
            "catch": Host("catch", lambda p: made),
        }
        return made

    def _then(self, passed: Passed) -> Any:
        work = passed.get(0, "work")
        return self._apply(work, [None]) if isinstance(work, Closure) else None

    def _statement(self, passed: Passed) -> None:
        sql, given = passed.get(0, "sql"), passed.get(1, "bindings")
        self._log.sql(bind(sql, given) if isinstance(sql, str) and given is not None else sql, "knex.schema.raw")

    def _table(self, head: str, passed: Passed, how: str) -> None:
        name = _text(passed, 0)
        builder = TableBuilder(f"{head}{name}", how, self._log, WORDS)
        self._apply(passed.args[1], [builder.host()])
        builder.send()

    def _gap(self, word: str, passed: Passed) -> None:
        table = passed.get(0, "table")
        self._log.gap(
            f"knex.schema.{word}: it is worked out at run time",
            (quoted(table),) if isinstance(table, str) else ANYTHING,
        )

    def _lost(self, word: str, made: Host) -> Host:
        def call(passed: Passed) -> Host:
            self._gap(word, passed)
            return made

        return Host(word, call)


def _chain() -> Host:
    return Host("rows", lambda passed: _chain(), lambda word: NotKnown("rows") if word == "length" else _chain())


def _text(passed: Passed, place: int) -> str:
    found = passed.args[place]
    if not isinstance(found, str):
        raise TypeError
    return found


def _name(head: str, passed: Passed) -> str:
    return quoted(head + _text(passed, 0))


_SIMPLE: dict[str, Callable[[str, Passed], str]] = {
    "dropTable": lambda head, p: f"drop table {_name(head, p)}",
    "dropTableIfExists": lambda head, p: f"drop table if exists {_name(head, p)}",
    "renameTable": lambda head, p: f"alter table {_name(head, p)} rename to {quoted(_text(p, 1))}",
    "createSchema": lambda head, p: f"create schema {_name('', p)}",
    "createSchemaIfNotExists": lambda head, p: f"create schema if not exists {_name('', p)}",
    "dropSchema": lambda head, p: f"drop schema {_name('', p)}",
    "dropSchemaIfExists": lambda head, p: f"drop schema if exists {_name('', p)}",
    "createExtension": lambda head, p: f"create extension {_name('', p)}",
    "createExtensionIfNotExists": lambda head, p: f"create extension if not exists {_name('', p)}",
    "dropView": lambda head, p: f"drop view {_name(head, p)}",
    "dropViewIfExists": lambda head, p: f"drop view if exists {_name(head, p)}",
    "dropMaterializedView": lambda head, p: f"drop materialized view {_name(head, p)}",
}


def bind(sql: str, given: Any) -> Any:
    """A text with its bindings put in: ``??`` names, ``?`` values, ``:name:`` and ``:name``."""
    from lockgate.sources.code.values import text_of

    places = list(given) if isinstance(given, list | tuple) else [] if isinstance(given, dict) else [given]
    parts: list[Any] = []
    at = 0
    for found in _BINDING.finditer(sql):
        word = found.group(1)
        if (word and not (isinstance(given, dict) and word in given)) or (not word and not places):
            continue
        value = given[word] if word else places.pop(0)
        as_name = found.group().endswith("??") or (word is not None and found.group().endswith(":"))
        said = quoted(value) if as_name and isinstance(value, str) else constant(value)
        parts += [sql[at : found.start()], said if said is not None else NotKnown()]
        at = found.end()
    return text_of([*parts, sql[at:]], script=True)
