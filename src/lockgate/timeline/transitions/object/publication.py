"""Publications and subscriptions (src/backend/commands/publicationcmds.c, subscriptioncmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Other, Relation
from lockgate.timeline.binder import analyze_expression, boolean, find_relation, relation_scope
from lockgate.timeline.binder.names import missing_namespace
from lockgate.timeline.binder.replica import PUBLISHED
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_create_on_database, need_owner, need_superuser
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.transitions.object.creation import find_other, refuse_existing
from lockgate.timeline.transitions.relation.relation import column_of
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
    made = put_other(ctx, "publication", name, data=(everything, _published(node.get("options", []), PUBLISHED)))
    _add(ctx, made, node.get("pubobjects", []), "create FOR TABLES IN SCHEMA publication")


def _check_options(ctx: Context, options: list[Node]) -> None:
    for item in options:
        option = item["DefElem"]
        if option["defname"] == "publish":
            for word in option["arg"]["String"].get("sval", "").split(","):
                if word.strip() and word.strip() not in PUBLISHED:
                    message = f'unrecognized value for publication option "publish": "{word.strip()}"'
                    raise ctx.refuse("42601", message, option.get("location"), kind="other")
        elif option["defname"] not in ("publish_via_partition_root", "publish_generated_columns"):
            raise ctx.refuse(
                "42601",
                f'unrecognized publication parameter: "{option["defname"]}"',
                option.get("location"),
                kind="other",
            )


def _published(options: list[Node], before: object) -> object:
    """The operations that the option ``publish`` names; those of before where it is not given."""
    for option in (item["DefElem"] for item in options):
        if option["defname"] == "publish":
            return tuple(word.strip() for word in option["arg"]["String"].get("sval", "").split(","))
    return before


def _add(ctx: Context, publication: Other, items: list[Node], words: str) -> None:
    specs = [i["PublicationObjSpec"] for i in items]
    if any(s["pubobjtype"] != "PUBLICATIONOBJ_TABLE" for s in specs):
        need_superuser(ctx, f"must be superuser to {words}")
    kind = "TABLE"
    for spec in specs:
        kind = spec["pubobjtype"] if spec["pubobjtype"] != "PUBLICATIONOBJ_CONTINUATION" else kind
        if "pubtable" in spec:
            _add_table(ctx, publication, spec["pubtable"])
        elif "name" in spec and ctx.catalog.namespace(spec["name"]) is None:
            raise missing_namespace(ctx, spec["name"], spec.get("location"))
        elif "name" in spec:
            space = ctx.catalog.namespace(spec["name"])
            ctx.catalog.depend((publication.oid, 0), [(space.oid, 0)] if space else [], "a")


def _add_table(ctx: Context, publication: Other, node: Node) -> None:
    target = node["relation"]
    location = target.get("location", 0)
    relation = find_relation(ctx, target)
    name = target.get("relname", "")
    if not isinstance(relation, Relation):
        raise ctx.refuse(
            "22023",
            f'cannot add relation "{name}" to publication',
            location,
            name=name,
            kind="relation",
            help="This operation is not supported for system tables.",
        )
    if has_owner(ctx, relation) == "no":
        need_owner(ctx, relation, location)
    if relation.kind not in "rp":
        raise ctx.refuse(
            "22023",
            f'cannot add relation "{name}" to publication',
            location,
            name=name,
            kind="relation",
            help=f"This operation is not supported for {_WORDS.get(relation.kind, 'it')}.",
        )
    for word, sort in (("t", "temporary"), ("u", "unlogged")):
        if relation.persistence == word:
            raise ctx.refuse(
                "22023",
                f'cannot add relation "{name}" to publication',
                location,
                name=name,
                kind="relation",
                help=f"This operation is not supported for {sort} tables.",
            )
    members = publication_members(ctx, publication)
    if relation.oid in members:
        message = f'relation "{relation.name}" is already member of publication "{publication.name}"'
        raise ctx.refuse(
            "42710", message, location, name=name, kind="publication", object=ctx.catalog.qualified(relation)
        )
    refs = [(relation.oid, column_of(ctx, relation, c["String"].get("sval", "")).num) for c in node.get("columns", [])]
    if "whereClause" in node:
        expr = boolean(
            ctx,
            analyze_expression(ctx, node["whereClause"], relation_scope(ctx, relation), "where"),
            "PUBLICATION WHERE",
        )
        refs += [d for d in expr.depends if d[1]]
    _put_member(ctx, publication, relation, refs)


def _put_member(ctx: Context, publication: Other, relation: Relation, refs: list[tuple[int, int]]) -> None:
    """A row of pg_publication_rel: it goes with the table, and with the publication."""
    row = Other(
        ctx.catalog.new_oid(),
        "publication_rel",
        f"{publication.oid}.{relation.oid}",
        0,
        publication.owner,
        relation.oid,
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
    if node.get("options"):
        _check_options(ctx, node["options"])
        before = found.data[1] if len(found.data) > 1 else PUBLISHED
        ctx.catalog.put(replace(found, data=(bool(found.data and found.data[0]), _published(node["options"], before))))
        return
    if found.data and found.data[0]:
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
        for row in publication_members(ctx, found).values():
            ctx.catalog.remove(row.oid)
    _add(ctx, found, node.get("pubobjects", []), "add or set schemas")


def _drop(ctx: Context, publication: Other, items: list[Node]) -> None:
    members = publication_members(ctx, publication)
    for item in items:
        target = item["PublicationObjSpec"].get("pubtable", {}).get("relation")
        if target is None:
            continue
        relation = find_relation(ctx, target)
        row = members.get(getattr(relation, "oid", 0))
        if row is None:
            message = f'relation "{target.get("relname", "")}" is not part of the publication'
            raise ctx.refuse(
                "42704", message, target.get("location", 0), name=target.get("relname"), kind="publication"
            )
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
            ctx, "permission denied to create subscription", name=name, roles=("pg_create_subscription",), help=help
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
