"""Row security: who is subject to it, and what the policies need of him (src/backend/rewrite/rowsecurity.c,
utils/misc/rls.c)."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.catalog import acl
from lockgate.catalog.objects import Policy, Relation, Role
from lockgate.timeline.context import Context
from lockgate.timeline.privileges.remedy import quoted
from lockgate.timeline.settings import is_boolean

_COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}


def applies(ctx: Context, relation: Relation, role: int) -> bool:
    """Whether a table's policies count for a role; where they do and row_security is off, the query is refused
    (check_enable_rls): 42501."""
    if not relation.rls or relation.kind not in "rp":
        return False
    attributes = ctx.catalog.find(Role, role)
    if acl.is_superuser(ctx.catalog, role) or (attributes is not None and attributes.bypassrls):
        return False
    owner = acl.has_privileges_of(ctx.catalog, role, relation.owner)
    if owner and not relation.force_rls:
        return False
    if _off(ctx) and _certain(ctx, relation):
        table = quoted(relation.name)
        help = (
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"
            if owner
            else f"ALTER ROLE {quoted(ctx.catalog.role_name(role))} BYPASSRLS;"
        )
        message = f'query would be affected by row-level security policy for table "{relation.name}"'
        raise ctx.refuse(
            "42501",
            message,
            None,
            name=relation.name,
            object=ctx.catalog.qualified(relation),
            help=help,
            kind="privilege",
        )
    return True


def _off(ctx: Context) -> bool:
    value = ctx.session.settings.get("row_security", "on").lower()
    return (
        is_boolean(value) and value not in ("on", "1") and not any(word.startswith(value) for word in ("true", "yes"))
    )


def _certain(ctx: Context, relation: Relation) -> bool:
    known = ctx.session.known and not ctx.unchecked
    return known and ctx.catalog.taint_of(("any",), ("privileges",), ("object", relation.oid)) is None


def policies_of(ctx: Context, relation: Relation, role: int, privilege: str) -> list[Policy]:
    """The policies of a table that are for a command and for a role (get_policies_for_relation)."""
    letter = _COMMANDS.get(privilege, "")
    return [
        p
        for p in ctx.catalog.of_relation(relation.oid, Policy)
        if p.command in ("*", letter) and _for_role(ctx, p, role)
    ]


def policies_for(ctx: Context, relation: Relation, role: int, privilege: str) -> Iterator[Policy]:
    """The policies of a table whose conditions a command of a role runs for certain: those of one clause, beside which
    none is constant."""
    found = policies_of(ctx, relation, role, privilege)
    constant = any(p.permissive and not any(e.kind == "n" for e in ctx.catalog.dependencies(p.oid)) for p in found)
    if not constant and any(p.permissive for p in found):
        yield from (p for p in found if p.using is None or p.check is None)


def _for_role(ctx: Context, policy: Policy, role: int) -> bool:
    return any(r == acl.PUBLIC or acl.has_privileges_of(ctx.catalog, role, r) for r in policy.roles)
