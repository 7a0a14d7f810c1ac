"""The whole way from files to facts: the queries of this tree, and those of the release that is running."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

import msgspec
from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.cache.queries import QueryMemory
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation
from lockgate.queries.extract import extract
from lockgate.queries.facts import QueryRefused, ReleaseLacks, ReleaseRefused
from lockgate.queries.known import Known, known
from lockgate.queries.others import Others
from lockgate.queries.query import Query, queries
from lockgate.queries.resolve import GONE, Resolution, resolve
from lockgate.queries.servers import Meant
from lockgate.timeline.failure import Failure

MOST = 25_000  # queries that one run looks at
Files = Iterable[tuple[str, bytes]]  # path and content


class Schema(msgspec.Struct, frozen=True, dict=True):
    """A catalog, and the search_path of the application's sessions."""

    catalog: Catalog
    path: tuple[str, ...]

    @cached_property
    def names(self) -> Known:
        """The relations that the catalog knows."""
        return known(self.catalog)


class QueryCounts(msgspec.Struct, frozen=True):
    """How many queries the application has, how many of them are known to the last name, and how many are not."""

    found: int
    resolved: int
    partial: int


class Examined(msgspec.Struct, frozen=True):
    """What queries came to: what is wrong, and how each was resolved; ``own`` of them are this tree's, the rest the
    release's."""

    facts: tuple[QueryRefused | ReleaseRefused, ...]
    resolutions: tuple[Resolution, ...]
    own: int = 0
    others: Others | None = None
    lacks: tuple[ReleaseLacks, ...] = ()  # the release's INSERTs that will fail

    def coverage(self) -> QueryCounts:
        """How many this tree has, and how many of them are known to the last name."""
        exact = sum(one.exact for one in self.resolutions[: self.own])
        return QueryCounts(self.own, exact, self.own - exact)


def of_tree(files: Files, schema: Schema, memory: QueryMemory | None = None) -> Examined:
    """The queries of this tree against the schema after its migrations."""
    memory = memory or QueryMemory()
    found = islice(extract(files, schema.names, memory), MOST)
    done = tuple(_resolved(query, schema, memory) for query in found)
    facts = tuple(
        QueryRefused(label(one.query, one.failure), one.failure)
        for one in done
        if one.failure is not None and one.failure.sqlstate in GONE
    )
    return Examined(facts, done, len(done))


def of_release(
    files: Files, release: str, before: Schema, after: Schema, memory: QueryMemory | None = None
) -> Examined:
    """The queries of the running release: what the schema before the pending migrations takes and the one after them
    refuses."""
    facts, done, lacks = [], [], list[ReleaseLacks]()
    memory = memory or QueryMemory()
    for query in islice(extract(files, after.names, memory), MOST):
        now = _resolved(query, after, memory)
        done.append(now)
        if now.failure is not None and _broken_by_pending(now.query, now.failure, before, after):
            facts.append(ReleaseRefused(label(now.query, now.failure), now.failure, release))
        elif now.failure is None and now.exact and now.query.statement.tag == "InsertStmt":
            lacks += _lacking(now, before.catalog, after.catalog, release)
    return Examined(tuple(facts), tuple(done), lacks=tuple(lacks))


def _lacking(now: Resolution, before: Catalog, after: Catalog, release: str) -> Iterator[ReleaseLacks]:
    """The columns that an INSERT gives no value for, and that take none by themselves any more."""
    from lockgate.queries.required import given, required, target

    node = now.query.statement.node
    table = target(node, after, now.path)
    names = given(node, table) if table is not None else None
    if table is None or names is None:
        return
    was = required(before, table.oid)
    for column in sorted(required(after, table.oid) - was - names):
        query = now.query
        start = node["relation"].get("location", 0)
        place = query.place(Span(start, start + len(table.name)))
        words = f"gives no value for {column}"
        yield ReleaseLacks(Label(query.source, place, words), after.qualified(table), column, release)


def beside(came: Examined, others: Others) -> Examined:
    """Without the refusals of queries that may be meant for another database."""
    done, meant = [], set[Label]()
    for one in came.resolutions:
        if one.failure is not None and others.meant(one.query, one.failure):
            meant.add(label(one.query, one.failure))
            one = replace(one, query=replace(one.query, meant=Meant.ELSEWHERE), failure=None, exact=False)
        done.append(one)
    facts = tuple(f for f in came.facts if f.at not in meant)
    return Examined(facts, tuple(done), came.own, others, came.lacks)


def _resolved(query: Query, schema: Schema, memory: QueryMemory) -> Resolution:
    """The whole query; where the binder cannot go through it, or a server could not prepare it, the first refusal of
    what is certain of it."""
    whole = resolve(query, schema.catalog, schema.names, schema.path)
    if whole.exact or not (whole.stopped or whole.failure or query.fitted.excerpt) or query.fitted.shadows:
        return whole
    if schema.catalog.taint_of(("any",)) is not None:
        return whole
    for part in queries(query.source, certain, query.meant) if (certain := memory.certain(query)) is not None else ():
        if any(schema.names.schemas(name) for _, name in part.relations):
            one = resolve(part, schema.catalog, schema.names, schema.path)
            if one.failure is not None:
                return one
    return whole


def _broken_by_pending(query: Query, failure: Failure, before: Schema, after: Schema) -> bool:
    known = [name for _, name in query.relations if name in after.names.there or name in after.names.gone]
    if not all(name in before.names.there for name in known) or not _had(before.catalog, failure):
        return False  # it needs what that release's migrations do not make either
    was = resolve(query, before.catalog, before.names, before.path)
    return was.failure is None and (was.exact or (failure.sqlstate in GONE and bool(failure.cause)))


def _had(catalog: Catalog, failure: Failure) -> bool:
    """Whether a catalog has the column that a later one took away."""
    parts = failure.object.split(".")
    if failure.sqlstate != "42703" or not failure.cause or len(parts) < 2:
        return True
    return any(
        r.name == parts[-2] and any(a.name == parts[-1] for a in r.attributes) for r in catalog.objects(Relation)
    )


def label(query: Query, failure: Failure) -> Label:
    """The place in the query's file that a refusal is about."""
    return Label(query.source, query.place(failure.span), failure.message)
