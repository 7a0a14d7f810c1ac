"""SQLAlchemy's columns, constraints and indexes, and how they are spelled in a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.sql import literal, quote_identifier
from lockgate.sources.code.alembic.naming import Final, Parts, named
from lockgate.sources.code.alembic.sqltypes import SqlType, as_type
from lockgate.sources.code.values import Host, NotKnown, Partial, Passed


class SqlExpression(msgspec.Struct):
    """An SQL expression; ``sql`` None where it is not known. ``column`` is its name where it is one."""

    sql: str | None
    column: str = ""


class Key(msgspec.Struct):
    """A foreign key's other side and its options."""

    table: str  # as written: "schema.table"
    columns: tuple[str, ...]
    options: str = ""
    name: Any = None
    local: tuple[str, ...] = ()


class TableConstraint(msgspec.Struct):
    """A constraint of a table. ``kind`` "pk", "uq", "ck", "fk", "ix" or "ex"."""

    kind: str
    name: Any = None
    columns: tuple[str, ...] = ()
    sql: str | None = ""  # a check's condition, an exclusion's elements, an index's rest
    key: Key | None = None
    options: str = ""
    unique: bool = False


class ColumnSpec(msgspec.Struct):
    """A column. ``doubt`` says what of it is not known."""

    name: str
    type: SqlType | None
    nullable: bool = True
    primary_key: bool = False
    unique: bool = False
    index: bool = False
    default: str | None = None  # as SQL
    keys: tuple[Key, ...] = ()
    checks: tuple[TableConstraint, ...] = ()
    comment: str | None = None
    extra: str = ""  # GENERATED ...
    autoincrement: Any = "auto"
    doubt: str = ""
    from_sequence: bool = False


def q(name: str) -> str:
    """A name as SQLAlchemy sends it: dots are part of a name only where it is quoted by hand."""
    return quote_identifier(name)


def table_name(name: str, schema: Any = None) -> str:
    """A table's name with its schema."""
    return f"{q(schema)}.{q(name)}" if isinstance(schema, str) and schema else q(name)


def referred(name: str) -> str:
    """A table as a foreign key's target names it: "schema.table"."""
    return ".".join(map(q, name.split(".")))


def default_sql(value: Any) -> str | None:
    """A server default as SQL; None where it is not known (DDLCompiler.get_column_default_string)."""
    if isinstance(value, SqlExpression):
        return value.sql
    if isinstance(value, str):
        return literal(value)
    return None


# --- making them ------------------------------------------------------------------------------------------------------


def column(passed: Passed) -> ColumnSpec | NotKnown:
    """``sa.Column(...)``."""
    args = list(passed.args)
    name = args.pop(0) if args and isinstance(args[0], str | Final) else passed.named.get("name")
    name = name.name if isinstance(name, Final) else name
    if not isinstance(name, str):
        return NotKnown("a column whose name is worked out at run time")
    kind = next((found for a in args if (found := as_type(a)) is not None), None)
    kind = kind or as_type(passed.named.get("type_"))
    keys = tuple(a for a in args if isinstance(a, Key))
    primary = passed.named.get("primary_key") is True
    nullable = passed.named.get("nullable", not primary)
    out = ColumnSpec(name, kind, nullable is not False, primary, keys=keys)
    out.unique, out.index = passed.named.get("unique") is True, passed.named.get("index") is True
    out.autoincrement = passed.named.get("autoincrement", "auto")
    out.checks = tuple(replace(a, columns=(name,)) for a in args if isinstance(a, TableConstraint))
    out.comment = comment if isinstance(comment := passed.named.get("comment"), str) else None
    out.from_sequence = any(isinstance(a, Host) and a.name == "sequence" for a in args)
    _extras(out, passed, args)
    if kind is None and not keys:
        out.doubt = f"the type of column {name} is not known"
    elif isinstance(nullable, NotKnown):
        out.doubt = f"whether column {name} may be null is worked out at run time"
    return out


def _extras(out: ColumnSpec, passed: Passed, args: Sequence[Any]) -> None:
    default = passed.named.get("server_default")
    for one in (default, *args):
        if isinstance(one, Host) and one.name == "generated":
            out.extra = str(one.members["sql"])
            default = None if one is default else default
    if default is not None:
        out.default = default_sql(default)
        if out.default is None:
            out.doubt = f"the default of column {out.name} is worked out at run time"


def foreign_key(passed: Passed) -> Key | NotKnown:
    """``sa.ForeignKey("table.column", ...)``."""
    target = passed.get(0, "column")
    if not isinstance(target, str) or "." not in target:
        return NotKnown("a foreign key whose target is worked out at run time")
    table, _, name = target.rpartition(".")
    return Key(table, (name,), key_options(passed.named), passed.named.get("name"))


