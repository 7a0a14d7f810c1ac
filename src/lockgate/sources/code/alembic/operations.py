"""``op.*``: what each operation of alembic sends (alembic/operations/ops.py, toimpl.py, ddl/postgresql.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.alembic import rows
from lockgate.sources.code.alembic.extensions import OPERATIONS
from lockgate.sources.code.alembic.naming import Final, Parts, named
from lockgate.sources.code.alembic.schema import (
    Column,
    Constraint,
    Expr,
    Key,
    automatic,
    column_sql,
    constraint_sql,
    default_sql,
    deferrable,
    is_unknown,
    key_options,
    names,
    of_column,
    q,
    table_name,
)
from lockgate.sources.code.alembic.sqltypes import as_type, create_enum
from lockgate.sources.code.recorder import ANYTHING, Recorder
from lockgate.sources.code.values import UNKNOWN, Host, Passed, Unknown


class Operations:
    """One migration's ``op``. ``convention`` is the metadata's, ``made`` the enums that alembic's runner remembers to
    have made (sqlalchemy, ``_check_for_name_in_memos``)."""

    def __init__(self, recorder: Recorder, convention: Mapping[str, Any], made: set[str]) -> None:
        self.recorder, self.convention, self.made = recorder, convention, made

    def host(self, connection: Host) -> Host:
        """What ``from alembic import op`` gives."""
        known = {name: Host(name, self._told(name, work)) for name, work in _WORK.items()}
        known["f"] = known["get_name"] = Host("f", lambda p: Final(n) if isinstance(n := p.get(0, "name"), str) else UNKNOWN)
        known["get_bind"] = Host("get_bind", lambda passed: connection)
        known["get_context"] = Host("get_context", lambda passed: context(self.recorder, connection))
        known["batch_alter_table"] = Host("batch_alter_table", self._batch)
        known["inline_literal"] = Host("inline_literal", lambda p: p.get(0, "value"))
        return Host("op", get=self._other, **known)

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
            work = _WORK.get(name)
            if work is None:
                return self._other(name)
            return Host(name, lambda p: work(self, _in_batch(name, table, schema, p)))

        batch = Host("batch_op", get=bound)
        batch.members["__enter__"] = Host("__enter__", lambda p: batch)
        return batch

    # --- what they have in common -------------------------------------------------------------------------------------

    def send(self, sql: str, what: str, doubt: str, table: str) -> None:
        """A statement; where something of it is in doubt, its table is in doubt before and after it."""
        if doubt:
            self.recorder.gap(f"{what}: {doubt}", (table,))
        self.recorder.sql(sql, what)
        if doubt:
            self.recorder.gap(f"{what}: {doubt}", (table,))

    def unknown(self, what: str, table: Any) -> None:
        """An operation of which too much is not known to be sent."""
        touches = (q(table),) if isinstance(table, str) else ANYTHING
        self.recorder.gap(f"{what}: it is worked out at run time", touches)

    def make_enum(self, one: Column) -> None:
        """``CREATE TYPE`` before a table with an enum of its own."""
        kind = one.type
        if kind is None or not kind.name or not kind.create or kind.values is None or kind.sql in self.made:
            return
        self.made.add(kind.sql)
        sql = create_enum(kind)
        if sql is not None:
            self.recorder.sql(sql, "op.create_table")

    def add(self, one: Constraint, table: str, schema: Any, what: str) -> None:
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
            text = condition.sql if isinstance(condition, Expr) else condition if isinstance(condition, str) else None
            if text is None:
                self.recorder.gap(f"{what}: its condition is worked out at run time", (where,))
                return
            sql += f" WHERE {text}"
        self.recorder.sql(sql, what)


def _indexed(part: Any, ops: Any) -> str | None:
    kind = ops.get(part) if isinstance(ops, dict) and isinstance(part, str) else None
    suffix = f" {kind}" if isinstance(kind, str) else ""
    if isinstance(part, Expr):
        if part.sql is None:
            return None
        return q(part.column) if part.column and part.sql == part.column else part.sql
    if isinstance(part, Column | Final):
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


def context(recorder: Recorder, connection: Host) -> Host:
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


# --- tables -----------------------------------------------------------------------------------------------------------


def _create_table(op: Operations, passed: Passed) -> None:
    name, what = passed.get(0, "table_name"), "op.create_table"
    if not isinstance(name, str):
        return op.unknown(what, None)
    schema = passed.named.get("schema")
    where = table_name(name, schema)
    items = [i for i in passed.args[1:] if i is not None]
    columns = [i for i in items if isinstance(i, Column)]
    constraints = [i for i in items if isinstance(i, Constraint) and i.kind != "ix"]
    lost = [i for i in items if not isinstance(i, Column | Constraint | Key)]
    if not columns or any(isinstance(i, Unknown) for i in lost):
        return op.unknown(what, name)
    for one in columns:
        op.make_enum(one)
    lines, doubts = _lines(op, name, columns, constraints)
    sql = f"CREATE TABLE {_prefixed(passed)}{where} (\n\t" + ", \n\t".join(lines) + "\n)" + _table_tail(passed)
    op.send(sql, what, "; ".join(doubts), where)
    for one in columns:
        if one.index:
            op.index(None, name, schema, [one.name], {"unique": one.unique}, what)
    for item in items:
        if isinstance(item, Constraint) and item.kind == "ix":
            op.index(item.name, name, schema, item.columns, {"unique": item.unique}, what)
    if isinstance(passed.named.get("comment"), str):
        op.recorder.sql(f"COMMENT ON TABLE {where} IS {literal(passed.named['comment'])}", what)
    for one in columns:
        _comment(op, where, one, what)
    return None


def _lines(op: Operations, name: str, columns: list[Column], constraints: list[Constraint]) -> tuple[list[str], list[str]]:
    """The columns and constraints of a new table as SQL, and what of them is in doubt."""
    primary = next((c for c in constraints if c.kind == "pk"), None)
    if primary is None and any(c.primary_key for c in columns):
        primary = Constraint("pk", None, tuple(c.name for c in columns if c.primary_key))
        constraints = [primary, *constraints]
    of = set(primary.columns) if primary is not None else set()
    keyed = {c.name for c in columns if c.keys} | {n for c in constraints if c.kind == "fk" for n in c.columns}
    serial = automatic(columns, primary.columns if primary is not None else (), keyed)
    from_sequence = [c for c in columns if c.name in of and c.from_sequence]
    own = [one for c in columns for one in of_column(c)]
    lines = [column_sql(_required(c, of), c.name == serial and not from_sequence) for c in columns]
    doubts = [c.doubt for c in columns if c.doubt]
    for one in (*constraints, *own):
        spelled = constraint_sql(one, name, op.convention)
        lines.append(spelled.sql)
        doubts += [spelled.doubt] if spelled.doubt else []
    return lines, doubts


def _required(one: Column, primary: set[str]) -> Column:
    from msgspec.structs import replace

    return replace(one, nullable=False) if one.name in primary else one


def _prefixed(passed: Passed) -> str:
    return "IF NOT EXISTS " if passed.named.get("if_not_exists") is True else ""


def _table_tail(passed: Passed) -> str:
    by = passed.named.get("postgresql_partition_by")
    return f"\n PARTITION BY {by}" if isinstance(by, str) else ""


def _comment(op: Operations, where: str, one: Column, what: str) -> None:
    if one.comment is not None:
        op.recorder.sql(f"COMMENT ON COLUMN {where}.{q(one.name)} IS {literal(one.comment)}", what)


def _drop_table(op: Operations, passed: Passed) -> None:
    name = passed.get(0, "table_name")
    if not isinstance(name, str):
        return op.unknown("op.drop_table", None)
    guard = "IF EXISTS " if passed.named.get("if_exists") is True else ""
    return op.recorder.sql(f"DROP TABLE {guard}{table_name(name, passed.named.get('schema'))}", "op.drop_table")


def _rename_table(op: Operations, passed: Passed) -> None:
    old, new = passed.get(0, "old_table_name"), passed.get(1, "new_table_name")
    if not isinstance(old, str) or not isinstance(new, str):
        return op.unknown("op.rename_table", None)
    where = table_name(old, passed.get(2, "schema"))
    return op.recorder.sql(f"ALTER TABLE {where} RENAME TO {q(new)}", "op.rename_table")


# --- columns ----------------------------------------------------------------------------------------------------------


def _add_column(op: Operations, passed: Passed) -> None:
    table, one, what = passed.get(0, "table_name"), passed.get(1, "column"), "op.add_column"
    if not isinstance(table, str) or not isinstance(one, Column):
        return op.unknown(what, table)
    schema = passed.get(2, "schema")
    where = table_name(table, schema)
    guard = "IF NOT EXISTS " if passed.named.get("if_not_exists") is True else ""
    tail = " PRIMARY KEY" if passed.named.get("inline_primary_key") is True and one.primary_key else ""
    op.send(f"ALTER TABLE {where} ADD COLUMN {guard}{column_sql(one)}{tail}", what, one.doubt, where)
    for constraint in of_column(one):
        op.add(constraint, table, schema, what)
    if one.index:
        op.index(None, table, schema, [one.name], {"unique": one.unique}, what)
    return _comment(op, where, one, what)


def _drop_column(op: Operations, passed: Passed) -> None:
    table, name = passed.get(0, "table_name"), _name(passed.get(1, "column_name"))
    if not isinstance(table, str) or name is None:
        return op.unknown("op.drop_column", table)
    guard = "IF EXISTS " if passed.named.get("if_exists") is True else ""
    where = table_name(table, passed.named.get("schema"))
    return op.recorder.sql(f"ALTER TABLE {where} DROP COLUMN {guard}{q(name)}", "op.drop_column")


def _name(value: Any) -> str | None:
    value = value.name if isinstance(value, Final | Column) else value
    return value if isinstance(value, str) else None


def _alter_column(op: Operations, passed: Passed) -> None:
    table, name, what = passed.get(0, "table_name"), _name(passed.get(1, "column_name")), "op.alter_column"
    if not isinstance(table, str) or name is None:
        return op.unknown(what, table)
    where = table_name(table, passed.named.get("schema"))
    for sql, doubt in _alterations(f"ALTER TABLE {where} ", q(name), passed):
        if doubt:
            op.recorder.gap(f"{what}: {doubt}", (where,))
        else:
            op.recorder.sql(sql, what)
    comment = passed.named.get("comment", False)
    if comment is None or isinstance(comment, str):
        said = "NULL" if comment is None else literal(comment)
        op.recorder.sql(f"COMMENT ON COLUMN {where}.{q(name)} IS {said}", what)
    renamed = passed.named.get("new_column_name", passed.named.get("name"))
    if isinstance(renamed, str):
        op.recorder.sql(f"ALTER TABLE {where} RENAME {q(name)} TO {q(renamed)}", what)
    elif renamed is not None:
        op.recorder.gap(f"{what}: the new name is worked out at run time", (where,))
    return None


def _alterations(head: str, name: str, passed: Passed) -> Iterator[tuple[str, str]]:
    """The statements of an alteration in alembic's order, or what is in doubt."""
    kind, using = passed.named.get("type_"), passed.named.get("postgresql_using")
    if kind is not None:
        found = as_type(kind)
        tail = f" USING {using.sql if isinstance(using, Expr) else using}" if using is not None else ""
        doubt = "the type is worked out at run time" if found is None or is_unknown(using) else ""
        yield f"{head}ALTER COLUMN {name} TYPE {found.sql if found else ''}{tail}", doubt
    nullable = passed.named.get("nullable")
    if nullable is not None:
        doubt = "whether it may be null is worked out at run time" if is_unknown(nullable) else ""
        yield f"{head}ALTER COLUMN {name} {'DROP' if nullable else 'SET'} NOT NULL", doubt
    default = passed.named.get("server_default", False)
    if default is None:
        yield f"{head}ALTER COLUMN {name} DROP DEFAULT", ""
    elif default is not False:
        sql = default_sql(default)
        if isinstance(default, Host) and default.name == "generated":
            yield f"{head}ALTER COLUMN {name} ADD {default.members['sql']}", ""
        else:
            yield f"{head}ALTER COLUMN {name} SET DEFAULT {sql}", "" if sql is not None else "the default is worked out"


