"""CREATE DOMAIN and ALTER DOMAIN (src/backend/commands/typecmds.c)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Constraint, Type
from lockgate.catalog.typename import type_name, type_of
from lockgate.timeline import dependency
from lockgate.timeline.binder import analyze_expression, boolean, coerce, empty_scope, resolve_type, value_scope
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.hazards.volatility import planned
from lockgate.timeline.naming import choose_constraint_name
from lockgate.timeline.privileges.check import initial_acl, need_owner
from lockgate.timeline.transitions.object.creation import doubt, new_name
from lockgate.timeline.transitions.relation.new_name import ensure_type_free
from lockgate.timeline.transitions.relation.relation import column_collation, type_kind
from lockgate.timeline.transitions.type.stored import ensure_stored_plain, held_against_rows
from lockgate.timeline.transitions.type.user_type import need_type_usage, put_type, user_type

_UNFIT = {
    "CONSTR_UNIQUE": ("42601", "unique constraints not possible for domains"),
    "CONSTR_PRIMARY": ("42601", "primary key constraints not possible for domains"),
    "CONSTR_EXCLUSION": ("42601", "exclusion constraints not possible for domains"),
    "CONSTR_FOREIGN": ("42601", "foreign key constraints not possible for domains"),
}
_LATER = frozenset(
    {"CONSTR_ATTR_DEFERRABLE", "CONSTR_ATTR_NOT_DEFERRABLE", "CONSTR_ATTR_DEFERRED", "CONSTR_ATTR_IMMEDIATE"}
)


def create_domain(ctx: Context, node: Node) -> None:
    """DefineDomain."""
    space, name = new_name(ctx, node["domainname"])
    ensure_type_free(ctx, name, space.oid, None, relation=False)
    location = node["typeName"].get("location", 0)
    ref = resolve_type(ctx, node["typeName"])
    kind = type_kind(ctx, ref.oid)
    if ref.oid and (kind not in "bcderm" or ref.setof):
        shown = type_name(ctx.catalog, ref.oid, None, ctx.path())
        raise ctx.refuse("42804", f'"{shown}" is not a valid base type for a domain', location, kind="type")
    need_type_usage(ctx, ref.oid, location)
    collation = column_collation(ctx, ref.oid, node.get("collClause"), location)
    base = type_of(ctx.catalog, ref.oid)
    created = Type(
        ctx.catalog.new_oid(),
        name,
        space.oid,
        ctx.session.role,
        "d",
        str(getattr(base, "category", "U")),
        base=ref.oid,
        base_typmod=ref.typmod,
        collation=collation,
        length=int(getattr(base, "length", -1) or -1),
        acl=initial_acl(ctx, "type", space.oid, ctx.session.role),
        has_default=isinstance(base, Type) and base.has_default,
        default_volatility=base.default_volatility if isinstance(base, Type) else "",
    )
    created, refs = _clauses(ctx, created, node.get("constraints", []))
    created = put_type(ctx, created)
    ctx.catalog.depend((created.oid, 0), [(oid, 0) for oid in (ref.oid, collation) if oid])
    ctx.catalog.depend((created.oid, 0), refs)
    names: list[str] = []
    for item in node.get("constraints", []):
        if item["Constraint"]["contype"] == "CONSTR_CHECK":
            names.append(add_check(ctx, created, item["Constraint"], names))
        elif item["Constraint"]["contype"] == "CONSTR_NOTNULL" and ctx.catalog.major >= 17:
            _add_not_null(ctx, created, item["Constraint"].get("conname", ""))


def _clauses(ctx: Context, domain: Type, constraints: list[Node]) -> tuple[Type, Iterable[Address]]:
    refs: list[Address] = []
    nullable: bool | None = None
    given = False
    for item in constraints:
        node = item["Constraint"]
        kind, location = node["contype"], node.get("location", 0)
        if kind in _UNFIT:
            raise ctx.refuse(*_UNFIT[kind], location, kind="constraint")
        if kind in _LATER:
            raise ctx.refuse(
                "0A000", "specifying constraint deferrability not supported for domains", location, kind="constraint"
            )
        if kind.endswith("_ENFORCED"):
            message = "specifying constraint enforceability not supported for domains"
            raise ctx.refuse("42P17", message, location, kind="constraint")
        if kind == "CONSTR_DEFAULT":
            if given:
                raise ctx.refuse("42601", "multiple default expressions", location, kind="other")
            given = True
            depends, domain = with_default(ctx, domain, node["raw_expr"])
            refs += depends
        elif kind in ("CONSTR_NOTNULL", "CONSTR_NULL"):
            wanted = kind == "CONSTR_NULL"
            if nullable is not None and nullable != wanted:
                raise ctx.refuse("42601", "conflicting NULL/NOT NULL constraints", location, kind="other")
            nullable = wanted
            domain = replace(domain, notnull=not wanted)
        elif kind == "CONSTR_CHECK" and node.get("is_no_inherit"):
            raise ctx.refuse(
                "42P16", "check constraints for domains cannot be marked NO INHERIT", location, kind="constraint"
            )
    return domain, refs


def _is_null(node: Node) -> bool:
    return bool(node.get("A_Const", {}).get("isnull"))


def with_default(ctx: Context, domain: Type, node: Node) -> tuple[frozenset[Address], Type]:
    """A domain's default, analysed and coerced to its base type (cookDefault): what it depends on, and the domain with
    it."""
    expr = analyze_expression(ctx, node, empty_scope(), "default")
    shown = [type_name(ctx.catalog, oid, None, ctx.path()) for oid in (domain.base, expr.type)]
    message = f'column "{domain.name}" is of type {shown[0]} but default expression is of type {shown[1]}'
    coerce(
        ctx, expr, domain.base, domain.base_typmod, "assignment", expr.location if expr.location >= 0 else None, message
    )
    return expr.depends, replace(domain, has_default=not _is_null(node), default_volatility=planned(ctx, expr))


def add_check(ctx: Context, domain: Type, node: Node, others: list[str] | None = None) -> str:
    """domainAddCheckConstraint: returns the constraint's name."""
    name, location = str(node.get("conname", "")), node.get("location", 0)
    if name:
        ensure_constraint_free(ctx, domain, name, location)
    else:
        name = choose_constraint_name(ctx.catalog, domain.name, None, "check", domain.namespace, others or ())
    scope = value_scope(domain.base, domain.base_typmod, domain.collation)
    expr = boolean(ctx, analyze_expression(ctx, node["raw_expr"], scope, "domain_check"), "CHECK")
    constraint = Constraint(
        ctx.catalog.new_oid(), name, domain.namespace, "c", type=domain.oid, validated=not node.get("skip_validation")
    )
    ctx.catalog.put(constraint)
    ctx.catalog.depend((constraint.oid, 0), [(domain.oid, 0)], "a")
    ctx.catalog.depend((constraint.oid, 0), expr.depends)
    ctx.created(constraint, location=location)
    return name


