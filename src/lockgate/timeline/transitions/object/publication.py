"""Publications and subscriptions (src/backend/commands/publicationcmds.c, subscriptioncmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.details import PublicationScope, PublishedSchema, PublishedTable
from lockgate.catalog.objects import FIRST_USER_OID, Namespace, Other, Relation
from lockgate.timeline.binder import Expr, analyze_expression, boolean, find_relation, relation_scope, words
from lockgate.timeline.binder.names import missing_namespace
from lockgate.timeline.binder.replica import PUBLISHED
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.check import need_create_on_database, need_owner, need_superuser
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.transitions.object.creation import find_other, refuse_existing
from lockgate.timeline.transitions.relation.relation import SYSTEM_COLUMNS, column_of
from lockgate.timeline.transitions.type.collation import put_other

_WORDS = {
    "v": "views",
    "m": "materialized views",
    "S": "sequences",
    "f": "foreign tables",
    "c": "composite types",
    "i": "indexes",
    "I": "indexes",
}


def create_publication(ctx: Context, node: Node) -> None:
    """CreatePublication: members' owners may; all tables and whole schemas are for superusers."""
    name = node["pubname"]
    need_create_on_database(ctx)
    everything = bool(node.get("for_all_tables"))
    if everything:
        need_superuser(ctx, "must be superuser to create FOR ALL TABLES publication", name=name)
    found = ctx.catalog.one(Other, ("publication", 0, name))
    if found is not None:
        refuse_existing(ctx, found.oid, "publication", f'publication "{name}" already exists', name=name)
    _check_options(ctx, node.get("options", []))
    scope = PublicationScope(everything, _published(node.get("options", []), PUBLISHED))
    made = put_other(ctx, "publication", name, details=scope)
    _add(ctx, made, node.get("pubobjects", []), "create FOR TABLES IN SCHEMA publication", creating=True)


def _check_options(ctx: Context, options: list[Node]) -> None:
    for item in options:
        option = item["DefElem"]
        if option["defname"] == "publish":
            for word in option["arg"]["String"].get("sval", "").split(","):
                if word.strip() and word.strip() not in PUBLISHED:
                    message = f'unrecognized value for publication option "publish": "{word.strip()}"'
                    raise ctx.refuse("42601", message, option.get("location"), kind="other")
        elif option["defname"] == "publish_generated_columns" and ctx.catalog.major >= 18:
            argument = option.get("arg", {"String": {"sval": "stored"}})
            value = words(argument.get("TypeName", {}).get("names", [argument]))[-1]
            if value not in ("none", "stored"):
                message = f'invalid value for publication parameter "publish_generated_columns": "{value}"'
                raise ctx.refuse("42601", message, option.get("location"), kind="other")
        elif option["defname"] not in ("publish_via_partition_root", "publish_generated_columns"):
            raise ctx.refuse(
                "42601",
                f'unrecognized publication parameter: "{option["defname"]}"',
                option.get("location"),
                kind="other",
            )


def _published(options: list[Node], before: tuple[str, ...]) -> tuple[str, ...]:
    """The operations that the option ``publish`` names; those of before where it is not given."""
    for option in (item["DefElem"] for item in options):
        if option["defname"] == "publish":
            return tuple(word.strip() for word in option["arg"]["String"].get("sval", "").split(","))
    return before


def _add(ctx: Context, publication: Other, items: list[Node], words: str, *, creating: bool = False) -> None:
    """The tables first (their column lists have no place beside whole schemas), then the schemas."""
    specs = [i["PublicationObjSpec"] for i in items]
    if any(s["pubobjtype"] != "PUBLICATIONOBJ_TABLE" for s in specs):
        need_superuser(ctx, f"must be superuser to {words}")
    schemas = [_schema(ctx, spec) for spec in specs if "pubtable" not in spec]
    whole = bool(schemas) or bool(published_schemas(ctx, publication))
    seen: dict[int, bool] = {}
    for table in [spec["pubtable"] for spec in specs if "pubtable" in spec]:
        relation = find_relation(ctx, table["relation"])
        bare = "columns" not in table and "whereClause" not in table
        oid = relation.oid if isinstance(relation, Relation) else 0
        if bare and seen.get(oid, False):
            continue  # OpenTableList: the same table once more is as good as once
        seen[oid] = bare
        _add_table(ctx, publication, table, whole)
    if schemas and not creating and any(_lists_columns(row) for row in publication_members(ctx, publication).values()):
        message = f'cannot add schema to publication "{publication.name}"'
        help = "Schemas cannot be added if any tables that specify a column list are already part of the publication."
        raise ctx.refuse("22023", message, kind="publication", help=help)
    for space in dict.fromkeys(schemas):
        _add_schema(ctx, publication, space)


