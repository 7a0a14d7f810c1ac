"""The handover without ``handover_sql``: the deployer gets every privilege that can be granted on the owner's objects,
and owns nothing."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Namespace, Relation, Routine
from lockgate.timeline.privileges.may import items_of, kind_of


def grant_everything(draft: Draft, owner: int, deployer: int) -> None:
    """GRANT ALL on the owner's schemas and on the tables, sequences and routines in them."""
    if owner == deployer:
        return
    schemas = [n for n in draft.objects(Namespace) if n.owner in _owners(draft, owner)]
    for schema in schemas:
        _grant(draft, schema, deployer)
        for obj in draft.in_namespace(schema.oid):
            if isinstance(obj, Routine) or (isinstance(obj, Relation) and obj.kind in "rpvmfS"):
                if obj.owner == owner:
                    _grant(draft, obj, deployer)


def _owners(draft: Draft, owner: int) -> frozenset[int]:
    return frozenset(acl.roles_of(draft, owner)) if owner == draft.database_owner else frozenset({owner})


def _grant(draft: Draft, obj: Any, grantee: int) -> None:
    letters = acl.all_privileges(kind_of(obj), draft.major)
    draft.put(replace(obj, acl=acl.add(draft, items_of(draft, obj), obj.owner, grantee, obj.owner, letters)))