def ensure_constraint_free(ctx: Context, domain: Type, name: str, location: int | None) -> None:
    """42710 where the domain has a constraint of that name."""
    found = ctx.catalog.one(Constraint, ("constraint", domain.oid, name))
    if found is None:
        return
    if doubt(ctx, "constraint", domain.namespace, name, domain.oid):
        ctx.catalog.remove(found.oid)
        return
    raise ctx.refuse(
        "42710",
        f'constraint "{name}" for domain "{domain.name}" already exists',
        location,
        name=name,
        object=ctx.catalog.qualified(domain),
        kind="constraint",
    )


def _add_not_null(ctx: Context, domain: Type, name: str = "") -> None:
    name = name or choose_constraint_name(ctx.catalog, domain.name, None, "not_null", domain.namespace)
    constraint = Constraint(ctx.catalog.new_oid(), name, domain.namespace, "n", type=domain.oid)
    ctx.catalog.put(constraint)
    ctx.catalog.depend((constraint.oid, 0), [(domain.oid, 0)], "a")


def alter_domain(ctx: Context, node: Node) -> None:
    """ALTER DOMAIN: T default, N drop not null, O set not null, C add constraint, X drop constraint, V validate
    constraint."""
    domain = user_type(ctx, node, kinds="d")
    need_owner(ctx, domain, kind="type", name=domain.name)
    if held_against_rows(ctx.catalog, domain, node):
        ensure_stored_plain(ctx, domain)
    match node["subtype"]:
        case "T":
            _set_default(ctx, domain, node.get("def"))
        case "N":
            _drop_not_null(ctx, domain)
        case "O":
            ctx.catalog.put(replace(domain, notnull=True))
            if ctx.catalog.major >= 17 and not domain.notnull:
                _add_not_null(ctx, domain)
        case "C":
            _add_constraint(ctx, domain, node["def"]["Constraint"])
        case "X":
            _drop_constraint(ctx, domain, node)
        case "V":
            found = _constraint(ctx, domain, node.get("name", ""))
            if found.kind != "c":
                raise ctx.refuse(
                    "42809",
                    f'constraint "{found.name}" of domain "{domain.name}" is not a check constraint',
                    None,
                    name=found.name,
                    kind="constraint",
                )
            ctx.catalog.put(replace(found, validated=True))