def _lists_columns(member: Other) -> bool:
    return isinstance(member.details, PublishedTable) and member.details.columns


def _schema(ctx: Context, spec: Node) -> Namespace:
    if spec["pubobjtype"] == "PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA":
        return ctx.creation_namespace(spec.get("location"))
    found = ctx.catalog.namespace(spec["name"])
    if found is None:
        raise missing_namespace(ctx, spec["name"], spec.get("location"))
    return found


def _add_schema(ctx: Context, publication: Other, space: Namespace) -> None:
    """publication_add_schema: a row of pg_publication_namespace, which goes with the schema, and with the
    publication."""
    if space.name in ("pg_catalog", "pg_toast") or space.name.startswith("pg_temp"):
        raise ctx.refuse("22023", f'cannot add schema "{space.name}" to publication', name=space.name, kind="schema")
    if space.oid in published_schemas(ctx, publication):
        message = f'schema "{space.name}" is already member of publication "{publication.name}"'
        raise ctx.refuse("42710", message, name=space.name, kind="publication")
    name = f"{publication.oid}.{space.oid}"
    row = Other(
        ctx.catalog.new_oid(), "publication_namespace", name, 0, publication.owner, details=PublishedSchema(space.oid)
    )
    ctx.catalog.put(row)
    ctx.catalog.depend((row.oid, 0), [(space.oid, 0), (publication.oid, 0)], "a")


def published_schemas(ctx: Context, publication: Other) -> dict[int, Other]:
    """The schemas of a publication: schema oid to its pg_publication_namespace row."""
    rows = [ctx.catalog.find(Other, e.dependent[0]) for e in ctx.catalog.dependents(publication.oid)]
    return {r.details.namespace: r for r in rows if r is not None and isinstance(r.details, PublishedSchema)}


def _add_table(ctx: Context, publication: Other, node: Node, whole: bool) -> None:
    target = node["relation"]
    location, name = target.get("location", 0), target.get("relname", "")
    relation = _publishable(ctx, target)
    if node.get("columns") and whole:
        message = f'cannot use column list for relation "{ctx.catalog.qualified(relation)}" in publication "{publication.name}"'
        help = "Column lists cannot be specified in publications containing FOR TABLES IN SCHEMA elements."
        raise ctx.refuse("22023", message, location, name=name, kind="relation", help=help)
    members = publication_members(ctx, publication)
    if relation.oid in members:
        message = f'relation "{relation.name}" is already member of publication "{publication.name}"'
        raise ctx.refuse(
            "42710", message, location, name=name, kind="publication", object=ctx.catalog.qualified(relation)
        )
    refs = _columns(ctx, relation, words(node.get("columns", [])), location)
    if "whereClause" in node:
        expr = boolean(
            ctx,
            analyze_expression(ctx, node["whereClause"], relation_scope(ctx, relation), "where"),
            "PUBLICATION WHERE",
        )
        _check_filter(ctx, relation, node["whereClause"], expr)
        refs += [d for d in expr.depends if d[1]]
    _put_member(ctx, publication, relation, refs, bool(node.get("columns")))


def _publishable(ctx: Context, target: Node) -> Relation:
    """check_publication_add_relation: a permanent table of the user's."""
    location, name = target.get("location", 0), target.get("relname", "")

    def wrong(sort: str) -> Exception:
        help = f"This operation is not supported for {sort}."
        message = f'cannot add relation "{name}" to publication'
        return ctx.refuse("22023", message, location, name=name, kind="relation", help=help)

    relation = find_relation(ctx, target)
    if not isinstance(relation, Relation):
        raise wrong("system tables")
    if has_owner(ctx, relation) == "no":
        need_owner(ctx, relation, location)
    if relation.kind not in "rp":
        raise wrong(_WORDS.get(relation.kind, "it"))
    if relation.persistence != "p":
        raise wrong("temporary tables" if relation.persistence == "t" else "unlogged tables")
    return relation


