"""The binder against real servers: for every query of ``binder_queries`` the same SQLSTATE, or the same columns with
the same types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lockgate.base.text import Source, Span
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.typename import base_type, type_name
from lockgate.oracle.server.binaries import Binaries, at_hand
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.template import DATABASE
from lockgate.parse import parse_text
from lockgate.parse.statement import Statement
from lockgate.sources.migration import Script, Transaction
from lockgate.timeline import binder
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused
from lockgate.timeline.session import Session
from tests.binder_catalog import load
from tests.binder_queries import NEWER, QUERIES, SCHEMA

# what the planner or executor says, which PREPARE does not reach
AFTER_PREPARE = ("42P10", "42809")
# rewriting needs to know which columns of a view can be written
NOT_MODELLED = {"insert into va (twice) values (1)"}
ENABLED = {found.major: found for found in reversed(list(at_hand()))}


def queries(major: int, xml: bool) -> list[str]:
    lines = [q for q in QUERIES.strip().splitlines() if q.strip()]
    for least, more in NEWER.items():
        if major >= least:
            lines += [q for q in more.strip().splitlines() if q.strip()]
    return [q for q in lines if (xml or "xml" not in q) and q not in NOT_MODELLED]


@pytest.fixture(scope="module", params=sorted(ENABLED), ids=str)
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Any, int]]:
    binaries: Binaries = ENABLED[request.param]
    with Server(binaries) as server:
        server.ready()
        made = server.template
        with psycopg.connect(
            host=server._home, port=5432, user=made.superuser, password=made.password, dbname=DATABASE, autocommit=True
        ) as connection:
            connection.execute(SCHEMA)
            yield connection, request.param


def statement(sql: str) -> Statement | None:
    script = Script.whole(Source("q.sql", sql), Transaction.STATEMENT)
    found = parse_text(script, Span(0, len(sql)))
    return found[0] if found and isinstance(found[0], Statement) else None


def predicted(catalog: Catalog, sql: str) -> Any:
    """("error", SQLSTATE), ("columns", ...), or None where the grammar refuses."""
    parsed = statement(sql)
    if parsed is None:
        return None
    draft = catalog.draft()
    ctx = Context(draft, Session(10, 10), parsed)
    try:
        query = binder.analyze_query(ctx, parsed.tag, parsed.node, variables=binder.Variables(inferred=True))
    except Refused as refused:
        return "error", refused.failure.sqlstate
    late = [r.failure.sqlstate for r in query.late if r.failure.sqlstate not in AFTER_PREPARE]
    if late:
        return "error", late[0]
    return "columns", query.columns


def observed(connection: Any, sql: str) -> Any:
    link = connection.pgconn
    result = link.prepare(b"", sql.encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        return "error", result.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode()
    shape = link.describe_prepared(b"")
    return "columns", [(shape.fname(n).decode(), shape.ftype(n), shape.fmod(n)) for n in range(shape.nfields)]


def same(catalog: Catalog, one: Any, other: Any) -> bool:
    if one[0] != other[0]:
        return False
    if one[0] == "error":
        return bool(one[1] == other[1])
    # the wire shows a domain as the type below it; type 0 is "not known"
    columns = [(c.name, *(base_type(catalog, c.type, c.typmod) if c.type else (0, -1))) for c in one[1]]
    return len(columns) == len(other[1]) and all(
        a == b or (a[0] == b[0] and a[1] == 0) for a, b in zip(columns, other[1], strict=True)
    )


def test_outcome_and_columns(served: tuple[Any, int]) -> None:
    connection, major = served
    catalog = load(connection, major)
    xml = observed(connection, "select '<a/>'::xml")[0] == "columns"
    differences = []
    for sql in queries(major, xml):
        one, other = predicted(catalog, sql), observed(connection, sql)
        if one is not None and not same(catalog, one, other):
            differences.append(f"{sql}\n    simulated {one}\n    observed  {other}")
    assert not differences, "\n".join(differences)


def test_view_columns_as_format_type(served: tuple[Any, int]) -> None:
    """A view's columns have the types that format_type prints, domains and type modifiers included."""
    connection, major = served
    catalog = load(connection, major)
    path = (11, 2200)
    differences, views = [], 0
    for sql in queries(major, False):
        if not re.match(r"\(?(select|with|values)\b", sql) or "$1" in sql or " for update" in sql:
            continue
        one = predicted(catalog, sql)
        if one is None or one[0] == "error" or not one[1]:
            continue
        try:
            with connection.transaction():
                connection.execute(f"create temp view v as {sql}")
                rows = connection.execute(
                    "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'v'::regclass and attnum > 0 order by attnum"
                ).fetchall()
                connection.execute("drop view v")
        except psycopg.Error:
            continue
        views += 1
        mine = [(c.name, type_name(catalog, c.type, c.typmod, path)) for c in one[1]]
        if any(a != b and a[1] != "-" for a, b in zip(mine, rows, strict=True)):
            differences.append(f"{sql}\n    simulated {mine}\n    observed  {rows}")
    assert views > 150
    assert not differences, "\n".join(differences)


def test_view_dependencies(served: tuple[Any, int]) -> None:
    """A view depends on what pg_depend says: columns, relations, types, routines, operators, the primary key of a GROUP
    BY."""
    connection, major = served
    catalog = load(connection, major)
    differences = []
    for sql in queries(major, False):
        parsed = statement(sql)
        if parsed is None or not re.match(r"\(?(select|with|values)\b", sql) or "$1" in sql or " for update" in sql:
            continue
        try:
            query = binder.analyze_query(Context(catalog.draft(), Session(10, 10), parsed), parsed.tag, parsed.node)
        except Refused:
            continue
        try:
            with connection.transaction():
                connection.execute(f"create temp view v as {sql}")
                rows = connection.execute(
                    "select refobjid::bigint, refobjsubid, pg_describe_object(refclassid, refobjid, refobjsubid) from pg_depend "
                    "join pg_rewrite r on classid = 'pg_rewrite'::regclass and objid = r.oid where r.ev_class = 'v'::regclass and deptype = 'n' "
                    "and refobjid <> 'v'::regclass and refobjid >= 16384"
                ).fetchall()
                connection.execute("drop view v")
        except psycopg.Error:
            continue
        observed_rows = {(r[0], r[1]): r[2] for r in rows}
        mine = {a for a in query.depends if a[0] >= 16384}
        system = {a[0] for a in observed_rows if a[1] < 0}  # system columns are not kept: they cannot be dropped
        missing = [words for a, words in observed_rows.items() if a not in mine and a[1] >= 0]
        extra = [a for a in mine if a not in observed_rows and a[0] not in system]
        if missing or extra:
            differences.append(f"{sql}\n    missing {missing} extra {extra}")
    assert not differences, "\n".join(differences)