# --- indexes and constraints ------------------------------------------------------------------------------------------


def _create_index(op: Operations, passed: Passed) -> None:
    given, table, columns = passed.get(0, "index_name"), passed.get(1, "table_name"), passed.get(2, "columns")
    if not isinstance(table, str) or columns is None:
        return op.unknown("op.create_index", table)
    options = passed.named | ({"unique": passed.args[4]} if len(passed.args) > 4 else {})
    return op.index(given, table, passed.get(3, "schema"), columns, options, "op.create_index")


def _drop_index(op: Operations, passed: Passed) -> None:
    name, what = _name(passed.get(0, "index_name")), "op.drop_index"
    if name is None:
        return op.recorder.gap(f"{what}: its name is worked out at run time")
    sql = "DROP INDEX " + ("CONCURRENTLY " if passed.named.get("postgresql_concurrently") is True else "")
    sql += "IF EXISTS " if passed.named.get("if_exists") is True else ""
    return op.recorder.sql(sql + table_name(name, passed.get(2, "schema")), what)


def _create_foreign_key(op: Operations, passed: Passed) -> None:
    table, referent, what = passed.get(1, "source_table"), passed.get(2, "referent_table"), "op.create_foreign_key"
    local, remote = names(passed.get(3, "local_cols")), names(passed.get(4, "remote_cols"))
    given = passed.get(0, "constraint_name")
    if not isinstance(table, str) or not isinstance(referent, str) or not local or not remote or is_unknown(given):
        return op.unknown(what, table)
    there = passed.named.get("referent_schema")
    key = Key(f"{there}.{referent}" if isinstance(there, str) else referent, remote, key_options(passed.named))
    valid = " NOT VALID" if passed.named.get("postgresql_not_valid") is True else ""
    one = Constraint("fk", given, local, key=key, options=valid)
    return op.add(one, table, passed.named.get("source_schema"), what)


