"""The privileges that running a query needs (ExecCheckPermissions in src/backend/executor/execMain.c, ExecInitFunc in
execExpr.c).

Tables behind a view are checked as the view's owner, unless it is a security invoker, those in a rule's actions as the
owner of its relation; functions always as the current role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Constraint, Other, Relation, Rewrite, Routine, Trigger
from lockgate.timeline.context import Context
from lockgate.timeline.privileges import row_security
from lockgate.timeline.privileges.check import denied, need_privilege
from lockgate.timeline.privileges.may import NO, has_privilege
from lockgate.timeline.privileges.shipped import changed

_TRUE = frozenset({"true", "on", "1", "yes", ""})
_COLUMNS = {"SELECT": "selected", "INSERT": "inserted", "UPDATE": "updated"}


def check_query(ctx: Context, query: Any) -> None:
    """Every relation that a query reads or writes, what stands behind its views, the defaults of an INSERT, the
    functions it calls."""
    found = [
        (use, relation) for use in query.uses if (relation := ctx.catalog.find(Relation, use.relation)) is not None
    ]
    if _silenced(ctx, query):
        return
    for _, relation in found:
        _row_security(ctx, relation, ctx.session.role, frozenset())
    check_views(ctx, query)
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is None:
            _check_shipped(ctx, use)
        else:
            _check_use(ctx, relation, use, query.command)
    for use, relation in found:
        _check_policies(ctx, relation, use)
        if "INSERT" in use.privileges and relation.kind in "rp":
            _check_defaults(ctx, relation, use)
    for oid in sorted(query.routines):
        _check_routine(ctx, oid)


def check_views(ctx: Context, query: Any) -> None:
    """The views that a query names, which are asked about as it is planned."""
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is None or relation.kind != "v":
            continue
        if relation.oid != query.target:
            _admit(ctx, relation, use.selected, use.location)
        else:
            for privilege in sorted(use.privileges):
                if has_privilege(ctx, relation, privilege, columns=_columns(use, privilege)) == NO:
                    raise denied(ctx, relation, privilege, use.location, name=relation.name)


def _silenced(ctx: Context, query: Any) -> bool:
    """Whether a rule of the target puts nothing that is run in the query's place: then nothing is checked either."""
    rules = (
        [r for r in ctx.catalog.of_relation(query.target, Rewrite) if r.event == query.command and r.enabled == "O"]
        if query.target
        else []
    )
    return any(r.silent for r in rules) and not any(r.needs for r in rules)


def _admit(
    ctx: Context, view: Relation, columns: Collection[int], location: int, role: int | None = None, marked: str = ""
) -> None:
    """Views that are read are asked about as the query is planned, before any table."""
    if has_privilege(ctx, view, "SELECT", columns=columns, role=role) == NO:
        raise denied(ctx, view, "SELECT", location, name=marked or view.name, role=role)
    for oid, read in behind(ctx, view)[0].items() if not ctx.catalog.taint_of(("any",), ("object", view.oid)) else ():
        below = ctx.catalog.the(Relation, oid)
        if below.kind == "v" and oid < view.oid:
            _admit(ctx, below, read, location, viewer(ctx, view, role), marked or view.name)


def _check_use(ctx: Context, relation: Relation, use: Any, command: str) -> None:
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        if privilege in use.privileges:
            need_privilege(ctx, relation, privilege, use.location, columns=_columns(use, privilege))
    if relation.kind == "v":
        written = {p: _columns(use, p) for p in use.privileges - {"SELECT"}}
        _check_view(ctx, relation, written, use.location, frozenset())
    if command != "merge":
        _check_rules(ctx, relation, use)


def _columns(use: Any, privilege: str) -> Collection[int] | None:
    return getattr(use, _COLUMNS[privilege]) if privilege in _COLUMNS else None


