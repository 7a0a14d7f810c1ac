"""What of a catalog may be in doubt: the keys of its taints, a closed union of tuples whose first word tells them apart."""

from __future__ import annotations

from typing import Literal

AnyKey = tuple[Literal["any"]]  # everything
SchemaKey = tuple[Literal["namespace"], int]  # everything in a schema
ObjectKey = tuple[Literal["object"], int]  # an object as a whole
IdentityKey = tuple[Literal["identity"], int]  # only asked for: whether it is there under its name, and no more
ShapeKey = tuple[Literal["shape"], int]  # all of an object but that it is there, its name, its owner and its privileges
OwnerKey = tuple[Literal["owner"], int]  # whose an object is
AclKey = tuple[Literal["acl"], int]  # what is granted on an object
ColumnKey = tuple[Literal["column"], int, str]  # whether and how a relation's column exists
# whether an object of a kind exists in a schema (0: of none) or on a relation. "*": any beside the known ones (an unknown
# extension's members); "x*": any whose name begins so. A cast is named by its types: "23.25"
NamedKey = tuple[Literal["name"], str, int, str]
GranteeKey = tuple[Literal["acls"], int]  # what is granted to a role (-1: to any)
DefaultsKey = tuple[Literal["default acls"]]  # what is granted on new objects
RightsKey = tuple[Literal["privileges"]]  # who may do what, ownership and memberships included
SettingsKey = tuple[Literal["settings"]]  # what a session begins with

TaintKey = (
    AnyKey
    | SchemaKey
    | ObjectKey
    | IdentityKey
    | ShapeKey
    | OwnerKey
    | AclKey
    | ColumnKey
    | NamedKey
    | GranteeKey
    | DefaultsKey
    | RightsKey
    | SettingsKey
)
