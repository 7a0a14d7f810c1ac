"""What belongs to a role, or names it in a grant: DROP ROLE, DROP OWNED and REASSIGN OWNED look here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import (
    Object,
    Other,
    Policy,
    Relation,
    Type,
)
from lockgate.timeline.context import Context
from lockgate.timeline.describe import describe, describe_object
from lockgate.timeline.privileges import check as privileges
from lockgate.timeline.privileges.may import CURRENT_DATABASE


def dependents(ctx: Context, role: int) -> Iterator[str]:
    """What depends on a role, in the server's words."""
    catalog, path = ctx.catalog, ctx.path()
    if catalog.database_owner == role:
        yield f"owner of database {privileges.database(ctx).name}"
    for obj in owned(catalog, role):
        if not (isinstance(obj, Other) and obj.kind == "database" and obj.oid == CURRENT_DATABASE):
            yield f"owner of {describe_object(catalog, obj, path)}"
    for obj in everything(catalog):
        if _owner(obj) != role and acl.mentions(getattr(obj, "acl", None), role):
            yield f"privileges for {describe_object(catalog, obj, path)}"
        for attribute in obj.attributes if isinstance(obj, Relation) and obj.owner != role else ():
            if acl.mentions(attribute.acl, role):
                yield f"privileges for {describe(catalog, (obj.oid, attribute.num), path)}"
        if isinstance(obj, Policy) and role in obj.roles:
            yield f"target of {describe_object(catalog, obj, path)}"
    for row in catalog.memberships if catalog.major >= 16 else ():
        if row.grantor == role:
            yield f"privileges for membership of role {catalog.role_name(row.member)} in role {catalog.role_name(row.role)}"
    for (owner, namespace, kind), items in catalog.default_acls.items():
        if role == owner or acl.mentions(items, role):
            where = f" in schema {catalog.namespace_name(namespace)}" if namespace else ""
            new = {"table": "relations", "large_object": "large objects"}.get(kind, f"{kind}s")
            yield f"{'owner of' if role == owner else 'privileges for'} default privileges on new {new} belonging to role {catalog.role_name(owner)}{where}"


def everything(catalog: Catalog) -> Iterator[Object]:
    """Every object, in creation order."""
    return catalog.every()


def _owner(obj: Object) -> int:
    if isinstance(obj, Relation) and obj.index is not None:
        return 0
    return int(getattr(obj, "owner", 0) or 0)


def acls(obj: Any) -> Iterable[Any]:
    """An object's acl and its columns'."""
    yield getattr(obj, "acl", None)
    if isinstance(obj, Relation):
        for attribute in obj.attributes:
            yield attribute.acl


def owned(catalog: Catalog, role: int) -> Iterator[Object]:
    """The objects a role owns that stand for themselves: no index, default or row type, no array type."""
    for obj in everything(catalog):
        if _owner(obj) != role or getattr(obj, "kind", "") in ("default", "publication_rel", "publication_namespace"):
            continue
        if isinstance(obj, Relation) and obj.kind == "c":  # owned as a type
            continue
        if isinstance(obj, Type) and _part_of_another(catalog, obj):
            continue
        yield obj


def _part_of_another(catalog: Catalog, found: Type) -> bool:
    holder = catalog.find(Relation, found.relation)
    return (
        (holder is not None and holder.kind != "c") or (bool(found.elem) and found.category == "A") or found.kind == "m"
    )