def _columns(ctx: Context, relation: Relation, names: list[str], location: int) -> list[tuple[int, int]]:
    """pub_collist_validate: no system columns, none twice, and no generated ones (18: no virtual ones)."""
    found: list[tuple[int, int]] = []
    for name in names:
        if name in SYSTEM_COLUMNS:
            message = f'cannot use system column "{name}" in publication column list'
            raise ctx.refuse("42P10", message, location, name=name, kind="column")
        attribute = column_of(ctx, relation, name)
        if attribute.generated and (attribute.generated == "v" or ctx.catalog.major < 18):
            word = "virtual generated" if ctx.catalog.major >= 18 else "generated"
            message = f'cannot use {word} column "{name}" in publication column list'
            raise ctx.refuse("42P10", message, location, name=name, kind="column")
        if (relation.oid, attribute.num) in found:
            message = f'duplicate column "{name}" in publication column list'
            raise ctx.refuse("42710", message, location, name=name, kind="column")
        found.append((relation.oid, attribute.num))
    return found


def _check_filter(ctx: Context, relation: Relation, node: Node, expr: Expr) -> None:
    """check_simple_rowfilter_expr: immutable built-in functions, operators, types and collations, and the row itself."""
    strangers = [oid for oid, _ in expr.depends if oid >= FIRST_USER_OID and oid != relation.oid]
    users = any(
        a is not None and a.type >= FIRST_USER_OID for a in (relation.attribute_by_num(n) for n in expr.columns)
    )
    if strangers or users or expr.volatility in ("s", "v") or not _simple(node):
        location = expr.location if expr.location >= 0 else None
        raise ctx.refuse("0A000", "invalid publication WHERE expression", location, kind="other")


def _simple(node: object) -> bool:
    """Neither subqueries nor system columns."""
    if isinstance(node, dict):
        fields = node.get("ColumnRef", {}).get("fields", [])
        named = words([f for f in fields if "String" in f])[-1:]
        return (
            "SubLink" not in node
            and named[:1] not in [[c] for c in SYSTEM_COLUMNS]
            and all(map(_simple, node.values()))
        )
    return not isinstance(node, list) or all(map(_simple, node))


def _put_member(
    ctx: Context, publication: Other, relation: Relation, refs: list[tuple[int, int]], columns: bool
) -> None:
    """A row of pg_publication_rel: it goes with the table, and with the publication."""
    row = Other(
        ctx.catalog.new_oid(),
        "publication_rel",
        f"{publication.oid}.{relation.oid}",
        0,
        publication.owner,
        relation.oid,
        details=PublishedTable(columns),
    )
    ctx.catalog.put(row)
    ctx.catalog.depend((row.oid, 0), [(publication.oid, 0), (relation.oid, 0)], "a")
    ctx.catalog.depend((row.oid, 0), refs)


def publication_members(ctx: Context, publication: Other) -> dict[int, Other]:
    """The tables of a publication: relation oid to its pg_publication_rel row."""
    rows = [ctx.catalog.find(Other, e.dependent[0]) for e in ctx.catalog.dependents(publication.oid)]
    return {row.relation: row for row in rows if row is not None and row.kind == "publication_rel"}


def alter_publication(ctx: Context, node: Node) -> None:
    """AlterPublication: ADD, DROP and SET tables, or options."""
    name = node["pubname"]
    found = find_other(ctx, "publication", name, "publication")
    assert found is not None
    need_owner(ctx, found, name=name)
    scope = found.details if isinstance(found.details, PublicationScope) else PublicationScope(False, PUBLISHED)
    if node.get("options"):
        _check_options(ctx, node["options"])
        details = replace(scope, published=_published(node["options"], scope.published))
        ctx.catalog.put(replace(found, details=details))
        return
    if scope.every_table:
        raise ctx.refuse(
            "55000",
            f'publication "{name}" is defined as FOR ALL TABLES',
            None,
            name=name,
            kind="publication",
            help="Tables or schemas cannot be added to or dropped from FOR ALL TABLES publications.",
        )
    action = node.get("action", "AP_AddObjects")
    if action == "AP_DropObjects":
        _drop(ctx, found, node.get("pubobjects", []))
        return
    if action == "AP_SetObjects":
        for row in (*publication_members(ctx, found).values(), *published_schemas(ctx, found).values()):
            ctx.catalog.remove(row.oid)
    _add(ctx, found, node.get("pubobjects", []), "add or set schemas")


