"""DROP (RemoveRelations in src/backend/commands/tablecmds.c, RemoveObjects in src/backend/commands/dropcmds.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Extension, Namespace, Relation
from lockgate.timeline import dependency
from lockgate.timeline.binder import find_relation_names, words
from lockgate.timeline.binder.names import did_you_mean, relation_names
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingRelation
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.privileges.shipped import described
from lockgate.timeline.transitions.object.address import RELATION_KINDS, find
from lockgate.timeline.transitions.object.finders import Found
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.relation import is_system_catalog
from lockgate.timeline.transitions.role.ownership import need_ownership

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

_HINTS = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "S": "SEQUENCE",
    "i": "INDEX",
    "I": "INDEX",
    "f": "FOREIGN TABLE",
    "c": "TYPE",
}


def drop(ctx: Context, node: Node) -> None:
    """DROP of any kind."""
    kind = node["removeType"]
    if kind in RELATION_KINDS:
        drop_relations(ctx, node)
    else:
        drop_objects(ctx, node)


def drop_relations(ctx: Context, node: Node) -> None:
    """DROP TABLE, VIEW, INDEX, SEQUENCE, ...: every name first, then all at once."""
    kind, missing_ok = node["removeType"], bool(node.get("missing_ok"))
    if node.get("concurrent"):
        _check_concurrent(ctx, node)
    addresses: list[Address] = []
    doubts: list[Any] = []
    for item in node.get("objects", []):
        names = item["List"]["items"]
        relation = _lookup(ctx, names, kind, missing_ok, doubts)
        if relation is None:
            continue
        _check_kind(ctx, relation, kind)
        if not _owns_schema(ctx, relation):
            need_owner(ctx, relation, name=relation.name)
        if kind == "OBJECT_INDEX" and relation.kind == "I" and node.get("concurrent"):
            raise ctx.refuse(
                "0A000",
                f'cannot drop partitioned index "{relation.name}" concurrently',
                name=relation.name,
                kind="index",
            )
        if ctx.transaction.pending and kind == "OBJECT_TABLE":
            from lockgate.timeline.routines.pending import check_not_in_use

            check_not_in_use(ctx, relation, "DROP TABLE")
        addresses.append((relation.oid, 0))
    if addresses:
        dependency.drop(
            ctx, addresses, cascade=node.get("behavior") == "DROP_CASCADE", name=_name_of(ctx, addresses[0])
        )
    for key in doubts:
        ctx.catalog.untaint(key)


def _name_of(ctx: Context, address: Address) -> str | None:
    return getattr(ctx.catalog.get(address[0]), "name", None)


def _check_concurrent(ctx: Context, node: Node) -> None:
    if ctx.session.in_block:
        raise ctx.refuse(
            "25001",
            "DROP INDEX CONCURRENTLY cannot run inside a transaction block",
            span=ctx.span(0, "concurrently"),
            kind="other",
        )
    if len(node.get("objects", [])) > 1:
        raise ctx.refuse("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects", kind="index")
    if node.get("behavior") == "DROP_CASCADE":
        raise ctx.refuse("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE", kind="index")


def _lookup(ctx: Context, names: list[Any], kind: str, missing_ok: bool, doubts: list[Any]) -> Relation | None:
    parts = words(names)
    word, sqlstate = RELATION_KINDS[kind][1:]
    if missing_ok and len(parts) > 1 and ctx.catalog.namespace(parts[-2]) is None and parts[-2] != "pg_temp":
        ctx.warn(f'schema "{parts[-2]}" does not exist, skipping', level="NOTICE", sqlstate="00000")
        return None
    tainted = _tainted(ctx, parts)
    found = find_relation_names(ctx, names, missing_ok=True) if not tainted else None
    if isinstance(found, Relation):
        return found
    if found is not None:
        need_owner(ctx, found, name=parts[-1])
        raise is_system_catalog(ctx, parts[-1])
    if tainted:
        doubts += tainted
        return _certain(ctx, parts)
    if len(parts) > 1 and ctx.catalog.namespace(parts[-2]) is None:
        find_relation_names(ctx, names)  # 3F000
    if missing_ok:
        ctx.warn(f'{word} "{parts[-1]}" does not exist, skipping', level="NOTICE", sqlstate="00000")
        return None
    raise _missing(ctx, parts, word, sqlstate)


def _tainted(ctx: Context, parts: list[str]) -> list[TaintKey]:
    """Taint keys that make it uncertain whether a name exists; DROP ends that uncertainty."""
    if not ctx.catalog.taints:
        return []
    keys: list[TaintKey] = []
    for namespace in _spaces(ctx, parts):
        if ctx.catalog.relation_named(namespace, parts[-1]) is not None:
            return keys
        key: TaintKey = ("name", "relation", namespace, parts[-1])
        if ctx.catalog.taint_of(key, ("namespace", namespace), ("any",)) is not None:
            keys.append(key)
    return keys


def _certain(ctx: Context, parts: list[str]) -> Relation | None:
    for namespace in _spaces(ctx, parts):
        found = ctx.catalog.relation_named(namespace, parts[-1])
        if found is not None:
            return found
    return None


def _spaces(ctx: Context, parts: list[str]) -> tuple[int, ...]:
    if len(parts) == 1:
        return ctx.path()
    found = ctx.catalog.namespace(parts[-2])
    return (found.oid,) if found is not None else ()


def _missing(ctx: Context, parts: list[str], word: str, sqlstate: str) -> Exception:
    spaces = list(_spaces(ctx, parts))
    schemas = [ctx.catalog.namespace_name(s) for s in spaces]
    event = next((e for s in schemas if (e := ctx.catalog.events.get(("relation", s, parts[-1])))), None)
    schema = parts[-2] if len(parts) > 1 else (schemas[-1] if schemas else "")
    return ctx.refuse(
        sqlstate,
        f'{word} "{parts[-1]}" does not exist',
        name=parts[-1],
        object=f"{schema}.{parts[-1]}",
        event=event,
        kind="index" if word == "index" else "relation",
        subject=MissingRelation(parts[-1], parts[-2] if len(parts) > 1 else ""),
        help=did_you_mean(parts[-1], relation_names(ctx, spaces)),
    )


def _check_kind(ctx: Context, relation: Relation, kind: str) -> None:
    """DropErrorMsgWrongType."""
    kinds, word, _ = RELATION_KINDS[kind]
    if relation.kind in kinds:
        return
    article = "an" if word == "index" else "a"
    hint = f"Use DROP {_HINTS[relation.kind]} to remove {'an' if _HINTS[relation.kind] == 'INDEX' else 'a'} {_HINTS[relation.kind].lower()}."
    raise ctx.refuse(
        "42809",
        f'"{relation.name}" is not {article} {word}',
        name=relation.name,
        kind="relation",
        help=hint,
        object=ctx.catalog.qualified(relation),
    )


def _owns_schema(ctx: Context, obj: Any) -> bool:
    """A schema's owner may drop whatever is in it."""
    space = ctx.catalog.find(Namespace, getattr(obj, "namespace", 0)) if not isinstance(obj, Extension) else None
    return space is not None and has_owner(ctx, space) != "no" and has_owner(ctx, obj) != "unknown"