def _set_default(ctx: Context, domain: Type, node: Node | None) -> None:
    ctx.catalog.undepend((domain.oid, 0), "n")
    ctx.catalog.depend((domain.oid, 0), [(oid, 0) for oid in (domain.namespace, domain.base, domain.collation) if oid])
    changed = replace(domain, has_default=False, default_volatility="")
    if node is not None:
        depends, changed = with_default(ctx, domain, node)
        ctx.catalog.depend((domain.oid, 0), depends)
    ctx.catalog.put(changed)


def _drop_not_null(ctx: Context, domain: Type) -> None:
    ctx.catalog.put(replace(domain, notnull=False))
    for key in ctx.catalog.dependents(domain.oid):
        found = ctx.catalog.find(Constraint, key.dependent[0])
        if found is not None and found.kind == "n" and found.type == domain.oid:
            ctx.catalog.remove(found.oid)


def _add_constraint(ctx: Context, domain: Type, node: Node) -> None:
    kind, location = node["contype"], node.get("location", 0)
    if kind in _UNFIT:
        raise ctx.refuse(*_UNFIT[kind], location, kind="constraint")
    if kind == "CONSTR_NOTNULL":
        ctx.catalog.put(replace(domain, notnull=True))
        if ctx.catalog.major >= 17:
            _add_not_null(ctx, domain, node.get("conname", ""))
        return
    add_check(ctx, domain, node)


def _constraint(ctx: Context, domain: Type, name: str) -> Constraint:
    found = ctx.catalog.one(Constraint, ("constraint", domain.oid, name))
    if found is not None:
        return found
    if doubt(ctx, "constraint", domain.namespace, name, domain.oid):
        raise ctx.unsure(f"whether constraint {name} of domain {domain.name} exists is not known")
    names = [
        c.name
        for e in ctx.catalog.dependents(domain.oid)
        if (c := ctx.catalog.find(Constraint, e.dependent[0])) is not None
    ]
    raise ctx.refuse(
        "42704",
        f'constraint "{name}" of domain "{domain.name}" does not exist',
        None,
        name=name,
        kind="constraint",
        object=f"{ctx.catalog.qualified(domain)}.{name}",
        help=did_you_mean(name, names),
    )


def _drop_constraint(ctx: Context, domain: Type, node: Node) -> None:
    name = node.get("name", "")
    if node.get("missing_ok") and ctx.catalog.one(Constraint, ("constraint", domain.oid, name)) is None:
        ctx.warn(
            f'constraint "{name}" of domain "{domain.name}" does not exist, skipping', level="NOTICE", sqlstate="00000"
        )
        return
    found = _constraint(ctx, domain, name)
    if found.kind == "n":
        ctx.catalog.put(replace(domain, notnull=False))
    dependency.drop(ctx, [(found.oid, 0)], cascade=node.get("behavior") == "DROP_CASCADE", name=name)


HANDLERS = {"CreateDomainStmt": create_domain, "AlterDomainStmt": alter_domain}