def _check_shipped(ctx: Context, use: Any) -> None:
    """A system relation: most may be read by everybody; some, but for a few columns, by superusers alone."""
    found = ctx.catalog.builtins.relation_by_oid(use.relation)
    if found is None or (
        found.public_select and changed(ctx.catalog, found.oid) is None and use.privileges == {"SELECT"}
    ):
        return
    names = {found.columns[n - 1][0] if 0 < n <= len(found.columns) else "*" for n in use.selected}
    for privilege in sorted(use.privileges):
        if privilege != "SELECT" or not found.public_columns or not names <= set(found.public_columns):
            need_privilege(ctx, found, privilege, use.location, name=found.name)


def _check_routine(ctx: Context, oid: int) -> None:
    routine: Any = (
        ctx.catalog.find(Routine, oid) if oid >= FIRST_USER_OID else ctx.catalog.builtins.function_by_oid(oid)
    )
    if routine is None:
        return
    if oid < FIRST_USER_OID and routine.execute is None and changed(ctx.catalog, oid) is None:
        return
    if isinstance(routine, Routine) and routine.acl is None and not ctx.catalog.default_acls:
        return  # PUBLIC may execute what nobody revoked
    word = {"p": "procedure", "a": "aggregate"}.get(routine.kind, "function")
    need_privilege(ctx, routine, "EXECUTE", kind=word, name=routine.name)


def _need_as(
    ctx: Context,
    relation: Relation,
    privilege: str,
    role: int,
    location: int,
    columns: Collection[int] | None,
    marked: str,
) -> None:
    held = has_privilege(ctx, relation, privilege, columns=columns, role=role)
    if held == NO:
        raise denied(ctx, relation, privilege, location, name=marked, role=role)


# --- views ------------------------------------------------------------------------------------------------------------


def _invoker(view: Relation) -> bool:
    return any(name == "security_invoker" and value.lower() in _TRUE for name, value in view.options)


def behind(ctx: Context, view: Relation) -> tuple[dict[int, set[int]], list[int]]:
    """The relations that a view reads, each with its columns, and the routines that it calls (its rows of
    pg_depend)."""
    relations: dict[int, set[int]] = {}
    routines: list[int] = []
    for edge in ctx.catalog.dependencies(view.oid):
        oid, number = edge.referenced
        found = ctx.catalog.get(oid)
        if edge.kind != "n" or oid == view.oid:
            continue
        if isinstance(found, Relation) and (
            found.kind in "rpvmf" or (found.kind == "S" and number)
        ):  # nextval() names one without a column
            relations.setdefault(oid, set()).update([number] if number else [])
        elif isinstance(found, Routine):
            routines.append(oid)
    return relations, routines


def viewer(ctx: Context, view: Relation, role: int | None = None) -> int:
    """As whom the relations behind a view are checked."""
    return (ctx.session.role if role is None else role) if _invoker(view) else view.owner


Written = Mapping[str, Collection[int] | None]  # privilege -> columns; None: the whole row


def check_view_run(ctx: Context, view: Relation, location: int) -> None:
    """What running a (materialized) view's own query needs, as its owner."""
    _check_view(ctx, view, {}, location, frozenset())


def _check_view(ctx: Context, view: Relation, written: Written, location: int, seen: frozenset[int]) -> None:
    if view.oid in seen or ctx.catalog.taint_of(("any",), ("object", view.oid)):
        return
    role = viewer(ctx, view)
    relations, routines = behind(ctx, view)
    rewritten = any(t.timing == "O" for t in ctx.catalog.of_relation(view.oid, Trigger)) or bool(
        ctx.catalog.of_relation(view.oid, Rewrite)
    )
    for oid, columns in relations.items():
        relation = ctx.catalog.the(Relation, oid)
        if written.keys() != {"INSERT"}:  # an INSERT alone reads nothing
            _need_as(ctx, relation, "SELECT", role, location, columns, view.name)
        through = _through(view, written) if view.updatable[:1] == (oid,) and not rewritten else {}
        for privilege in sorted(through):
            _need_as(ctx, relation, privilege, role, location, through[privilege], view.name)
        if relation.kind == "v":
            _check_view(ctx, relation, through, location, seen | {view.oid})
    for oid in routines:
        _check_routine(ctx, oid)


def _through(view: Relation, written: Written) -> Written:
    """What is written to the relation behind an automatically updatable view."""
    columns = view.updatable
    return {
        p: None if c is None else {columns[n] for n in c if n < len(columns) and columns[n]} for p, c in written.items()
    }


