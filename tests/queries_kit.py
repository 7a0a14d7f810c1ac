"""A small schema, its replay, and the queries of one text: for the tests of the application's queries."""

from __future__ import annotations

from lockgate.base.text import Source
from lockgate.catalog.catalog import Catalog
from lockgate.queries.examine import Examined, Schema, of_tree
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay

BASE = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, mood mood, boss int REFERENCES people, born date, tags text[], doc jsonb);
CREATE TABLE orders (id bigint PRIMARY KEY, person int REFERENCES people, amount numeric, placed timestamptz DEFAULT now(), note text, UNIQUE (person, note));
CREATE VIEW rich AS SELECT p.id, p.name, sum(o.amount) AS total FROM people p JOIN orders o ON o.person = p.id GROUP BY p.id;
CREATE FUNCTION orders_of(who int) RETURNS SETOF orders LANGUAGE sql AS 'SELECT * FROM orders WHERE person = who';
"""


def migrations(*scripts: str) -> tuple[Migration, ...]:
    return tuple(
        Migration(f"{n:04}_m", f"{n:04}", "m", Script.whole(Source(f"m/{n:04}_m.sql", text), Transaction.STATEMENT))
        for n, text in enumerate(scripts, 1)
    )


def catalog(*scripts: str) -> Catalog:
    replay = Replay(Plan(migrations(*scripts), 18))
    for _ in replay.steps():
        pass
    return replay.catalog


def examined(path: str, text: str, *scripts: str) -> Examined:
    return of_tree([(path, text.encode())], Schema(catalog(BASE, *scripts), ("public",)))


def marked(found: Examined) -> list[str]:
    """The marked token of every fact, as the file has it."""
    return [fact.at.source.text[fact.at.span.start : fact.at.span.end] for fact in found.facts]