def _drop(ctx: Context, publication: Other, items: list[Node]) -> None:
    members = publication_members(ctx, publication)
    for spec in [item["PublicationObjSpec"] for item in items]:
        table = spec.get("pubtable", {})
        if table.get("columns"):
            message = "column list must not be specified in ALTER PUBLICATION ... DROP"
            raise ctx.refuse("42601", message, kind="publication")
        target = table.get("relation")
        if target is None:
            _drop_schema(ctx, publication, _schema(ctx, spec))
            continue
        relation = find_relation(ctx, target)
        row = members.get(getattr(relation, "oid", 0))
        if row is None:
            message = f'relation "{target.get("relname", "")}" is not part of the publication'
            raise ctx.refuse(
                "42704", message, target.get("location", 0), name=target.get("relname"), kind="publication"
            )
        if "whereClause" in table:
            message = "cannot use a WHERE clause when removing a table from a publication"
            raise ctx.refuse("42601", message, target.get("location", 0), kind="publication")
        ctx.catalog.remove(row.oid)


def _drop_schema(ctx: Context, publication: Other, space: Namespace) -> None:
    row = published_schemas(ctx, publication).get(space.oid)
    if row is None:
        message = f'tables from schema "{space.name}" are not part of the publication'
        raise ctx.refuse("42704", message, name=space.name, kind="publication")
    ctx.catalog.remove(row.oid)


def create_subscription(ctx: Context, node: Node) -> None:
    """CreateSubscription: it talks to another server, so no more than its name is known."""
    name = node["subname"]
    options = {d["DefElem"]["defname"]: d["DefElem"] for d in node.get("options", [])}
    connect = options.get("connect", {}).get("arg", {}).get("String", {}).get("sval", "true") not in (
        "false",
        "off",
        "0",
    )
    if connect and ctx.session.in_block:
        message = "CREATE SUBSCRIPTION ... WITH (create_slot = true) cannot run inside a transaction block"
        if options.get("create_slot", {}).get("arg", {}).get("String", {}).get("sval", "true") not in (
            "false",
            "off",
            "0",
        ):
            raise ctx.refuse("25001", message, None, kind="transaction")
    if ctx.catalog.major < 16:
        need_superuser(ctx, "must be superuser to create subscriptions", name=name)
    else:
        help = 'Only roles with privileges of the "pg_create_subscription" role may create subscriptions.'
        need_superuser(
            ctx,
            "permission denied to create subscription",
            name=name,
            roles=("pg_create_subscription",),
            help=help,
            subject=NoPrivilege(),
        )
        need_create_on_database(ctx)
    found = ctx.catalog.one(Other, ("subscription", 0, name))
    if found is not None:
        refuse_existing(ctx, found.oid, "subscription", f'subscription "{name}" already exists', name=name)
    put_other(ctx, "subscription", name)
    if not connect:
        old = "tables were not subscribed, you will have to run ALTER SUBSCRIPTION ... REFRESH PUBLICATION to subscribe the tables"
        ctx.warn(old if ctx.catalog.major < 16 else "subscription was created, but is not connected", sqlstate="01000")


def alter_subscription(ctx: Context, node: Node) -> None:
    """AlterSubscription."""
    found = find_other(ctx, "subscription", node["subname"], "subscription")
    assert found is not None
    need_owner(ctx, found, name=found.name)
    ctx.catalog.put(replace(found))


def drop_subscription(ctx: Context, node: Node) -> None:
    """DropSubscription."""
    name = node["subname"]
    found = find_other(ctx, "subscription", name, "subscription", missing_ok=bool(node.get("missing_ok")))
    if found is None:
        ctx.warn(f'subscription "{name}" does not exist, skipping', level="NOTICE", sqlstate="00000")
        return
    need_owner(ctx, found, name=name)
    ctx.catalog.remove(found.oid)


HANDLERS = {
    "CreatePublicationStmt": create_publication,
    "AlterPublicationStmt": alter_publication,
    "CreateSubscriptionStmt": create_subscription,
    "AlterSubscriptionStmt": alter_subscription,
    "DropSubscriptionStmt": drop_subscription,
}
