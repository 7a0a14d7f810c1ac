"""Two readers of generated queries: what sqlglot's scopes find certain, and what the binder says of the whole, of every
shape that both take.

A statement that stands for a certain part is refused only if the whole query is; and a missing column with a qualifier
that ends the binder's way is among the certain parts, at the same place, unless something unknown stands between.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from lockgate.base.text import Source, Span
from lockgate.queries.excerpt import excerpt
from lockgate.queries.fit import Fitted
from lockgate.queries.known import known
from lockgate.queries.passage import Passage
from lockgate.queries.query import Query, queries
from lockgate.queries.resolve import resolve
from tests.queries_kit import BASE, catalog

COLUMNS = {
    "people": ["id", "name", "mood", "boss", "born", "tags", "doc"],
    "orders": ["id", "person", "amount", "placed", "note"],
    "rich": ["id", "name", "total"],
}
GONE = "ALTER TABLE people DROP COLUMN born;\nALTER TABLE orders RENAME COLUMN note TO remark;"
SCHEMA = catalog(BASE, GONE)
NAMES = known(SCHEMA)
Range = dict[str, list[str]]  # the names in sight, each with its columns


@st.composite
def name(draw: st.DrawFn, of: list[str]) -> str:
    """A column, rarely one that nothing has, in one of the ways to write it."""
    word = draw(st.sampled_from([*of, *of, "nope"]))
    return draw(st.sampled_from([word, word, word.upper(), f'"{word}"']))


@st.composite
def column(draw: st.DrawFn, here: Range, outer: Range) -> str:
    """A column reference: mostly of this level, with its qualifier or without."""
    level = draw(st.sampled_from([here, here, here, outer or here]))
    alias = draw(st.sampled_from(sorted(level)))
    of = draw(name(level[alias]))
    return (
        draw(st.sampled_from([f"{alias}.{of}", f"{alias.upper()}.{of}", f"{alias} . {of}", of]))
        if level is here
        else f"{alias}.{of}"
    )


@st.composite
def expression(draw: st.DrawFn, here: Range, outer: Range, depth: int) -> str:
    """Something of type text."""
    one = draw(column(here, outer))
    forms = [
        f"{one}::text",
        f"coalesce({one}::text, 'x')",
        f"CASE WHEN {one} IS NULL THEN 'é' ELSE $1 END",
        f"concat({one}, ':no')",
        f"upper(cast({one} AS text))",
    ]
    if depth:
        forms.append(
            f"(SELECT max({draw(column(here, outer))}::text) FROM {draw(source('s', here | outer, depth - 1))[0]})"
        )
    return draw(st.sampled_from(forms))


@st.composite
def condition(draw: st.DrawFn, here: Range, outer: Range, depth: int) -> str:
    """A boolean."""
    left, right = draw(expression(here, outer, depth)), draw(expression(here, outer, 0))
    forms = [
        f"{left} = {right}",
        f"{left} IS NOT NULL",
        f"{left} LIKE 'a%' OR NOT {right} IN ('x', $2)",
        f"{left} BETWEEN 'a' AND {right}",
    ]
    if depth:
        inner = draw(select(here | outer, depth - 1))
        forms += [f"EXISTS ({inner})", f"{left} IN (SELECT z.a FROM ({inner}) z)"]
    return draw(st.sampled_from(forms))


@st.composite
def source(draw: st.DrawFn, alias: str, outer: Range, depth: int) -> tuple[str, Range]:
    """One item of FROM, and what it brings into sight."""
    table = draw(st.sampled_from(sorted(COLUMNS)))
    form = draw(
        st.sampled_from(["bare", "alias", "as", "schema", "derived", "renamed", "lateral"][: 7 if depth else 4])
    )
    if form == "bare":
        return table, {table: COLUMNS[table]}
    if form == "schema":
        return f"public.{table} AS {alias}", {alias: COLUMNS[table]}
    if form == "renamed":
        return f"{table} {alias} (first, second)", {alias: ["first", "second", *COLUMNS[table][2:]]}
    if form in ("derived", "lateral"):
        return f"({draw(select({}, depth - 1))}) {alias}", {alias: ["a"]}
    return f"{table} {'AS ' if form == 'as' else ''}{alias}", {alias: COLUMNS[table]}


@st.composite
def select(draw: st.DrawFn, outer: Range, depth: int) -> str:
    """A query with one column, a, of type text."""
    first, here = draw(source(f"t{depth}", outer, depth))
    items = first
    if draw(st.booleans()):
        second, more = draw(source(f"u{depth}", outer, depth))
        if not here.keys() & more.keys():
            here = here | more
            items += draw(
                st.sampled_from(
                    [
                        f", {second}",
                        f" CROSS JOIN {second}",
                        f" LEFT JOIN {second} ON {draw(condition(here, outer, 0))}",
                    ]
                )
            )
    where = f" WHERE {draw(condition(here, outer, depth))}" if draw(st.booleans()) else ""
    text = f"SELECT {draw(expression(here, outer, depth))} AS a FROM {items}{where}"
    tail = draw(st.sampled_from(["", " ORDER BY 1", " ORDER BY a", " LIMIT 1", " GROUP BY 1"]))
    return draw(st.sampled_from([text + tail, text, f"{text} UNION ALL {text}"]))


@st.composite
def statement(draw: st.DrawFn) -> str:
    """A query, or a change."""
    table = draw(st.sampled_from(["people", "orders"]))
    other, more = draw(source("o", {}, 1))
    here = {"t": COLUMNS[table], **more}
    query, where = draw(select({}, 2)), draw(condition(here, {}, 1))
    return draw(
        st.sampled_from(
            [
                query,
                query,
                query,
                f"WITH c AS ({query}) SELECT c.a, {draw(expression({'p': COLUMNS['people']}, {}, 0))} FROM c, people p",
                f"INSERT INTO {table} AS t ({draw(name(COLUMNS[table]))}) SELECT NULL FROM {other} WHERE {draw(condition(more, {}, 1))} "
                f"ON CONFLICT (id) DO UPDATE SET {draw(name(COLUMNS[table]))} = NULL WHERE excluded.{draw(name(COLUMNS[table]))} IS NULL",
                f"UPDATE {table} t SET {draw(name(COLUMNS[table]))} = NULL FROM {other} WHERE {where} RETURNING t.{draw(name(COLUMNS[table]))}",
                f"DELETE FROM {table} AS t USING {other} WHERE {where}",
                f"MERGE INTO {table} t USING {other} ON {where} WHEN MATCHED THEN UPDATE SET {draw(name(COLUMNS[table]))} = NULL",
            ]
        )
    )


def whole(text: str) -> tuple[Query, Passage]:
    passage = Passage(text, ((0, 0),), len(text))
    return next(queries(Source("q.sql", text), Fitted(passage, frozenset(), False))), passage


def parts(query: Query, passage: Passage) -> dict[Span, str]:
    """Where the certain parts of a query are refused, and with what."""
    found = excerpt(passage, refused=False)
    out = {}
    for part in queries(query.source, Fitted(found, frozenset(), True, excerpt=True)) if found is not None else ():
        failure = resolve(part, SCHEMA, NAMES, ("public",)).failure
        if failure is not None:
            out[part.place(failure.span)] = failure.sqlstate
    return out


@settings(
    max_examples=int(os.environ.get("LOCKGATE_ORACLE_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(statement())
@example(
    "UPDATE people t SET id = NULL FROM orders WHERE t.BORN::text IN (SELECT z.a FROM (SELECT orders.id::text AS a "
    "FROM orders LEFT JOIN orders u0 ON orders.id::text = t.BORN::text) z) RETURNING t.id"
)
def test_both_readers_say_the_same(text: str) -> None:
    query, passage = whole(text)
    said, certain = resolve(query, SCHEMA, NAMES, ("public",)), parts(query, passage)
    assert said.failure is not None or not certain, (text, certain)
    failure = said.failure
    event(failure.sqlstate if failure is not None else "taken")
    if failure is not None and failure.sqlstate == "42703":
        place = query.place(failure.span)
        qualified = (
            text[: place.start].rstrip().endswith(".") and failure.object.count(".") == 2
        )  # of a relation, not of a query's
        if qualified and "(first, second)" not in text:
            event("a missing column with its qualifier")
            # a column that is missing in two places is told in one: the server's first, or the text's first
            assert text[place.start : place.end].lower() in {text[c.start : c.end].lower() for c in certain}, (
                text,
                failure.message,
                certain,
            )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("SELECT t.nope FROM people t", "nope"),
        ('SELECT 1 FROM people t WHERE EXISTS (SELECT FROM orders o WHERE o.id = t."born")', '"born"'),
        ("SELECT 1 FROM orders JOIN people USING (born)", "born"),
        ("UPDATE orders SET (note, amount) = (NULL, 1)", "note"),
        ("WITH c AS (SELECT born FROM people) SELECT * FROM c", "born"),
        ("SELECT 1 FROM people UNION SELECT orders.note::int FROM orders", "note"),
    ],
)
def test_the_same_place(text: str, place: str) -> None:
    query, passage = whole(text)
    said = resolve(query, SCHEMA, NAMES, ("public",)).failure
    start = text.index(place)
    assert said is not None and parts(query, passage) == {Span(start, start + len(place)): said.sqlstate}
