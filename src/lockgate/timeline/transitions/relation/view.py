"""Views (src/backend/commands/view.c) and REFRESH MATERIALIZED VIEW (matview.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Attribute, Namespace, Relation
from lockgate.catalog.typename import TEXT, UNKNOWN, type_name
from lockgate.timeline.binder import AnalyzedQuery, Column, analyze_query, words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.privileges.query import check_view_run
from lockgate.timeline.transitions.object.alter_other import option_value
from lockgate.timeline.transitions.query.maintenance import need_maintain
from lockgate.timeline.transitions.relation.new_name import creation_place, doubt
from lockgate.timeline.transitions.relation.relation import (
    check_column_type,
    check_names,
    create_relation,
    depend_column,
    user_relation,
)
from lockgate.timeline.transitions.session.option import check_storage_options


def create_view(ctx: Context, node: Node) -> None:
    """CREATE VIEW (DefineView)."""
    rangevar = node["view"]
    ((tag, body),) = node["query"].items()
    if "intoClause" in body:
        raise ctx.refuse("0A000", "views must not contain SELECT INTO", rangevar.get("location", 0), kind="other")
    query = analyze_query(ctx, tag, body)
    location = rangevar.get("location", 0)
    if query.modifies:
        raise ctx.refuse("0A000", "views must not contain data-modifying statements in WITH", location, kind="other")
    check_storage_options(ctx, node.get("options", []), "v")
    _check_option(ctx, node, query, location)
    names = words(node.get("aliases", []))
    if len(names) > len(query.columns) and not query.open:
        raise ctx.refuse("42601", "CREATE VIEW specifies more column names than columns", location, kind="column")
    columns = _renamed(query.columns, names)
    space, existing = _place(ctx, rangevar, query)
    options = tuple((o["DefElem"]["defname"], option_value(o["DefElem"])) for o in node.get("options", []))
    attributes = make_attributes(columns)
    if node.get("replace") and isinstance(existing, Relation) and _certain(ctx, existing):
        relation = _replace(ctx, existing, attributes, options, location)
    else:
        check_attributes(ctx, attributes, "v", location)
        persistence = "t" if space.oid == ctx.session.temp_namespace else "p"
        relation = create_relation(
            ctx,
            rangevar.get("relname", ""),
            space,
            "v",
            attributes,
            location=location,
            persistence=persistence,
            options=options,
        )
    relation = replace(ctx.catalog.the(Relation, relation.oid), updatable=query.updatable)
    ctx.catalog.put(relation)
    ctx.catalog.depend((relation.oid, 0), query_refs(query))
    if query.open:
        ctx.taint(("shape", relation.oid), "its columns are not known for certain")


def create_unknown_view(ctx: Context, node: Node) -> None:
    """CREATE VIEW AS a query that is not known: the view is there; what it is like is in doubt."""
    rangevar = node["view"]
    location, name = rangevar.get("location", 0), rangevar.get("relname", "")
    space, view = creation_place(ctx, rangevar)
    if node.get("replace") and isinstance(view, Relation):
        need_owner(ctx, view, location, name=name)
    else:
        view = create_relation(ctx, name, space, "v", (), location=location)
    ctx.taint(("shape", view.oid), "its query is not known")


def _check_option(ctx: Context, node: Node, query: AnalyzedQuery, location: int) -> None:
    wanted = node.get("withCheckOption", "NO_CHECK_OPTION") != "NO_CHECK_OPTION" or any(
        o["DefElem"].get("defname") == "check_option" for o in node.get("options", [])
    )
    if wanted and not query.updatable and not query.open:
        raise ctx.refuse(
            "0A000", "WITH CHECK OPTION is supported only on automatically updatable views", location, kind="other"
        )


def _certain(ctx: Context, existing: Relation) -> bool:
    """A view whose columns are in doubt is taken as made anew; its privileges and owner stay."""
    if doubt(ctx, existing) is None:
        return True
    ctx.catalog.untaint(("object", existing.oid))
    return existing.kind == "v"


def _renamed(columns: tuple[Column, ...], names: list[str]) -> list[Column]:
    return [replace(c, name=names[i]) if i < len(names) else c for i, c in enumerate(columns)]


def _place(ctx: Context, rangevar: Node, query: AnalyzedQuery) -> tuple[Namespace, Relation | None]:
    if query.temporary and rangevar.get("relpersistence") != "t":
        rangevar = rangevar | {"relpersistence": "t"}
    return creation_place(ctx, rangevar)


def make_attributes(columns: list[Column]) -> list[Attribute]:
    """The columns of a relation made of a query's: an untyped literal is text."""
    out = []
    for number, column in enumerate(columns, 1):
        kind = TEXT if column.type == UNKNOWN else column.type
        out.append(Attribute(number, column.name, kind, column.typmod, collation=column.collation))
    return out


