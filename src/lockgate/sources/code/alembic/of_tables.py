"""``op.*`` on tables and columns: what each sends (alembic/ddl/impl.py, ddl/postgresql.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.alembic.naming import Final
from lockgate.sources.code.alembic.operator import Operations
from lockgate.sources.code.alembic.schema import (
    ColumnSpec,
    Key,
    SqlExpression,
    TableConstraint,
    automatic,
    column_sql,
    constraint_sql,
    default_sql,
    is_unknown,
    of_column,
    q,
    table_name,
)
from lockgate.sources.code.alembic.sqltypes import as_type
from lockgate.sources.code.values import Host, NotKnown, Passed


def create_table(op: Operations, passed: Passed) -> None:
    name, what = passed.get(0, "table_name"), "op.create_table"
    if not isinstance(name, str):
        return op.unknown(what, None)
    schema = passed.named.get("schema")
    where = table_name(name, schema)
    items = [i for i in passed.args[1:] if i is not None]
    columns = [i for i in items if isinstance(i, ColumnSpec)]
    constraints = [i for i in items if isinstance(i, TableConstraint) and i.kind != "ix"]
    lost = [i for i in items if not isinstance(i, ColumnSpec | TableConstraint | Key)]
    if not columns or any(isinstance(i, NotKnown) for i in lost):
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
        if isinstance(item, TableConstraint) and item.kind == "ix":
            op.index(item.name, name, schema, item.columns, {"unique": item.unique}, what)
    if isinstance(passed.named.get("comment"), str):
        op.recorder.sql(f"COMMENT ON TABLE {where} IS {literal(passed.named['comment'])}", what)
    for one in columns:
        _comment(op, where, one, what)
    return None


def _lines(
    op: Operations, name: str, columns: list[ColumnSpec], constraints: list[TableConstraint]
) -> tuple[list[str], list[str]]:
    """The columns and constraints of a new table as SQL, and what of them is in doubt."""
    primary = next((c for c in constraints if c.kind == "pk"), None)
    if primary is None and any(c.primary_key for c in columns):
        primary = TableConstraint("pk", None, tuple(c.name for c in columns if c.primary_key))
        constraints = [primary, *constraints]
    of = set(primary.columns) if primary is not None else set()
    keyed = {c.name for c in columns if c.keys} | {n for c in constraints if c.kind == "fk" for n in c.columns}
    serial = automatic(columns, primary.columns if primary is not None else (), keyed)
    from_sequence = [c for c in columns if c.name in of and c.from_sequence]
    own = [one for c in columns for one in of_column(c)]
    lines: list[str] = []
    doubts = [c.doubt for c in columns if c.doubt]
    for c in columns:
        checks = [constraint_sql(check, name, op.convention) for check in c.checks]
        doubts += [check.doubt for check in checks if check.doubt]
        line = column_sql(_required(c, of), c.name == serial and not from_sequence)
        lines.append(" ".join([line, *(check.sql for check in checks)]))
    for one in (*constraints, *own):
        spelled = constraint_sql(one, name, op.convention)
        lines.append(spelled.sql)
        doubts += [spelled.doubt] if spelled.doubt else []
    return lines, doubts


def _required(one: ColumnSpec, primary: set[str]) -> ColumnSpec:
    from msgspec.structs import replace

    return replace(one, nullable=False) if one.name in primary else one


def _prefixed(passed: Passed) -> str:
    return "IF NOT EXISTS " if passed.named.get("if_not_exists") is True else ""


def _table_tail(passed: Passed) -> str:
    by = passed.named.get("postgresql_partition_by")
    return f"\n PARTITION BY {by}" if isinstance(by, str) else ""


def _comment(op: Operations, where: str, one: ColumnSpec, what: str) -> None:
    if one.comment is not None:
        op.recorder.sql(f"COMMENT ON COLUMN {where}.{q(one.name)} IS {literal(one.comment)}", what)


def drop_table(op: Operations, passed: Passed) -> None:
    name = passed.get(0, "table_name")
    if not isinstance(name, str):
        return op.unknown("op.drop_table", None)
    guard = "IF EXISTS " if passed.named.get("if_exists") is True else ""
    return op.recorder.sql(f"DROP TABLE {guard}{table_name(name, passed.named.get('schema'))}", "op.drop_table")


def rename_table(op: Operations, passed: Passed) -> None:
    old, new = passed.get(0, "old_table_name"), passed.get(1, "new_table_name")
    if not isinstance(old, str) or not isinstance(new, str):
        return op.unknown("op.rename_table", None)
    where = table_name(old, passed.get(2, "schema"))
    return op.recorder.sql(f"ALTER TABLE {where} RENAME TO {q(new)}", "op.rename_table")


def add_column(op: Operations, passed: Passed) -> None:
    table, one, what = passed.get(0, "table_name"), passed.get(1, "column"), "op.add_column"
    if not isinstance(table, str) or not isinstance(one, ColumnSpec):
        return op.unknown(what, table)
    schema = passed.get(2, "schema")
    where = table_name(table, schema)
    guard = "IF NOT EXISTS " if passed.named.get("if_not_exists") is True else ""
    tail = " PRIMARY KEY" if passed.named.get("inline_primary_key") is True and one.primary_key else ""
    checks = [constraint_sql(check, table, op.convention) for check in one.checks]
    doubt = "; ".join(filter(None, (one.doubt, *(check.doubt for check in checks))))
    line = " ".join([f"{column_sql(one)}{tail}", *(check.sql for check in checks)])
    op.send(f"ALTER TABLE {where} ADD COLUMN {guard}{line}", what, doubt, where, one.name)
    for constraint in of_column(one):
        op.add(constraint, table, schema, what)
    if one.index:
        op.index(None, table, schema, [one.name], {"unique": one.unique}, what)
    return _comment(op, where, one, what)


def drop_column(op: Operations, passed: Passed) -> None:
    table, name = passed.get(0, "table_name"), name_of(passed.get(1, "column_name"))
    if not isinstance(table, str) or name is None:
        return op.unknown("op.drop_column", table)
    guard = "IF EXISTS " if passed.named.get("if_exists") is True else ""
    where = table_name(table, passed.named.get("schema"))
    return op.recorder.sql(f"ALTER TABLE {where} DROP COLUMN {guard}{q(name)}", "op.drop_column")


def name_of(value: Any) -> str | None:
    value = value.name if isinstance(value, Final | ColumnSpec) else value
    return value if isinstance(value, str) else None


def alter_column(op: Operations, passed: Passed) -> None:
    table, name, what = passed.get(0, "table_name"), name_of(passed.get(1, "column_name")), "op.alter_column"
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
        tail = f" USING {using.sql if isinstance(using, SqlExpression) else using}" if using is not None else ""
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
