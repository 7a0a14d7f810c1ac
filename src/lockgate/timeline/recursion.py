"""Policies that ask each other: PostgreSQL expands the policies of every table that a policy's subqueries read, and ends
where it meets one of them again (fireRIRrules in src/backend/rewrite/rewriteHandler.c): 42P17 for every such query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Clause, Policy, Relation, Role
from lockgate.timeline.step import Step

_COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}
_ANYBODY = -1  # a role that owns nothing and is a member of none


class Circle(msgspec.Struct, frozen=True):
    """A command on a table that ends in "infinite recursion detected in policy for relation"; ``around`` are the
    qualified names of the tables that it went through, the one that it met again first and last."""

    step: Step
    oid: int
    object: str
    command: str
    role: str
    around: tuple[str, ...]

    @property
    def breakage(self) -> str:
        """By what a later migration takes it back (see ``Replay.mended``)."""
        return breakage_of_circle(self.oid)


def breakage_of_circle(oid: int) -> str:
    """The id of a table whose policies end in themselves."""
    return f"policies of {oid}"


def circles(steps: Sequence[Step]) -> Iterator[Circle]:
    """What a migration's policies leave that cannot be asked, once for each circle, at the step that closes it."""
    after, told = steps[-1].after, set[frozenset[str]]()
    touched = _touched(steps)
    for oid in touched:
        found = circle_of(after, oid)
        if found is None:
            continue
        command, role, around = found
        names = tuple(after.qualified(after.the(Relation, one)) for one in around)
        if frozenset(names) not in told:
            told.add(frozenset(names))
            step = max((touched[one] for one in (oid, *around) if one in touched), key=lambda s: s.statement.index)
            shown = "any role that does not own it" if role == _ANYBODY else after.role_name(role)
            yield Circle(step, oid, after.qualified(after.the(Relation, oid)), command, shown, names)


def _touched(steps: Sequence[Step]) -> dict[int, Step]:
    """Tables whose policies a migration makes, changes or switches on, each with the last step that does it."""
    found: dict[int, Step] = {}
    for step in steps:
        for change in step.changes:
            new = change.after
            if isinstance(new, Policy):
                found[new.relation] = step
            elif (
                isinstance(new, Relation)
                and new.rls
                and not (isinstance(change.before, Relation) and change.before.rls)
            ):
                found[new.oid] = step
    return found


def circle_of(catalog: Catalog, oid: int) -> tuple[str, int, tuple[int, ...]] | None:
    """The first command on a table that certainly meets itself again: with its role and the tables on the way."""
    if catalog.taint_of(("any",), ("object", oid)) is not None:
        return None
    roles = _named(catalog, oid, set())
    for command in _COMMANDS:
        for role in roles:
            found = _expand(catalog, oid, command, role, ())
            if found is not None:
                return command, role, found
    return None


def _named(catalog: Catalog, oid: int, seen: set[int]) -> dict[int, None]:
    """The roles that the policies of a relation, and of all that they ask, name."""
    relation = catalog.find(Relation, oid)
    if relation is None or oid in seen:
        return {}
    seen.add(oid)
    roles: dict[int, None] = {}
    asked = _behind(catalog, relation) if relation.kind == "v" else {}
    for policy in catalog.of_relation(oid, Policy) if relation.rls else ():
        roles |= dict.fromkeys(_ANYBODY if role == acl.PUBLIC else role for role in policy.roles)
        asked |= dict.fromkeys(one for c in (policy.using, policy.check) if c is not None for one in c.asks)
    for one in asked:
        roles |= _named(catalog, one, seen)
    return roles


def _expand(catalog: Catalog, oid: int, command: str, role: int, active: tuple[int, ...]) -> tuple[int, ...] | None:
    """fireRIRrules over one relation and what its policies ask; the tables of the circle, or None."""
    relation = catalog.find(Relation, oid)
    if relation is None or len(active) > _DEEP or catalog.taint_of(("object", oid)) is not None:
        return None
    if relation.kind == "v":
        return _first(catalog, _behind(catalog, relation), _viewer(relation, role), active)
    if not _subject(catalog, relation, role):
        return None
    policies = _policies(catalog, oid, command, role)
    clauses = [c for policy in policies for c in (policy.using, policy.check) if c is not None]
    if not any(c.subqueries for c in clauses):  # of a policy as a whole: RowSecurityPolicy.hassublinks
        return None
    if oid in active:
        return (*active[active.index(oid) :], oid)
    run = (c for policy in policies for c in _run(policy, command))
    return _first(catalog, (asked for clause in run for asked in clause.asks), role, (*active, oid))


_DEEP = 64


def _first(catalog: Catalog, oids: Iterable[int], role: int, active: tuple[int, ...]) -> tuple[int, ...] | None:
    found = (_expand(catalog, oid, "SELECT", role, active) for oid in oids)
    return next((circle for circle in found if circle is not None), None)


def _behind(catalog: Catalog, view: Relation) -> dict[int, None]:
    edges = (e.referenced[0] for e in catalog.dependencies(view.oid) if e.kind == "n" and e.referenced[0] != view.oid)
    return dict.fromkeys(edges)


def _viewer(view: Relation, role: int) -> int:
    invoker = any(
        name == "security_invoker" and value.lower() in ("true", "on", "yes", "1") for name, value in view.options
    )
    return role if invoker else view.owner


def _subject(catalog: Catalog, relation: Relation, role: int) -> bool:
    """check_enable_rls: whether the table's policies count for the role."""
    if not relation.rls or relation.kind not in "rp":
        return False
    if role == _ANYBODY:
        return True
    attributes = catalog.find(Role, role)
    if acl.is_superuser(catalog, role) or attributes is None or attributes.bypassrls:
        return False
    return relation.force_rls or not acl.has_privileges_of(catalog, role, relation.owner)


def _policies(catalog: Catalog, oid: int, command: str, role: int) -> list[Policy]:
    """The policies that a command runs; none where no permissive one lets a row pass (get_row_security_policies)."""
    letter = _COMMANDS[command]
    found = [p for p in catalog.of_relation(oid, Policy) if p.command in ("*", letter) and _for(catalog, p, role)]
    return found if any(p.permissive for p in found) else []


def _run(policy: Policy, command: str) -> Iterator[Clause]:
    if command != "INSERT" and policy.using is not None:
        yield policy.using
    check = policy.check or policy.using
    if command in ("INSERT", "UPDATE") and check is not None:
        yield check


def _for(catalog: Catalog, policy: Policy, role: int) -> bool:
    return any(r == acl.PUBLIC or (role != _ANYBODY and acl.has_privileges_of(catalog, role, r)) for r in policy.roles)
