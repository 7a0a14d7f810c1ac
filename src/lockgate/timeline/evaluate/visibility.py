"""What the views of information_schema show to the role that reads them."""

from __future__ import annotations

from lockgate.catalog import acl
from lockgate.catalog.objects import Namespace, Relation, Routine, Type
from lockgate.timeline.evaluate.pg_relations import (
    doubted,
)
from lockgate.timeline.evaluate.world import World
from lockgate.timeline.privileges.may import items_of


def visible(world: World, obj: Relation | Namespace | Routine | Type, letters: str) -> bool:
    """Whether a view shows an object for certain: a superuser sees all, others what they own or hold one of these
    privileges on."""
    session, catalog = world.ctx.session, world.ctx.catalog
    if not session.known or acl.has_privileges_of(catalog, session.role, obj.owner):
        return True
    if acl.privilege_doubt(catalog, session.role, obj.oid) is not None:
        return False
    return not set(letters).isdisjoint(acl.held(catalog, session.role, items_of(catalog, obj)))


def hidden(world: World, relation: Relation) -> bool:
    """Whether the views certainly show nothing of a table: the current role owns it not, and holds nothing on it or on
    a column of it."""
    catalog = world.ctx.catalog
    if (
        visible(world, relation, "arwdDxt")
        or acl.privilege_doubt(catalog, world.ctx.session.role, relation.oid) is not None
    ):
        return False
    return not any(
        acl.held(catalog, world.ctx.session.role, attribute.acl) for attribute in relation.attributes if attribute.acl
    )


def certain(world: World, relation: Relation, letters: str = "arwdDxt") -> bool:
    return not doubted(world, relation.oid) and visible(world, relation, letters)