def drop_objects(ctx: Context, node: Node) -> None:
    """DROP of everything that is no relation."""
    kind, missing_ok = node["removeType"], bool(node.get("missing_ok"))
    addresses: list[Address] = []
    for item in node.get("objects", []):
        if missing_ok and _schema_missing(ctx, kind, item):
            continue
        found = find(ctx, kind, item, missing_ok=missing_ok)
        if found is None:
            if missing_ok:
                ctx.warn("object does not exist, skipping", level="NOTICE", sqlstate="00000")
            continue
        address = _checked(ctx, kind, item, found)
        if address is not None:
            addresses.append(address)
    if addresses:
        dependency.drop(
            ctx, addresses, cascade=node.get("behavior") == "DROP_CASCADE", name=_name_of(ctx, addresses[0])
        )


def _checked(ctx: Context, kind: str, item: Any, found: Found) -> Address | None:
    obj = found.obj
    if found.address is None:
        if obj is None:
            return None
        need_ownership(ctx, kind, item, obj)
        name = getattr(obj, "name", "")
        raise ctx.refuse(
            "2BP01",
            f"cannot drop {described(ctx.catalog, obj)} because it is required by the database system",
            name=name,
            kind="dependent",
        )
    _check_object(ctx, kind, item, obj)
    return found.address


def _check_object(ctx: Context, kind: str, item: Any, obj: Any) -> None:
    if kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        relation = ctx.catalog.the(Relation, obj.relation)
        need_ownership(ctx, kind, item, obj)
        if kind == "OBJECT_TRIGGER" and obj.parent and doubt(ctx, relation) is None:
            above = ctx.catalog.get(obj.parent)
            if above is not None:
                from lockgate.timeline.describe import describe_object

                words_ = [describe_object(ctx.catalog, o, ctx.path()) for o in (obj, above)]
                raise ctx.refuse(
                    "2BP01",
                    f"cannot drop {words_[0]} because {words_[1]} requires it",
                    name=obj.name,
                    kind="dependent",
                    help=f"You can drop {words_[1]} instead.",
                )
        return
    if not _owns_schema(ctx, obj):
        need_ownership(ctx, kind, item, obj)


def _schema_missing(ctx: Context, kind: str, item: Any) -> bool:
    """IF EXISTS covers a missing schema (schema_does_not_exist_skipping, owningrel_does_not_exist_skipping)."""
    names = (
        item.get("List", {}).get("items")
        if "List" in item
        else item.get("ObjectWithArgs", {}).get("objname") or item.get("TypeName", {}).get("names")
    )
    if not names or kind in ("OBJECT_SCHEMA", "OBJECT_CAST", "OBJECT_TRANSFORM", "OBJECT_OPCLASS", "OBJECT_OPFAMILY"):
        return False
    parts = words(names)
    if kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        parts = parts[:-1]
    if len(parts) < 2 or ctx.catalog.namespace(parts[-2]) is not None or parts[-2] == "pg_temp":
        return False
    if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, parts[-2])):
        raise ctx.unsure(f"whether schema {parts[-2]} exists is not known")
    ctx.warn(f'schema "{parts[-2]}" does not exist, skipping', level="NOTICE", sqlstate="00000")
    return True


HANDLERS = {"DropStmt": drop}
