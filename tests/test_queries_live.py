"""Planted drops and renames: the queries that the server refuses to prepare are the ones that are reported."""

from __future__ import annotations

import re

import pytest

from lockgate.base.text import Span
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, Asked
from lockgate.queries.examine import Examined, Schema, of_tree
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from tests.queries_kit import BASE, migrations

QUERIES = """
SELECT * FROM people WHERE id = :id;
SELECT id, name FROM people WHERE born > :day ORDER BY mood;
SELECT p.name, b.name AS boss FROM people p LEFT JOIN people b ON b.id = p.boss;
SELECT name FROM people NATURAL JOIN (SELECT id FROM orders) o;
SELECT p.id FROM people p JOIN orders o USING (id) WHERE o.note ILIKE :like;
SELECT total FROM rich WHERE id = ANY(:ids);
SELECT r.name FROM rich r WHERE EXISTS (SELECT FROM orders WHERE person = r.id AND amount > 10);
WITH recent AS (SELECT person, max(placed) AS last FROM orders GROUP BY person) SELECT p.name, recent.last FROM people p JOIN recent ON recent.person = p.id;
WITH RECURSIVE up AS (SELECT id, boss FROM people WHERE id = :id UNION ALL SELECT p.id, p.boss FROM people p JOIN up ON up.boss = p.id) SELECT * FROM up;
SELECT id FROM people UNION SELECT person FROM orders ORDER BY 1;
SELECT name, (SELECT sum(amount) FROM orders WHERE person = people.id) FROM people;
SELECT p.id, o.amount FROM people p, LATERAL (SELECT amount FROM orders WHERE person = p.id ORDER BY placed DESC LIMIT 1) o;
SELECT p.id, o.note FROM people p CROSS JOIN LATERAL orders_of(p.id) o;
SELECT t.tag FROM people p, unnest(p.tags) AS t(tag) WHERE p.doc ->> 'x' = :x;
SELECT mood, count(*) FILTER (WHERE born IS NULL) FROM people GROUP BY ROLLUP (mood) HAVING count(*) > 1;
SELECT name, rank() OVER (PARTITION BY boss ORDER BY born) FROM people;
SELECT (p).name FROM people p;
SELECT p FROM people p;
SELECT count(p.doc) FROM people AS p (a, b, c) WHERE a = 1;
INSERT INTO people (id, name, born) VALUES (:id, :name, :born) RETURNING id;
INSERT INTO orders (id, person, note) SELECT id, id, 'x' FROM people ON CONFLICT (person, note) DO UPDATE SET amount = excluded.amount;
INSERT INTO orders VALUES (1, 2, 3);
UPDATE people SET name = :name, mood = 'sad' WHERE id = :id RETURNING born;
UPDATE orders o SET note = p.name FROM people p WHERE p.id = o.person;
UPDATE people SET (name, born) = (SELECT note, placed::date FROM orders LIMIT 1);
DELETE FROM orders USING people p WHERE p.id = person AND p.mood = 'happy';
DELETE FROM people WHERE boss IN (SELECT person FROM orders WHERE amount IS NULL);
MERGE INTO orders o USING people p ON o.person = p.id WHEN MATCHED THEN UPDATE SET note = p.name WHEN NOT MATCHED THEN INSERT (id, person) VALUES (p.id, p.boss);
SELECT name FROM people TABLESAMPLE SYSTEM (10) FOR UPDATE;
TABLE orders;
VALUES (1, (SELECT max(amount) FROM orders));
"""
PLANTS = [
    *(
        f"ALTER TABLE people DROP COLUMN {column} CASCADE;"
        for column in ("id", "name", "mood", "boss", "born", "tags", "doc")
    ),
    *(f"ALTER TABLE people RENAME COLUMN {column} TO other;" for column in ("id", "name", "mood", "boss", "born")),
    *(f"ALTER TABLE orders DROP COLUMN {column} CASCADE;" for column in ("id", "person", "amount", "placed", "note")),
    *(f"ALTER TABLE orders RENAME COLUMN {column} TO other;" for column in ("person", "amount", "note")),
    "DROP TABLE orders CASCADE;",
    "DROP VIEW rich;",
    "ALTER TABLE people RENAME TO persons;",
    "ALTER VIEW rich RENAME COLUMN total TO sum;",
    "CREATE SCHEMA attic; ALTER TABLE orders SET SCHEMA attic;",
]
GONE = ("42703", "42P01")


@pytest.fixture(scope="module")
def worlds() -> tuple[list[Examined], ApplyReport]:
    """Every plant in a schema of its own, so that one server answers for all: our word, and the server's."""
    scripts, examined = [], []
    for number, plant in enumerate(PLANTS):
        scripts += [
            f"CREATE SCHEMA s{number}; SET search_path = s{number};{BASE}",
            plant.replace("attic", f"attic{number}"),
        ]
    made = migrations(*scripts)
    replay = Replay(Plan(made, 18))
    for _ in replay.steps():
        pass
    examined = [of_tree([("q.sql", QUERIES.encode())], Schema(replay.catalog, (f"s{n}",))) for n in range(len(PLANTS))]
    asked = tuple(Asked(one.query.sql, one.path) for found in examined for one in found.resolutions)
    report = verify(ApplyPlan(made, observe_locks=False, queries=asked))
    assert all(seen.fails is None for seen in report.observations)
    return examined, report


@pytest.mark.parametrize("number", range(len(PLANTS)), ids=PLANTS)
def test_what_the_server_refuses_is_reported(worlds: tuple[list[Examined], ApplyReport], number: int) -> None:
    found, count = worlds[0][number], QUERIES.count(";")
    assert len(found.resolutions) == count
    said = {fact.at.source.position(fact.at.span.start).line for fact in found.facts}
    for one, refused in zip(found.resolutions, worlds[1].queries[number * count :][:count], strict=True):
        line = one.query.source.position(one.query.span.start).line
        failure = one.failure.sqlstate if one.failure is not None else None
        assert (refused.sqlstate if refused is not None else None) == failure, (one.query.sql, refused, one.failure)
        assert (line in said) == (failure in GONE)
        mark = one.query.place(one.failure.span) if one.failure is not None else Span(0, 0)
        if refused is not None and one.failure is not None and refused.position is not None:
            qualifier = QUERIES[
                one.query.place(
                    Span(start := one.query.statement.span.start + refused.position, start)
                ).start : mark.start
            ]
            assert re.fullmatch(r"\(?[\w.)]*", qualifier), (one.query.sql, refused, qualifier)
    assert said, "a plant without effect proves nothing"


def test_the_binder_takes_them_all_before() -> None:
    made = migrations(BASE)
    replay = Replay(Plan(made, 18))
    for _ in replay.steps():
        pass
    found = of_tree([("q.sql", QUERIES.encode())], Schema(replay.catalog, ("public",)))
    assert not found.facts and all(one.exact for one in found.resolutions)
