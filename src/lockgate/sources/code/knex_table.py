"""Knex's table builder: columns, keys and indexes of a new table or of one that is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lockgate.base.sql import literal
from lockgate.sources.code.quoting import columns, constant, listed, quoted
from lockgate.sources.code.recorder import SendLog
from lockgate.sources.code.values import UNKNOWN, Host, Passed


class _Col(msgspec.Struct):
    name: str
    kind: str
    primary: bool = False
    null: bool | None = None
    default: str | None = None
    alters: bool = False
    check: str = ""
    comment: str | None = None


class _Key(msgspec.Struct):
    columns: list[str]
    name: str = ""
    to: list[str] = msgspec.field(default_factory=list)
    table: str = ""
    tail: str = ""


def made_name(table: str, names: list[str], kind: str) -> str:
    """A name that Knex makes (TableCompiler._indexCommand)."""
    return f"{table.replace('.', '_').replace('-', '_')}_{'_'.join(names)}_{kind}".lower()


class TableBuilder:
    """What ``createTable``'s and ``alterTable``'s function is given."""

    def __init__(self, table: str, how: str, recorder: SendLog, words: Mapping[str, Word]) -> None:
        self.table, self._how, self.log, self._words = table, how, recorder, words
        self.bare = table.rpartition(".")[2]
        self.columns_: list[_Col] = []
        self._after: list[str | _Key] = []
        self._before: list[str] = []
        self._doubt = ""

    def host(self) -> Host:
        """The builder as a value."""
        host = Host("table", get=self._word)
        host.members["table"] = host
        return host

    def _doubtful(self, word: str) -> None:
        self._doubt = self._doubt or f"table.{word}: it is worked out at run time"

    def _word(self, word: str) -> Any:
        work = self._words.get(word)

        def call(passed: Passed) -> Any:
            try:
                if work is not None:
                    return work(self, word, passed)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                pass
            if word not in ("engine", "charset", "collate", "inherits"):
                self._doubtful(word)
            return Host(
                "column", get=lambda inner: self._word("dropColumn") if inner == "x" else Host(inner, lambda p: UNKNOWN)
            )

        return Host(word, call)

    # --- columns ------------------------------------------------------------------------------------------------------

    def column(self, name: Any, kind: str) -> Host:
        """A column, and what may be said of it."""
        if not isinstance(name, str):
            raise TypeError
        one = _Col(name, kind)
        self.columns_.append(one)
        return self.chain(one)

    def chain(self, one: _Col) -> Host:
        """A column as a value: each of its words gives it back."""
        keys: list[_Key] = []

        def get(word: str) -> Any:
            return Host(word, lambda passed: self._said(one, keys, word, passed, made))

        made = Host("column", get=get)
        return made

    def _said(self, one: _Col, keys: list[_Key], word: str, passed: Passed, made: Host) -> Any:
        try:
            self._modify(one, keys, word, passed)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            self._doubtful(word)
        return made

    def _modify(self, one: _Col, keys: list[_Key], word: str, passed: Passed) -> None:
        match word:
            case "notNullable" | "notNull":
                one.null = False
            case "nullable" | "null":
                one.null = passed.get(0, "value", True) is not False
            case "defaultTo" | "default":
                one.default = _default(passed.args[0], one.kind)
            case "primary":
                one.primary = True
            case "unique":
                self.unique([one.name], passed.args[0] if passed.args else None)
            case "index":
                self.index(
                    [one.name],
                    passed.args[0] if passed.args else None,
                    passed.args[1] if len(passed.args) > 1 else None,
                )
            case "alter":
                one.alters = True
            case "comment":
                one.comment = passed.args[0] if isinstance(passed.args[0], str) else None
            case "checkPositive":
                one.check = f" check ({quoted(one.name)} > 0)"
            case "unsigned" | "first" | "after" | "collate":
                pass
            case "references" | "inTable" | "on" | "onDelete" | "onUpdate" | "withKeyName" | "deferrable":
                if word == "references":
                    keys.append(_Key([one.name]))
                    self._after.append(keys[-1])
                refer(keys[-1], word, passed)
            case _:
                raise TypeError

    # --- keys and indexes ---------------------------------------------------------------------------------------------

    def unique(self, names: list[str], given: Any) -> None:
        """``alter table ... add constraint ... unique``."""
        options = given if isinstance(given, dict) else {}
        name = options.get("indexName") or (given if isinstance(given, str) else made_name(self.table, names, "unique"))
        if options.get("predicate") is not None or not isinstance(name, str):
            raise TypeError
        if options.get("useConstraint") is False:
            self._after.append(f'create unique index "{name}" on {quoted(self.table)} ({columns(names)})')
            return
        tail = f" deferrable initially {options['deferrable']}" if options.get("deferrable") else ""
        self._after.append(f'alter table {quoted(self.table)} add constraint "{name}" unique ({columns(names)}){tail}')

    def index(self, names: list[str], given: Any, more: Any = None) -> None:
        """``create index``."""
        name = given if isinstance(given, str) else made_name(self.table, names, "index")
        options = more if isinstance(more, dict) else {}
        method = more if isinstance(more, str) else options.get("indexType")
        if options.get("predicate") is not None:
            raise TypeError
        using = f" using {method}" if isinstance(method, str) and method.lower() not in ("unique", "fulltext") else ""
        unique = "unique " if options.get("storageEngineIndexType") == "unique" else ""
        self._after.append(f'create {unique}index "{name}" on {quoted(self.table)}{using} ({columns(names)})')

    def key(self, names: list[str], given: Any) -> Host:
        """``table.foreign(columns, name)``."""
        one = _Key(names, given if isinstance(given, str) else "")
        self._after.append(one)

        def get(word: str) -> Any:
            def call(passed: Passed) -> Host:
                try:
                    refer(one, word, passed)
                except (IndexError, TypeError):
                    self._doubtful(word)
                return made

            return Host(word, call)

        made = Host("key", get=get)
        return made

    def primary(self, names: list[str], given: Any) -> None:
        """``table.primary(columns, name)``."""
        name = given.get("constraintName") if isinstance(given, dict) else given
        name = name if isinstance(name, str) else f"{self.bare}_pkey"
        if self._how != "alter":
            self._before.append(f'constraint "{name}" primary key ({columns(names)})')
        else:
            self._after.append(
                f'alter table {quoted(self.table)} add constraint "{name}" primary key ({columns(names)})'
            )

    def alter(self, change: str) -> None:
        """A change of the table."""
        self._after.append(f"alter table {quoted(self.table)} {change}")

    def statement(self, sql: str) -> None:
        """A statement beside the table's own."""
        self._after.append(sql)

    # --- sending ------------------------------------------------------------------------------------------------------

    def send(self) -> None:
        """What the builder has come to."""
        table = quoted(self.table)
        if self._doubt:
            self.log.gap(self._doubt, (table,))
        made = [_spelled(c) for c in self.columns_ if not c.alters]
        if self._how != "alter":
            guard = "if not exists " if "not there" in self._how else ""
            self.log.sql(
                f"create table {guard}{table} ({', '.join([*made, *self._before])})", "knex.schema.createTable"
            )
        elif made:
            self.log.sql(f"alter table {table} {', '.join(f'add column {c}' for c in made)}", "knex.schema.alterTable")
        for one in self.columns_:
            for sql in _altered(table, one) if one.alters else ():
                self.log.sql(sql, "knex.schema.alterTable")
            if one.comment is not None:
                self.log.sql(f"comment on column {table}.{quoted(one.name)} is {literal(one.comment)}", "comment")
        for after in self._after:
            self.log.sql(after if isinstance(after, str) else self._referred(after), "knex.schema")
        if self._doubt:
            self.log.gap(self._doubt, (table,))

    def _referred(self, one: _Key) -> str:
        name = one.name or made_name(self.table, one.columns, "foreign")
        there = f"references {quoted(one.table)} ({columns(one.to)})"
        return f'alter table {quoted(self.table)} add constraint "{name}" foreign key ({columns(one.columns)}) {there}{one.tail}'