def check_attributes(ctx: Context, attributes: list[Attribute], kind: str, location: int) -> None:
    """CheckAttributeNamesTypes: the names first, then no pseudo-types."""
    check_names(ctx, tuple(attributes), kind, location)
    for attribute in attributes:
        check_column_type(ctx, attribute.name, attribute.type, location)


def _replace(
    ctx: Context, old: Relation, attributes: list[Attribute], options: tuple[tuple[str, str], ...], location: int
) -> Relation:
    """CREATE OR REPLACE: columns may only be added at the end (checkViewColumns: 42P16)."""
    if old.kind != "v":
        raise ctx.refuse(
            "42809",
            f'"{old.name}" is not a view',
            location,
            name=old.name,
            kind="relation",
            object=ctx.catalog.qualified(old),
        )
    need_owner(ctx, old, location, name=old.name)
    if doubt(ctx, old) is None:
        _check_columns(ctx, old, attributes, location)
    check_attributes(ctx, attributes, "v", location)
    catalog = ctx.catalog
    catalog.undepend((old.oid, 0), "n")
    kept = [
        replace(a, num=b.num, acl=b.acl, has_default=b.has_default)
        for a, b in zip(attributes, old.attributes, strict=False)
    ]
    added = [replace(a, num=old.next_attnum + i) for i, a in enumerate(attributes[len(kept) :])]
    new = replace(old, attributes=(*kept, *added), next_attnum=old.next_attnum + len(added), options=options)
    catalog.put(new)
    catalog.depend((old.oid, 0), [(old.namespace, 0)])
    for attribute in new.attributes:
        catalog.undepend((old.oid, attribute.num), "n")
        depend_column(ctx, old.oid, attribute)
    return new


def _check_columns(ctx: Context, old: Relation, new: list[Attribute], location: int) -> None:
    subject = f"{ctx.catalog.qualified(old)}"
    if len(new) < len(old.attributes):
        raise ctx.refuse(
            "42P16", "cannot drop columns from view", location, name=old.name, object=subject, kind="column"
        )
    for one, other in zip(new, old.attributes, strict=False):
        if one.name != other.name:
            raise ctx.refuse(
                "42P16",
                f'cannot change name of view column "{other.name}" to "{one.name}"',
                location,
                name=old.name,
                kind="column",
                object=f"{subject}.{other.name}",
                help="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )
        if one.type and other.type and (one.type, one.typmod) != (other.type, other.typmod):
            shown = [type_name(ctx.catalog, a.type, a.typmod, ctx.path()) for a in (other, one)]
            message = f'cannot change data type of view column "{other.name}" from {shown[0]} to {shown[1]}'
            raise ctx.refuse("42P16", message, location, name=old.name, object=f"{subject}.{other.name}", kind="column")


def query_refs(query: AnalyzedQuery) -> list[Address]:
    """What a view depends on: its query's references (recordDependencyOnExpr); a materialized view cannot yet refer to
    itself."""
    return sorted(query.depends)


def refresh(ctx: Context, node: Node) -> None:
    """REFRESH MATERIALIZED VIEW."""
    location = node["relation"].get("location", 0)
    relation = user_relation(ctx, node["relation"])
    assert relation is not None
    concurrent, skip = bool(node.get("concurrent")), bool(node.get("skipData"))
    if relation.kind not in "rpm":
        raise ctx.refuse(
            "42809",
            f'"{relation.name}" is not a table or materialized view',
            location,
            name=relation.name,
            kind="relation",
        )
    need_maintain(ctx, relation, location)
    if relation.kind != "m":
        raise ctx.refuse(
            "0A000", f'"{relation.name}" is not a materialized view', location, name=relation.name, kind="relation"
        )
    certain = doubt(ctx, relation) is None
    if concurrent and not relation.populated and certain:
        raise ctx.refuse(
            "0A000",
            "CONCURRENTLY cannot be used when the materialized view is not populated",
            location,
            name=relation.name,
            kind="relation",
        )
    if concurrent and skip:
        raise ctx.refuse(
            "42601", "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together", location, kind="other"
        )
    if concurrent and certain and not any(_usable(i) for i in ctx.catalog.of_relation(relation.oid, Relation)):
        raise ctx.refuse(
            "55000",
            f'cannot refresh materialized view "{ctx.catalog.qualified(relation)}" concurrently',
            location,
            name=relation.name,
            kind="index",
            help="Create a unique index with no WHERE clause on one or more columns of the materialized view.",
        )
    if not skip:
        check_view_run(ctx, relation, location)
        if ctx.catalog.major >= 17:
            from lockgate.timeline.routines.safe_path import check_safe_path, routines_of

            check_safe_path(ctx, routines_of(ctx, relation), rows=False)
    ctx.catalog.put(replace(relation, populated=not skip))


def _usable(index: Relation) -> bool:
    shape = index.index
    return (
        shape is not None
        and shape.unique
        and shape.valid
        and shape.immediate
        and not shape.partial
        and 0 not in shape.keys
    )


HANDLERS = {"ViewStmt": create_view, "RefreshMatViewStmt": refresh}
