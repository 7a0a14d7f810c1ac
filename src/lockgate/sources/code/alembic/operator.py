"""``op.*``: what each operation of alembic sends (alembic/operations/ops.py, toimpl.py, ddl/postgresql.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lockgate.sources.code.alembic import rows
from lockgate.sources.code.alembic.extensions import OPERATIONS
from lockgate.sources.code.alembic.naming import Final, Parts, named
from lockgate.sources.code.alembic.schema import (
    ColumnSpec,
    SqlExpression,
    TableConstraint,
    constraint_sql,
    is_unknown,
    names,
    q,
    table_name,
)
from lockgate.sources.code.alembic.sqltypes import create_enum
from lockgate.sources.code.recorder import ANYTHING, SendLog
from lockgate.sources.code.values import UNKNOWN, Host, Passed

# where the table's name goes in the arguments that a batch leaves it out of
_TABLE_AT = {
    "create_index": 1,
    "create_foreign_key": 1,
    "create_unique_constraint": 1,
    "create_primary_key": 1,
    "create_check_constraint": 1,
    "create_exclude_constraint": 1,
    "drop_constraint": 1,
}


def in_batch(name: str, table: Any, schema: Any, passed: Passed) -> Passed:
    """The arguments of a batch's operation as those of the plain one."""
    at = _TABLE_AT.get(name, 0)
    args = list(passed.args)
    given = dict(passed.named)
    word = "source_table" if name == "create_foreign_key" else "table_name"
    if name == "drop_index":
        return Passed(args, given | {"table_name": table, "schema": schema}, passed.at)
    if len(args) < at:
        return Passed(args, given | {word: table, "schema": schema}, passed.at)
    args.insert(at, table)
    if schema is not None:
        given["source_schema" if name == "create_foreign_key" else "schema"] = schema
    return Passed(args, given, passed.at)


class Operations:
    """One migration's ``op``. ``convention`` is the metadata's, ``made`` the enums that alembic's runner remembers to
    have made (sqlalchemy, ``_check_for_name_in_memos``)."""

    def __init__(
        self, recorder: SendLog, convention: Mapping[str, Any], made: set[str], work: Mapping[str, Work]
    ) -> None:
        self.recorder, self.convention, self.made, self._work = recorder, convention, made, work

    def host(self, connection: Host) -> Host:
        """What ``from alembic import op`` gives."""
        known: dict[str, Any] = {name: Host(name, self._told(name, work)) for name, work in self._work.items()}
        known["f"] = known["get_name"] = Host(
            "f", lambda p: Final(n) if isinstance(n := p.get(0, "name"), str) else UNKNOWN
        )
        known["get_bind"] = Host("get_bind", lambda passed: connection)
        known["get_context"] = Host("get_context", lambda passed: context(self.recorder, connection))
        known["batch_alter_table"] = Host("batch_alter_table", self._batch)
        known["inline_literal"] = Host("inline_literal", lambda p: p.get(0, "value"))
        host = Host("op", get=self._other)
        host.members |= known
        return host

    def _told(self, name: str, work: Callable[[Operations, Passed], None]) -> Callable[[Passed], Any]:
        def call(passed: Passed) -> Any:
            work(self, passed)
            if name == "create_table":
                return rows.table(passed.get(0, "table_name"))
            return None

        return call

    def _other(self, name: str) -> Host:
        """An operation of an extension (alembic_utils, a project's own)."""
        work = OPERATIONS.get(name)
        if work is not None:
            return Host(name, lambda passed: work(self.recorder, name, passed))
        return Host(name, lambda passed: self.recorder.gap(f"op.{name}: not an operation of alembic's own", ANYTHING))

    def _batch(self, passed: Passed) -> Any:
        table, schema = passed.get(0, "table_name"), passed.get(1, "schema")

        def bound(name: str) -> Any:
            if name == "f":
                return Host("f", lambda p: Final(str(p.get(0, "name"))))
            work = self._work.get(name)
            if work is None:
                return self._other(name)
            return Host(name, lambda p: work(self, in_batch(name, table, schema, p)))

        batch = Host("batch_op", get=bound)
        batch.members["__enter__"] = Host("__enter__", lambda p: batch)
        batch.members["__exit__"] = None
        return batch

    # --- what they have in common -------------------------------------------------------------------------------------

    def send(self, sql: str, what: str, doubt: str, table: str, column: str = "") -> None:
        """A statement; where something of it is in doubt, its table, or its column, is in doubt before and after it."""
        if doubt:
            self.recorder.gap(f"{what}: {doubt}", (table,), column)
        self.recorder.sql(sql, what)
        if doubt:
            self.recorder.gap(f"{what}: {doubt}", (table,), column)

    def unknown(self, what: str, table: Any) -> None:
        """An operation of which too much is not known to be sent."""
        touches = (q(table),) if isinstance(table, str) else ANYTHING
        self.recorder.gap(f"{what}: it is worked out at run time", touches)

    def make_enum(self, one: ColumnSpec) -> None:
        """``CREATE TYPE`` before a table with an enum of its own."""
        kind = one.type
        if kind is None or not kind.name or not kind.create or kind.values is None or kind.sql in self.made:
            return
        self.made.add(kind.sql)
        sql = create_enum(kind)
        if sql is not None:
            self.recorder.sql(sql, "op.create_table")

    def add(self, one: TableConstraint, table: str, schema: Any, what: str) -> None:
        """``ALTER TABLE ... ADD`` of a constraint."""
        spelled = constraint_sql(one, table, self.convention)
        where = table_name(table, schema)
        self.send(f"ALTER TABLE {where} ADD {spelled.sql}", what, spelled.doubt, where)

    def index(self, given: Any, table: str, schema: Any, columns: Any, options: Mapping[str, Any], what: str) -> None:
        """``CREATE INDEX``."""
        where = table_name(table, schema)
        parts = list(columns) if isinstance(columns, list | tuple) else [columns]
        spelled = [_indexed(part, options.get("postgresql_ops")) for part in parts]
        plain = names(parts) or ()
        name = named(given, Parts("ix", table, plain), self.convention)
        if any(s is None for s in spelled) or name is None or is_unknown(given, columns):
            self.recorder.gap(f"{what}: it is worked out at run time", (where,))
            return
        sql = "CREATE " + ("UNIQUE " if options.get("unique") is True else "") + "INDEX "
        sql += "CONCURRENTLY " if options.get("postgresql_concurrently") is True else ""
        sql += "IF NOT EXISTS " if options.get("if_not_exists") is True else ""
        sql += (f"{q(name)} " if name else "") + f"ON {where} "
        using = options.get("postgresql_using")
        sql += f"USING {using.lower()} " if isinstance(using, str) else ""
        sql += f"({', '.join(filter(None, spelled))}){_index_tail(options)}"
        condition = options.get("postgresql_where")
        if condition is not None:
            text = (
                condition.sql
                if isinstance(condition, SqlExpression)
                else condition
                if isinstance(condition, str)
                else None
            )
            if text is None:
                self.recorder.gap(f"{what}: its condition is worked out at run time", (where,))
                return
            sql += f" WHERE {text}"
        self.recorder.sql(sql, what)


