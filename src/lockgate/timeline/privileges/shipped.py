"""The privileges of what PostgreSQL ships, once they are granted or revoked: an ``Other`` of the kind, at the negative
of the object's oid.

Languages and tablespaces are kept under their own oid: their names are looked up among the user's.
"""

from __future__ import annotations

from typing import Any

from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.details import ShippedAs
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Other
from lockgate.catalog.typename import type_name
from lockgate.timeline.describe import describe_object

_KINDS = {"BuiltinFunction": "function", "BuiltinRelation": "table", "BuiltinType": "type", "Namespace": "schema"}


def shipped(catalog: Catalog, obj: Any) -> Other:
    """An object that PostgreSQL ships, with its acl as it stands."""
    if isinstance(obj, Other):
        return obj
    kind = _KINDS[type(obj).__name__]
    return changed(catalog, obj.oid) or Other(
        -obj.oid,
        kind,
        obj.name,
        0,
        BOOTSTRAP_SUPERUSER,
        acl=_initial(catalog, obj),
        details=ShippedAs(described(catalog, obj)),
    )


def changed(catalog: Catalog, oid: int) -> Other | None:
    """The object of an oid if anything was granted or revoked on it."""
    return catalog.find(Other, -oid)


def _initial(catalog: Catalog, obj: Any) -> acl.Items:
    """As initdb leaves it."""
    kind = _KINDS[type(obj).__name__]
    default = acl.default_acl(kind, BOOTSTRAP_SUPERUSER, catalog.major)
    match kind:
        case "function" if obj.execute is not None:
            return (default[-1], *_granted(catalog, obj.execute, "X"))
        case "table":
            public = (
                ((acl.PUBLIC, "rw" if obj.name == "pg_settings" else "r", "", BOOTSTRAP_SUPERUSER),)
                if obj.public_select
                else ()
            )
            return (*default, *public, *_granted(catalog, obj.readers, "r"))
        case "schema":
            return (*default, (acl.PUBLIC, "U", "", BOOTSTRAP_SUPERUSER))
    return default


def _granted(catalog: Catalog, names: tuple[str, ...], letters: str) -> acl.Items:
    return tuple(
        (role.oid, letters, "", BOOTSTRAP_SUPERUSER) for name in names if (role := catalog.role(name)) is not None
    )


def described(catalog: Catalog, obj: Any) -> str:
    """In words, as messages name it."""
    match _KINDS.get(type(obj).__name__, ""):
        case "function":
            return f"function {obj.name}({','.join(type_name(catalog, oid) for oid in obj.args)})"
        case "table":
            return f"{'view' if obj.relkind == 'v' else 'table'} {obj.name}"
        case "type":
            return f"type {obj.display}"
        case "schema":
            return f"schema {obj.name}"
    return describe_object(catalog, obj)
