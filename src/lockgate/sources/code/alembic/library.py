"""What a revision imports: SQLAlchemy's names, as far as revisions use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from lockgate.base.sql import literal
from lockgate.sources.code.alembic import rows
from lockgate.sources.code.alembic.naming import Final
from lockgate.sources.code.alembic.schema import (
    ColumnSpec,
    Key,
    SqlExpression,
    TableConstraint,
    column,
    deferrable,
    foreign_key,
    key_options,
    names,
    q,
    table_name,
)
from lockgate.sources.code.alembic.sqltypes import ANYWHERE, SqlType, as_type, create_enum, type_maker
from lockgate.sources.code.recorder import SendLog
from lockgate.sources.code.values import UNKNOWN, Host, NotKnown, Partial, Passed

GUARD = NotKnown("what an inspector finds in the database", guard=True)


def _text(passed: Passed) -> SqlExpression | Partial | NotKnown:
    value = passed.get(0, "text")
    if isinstance(value, str):
        return SqlExpression(value)
    return value if isinstance(value, Partial | NotKnown) else UNKNOWN


def _constant(sql: str) -> Host:
    return Host("constant", lambda passed: SqlExpression(sql))


def spelled(value: Any) -> str | None:
    """A value in an expression as SQL."""
    if isinstance(value, SqlExpression):
        return value.sql
    if isinstance(value, ColumnSpec):
        return q(value.name)
    found = rows.constant(value)
    return found if isinstance(found, str) else None


def _function(name: str) -> Host:
    def call(passed: Passed) -> SqlExpression:
        given = [spelled(a) for a in passed.args]
        known = [g for g in given if g is not None]
        plain = name in ("current_timestamp", "current_date", "current_time", "current_user", "session_user")
        sql = name.upper() if plain else f"{name}({', '.join(known)})"
        return SqlExpression(sql if len(known) == len(given) else None)

    return Host(name, call, _function)


def _named_column(passed: Passed) -> SqlExpression:
    name = passed.get(0, "text")
    return SqlExpression(q(name), name) if isinstance(name, str) else SqlExpression(None)


def _raw(passed: Passed) -> SqlExpression:
    value = passed.get(0, "text")
    return SqlExpression(value if isinstance(value, str) else None)


def _cast(passed: Passed) -> SqlExpression:
    inner, kind = spelled(passed.get(0, "expression")), as_type(passed.get(1, "type_"))
    return SqlExpression(f"CAST({inner} AS {kind.sql})" if inner is not None and kind is not None else None)


def _literal(passed: Passed) -> SqlExpression:
    found = rows.constant(passed.get(0, "value"))
    return SqlExpression(found if isinstance(found, str) else None)


def _keyed(kind: str) -> Callable[[Passed], Any]:
    def make(passed: Passed) -> Any:
        columns = names(passed.args)
        distinct = " NULLS NOT DISTINCT" if passed.named.get("postgresql_nulls_not_distinct") is True else ""
        if columns is None:
            return UNKNOWN
        return TableConstraint(kind, passed.named.get("name"), columns, distinct, options=deferrable(passed.named))

    return make


def _check(passed: Passed) -> TableConstraint:
    condition = passed.get(0, "sqltext")
    sql = condition.sql if isinstance(condition, SqlExpression) else condition if isinstance(condition, str) else None
    return TableConstraint("ck", passed.get(1, "name"), sql=sql, options=deferrable(passed.named))


def _foreign_keys(passed: Passed) -> Any:
    local, remote = names(passed.get(0, "columns", [])), passed.get(1, "refcolumns")
    if not local or not isinstance(remote, list | tuple) or not all(isinstance(r, str) for r in remote):
        return UNKNOWN
    tables = {r.rpartition(".")[0] for r in remote}
    key = Key(tables.pop(), tuple(r.rpartition(".")[2] for r in remote), key_options(passed.named))
    return TableConstraint("fk", passed.get(2, "name"), local, key=key) if not tables else UNKNOWN


def exclusion(passed: Passed) -> Any:
    """``postgresql.ExcludeConstraint((element, operator), ..., using=, where=)``."""
    parts = []
    for pair in passed.args:
        element = spelled(pair[0]) if isinstance(pair, tuple | list) and not isinstance(pair[0], str) else None
        if isinstance(pair, tuple | list) and isinstance(pair[0], str):
            element = q(pair[0])
        if element is None or not isinstance(pair[1], str):
            return UNKNOWN
        parts.append(f"{element} WITH {pair[1]}")
    using, where = passed.named.get("using", "gist"), passed.named.get("where")
    sql = f"USING {using} ({', '.join(parts)})"
    if where is not None:
        condition = where if isinstance(where, str) else spelled(where)
        sql += f" WHERE ({condition})"
    return TableConstraint("ex", passed.named.get("name"), sql=sql, options=deferrable(passed.named))


def _index(passed: Passed) -> Any:
    columns = names(passed.args[1:])
    if columns is None or not passed.args:
        return UNKNOWN
    return TableConstraint("ix", passed.args[0], columns, unique=passed.named.get("unique") is True)


def _identity(passed: Passed) -> Host:
    always = passed.get(0, "always") is True
    options = []
    for name, sql in (("start", "START WITH"), ("increment", "INCREMENT BY"), ("minvalue", "MINVALUE"),
                      ("maxvalue", "MAXVALUE")):  # fmt: skip
        if isinstance(passed.named.get(name), int):
            options.append(f"{sql} {passed.named[name]}")
    tail = f" ({' '.join(options)})" if options else ""
    sql = f"GENERATED {'ALWAYS' if always else 'BY DEFAULT'} AS IDENTITY{tail}"
    return Host("generated", sql=sql)


def _computed(passed: Passed) -> Any:
    inner = passed.get(0, "sqltext")
    sql = inner if isinstance(inner, str) else spelled(inner)
    if sql is None:
        return UNKNOWN
    kind = " STORED" if passed.get(1, "persisted") is not False else " VIRTUAL"
    return Host("generated", sql=f"GENERATED ALWAYS AS ({sql}){kind}")


class SqlalchemyLibrary:
    """SQLAlchemy for one migration."""

    def __init__(self, recorder: SendLog) -> None:
        self.recorder = recorder
        dialect = Host("dialect", name="postgresql")
        self.connection = Host("connection", get=self._of_connection, dialect=dialect)
        self.connection.members["engine"] = self.connection.members["bind"] = self.connection
        self.sqlalchemy = Host("sqlalchemy", get=self.name)

    def name(self, name: str) -> Any:
        """What SQLAlchemy, one of its modules or its dialect for PostgreSQL has under a name."""
        kind = type_maker(name)
        if kind is not None:
            return kind
        if name in _NAMES:
            return _NAMES[name]
        match name:
            case "inspect" | "Inspector":
                return Host(name, lambda passed: inspector(), lambda inner: Host(inner, lambda passed: inspector()))
            case "Session" | "sessionmaker" | "scoped_session":
                return Host(name, lambda passed: self._session())
            case "Sequence":
                return Host(name, self._sequence)
            case "MetaData":
                return Host(name, lambda passed: Host("metadata", reflect=Host("reflect"), bind=self.connection))
            case "DDL":
                return Host(name, self._ddl)
            case "declarative_base" | "DeclarativeBase" | "automap_base":
                return Host(name, lambda passed: rows.chain("rows"))
        return self.sqlalchemy if name in _MODULES else UNKNOWN

    def _ddl(self, passed: Passed) -> Host:
        return Host("ddl", sql=passed.get(0, "statement"))

    def _of_connection(self, name: str) -> Any:
        match name:
            case "execute" | "exec_driver_sql" | "scalar" | "scalars" | "executemany":
                return Host(name, lambda p: rows.execute(self.recorder, p.get(0, "statement"), p, f"connection.{name}"))
            case "execution_options" | "connect" | "begin" | "begin_nested" | "get_bind" | "connection" | "cursor":
                return Host(name, lambda passed: self.connection)
            case "in_transaction":
                return Host(name, lambda passed: True)
            case "commit":
                return Host(name, lambda passed: None)
            case "__enter__":
                return Host(name, lambda passed: self.connection)
            case "dialect_name":
                return "postgresql"
        return Host(name, lambda passed: NotKnown(guard=name == "has_table"))

    def _session(self) -> Host:
        def get(name: str) -> Any:
            if name in ("execute", "scalar", "scalars"):
                return Host(name, lambda p: rows.execute(self.recorder, p.get(0, "statement"), p, f"session.{name}"))
            if name in ("close", "rollback", "flush", "expire_all", "commit"):
                return Host(name, lambda passed: None)
            if name in ("connection", "get_bind", "bind"):
                return self.connection if name == "bind" else Host(name, lambda passed: self.connection)
            if name == "__enter__":
                return Host(name, lambda passed: session)
            if name == "query":
                return Host(name, lambda passed: rows.chain("query"))
            return Host(name, lambda passed: self.recorder.rows(f"session.{name}"))

        session = Host("session", lambda passed: session, get)
        return session

    def _sequence(self, passed: Passed) -> Any:
        name = passed.get(0, "name")
        made = Host("sequence", of=name)
        if isinstance(name, str):
            where = table_name(name, passed.named.get("schema"))
            made.members["create"] = Host("create", lambda p: self.recorder.sql(f"CREATE SEQUENCE {where}", "Sequence"))
            made.members["drop"] = Host("drop", lambda p: self.recorder.sql(f"DROP SEQUENCE {where}", "Sequence"))
            made.members["next_value"] = Host("next_value", lambda p: SqlExpression(f"nextval({literal(name)})"))
        return made

    def member(self, of: Any, name: str) -> Any:
        """An attribute of a schema object or an expression."""
        if isinstance(of, SqlType):
            return self._of_type(of, name)
        if isinstance(of, ColumnSpec):
            if name in ("name", "key"):
                return of.name
            return Host(name, lambda passed: replace(of)) if name in ("copy", "_copy") else UNKNOWN
        if isinstance(of, SqlExpression):
            return Host(name, lambda passed: self._of_expression(of, name, passed))
        return of.name if isinstance(of, Final) and name == "name" else UNKNOWN

    def _of_type(self, kind: SqlType, name: str) -> Any:
        match name:
            case "name":
                return kind.name or UNKNOWN
            case "create":
                return Host(name, lambda passed: self._create_type(kind, passed))
            case "drop":
                return Host(name, lambda passed: self._drop_type(kind, passed))
            case "with_variant":
                return Host(name, lambda passed: _variant_of(kind, passed))
            case "enums":
                return list(kind.values) if kind.values is not None else UNKNOWN
        return UNKNOWN

    def _create_type(self, kind: SqlType, passed: Passed) -> None:
        check = passed.get(1, "checkfirst", True) is not False
        if check and kind.name in self.recorder.world.types:
            return
        sql = create_enum(kind)
        if sql is None:
            self.recorder.gap(f"type {kind.name}: its values are worked out at run time", ("*",))
        else:
            self.recorder.sql(sql, "Enum.create")

    def _drop_type(self, kind: SqlType, passed: Passed) -> None:
        guard = "IF EXISTS " if passed.get(1, "checkfirst", True) is not False else ""
        self.recorder.sql(f"DROP TYPE {guard}{kind.sql}", "Enum.drop")

    @staticmethod
    def _of_expression(of: SqlExpression, name: str, passed: Passed) -> Any:
        match name:
            case "bindparams" if of.sql is not None:
                given = dict(passed.named)
                for one in passed.args:
                    if isinstance(one, Host) and one.name == "bind":
                        given[str(one.members.get("key"))] = one.members.get("value")
                found = rows.bound(of.sql, given)
                return SqlExpression(found) if isinstance(found, str) else found
            case "desc" | "asc" if of.sql is not None:
                return SqlExpression(f"{of.sql} {name.upper()}")
            case "nulls_last" | "nullslast" | "nulls_first" | "nullsfirst" if of.sql is not None:
                return SqlExpression(f"{of.sql} NULLS {'LAST' if 'last' in name else 'FIRST'}")
            case "execution_options" | "columns" | "self_group" | "label":
                return of
        return UNKNOWN


def _variant_of(kind: SqlType, passed: Passed) -> SqlType:
    other, dialects = as_type(passed.get(0, "type_")), [a for a in passed.args[1:] if isinstance(a, str)]
    return other if other is not None and "postgresql" in dialects else kind


def inspector() -> Host:
    """What looks into the database: its answers are not known, and guard what follows."""

    def call(passed: Passed) -> NotKnown:
        return GUARD

    return Host("inspector", call, lambda name: Host(name, call))


_MODULES = frozenset(
    [
        "sqlalchemy",
        "postgresql",
        "dialects",
        "types",
        "schema",
        "sql",
        "orm",
        "engine",
        "ext",
        "declarative",
        "mysql",
        "sqlite",
        "expression",
        "base",
        "reflection",
        "sqltypes",
        "util",
        "exc",
        "dialect",
        "elements",
        "pg",
        "named_types",
        "ranges",
        "array",
        "hstore",
        "json",
        "sqlalchemy_utils",
    ]
)
_BIND = Host("bindparam", lambda p: Host("bind", key=p.get(0, "key"), value=p.get(1, "value", UNKNOWN)))
_ROWS = Host("rows", lambda passed: rows.chain("rows"))
_TABLE = Host("table", lambda passed: rows.table(passed.get(0, "name")))
_NAMES: dict[str, Any] = {
    "Column": Host("Column", column),
    "ForeignKey": Host("ForeignKey", foreign_key),
    "PrimaryKeyConstraint": Host("PrimaryKeyConstraint", _keyed("pk")),
    "UniqueConstraint": Host("UniqueConstraint", _keyed("uq")),
    "CheckConstraint": Host("CheckConstraint", _check),
    "ForeignKeyConstraint": Host("ForeignKeyConstraint", _foreign_keys),
    "ExcludeConstraint": Host("ExcludeConstraint", exclusion),
    "Index": Host("Index", _index),
    "Identity": Host("Identity", _identity),
    "Computed": Host("Computed", _computed),
    "FetchedValue": Host("FetchedValue"),
    "text": Host("text", _text),
    "literal_column": Host("literal_column", _raw),
    "column": Host("column", _named_column),
    "literal": Host("literal", _literal),
    "cast": Host("cast", _cast),
    "func": Host("func", get=_function),
    "true": _constant("true"),
    "false": _constant("false"),
    "null": _constant("NULL"),
    "bindparam": _BIND,
    "quoted_name": Host("quoted_name", lambda p: p.get(0, "value")),
    "table": _TABLE,
    "Table": _TABLE,
    "TableClause": _TABLE,
    **dict.fromkeys(("select", "insert", "update", "delete", "exists", "union", "union_all", "with_", "case"), _ROWS),
}


def from_elsewhere(name: str) -> Any:
    """A name of a package that nobody here knows: some types are the same wherever they come from."""
    return (type_maker(name) if name in ANYWHERE else None) or UNKNOWN
