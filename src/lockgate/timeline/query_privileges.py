"""The privileges that running a query needs (ExecCheckPermissions in src/backend/executor/execMain.c, ExecInitFunc in execExpr.c).

Tables behind a view are checked as the view's owner, unless it is a security invoker; functions always as the current role.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Relation, Rewrite, Routine, Trigger
from lockgate.timeline.context import Context, Need
from lockgate.timeline.privileges import NO, denied, has_privilege, need_privilege

_TRUE = frozenset({"true", "on", "1", "yes", ""})


def check_query(ctx: Context, query: Any) -> None:
    """Every relation that a query reads or writes, what stands behind its views, the functions it calls."""
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is None:
            continue
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            if privilege in use.privileges:
                columns = {"SELECT": use.selected, "INSERT": use.inserted, "UPDATE": use.updated}.get(privilege)
                need_privilege(ctx, relation, privilege, use.location, columns=columns)
        if relation.kind == "v":
            written = {p: {"INSERT": use.inserted, "UPDATE": use.updated}.get(p) for p in use.privileges - {"SELECT"}}
            _check_view(ctx, relation, written, use.location, frozenset())
    for oid in sorted(query.routines):
        _check_routine(ctx, oid)


def _check_routine(ctx: Context, oid: int) -> None:
    routine: Any = ctx.catalog.find(Routine, oid) if oid >= FIRST_USER_OID else ctx.catalog.builtins.function_by_oid(oid)
    if routine is None or (oid < FIRST_USER_OID and getattr(routine, "execute", None) is None):
        return
    if isinstance(routine, Routine) and routine.acl is None and not ctx.catalog.default_acls:
        return  # PUBLIC may execute what nobody revoked
    word = {"p": "procedure", "a": "aggregate"}.get(routine.kind, "function")
    need_privilege(ctx, routine, "EXECUTE", kind=word, name=routine.name)


# --- views ---------------------------------------------------------------------------------------------------------------


def _invoker(view: Relation) -> bool:
    return any(name == "security_invoker" and value.lower() in _TRUE for name, value in view.options)


def _behind(ctx: Context, view: Relation) -> tuple[dict[int, set[int]], list[int]]:
    """The relations that a view reads, each with its columns, and the routines that it calls (its rows of pg_depend)."""
    relations: dict[int, set[int]] = {}
    routines: list[int] = []
    for edge in ctx.catalog.dependencies(view.oid):
        oid, number = edge.referenced
        found = ctx.catalog.get(oid)
        if edge.kind != "n" or oid == view.oid:
            continue
        if isinstance(found, Relation) and found.kind in "rpvmf":
            relations.setdefault(oid, set()).update([number] if number else [])
        elif isinstance(found, Routine):
            routines.append(oid)
    return relations, routines


Written = Mapping[str, Collection[int] | None]  # privilege -> columns; None: the whole row


def check_view_run(ctx: Context, view: Relation, location: int) -> None:
    """What running a (materialized) view's own query needs, as its owner."""
    _check_view(ctx, view, {}, location, frozenset())


def _check_view(ctx: Context, view: Relation, written: Written, location: int, seen: frozenset[int]) -> None:
    if view.oid in seen or ctx.catalog.taint_of(("any",), ("object", view.oid)):
        return
    role = ctx.session.role if _invoker(view) else view.owner
    relations, routines = _behind(ctx, view)
    rewritten = any(t.timing == "O" for t in ctx.catalog.of_relation(view.oid, Trigger)) or bool(ctx.catalog.of_relation(view.oid, Rewrite))
    for oid, columns in relations.items():
        relation = ctx.catalog.the(Relation, oid)
        if written.keys() != {"INSERT"}:  # an INSERT alone reads nothing
            _need_as(ctx, relation, "SELECT", role, location, columns, view)
        behind = _through(view, written) if view.updatable[:1] == (oid,) and not rewritten else {}
        for privilege in sorted(behind):
            _need_as(ctx, relation, privilege, role, location, behind[privilege], view)
        if relation.kind == "v":
            _check_view(ctx, relation, behind, location, seen | {view.oid})
    for oid in routines:
        _check_routine(ctx, oid)


def _through(view: Relation, written: Written) -> Written:
    """What is written to the relation behind an automatically updatable view."""
    columns = view.updatable
    return {p: None if c is None else {columns[n] for n in c if n < len(columns) and columns[n]} for p, c in written.items()}


def _need_as(
    ctx: Context, relation: Relation, privilege: str, role: int, location: int, columns: Collection[int] | None, view: Relation
) -> None:
    held = has_privilege(ctx, relation, privilege, columns=columns, role=role)
    who = ctx.catalog.role_name(role)
    ctx.needs.append(Need("privilege", ctx.catalog.qualified(relation), who, held, privilege, ctx.span(location, view.name)))
    if held == NO:
        raise denied(ctx, relation, privilege, location, name=view.name, role=role)
