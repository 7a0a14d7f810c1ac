"""The privileges of what PostgreSQL ships, once they are granted or revoked: an ``Other`` of the kind, at the negative
of the object's oid.

Languages and tablespaces are kept under their own oid: their names are looked up among the user's.
"""

from __future__ import annotations

from typing import Any, assert_never

from lockgate.catalog import acl
from lockgate.catalog.builtin_rows import BuiltinFunction, BuiltinRelation, BuiltinType
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.details import ShippedAs
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Namespace, Other
from lockgate.catalog.typename import type_name
from lockgate.timeline.describe import describe_object

Shipped = BuiltinFunction | BuiltinRelation | BuiltinType | Namespace


def shipped(catalog: Catalog, obj: Shipped | Other) -> Other:
    """An object that PostgreSQL ships, with its acl as it stands."""
    if isinstance(obj, Other):
        return obj
    return changed(catalog, obj.oid) or Other(
        -obj.oid,
        kind_of_shipped(obj),
        obj.name,
        0,
        BOOTSTRAP_SUPERUSER,
        acl=_initial(catalog, obj),
        details=ShippedAs(described(catalog, obj)),
    )


def changed(catalog: Catalog, oid: int) -> Other | None:
    """The object of an oid if anything was granted or revoked on it."""
    return catalog.find(Other, -oid)


def kind_of_shipped(obj: Shipped) -> str:
    """The kind of object that privileges are granted on: function, table, type or schema."""
    match obj:
        case BuiltinFunction():
            return "function"
        case BuiltinRelation():
            return "table"
        case BuiltinType():
            return "type"
        case Namespace():
            return "schema"
        case _:
            assert_never(obj)


def _initial(catalog: Catalog, obj: Shipped) -> acl.Items:
    """As initdb leaves it."""
    default = acl.default_acl(kind_of_shipped(obj), BOOTSTRAP_SUPERUSER, catalog.major)
    match obj:
        case BuiltinFunction() if obj.execute is not None:
            return (default[-1], *_granted(catalog, obj.execute, "X"))
        case BuiltinRelation():
            public = (
                ((acl.PUBLIC, "rw" if obj.name == "pg_settings" else "r", "", BOOTSTRAP_SUPERUSER),)
                if obj.public_select
                else ()
            )
            return (*default, *public, *_granted(catalog, obj.readers, "r"))
        case Namespace():
            return (*default, (acl.PUBLIC, "U", "", BOOTSTRAP_SUPERUSER))
    return default


def _granted(catalog: Catalog, names: tuple[str, ...], letters: str) -> acl.Items:
    return tuple(
        (role.oid, letters, "", BOOTSTRAP_SUPERUSER) for name in names if (role := catalog.role(name)) is not None
    )


def described(catalog: Catalog, obj: Any) -> str:
    """In words, as messages name it."""
    match obj:
        case BuiltinFunction():
            return f"function {obj.name}({','.join(type_name(catalog, oid) for oid in obj.args)})"
        case BuiltinRelation():
            return f"{'view' if obj.relkind == 'v' else 'table'} {obj.name}"
        case BuiltinType():
            return f"type {obj.display}"
        case Namespace():
            return f"schema {obj.name}"
    return describe_object(catalog, obj)
