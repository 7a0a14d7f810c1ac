"""One catalog object as it is told: its name, owner, properties and grants, in PostgreSQL's words."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import (
    FIRST_USER_OID,
    PUBLIC_NAMESPACE,
    Attribute,
    Constraint,
    Extension,
    Namespace,
    Object,
    Other,
    Policy,
    Relation,
    Role,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name
from lockgate.timeline.describe import RELATION_WORDS
from lockgate.timeline.evaluate.deparse import default_text
from lockgate.timeline.export import identity_arguments
from lockgate.timeline.privileges.may import items_of
from lockgate.walk.document import Holding, Mark, Version
from lockgate.walk.reads import depended

CONSTRAINT_WORDS = {
    "p": "primary key",
    "u": "unique constraint",
    "f": "foreign key",
    "c": "check constraint",
    "x": "exclusion constraint",
}
_ROUTINE_WORDS = {"p": "procedure", "a": "aggregate", "w": "window function"}
_ACTIONS = {"r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_COMMANDS = {"r": "for select", "a": "for insert", "w": "for update", "d": "for delete", "*": "for all"}
_TIMINGS = {"B": "before", "A": "after", "O": "instead of"}
_EVENTS = {"I": "insert", "U": "update", "D": "delete", "T": "truncate"}
_LEVELS = (("superuser", "superuser"), ("bypassrls", "bypasses row security"), ("login", "may log in"))
_EXPRESSION = "an expression"


class Aspect(msgspec.Struct, frozen=True):
    """What is told of an object: ``version`` has no moment yet."""

    id: int
    num: int
    kind: str
    of: int
    version: Version


def shapes_of(catalog: Catalog, obj: Object, provided: int = 0) -> Iterator[Aspect]:
    """An object, and a relation's columns; nothing for what an extension, an environment (oids below ``provided``) or the
    session's temporary schema holds, or what comes along with another object."""
    if _hidden(catalog, obj, provided):
        return
    match obj:
        case Relation():
            yield from _relation(catalog, obj)
        case Constraint() if obj.kind in CONSTRAINT_WORDS and not obj.type:
            yield Aspect(obj.oid, 0, CONSTRAINT_WORDS[obj.kind], obj.relation, _constraint(catalog, obj))
        case Trigger() if not obj.internal:
            yield Aspect(obj.oid, 0, "trigger", obj.relation, _trigger(catalog, obj))
        case Policy():
            yield Aspect(obj.oid, 0, "policy", obj.relation, _policy(catalog, obj))
        case Routine():
            yield Aspect(obj.oid, 0, _ROUTINE_WORDS.get(obj.kind, "function"), 0, _routine(catalog, obj))
        case Type() if not obj.elem and not obj.relation and obj.kind in "edrb":
            word = {"e": "enum", "d": "domain", "r": "range type"}.get(obj.kind, "type")
            yield Aspect(obj.oid, 0, word, 0, _type(catalog, obj))
        case Namespace():
            owner, held = catalog.role_name(obj.owner), grants_of(catalog, obj)
            yield Aspect(obj.oid, 0, "schema", 0, Version(0, name=obj.name, owner=owner, grants=held))
        case Extension():
            space = catalog.namespace_name(obj.namespace)
            yield Aspect(obj.oid, 0, "extension", 0, Version(0, name=obj.name, schema=space))
        case Role():
            yield Aspect(obj.oid, 0, "role", 0, _role(catalog, obj))


def _hidden(catalog: Catalog, obj: Object, provided: int) -> bool:
    if isinstance(obj, Role):
        return obj.name.startswith("pg_")
    if getattr(obj, "extension", 0) or FIRST_USER_OID <= obj.oid < provided:
        return True
    if obj.oid < FIRST_USER_OID and obj.oid != PUBLIC_NAMESPACE:
        return True
    if isinstance(obj, Namespace) and obj.name.startswith("pg_temp"):
        return True
    holder = catalog.find(Relation, _holder(obj))
    if holder is not None and (holder.extension or holder.persistence == "t" or holder.oid < provided):
        return True
    return catalog.namespace_name(getattr(obj, "namespace", 0)).startswith("pg_temp")


def _holder(obj: Object) -> int:
    """The relation that an object is part of, 0 for none."""
    if isinstance(obj, Relation):
        return obj.index.relation if obj.index is not None else 0
    return getattr(obj, "relation", 0)


def grants_of(catalog: Catalog, obj: Object) -> tuple[Holding, ...]:
    """What each role holds on an object, its kind's defaults included."""
    return tuple(
        Holding(catalog.role_name(role), letters, passed) for role, letters, passed, _ in items_of(catalog, obj)
    )


def _relation(catalog: Catalog, relation: Relation) -> Iterator[Aspect]:
    space = catalog.namespace_name(relation.namespace)
    if relation.kind == "t":
        return
    if relation.index is not None:
        index = relation.index
        flags = [
            word
            for word, there in (
                ("unique", index.unique),
                ("primary", index.primary),
                ("partial", index.partial),
                ("invalid", not index.valid),
                (index.method, index.method != "btree"),
            )
            if there
        ]
        shown = Version(
            0, name=relation.name, schema=space, keys=index.keys, flags=tuple(flags), target=index.constraint
        )
        yield Aspect(relation.oid, 0, "index", index.relation, shown)
        return
    kind = "type" if relation.kind == "c" else RELATION_WORDS.get(relation.kind, "relation")
    version = Version(
        0,
        name=relation.name,
        schema=space,
        owner=catalog.role_name(relation.owner),
        grants=() if kind == "type" else grants_of(catalog, relation),
        flags=tuple(_flags(catalog, relation)),
        keys=relation.parents,
        reads=depended(catalog, relation) if relation.kind in "vm" else (),
    )
    owned = relation.sequence.owned[0] if relation.sequence is not None and relation.sequence.owned else 0
    yield Aspect(relation.oid, 0, kind, owned, version)
    for attribute in relation.attributes if relation.kind != "S" else ():
        yield Aspect(relation.oid, attribute.num, "column", relation.oid, _column(catalog, relation, attribute))