def _keyed(kind: str, what: str, columns_name: str) -> Callable[[Operations, Passed], None]:
    def work(op: Operations, passed: Passed) -> None:
        given, table = passed.get(0, "constraint_name"), passed.get(1, "table_name")
        columns = names(passed.get(2, columns_name))
        if not isinstance(table, str) or not columns or is_unknown(given):
            return op.unknown(what, table)
        distinct = " NULLS NOT DISTINCT" if passed.named.get("postgresql_nulls_not_distinct") is True else ""
        one = Constraint(kind, given, columns, distinct, options=deferrable(passed.named))
        return op.add(one, table, passed.get(3, "schema"), what)

    return work


def _create_check(op: Operations, passed: Passed) -> None:
    given, table, condition = passed.get(0, "constraint_name"), passed.get(1, "table_name"), passed.get(2, "condition")
    sql = condition.sql if isinstance(condition, Expr) else condition if isinstance(condition, str) else None
    if not isinstance(table, str) or sql is None or is_unknown(given):
        return op.unknown("op.create_check_constraint", table)
    valid = " NOT VALID" if passed.named.get("postgresql_not_valid") is True else ""
    one = Constraint("ck", given, sql=sql, options=deferrable(passed.named) + valid)
    return op.add(one, table, passed.get(3, "schema"), "op.create_check_constraint")


