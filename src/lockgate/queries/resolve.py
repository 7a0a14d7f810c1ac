"""Resolution: a query's names against the simulated catalog, by the binder that resolves those of the migrations.

The binder answers as PostgreSQL's parser analysis does (its tests compare it with servers), so it is the judge of
everything that PostgreSQL's grammar takes. What a query has that is not known is put into the catalog as a doubt before
the binder looks: relations that no migration made, and the names that stand for fragments. The binder then keeps quiet
exactly where the doubt reaches.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lockgate.base.lazy_imports import Map
from lockgate.catalog.catalog import Address, Catalog, Taint
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Relation
from lockgate.queries.dialect import calls_unknown
from lockgate.queries.frames import HOLE_NAME
from lockgate.queries.known import Known
from lockgate.queries.query import Name, Query
from lockgate.queries.servers import Meant
from lockgate.timeline.binder import Variables, analyze_query
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Failure, Refused, Unsure
from lockgate.timeline.session import Session

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

GONE = ("42703", "42P01")  # undefined_column, undefined_table
_MARKED = re.compile(r'[\w$."]+')
_HOLE = re.compile(rf"{HOLE_NAME}\w+")
_ANY = Variables(inferred=True)


class Resolution(msgspec.Struct, frozen=True):
    """What became of a query. ``failure`` is what PostgreSQL refuses it with, as far as that is certain; its span
    counts in the fitted text.

    ``exact``: every name is known to be there or not, none is in doubt. ``path`` is the search_path that it was
    resolved with.
    """

    query: Query
    failure: Failure | None
    exact: bool
    path: tuple[str, ...]
    stopped: bool = False  # something in it is not known, so the rest of it was not looked at


def resolve(query: Query, catalog: Catalog, known: Known, path: tuple[str, ...]) -> Resolution:
    """Resolve a query as the application's session would."""
    path = (*path, *_further(query, catalog, known, path))
    draft = catalog.draft()
    context = Context(draft, Session(10, 10, False, path), query.statement)
    doubtful = _doubt(query, draft, context, known) or _tainted(query, catalog)
    failure, certain = _analysed(query, context)
    if failure is None and (doubtful or not certain or context.tainted):
        failure = _lasting(query, catalog, known, path)
    elsewhere = query.meant is Meant.ELSEWHERE or (
        query.meant in (Meant.SHARED, Meant.ANY) and failure is not None and not failure.cause
    )
    foreign = elsewhere or calls_unknown(query.statement.node, known)
    known_whole = certain and not (doubtful or context.tainted or query.fitted.partial)
    exact = known_whole and (failure is None or (failure.sqlstate in GONE and not foreign))
    stopped = not foreign and (not certain if failure is None else _uncertain(query, failure))
    return Resolution(
        replace(query, meant=Meant.ELSEWHERE) if foreign else query,
        None if foreign or stopped else failure,
        exact,
        path,
        stopped,
    )


def reads(one: Resolution, catalog: Catalog) -> frozenset[Address]:
    """The relations and columns that a query reads and writes; none where the binder cannot go through it."""
    query = one.query
    if one.failure is not None or query.meant is Meant.ELSEWHERE:
        return frozenset()
    context = Context(catalog.draft(), Session(10, 10, False, one.path), query.statement)
    try:
        found = analyze_query(context, query.statement.tag, query.statement.node, variables=_ANY)
    except (Refused, Unsure):
        return frozenset()
    except Exception:  # as in _analysed
        if os.environ.get("LOCKGATE_DEBUG"):
            traceback.print_exc()
        return frozenset()
    return found.touched


def _further(query: Query, catalog: Catalog, known: Known, path: tuple[str, ...]) -> Iterator[str]:
    """Schemas that the application must have in its own search_path: the only ones that have (or had) a relation of a
    bare name."""
    for schema, name in query.relations:
        found = known.schemas(name)
        here = any(s in found or ("relation", s, name) in catalog.events for s in path)
        if not schema and not here and len(found) == 1:
            yield found[0]


def _doubt(query: Query, draft: Draft, context: Context, known: Known) -> bool:
    """Mark as not known what the query has and the migrations never made; whether there was any."""
    spaces, oids = context.path(), []
    found = False
    for schema, name in query.relations:
        oids += [
            r.oid
            for s in known.there.get(name, ())
            if (n := draft.namespace(s)) and isinstance(r := draft.relation_named(n.oid, name), Relation)
        ]
        if not _ever(draft, known, spaces, (schema, name)):
            found = True
            space = draft.namespace(schema) if schema else None
            if schema and space is None:
                draft.taint(("name", "namespace", 0, schema), "no migration makes this schema")
            for oid in (space.oid,) if space else spaces:
                draft.taint(("name", "relation", oid, name), "no migration makes this relation")
    if query.fitted.open:
        _doubt_holes(query, draft, spaces, oids)
    return found


def _tainted(query: Query, catalog: Catalog) -> bool:
    """Whether the timeline is not certain of a relation of the query's."""
    names = {name for _, name in query.relations}
    doubted = (catalog.get(key[1]) for key in catalog.taints if key[0] in ("object", "shape", "column"))
    return catalog.taint_of(("any",)) is not None or any(isinstance(o, Relation) and o.name in names for o in doubted)