def _flags(catalog: Catalog, relation: Relation) -> Iterator[str]:
    words = (
        ("partitioned", relation.kind == "p"),
        ("partition", relation.is_partition),
        ("unlogged", relation.persistence == "u"),
        ("row security", relation.rls),
        ("forced row security", relation.force_rls),
    )
    yield from (word for word, there in words if there)
    yield from (f"{name} = {value}" for name, value in relation.options)
    if catalog.taint_of(("object", relation.oid)) is not None:
        yield "not certain"


def _column(catalog: Catalog, relation: Relation, attribute: Attribute) -> Version:
    default = default_text(catalog, relation, attribute)
    flags = []
    if attribute.identity:
        flags.append(f"identity {'always' if attribute.identity == 'a' else 'by default'}")
    if attribute.generated:
        flags.append("generated")
    return Version(
        0,
        name=attribute.name,
        type=type_name(catalog, attribute.type, attribute.typmod) if attribute.type else "not known",
        notnull=attribute.notnull,
        default=default if isinstance(default, str) else _EXPRESSION if attribute.has_default else "",
        flags=tuple(flags),
        grants=tuple(Holding(catalog.role_name(r), letters, passed) for r, letters, passed, _ in attribute.acl or ()),
        reads=_read_by_default(catalog, relation, attribute) if attribute.generated else (),
    )


def _read_by_default(catalog: Catalog, relation: Relation, attribute: Attribute) -> tuple[Mark, ...]:
    found = catalog.one(Other, ("default", 0, f"{relation.oid}.{attribute.num}"))
    marks = depended(catalog, found) if found is not None else ()
    return tuple(mark for mark in marks if mark != (relation.oid, attribute.num))


def _constraint(catalog: Catalog, constraint: Constraint) -> Version:
    flags = [
        word
        for word, there in (
            ("not valid", not constraint.validated),
            ("not enforced", not constraint.enforced),
            ("deferrable", constraint.deferrable),
            ("initially deferred", constraint.deferred),
            ("no inherit", constraint.no_inherit and constraint.kind == "c"),
            ("inherited", constraint.inherited > 0),
        )
        if there
    ]
    if constraint.kind == "f":
        flags += [f"on delete {_ACTIONS[constraint.on_delete]}"] if constraint.on_delete in _ACTIONS else []
        flags += [f"on update {_ACTIONS[constraint.on_update]}"] if constraint.on_update in _ACTIONS else []
    return Version(
        0,
        name=constraint.name,
        keys=constraint.keys,
        target=constraint.foreign,
        target_keys=constraint.foreign_keys,
        flags=tuple(flags),
        reads=depended(catalog, constraint) if constraint.kind == "c" else (),
    )


def _trigger(catalog: Catalog, trigger: Trigger) -> Version:
    events = " or ".join(_EVENTS.get(letter, letter) for letter in trigger.events)
    each = "each row" if trigger.row else "each statement"
    return Version(
        0,
        name=trigger.name,
        text=f"{_TIMINGS.get(trigger.timing, '')} {events}, for {each}",
        keys=trigger.columns,
        target=trigger.function,
        flags=() if trigger.enabled != "D" else ("disabled",),
        reads=depended(catalog, trigger),
    )


def _policy(catalog: Catalog, policy: Policy) -> Version:
    return Version(
        0,
        name=policy.name,
        text=_COMMANDS.get(policy.command, ""),
        roles=tuple(map(catalog.role_name, policy.roles)),
        flags=() if policy.permissive else ("restrictive",),
        reads=depended(catalog, policy),
    )


def _routine(catalog: Catalog, routine: Routine) -> Version:
    flags = [routine.language]
    flags += ["security definer"] if routine.security_definer else []
    flags += [f"{name} = {value}" for name, value in routine.config]
    return Version(
        0,
        name=routine.name,
        schema=catalog.namespace_name(routine.namespace),
        owner=catalog.role_name(routine.owner),
        text=identity_arguments(catalog, routine),
        type="" if routine.kind == "p" or not routine.result else type_name(catalog, routine.result),
        grants=grants_of(catalog, routine),
        flags=tuple(flags),
        reads=depended(catalog, routine),
    )


def _type(catalog: Catalog, found: Type) -> Version:
    return Version(
        0,
        name=found.name,
        schema=catalog.namespace_name(found.namespace),
        owner=catalog.role_name(found.owner),
        type=type_name(catalog, found.base, found.base_typmod) if found.base else "",
        notnull=found.notnull,
        text=", ".join(found.labels),
        grants=grants_of(catalog, found),
    )


def _role(catalog: Catalog, role: Role) -> Version:
    edges = [edge for edge in catalog.memberships if edge.member == role.oid]
    takes = [edge for edge in edges if (edge.inherit if catalog.major >= 16 else role.inherit)]
    roles = {catalog.role_name(edge.role) for edge in takes}
    if role.oid == catalog.database_owner:  # is_member_of_role reckons it in, though no row of pg_auth_members says so
        roles.add("pg_database_owner")
    flags = [words for name, words in _LEVELS if getattr(role, name)]
    flags += [f"may become {catalog.role_name(edge.role)}" for edge in edges if edge not in takes and edge.set]
    return Version(
        0,
        name=role.name,
        roles=tuple(sorted(roles)),
        flags=tuple(dict.fromkeys(flags)),
    )