# --- rules and row security -------------------------------------------------------------------------------------------


def _check_rules(ctx: Context, relation: Relation, use: Any) -> None:
    """What the actions of a relation's rules read and write, as its owner."""
    for rule in ctx.catalog.of_relation(relation.oid, Rewrite):
        if (
            rule.event.upper() not in use.privileges
            or rule.enabled != "O"
            or ctx.catalog.taint_of(("object", relation.oid), ("object", rule.oid))
        ):
            continue
        for oid, needed in rule.needs:
            found = ctx.catalog.find(Relation, oid)
            if found is None:
                continue
            for privilege, columns in needed:
                _need_as(ctx, found, privilege, relation.owner, use.location, columns, relation.name)
        check_functions(ctx, rule.oid)


def needs_of(query: Any) -> Iterator[tuple[int, tuple[tuple[str, tuple[int, ...] | None], ...]]]:
    """What a query needs, as a rule keeps it: relations, each with privileges and their columns."""
    for use in query.uses:
        yield (
            use.relation,
            tuple(
                (p, None if (found := _columns(use, p)) is None else tuple(sorted(found)))
                for p in sorted(use.privileges)
            ),
        )


def _row_security(ctx: Context, relation: Relation, role: int, seen: frozenset[int]) -> None:
    """Queries that policies would change are refused with row_security off, behind views too: as the rewriter finds
    them."""
    row_security.applies(ctx, relation, role)
    if (
        relation.kind == "v"
        and relation.oid not in seen
        and not ctx.catalog.taint_of(("any",), ("object", relation.oid))
    ):
        for oid in behind(ctx, relation)[0]:
            _row_security(ctx, ctx.catalog.the(Relation, oid), viewer(ctx, relation, role), seen | {relation.oid})


def _check_policies(ctx: Context, relation: Relation, use: Any) -> None:
    """The other tables and the functions in policies, which run as the current role."""
    role = ctx.session.role
    if not row_security.applies(ctx, relation, role) or ctx.catalog.taint_of(("any",), ("object", relation.oid)):
        return
    for privilege in sorted(use.privileges):
        for policy in row_security.policies_for(ctx, relation, role, privilege):
            for oid, number in (e.referenced for e in ctx.catalog.dependencies(policy.oid) if e.kind == "n"):
                other = ctx.catalog.find(Relation, oid)
                if other is not None and oid != relation.oid:
                    need_privilege(
                        ctx, other, "SELECT", use.location, columns=[number] if number else None, name=relation.name
                    )
                elif other is None:
                    _check_routine(ctx, oid)


# --- defaults and constraints -----------------------------------------------------------------------------------------


def _check_defaults(ctx: Context, relation: Relation, use: Any) -> None:
    """EXECUTE on the functions in the defaults of columns that an INSERT leaves out."""
    for oid in defaults_used(ctx, relation, use):
        check_functions(ctx, oid)


def defaults_used(ctx: Context, relation: Relation, use: Any) -> Iterator[int]:
    """The defaults of the columns that an INSERT leaves out or sets to DEFAULT."""
    for attribute in relation.attributes:
        if attribute.has_default and (attribute.num not in use.inserted or attribute.num in use.defaulted):
            default = ctx.catalog.one(Other, ("default", 0, f"{relation.oid}.{attribute.num}"))
            if default is not None:
                yield default.oid


def check_functions(ctx: Context, oid: int) -> None:
    """EXECUTE on the functions that a default or a constraint calls."""
    for edge in ctx.catalog.dependencies(oid):
        if edge.kind == "n" and ctx.catalog.find(Routine, edge.referenced[0]) is not None:
            _check_routine(ctx, edge.referenced[0])


def check_constraints(ctx: Context, relation: Relation) -> None:
    """The functions of the CHECKs that a new row is held against (ExecRelCheck)."""
    for constraint in ctx.catalog.of_relation(relation.oid, Constraint):
        if constraint.kind == "c":
            check_functions(ctx, constraint.oid)