def _lasting(query: Query, catalog: Catalog, known: Known, path: tuple[str, ...]) -> Failure | None:
    """The refusal of a name that a migration took away after everything in doubt here: what nobody knows happened
    before, and cannot have brought it back."""
    if not catalog.taints:
        return None
    draft = catalog.draft()
    draft.taints = Map()
    context = Context(draft, Session(10, 10, False, path), query.statement)
    _doubt(query, draft, context, known)
    failure, _ = _analysed(query, context)
    if failure is None or failure.sqlstate not in GONE or not failure.cause:
        return None
    gone = next(
        (
            (key, event)
            for key, event in catalog.events.items()
            if key[0] == failure.kind and ".".join(key[1:]) == failure.object
        ),
        None,
    )
    if gone is None:
        return None
    (*_, name), event = gone
    return failure if all(taint.clock <= event.clock for taint in _taints(query, catalog, known, name)) else None


def _taints(query: Query, catalog: Catalog, known: Known, name: str) -> Iterator[Taint]:
    """What makes the relations of a query uncertain, as far as it may concern one name in it."""
    for schema, relation in query.relations:
        for space in filter(None, map(catalog.namespace, (schema,) if schema else known.schemas(relation))):
            there = catalog.relation_named(space.oid, relation)
            keys: list[TaintKey] = [("any",), ("namespace", space.oid), ("name", "relation", space.oid, relation)]
            if there is not None:
                keys += [("object", there.oid), ("column", there.oid, name)]
            yield from filter(None, map(catalog.taint_of, keys))


def _ever(draft: Draft, known: Known, spaces: tuple[int, ...], name: Name) -> bool:
    """Whether a relation is, or was, there under that name; built-in ones are."""
    schema, bare = name
    if schema:
        return (
            schema in known.there.get(bare, ())
            or schema in known.gone.get(bare, ())
            or schema in ("pg_catalog", "information_schema")
        )
    named = {draft.namespace_name(oid) for oid in spaces}
    return (
        bool(named & {*known.there.get(bare, ()), *known.gone.get(bare, ())})
        or draft.builtins.relation("pg_catalog", bare) is not None
    )


def _doubt_holes(query: Query, draft: Draft, spaces: tuple[int, ...], oids: list[int]) -> None:
    """A name that stands for a fragment may be any schema, relation, type or column."""
    for name in set(_HOLE.findall(query.sql)):
        draft.taint(("name", "namespace", 0, name), "a fragment of the program's")
        for oid in spaces:
            draft.taint(("name", "relation", oid, name), "a fragment of the program's")
            draft.taint(("name", "type", oid, name), "a fragment of the program's")
        for oid in oids:
            draft.taint(("column", oid, name), "a fragment of the program's")


def _analysed(query: Query, context: Context) -> tuple[Failure | None, bool]:
    """The refusal, if any; and whether the answer is certain."""
    try:
        analyze_query(context, query.statement.tag, query.statement.node, variables=_ANY)
    except Refused as refused:
        return refused.failure, True
    except Unsure:
        return None, False
    except Exception:  # a hole in the binder must neither stop the run nor become a false failure
        if os.environ.get("LOCKGATE_DEBUG"):
            traceback.print_exc()
        return None, False
    return None, True


def _uncertain(query: Query, failure: Failure) -> bool:
    """A refusal that a fragment may mend, or that is about a fragment."""
    if _about_fragment(query, failure):
        return True
    if not query.fitted.partial:
        return False
    if failure.sqlstate in GONE and query.fitted.shadows:
        return True
    bare = query.fitted.excerpt and query.statement.script.source.text[failure.span.start - 1] != "."
    if not failure.cause and (
        query.fitted.loose or bare
    ):  # a bare name may be something else to PostgreSQL than to sqlglot
        return True
    if failure.sqlstate == "42P01" and not failure.cause:
        return True
    # a fragment among the output columns may bring the name (ORDER BY total), but not one that a migration took from a
    # table here
    return failure.sqlstate not in GONE or (
        not failure.cause and _selects_fragment(query.statement.node, query.fitted.holes)
    )


def _about_fragment(query: Query, failure: Failure) -> bool:
    """Whether a refusal is about, or stands at, a name that is put for a fragment."""
    marked = _MARKED.match(query.statement.script.source.text, failure.span.start)
    about = msgspec.structs.astuple(failure.subject) if failure.subject is not None else ()
    return any(HOLE_NAME in word for word in (failure.object, *about, marked.group() if marked is not None else ""))


def _selects_fragment(node: Any, holes: frozenset[int]) -> bool:
    """Whether an output column of any level is a fragment."""
    if isinstance(node, list):
        return any(_selects_fragment(item, holes) for item in node)
    if not isinstance(node, dict):
        return False
    value = node.get("ResTarget", {}).get("val", {}) if "ResTarget" in node else {}
    if value.get("ParamRef", {}).get("number") in holes:
        return True
    return any(_selects_fragment(value, holes) for value in node.values())