def refer(one: _Key, word: str, passed: Passed) -> None:
    """A word on a foreign key."""
    value = passed.args[0] if passed.args else None
    match word:
        case "references":
            found = listed(value)
            if found is None:
                raise TypeError
            if len(found) == 1 and "." in found[0]:
                one.table, _, name = found[0].rpartition(".")
                found = [name]
            one.to = found
        case "inTable" | "on":
            if not isinstance(value, str):
                raise TypeError
            one.table = value
        case "onDelete" | "onUpdate":
            if not isinstance(value, str):
                raise TypeError
            one.tail += f" {'on delete' if word == 'onDelete' else 'on update'} {value}"
        case "withKeyName":
            one.name = value if isinstance(value, str) else ""
        case "deferrable":
            one.tail += f" deferrable initially {value}"
        case _:
            raise TypeError


def _default(value: Any, kind: str) -> str:
    if isinstance(value, dict | list) and kind not in ("json", "jsonb"):
        raise TypeError
    sql = constant(value)
    if sql is None:
        raise TypeError
    return f"'{sql}'" if isinstance(value, bool | int | float) and not isinstance(value, str) else sql


def _spelled(one: _Col) -> str:
    out = f"{quoted(one.name)} {one.kind}"
    serial = one.kind.startswith(("serial", "bigserial", "smallserial"))
    if one.primary or serial:
        out += " primary key" if one.primary else ""
    if one.null is not None and not serial:
        out += " null" if one.null else " not null"
    if one.default is not None:
        out += f" default {one.default}"
    return out + one.check


def _altered(table: str, one: _Col) -> list[str]:
    """``column.alter()`` (TableCompiler_PG._alterColumn)."""
    head = f"alter table {table} alter column {quoted(one.name)}"
    out = [f"{head} drop default", f"{head} drop not null"]
    bare = one.kind.partition(" check")[0]
    out.append(f"{head} type {bare} using ({quoted(one.name)}::{bare})")
    if one.default is not None:
        out.append(f"{head} set default {one.default}")
    if one.null is False:
        out.append(f"{head} set not null")
    return out


Word = Callable[[TableBuilder, str, Passed], Any]  # what a word of the builder's does
