"""``op.*`` by name, and those on indexes and constraints (alembic/operations/ops.py, toimpl.py)."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.base.sql import literal
from lockgate.sources.code.alembic import rows
from lockgate.sources.code.alembic.naming import Parts, named
from lockgate.sources.code.alembic.of_tables import (
    add_column,
    alter_column,
    create_table,
    drop_column,
    drop_table,
    name_of,
    rename_table,
)
from lockgate.sources.code.alembic.operator import Operations, Work
from lockgate.sources.code.alembic.schema import (
    Key,
    SqlExpression,
    TableConstraint,
    deferrable,
    is_unknown,
    key_options,
    names,
    q,
    table_name,
)
from lockgate.sources.code.values import Passed


def _create_index(op: Operations, passed: Passed) -> None:
    given, table, columns = passed.get(0, "index_name"), passed.get(1, "table_name"), passed.get(2, "columns")
    if not isinstance(table, str) or columns is None:
        return op.unknown("op.create_index", table)
    options = passed.named | ({"unique": passed.args[4]} if len(passed.args) > 4 else {})
    return op.index(given, table, passed.get(3, "schema"), columns, options, "op.create_index")


def _drop_index(op: Operations, passed: Passed) -> None:
    name, what = name_of(passed.get(0, "index_name")), "op.drop_index"
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
    one = TableConstraint("fk", given, local, key=key, options=valid)
    return op.add(one, table, passed.named.get("source_schema"), what)


def _keyed(kind: str, what: str, columns_name: str) -> Callable[[Operations, Passed], None]:
    def work(op: Operations, passed: Passed) -> None:
        given, table = passed.get(0, "constraint_name"), passed.get(1, "table_name")
        columns = names(passed.get(2, columns_name))
        if not isinstance(table, str) or not columns or is_unknown(given):
            return op.unknown(what, table)
        distinct = " NULLS NOT DISTINCT" if passed.named.get("postgresql_nulls_not_distinct") is True else ""
        one = TableConstraint(kind, given, columns, distinct, options=deferrable(passed.named))
        return op.add(one, table, passed.get(3, "schema"), what)

    return work


def _create_check(op: Operations, passed: Passed) -> None:
    given, table, condition = passed.get(0, "constraint_name"), passed.get(1, "table_name"), passed.get(2, "condition")
    sql = condition.sql if isinstance(condition, SqlExpression) else condition if isinstance(condition, str) else None
    if not isinstance(table, str) or sql is None or is_unknown(given):
        return op.unknown("op.create_check_constraint", table)
    valid = " NOT VALID" if passed.named.get("postgresql_not_valid") is True else ""
    one = TableConstraint("ck", given, sql=sql, options=deferrable(passed.named) + valid)
    return op.add(one, table, passed.get(3, "schema"), "op.create_check_constraint")


def _create_exclude(op: Operations, passed: Passed) -> None:
    given, table, what = passed.get(0, "constraint_name"), passed.get(1, "table_name"), "op.create_exclude_constraint"
    from lockgate.sources.code.alembic.library import exclusion

    one = exclusion(Passed(passed.args[2:], passed.named | {"name": given}, passed.at))
    if not isinstance(table, str) or not isinstance(one, TableConstraint):
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


WORK: dict[str, Work] = {
    "create_table": create_table,
    "drop_table": drop_table,
    "rename_table": rename_table,
    "add_column": add_column,
    "drop_column": drop_column,
    "alter_column": alter_column,
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
