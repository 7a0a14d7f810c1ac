"""A second opinion: where sqlglot and PostgreSQL's grammar both take a query, its scopes find the columns that our
binder finds."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation
from lockgate.queries.examine import Schema, of_tree
from lockgate.queries.query import Query
from lockgate.timeline.binder import Variables, analyze_query
from lockgate.timeline.context import Context
from lockgate.timeline.session import Session
from tests.queries_kit import BASE, catalog
from tests.test_queries_live import QUERIES

MORE = """
SELECT name, amount FROM people p, orders o WHERE o.person = p.id AND born < now();
SELECT id FROM people WHERE id NOT IN (SELECT boss FROM people WHERE boss IS NOT NULL);
SELECT o.* FROM orders o WHERE o.amount > (SELECT avg(amount) FROM orders i WHERE i.person = o.person);
SELECT x.n FROM (SELECT name AS n, born FROM people) x WHERE x.born IS NULL;
SELECT CASE WHEN mood = 'sad' THEN name ELSE note END FROM people JOIN orders ON person = people.id;
WITH a AS (SELECT id, boss FROM people), b AS (SELECT boss FROM a) SELECT orders.note FROM orders JOIN b ON b.boss = orders.person;
SELECT DISTINCT ON (person) person, placed FROM orders ORDER BY person, placed DESC;
SELECT name FROM people WHERE born BETWEEN :a AND :b AND tags @> ARRAY[:c] LIMIT :d OFFSET :e;
SELECT total FROM rich ORDER BY name;
SELECT p.name FROM people p LEFT JOIN people q ON q.id = p.boss WHERE q.born IS DISTINCT FROM p.born;
SELECT id FROM people INTERSECT SELECT person FROM orders EXCEPT SELECT boss FROM people;
"""
# sqlglot takes these to mean something else, or does not know what PostgreSQL does with them
OTHERWISE = (
    "NATURAL",
    "USING (",
    "(p).name",
    "SELECT p FROM",
    "people AS p (a",
    "LATERAL orders_of",
    "unnest(",
    "TABLE orders",
    "VALUES",
    "RECURSIVE",
    "TABLESAMPLE",
    "FILTER",
)


@pytest.fixture(scope="module")
def schema() -> Catalog:
    return catalog(BASE)


def everything(schema: Catalog) -> list[Query]:
    return [
        one.query for one in of_tree([("q.sql", (QUERIES + MORE).encode())], Schema(schema, ("public",))).resolutions
    ]


def ours(schema: Catalog, query: Query) -> set[tuple[str, str]]:
    """Every column that the binder sees read."""
    found = analyze_query(
        Context(schema.draft(), Session(10, 10, False, ("public",)), query.statement),
        query.statement.tag,
        query.statement.node,
        variables=Variables(inferred=True),
    )
    out = set()
    for use in found.uses:
        relation = schema.get(use.relation)
        assert isinstance(relation, Relation)
        out |= {(relation.name, a.name) for a in relation.attributes if a.num in use.selected}
    return out


def theirs(schema: Catalog, query: Query) -> set[tuple[str, str]]:
    """Every column that sqlglot's scopes trace to a table."""
    tables: dict[str, object] = {
        r.name: {a.name: "text" for a in r.attributes} for r in schema.objects(Relation) if r.kind in "rv"
    }
    tree = qualify(sqlglot.parse_one(query.sql, read="postgres"), schema=tables, dialect="postgres", identify=False)
    out = set()
    for scope in traverse_scope(tree):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table):
                out.add((source.name, column.name))
    return out


def test_the_tables_are_the_same(schema: Catalog) -> None:
    for query in everything(schema):
        try:
            tree = sqlglot.parse_one(query.sql, read="postgres")
        except SqlglotError:
            continue
        hidden = {cte.alias for cte in tree.find_all(exp.CTE)}
        found = {t.name for t in tree.find_all(exp.Table) if t.name and t.name not in hidden}
        assert found == {name for _, name in query.relations} or any(word in query.sql for word in OTHERWISE), query.sql


def test_the_columns_are_the_same(schema: Catalog) -> None:
    compared = 0
    for query in everything(schema):
        if query.statement.tag != "SelectStmt" or any(word in query.sql for word in OTHERWISE):
            continue
        assert ours(schema, query) == theirs(schema, query), query.sql
        compared += 1
    assert compared >= 18