def key_options(named_: Mapping[str, Any]) -> str:
    """ON UPDATE, ON DELETE, DEFERRABLE."""
    out = ""
    for word, sql in (("match", "MATCH"), ("ondelete", "ON DELETE"), ("onupdate", "ON UPDATE")):
        if isinstance(named_.get(word), str):
            out += f" {sql} {named_[word]}"
    return out + deferrable(named_)


def deferrable(named_: Mapping[str, Any]) -> str:
    """DEFERRABLE and INITIALLY."""
    out = ""
    if named_.get("deferrable") is not None:
        out += " DEFERRABLE" if named_["deferrable"] is True else " NOT DEFERRABLE"
    if isinstance(named_.get("initially"), str):
        out += f" INITIALLY {named_['initially']}"
    return out


def names(values: Any) -> tuple[str, ...] | None:
    """Names in a list, columns and expressions of columns among them; None where one is not known."""
    out = []
    for value in values if isinstance(values, list | tuple) else [values]:
        if isinstance(value, Final | ColumnSpec):
            out.append(value.name)
        elif isinstance(value, SqlExpression) and value.column:
            out.append(value.column)
        elif isinstance(value, str):
            out.append(value)
        else:
            return None
    return tuple(out)


# --- spelling them ----------------------------------------------------------------------------------------------------


class Spelled(msgspec.Struct):
    """SQL, and why something of it is in doubt."""

    sql: str
    doubt: str = ""


def column_sql(one: ColumnSpec, serial: bool = False) -> str:
    """A column as CREATE TABLE and ADD COLUMN have it (PGDDLCompiler.get_column_specification)."""
    kind = one.type.sql if one.type is not None else "TEXT"
    if serial and one.type is not None and one.type.serial:
        out = f"{q(one.name)} {one.type.serial}"
    else:
        out = f"{q(one.name)} {kind}" + (f" DEFAULT {one.default}" if one.default is not None else "")
    out += f" {one.extra}" if one.extra else ""
    if not one.nullable and "AS IDENTITY" not in one.extra:
        out += " NOT NULL"
    return out


def automatic(columns: Sequence[ColumnSpec], primary: Sequence[str], keyed: set[str]) -> str:
    """The column that becomes a SERIAL (PrimaryKeyConstraint._autoincrement_column); "" where none does."""
    by_name = {c.name: c for c in columns}
    own = [by_name[name] for name in primary if name in by_name]
    for one in own:
        if one.autoincrement is True and one.type is not None and one.type.serial:
            return one.name
    if len(own) != 1 or own[0].default is not None or own[0].extra or own[0].name in keyed:
        return ""
    one = own[0]
    if one.autoincrement not in ("auto", "ignore_fk") or one.type is None or not one.type.serial or one.from_sequence:
        return ""
    return one.name


def constraint_sql(one: TableConstraint, table: str, convention: Mapping[str, Any]) -> Spelled:
    """A constraint as CREATE TABLE and ADD have it."""
    key = one.key
    parts = Parts(one.kind, table, one.columns, key.table.rpartition(".")[2] if key else "", key.columns if key else ())
    name = named(one.name, parts, convention)
    doubt = f"the name of a constraint of {table} is not known" if name is None else ""
    head = f"CONSTRAINT {q(name)} " if name else ""
    columns = ", ".join(map(q, one.columns))
    match one.kind:
        case "pk":
            body = f"PRIMARY KEY ({columns})"
        case "uq":
            body = f"UNIQUE{one.sql or ''} ({columns})"
        case "ck":
            body = f"CHECK ({one.sql})"
            doubt = doubt or ("" if one.sql is not None else f"a check of {table} is worked out at run time")
        case "fk" if key is not None:
            there = f" ({', '.join(map(q, key.columns))})" if key.columns else ""
            body = f"FOREIGN KEY({columns}) REFERENCES {referred(key.table)}{there}{key.options}"
        case _:
            body = f"EXCLUDE {one.sql}"
            doubt = doubt or ("" if one.sql is not None else f"an exclusion of {table} is worked out at run time")
    return Spelled(f"{head}{body}{one.options}", doubt)


def of_column(one: ColumnSpec) -> Iterator[TableConstraint]:
    """The constraints that a column's own arguments make."""
    for key in one.keys:
        yield TableConstraint("fk", key.name, (one.name,), key=key)
    if one.unique and not one.index:
        yield TableConstraint("uq", None, (one.name,))


def is_unknown(*values: Any) -> bool:
    """Whether one of these values is not known."""
    return any(isinstance(v, NotKnown | Partial) for v in values)