def _indexed(part: Any, ops: Any) -> str | None:
    kind = ops.get(part) if isinstance(ops, dict) and isinstance(part, str) else None
    suffix = f" {kind}" if isinstance(kind, str) else ""
    if isinstance(part, SqlExpression):
        if part.sql is None:
            return None
        return q(part.column) if part.column and part.sql == part.column else part.sql
    if isinstance(part, ColumnSpec | Final):
        return q(part.name)
    return q(part) + suffix if isinstance(part, str) else None


def _index_tail(options: Mapping[str, Any]) -> str:
    out = ""
    include = names(options.get("postgresql_include") or [])
    if include:
        out += f" INCLUDE ({', '.join(map(q, include))})"
    if options.get("postgresql_nulls_not_distinct") is True:
        out += " NULLS NOT DISTINCT"
    settings = options.get("postgresql_with")
    if isinstance(settings, dict):
        out += f" WITH ({', '.join(f'{k} = {v}' for k, v in settings.items())})"
    return out


def context(recorder: SendLog, connection: Host) -> Host:
    """The migration context: its connection, and the block outside of the transaction."""
    block = Host("autocommit_block")
    block.members["__enter__"] = Host("__enter__", lambda passed: recorder.sql("COMMIT", "autocommit_block"))
    block.members["__exit__"] = Host("__exit__", lambda passed: recorder.sql("BEGIN", "autocommit_block"))
    return Host(
        "context",
        bind=connection,
        connection=connection,
        dialect=connection.members["dialect"],
        as_sql=False,
        autocommit_block=Host("autocommit_block", lambda passed: block),
        begin_transaction=Host("begin_transaction", lambda passed: Host("transaction")),
        execute=Host("execute", lambda passed: recorder.sql(rows.statement(passed.get(0, "sql"), passed), "execute")),
    )


Work = Callable[[Operations, Passed], None]  # what an operation of one name sends