def _create_exclude(op: Operations, passed: Passed) -> None:
    given, table, what = passed.get(0, "constraint_name"), passed.get(1, "table_name"), "op.create_exclude_constraint"
    from lockgate.sources.code.alembic.library import exclusion

    one = exclusion(Passed(passed.args[2:], passed.named | {"name": given}, passed.at))
    if not isinstance(table, str) or not isinstance(one, Constraint):
        return op.unknown(what, table)
    return op.add(one, table, passed.named.get("schema"), what)


_KINDS = {"foreignkey": "fk", "primary": "pk", "unique": "uq", "check": "ck"}


def _drop_constraint(op: Operations, passed: Passed) -> None:
    given, table = passed.get(0, "constraint_name"), passed.get(1, "table_name")
    kind = passed.get(2, "type_")
    name = named(given, Parts(_KINDS.get(kind, "") if isinstance(kind, str) else "", str(table)), op.convention)
    if not isinstance(table, str) or not name:
        return op.unknown("op.drop_constraint", table)
    guard = "IF EXISTS " if passed.named.get("if_exists") is True else ""
    where = table_name(table, passed.get(3, "schema"))
    return op.recorder.sql(f"ALTER TABLE {where} DROP CONSTRAINT {guard}{q(name)}", "op.drop_constraint")


def _execute(op: Operations, passed: Passed) -> None:
    rows.execute(op.recorder, passed.get(0, "sqltext"), passed, "op.execute")


def _bulk_insert(op: Operations, passed: Passed) -> None:
    rows.bulk_insert(op.recorder, passed)


def _table_comment(op: Operations, passed: Passed) -> None:
    table, comment = passed.get(0, "table_name"), passed.get(1, "comment")
    if isinstance(table, str) and isinstance(comment, str):
        where = table_name(table, passed.named.get("schema"))
        op.recorder.sql(f"COMMENT ON TABLE {where} IS {literal(comment)}", "op.create_table_comment")


def _drop_comment(op: Operations, passed: Passed) -> None:
    table = passed.get(0, "table_name")
    if isinstance(table, str):
        op.recorder.sql(f"COMMENT ON TABLE {table_name(table, passed.named.get('schema'))} IS NULL", "comment")


_WORK: dict[str, Callable[[Operations, Passed], None]] = {
    "create_table": _create_table,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "alter_column": _alter_column,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "create_foreign_key": _create_foreign_key,
    "create_unique_constraint": _keyed("uq", "op.create_unique_constraint", "columns"),
    "create_primary_key": _keyed("pk", "op.create_primary_key", "columns"),
    "create_check_constraint": _create_check,
    "create_exclude_constraint": _create_exclude,
    "drop_constraint": _drop_constraint,
    "execute": _execute,
    "bulk_insert": _bulk_insert,
    "create_table_comment": _table_comment,
    "drop_table_comment": _drop_comment,
}
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


def _in_batch(name: str, table: Any, schema: Any, passed: Passed) -> Passed:
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
