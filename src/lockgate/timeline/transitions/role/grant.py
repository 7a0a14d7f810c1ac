"""GRANT and REVOKE on objects (ExecuteGrantStmt and below in src/backend/catalog/aclchk.c)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import FIRST_USER_OID, PUBLIC_NAMESPACE, Namespace, Other, Relation, Routine, Type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import denied
from lockgate.timeline.privileges.may import items_of, kind_of, owner_of, system_column
from lockgate.timeline.privileges.remedy import membership, quoted
from lockgate.timeline.privileges.shipped import shipped
from lockgate.timeline.transitions.object.creation import find_role, role_oid
from lockgate.timeline.transitions.relation.relation import column_of
from lockgate.timeline.transitions.role.grant_target import KINDS, GrantTarget, check_kind, targets

SYSTEM_NUMBERS = {"ctid": -1, "xmin": -2, "cmin": -3, "xmax": -4, "cmax": -5, "tableoid": -6}


class Grant(msgspec.Struct, frozen=True):
    """A GRANT or REVOKE, its names resolved. ``letters`` "" with ``every``: ALL PRIVILEGES."""

    give: bool
    every: bool
    letters: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]  # letters (of ALL: every column privilege), column names
    grantees: tuple[int, ...]
    option: bool
    cascade: bool


def grant(ctx: Context, node: Node) -> None:
    """ExecuteGrantStmt: look everything up, then object by object."""
    objtype = node["objtype"]
    _check_grantor(ctx, node)
    found = targets(ctx, node)
    statement = resolve(ctx, node, KINDS[objtype])
    for target in found:
        check_kind(ctx, target, objtype)
        _apply(ctx, statement, target, objtype)


def _check_grantor(ctx: Context, node: Node) -> None:
    if "grantor" in node:
        role = find_role(ctx, node["grantor"])
        if role is not None and role.oid != ctx.session.role and ctx.session.known:
            raise ctx.refuse("0A000", "grantor must be current user", node["grantor"].get("location"), kind="role")


def resolve(ctx: Context, node: Node, words: tuple[str, str]) -> Grant:
    """Grantees and privileges, checked against what the kind of object knows (42704, 0LP01, 42601)."""
    kind, word = words
    grantees = tuple(role_oid(ctx, g["RoleSpec"]) for g in node.get("grantees", []))
    allowed = acl.all_privileges(kind, ctx.catalog.major)
    if kind == "table":  # it may be a sequence after all
        allowed += "U"
    letters, columns = "", []
    for item in node.get("privileges", []):
        privilege = item["AccessPriv"]
        name = privilege.get("priv_name", "").upper()
        letter = acl.LETTERS.get(name) if name else acl.all_privileges("column", ctx.catalog.major)
        if letter is None or (name == "MAINTAIN" and ctx.catalog.major < 17):
            raise ctx.refuse(
                "42601", f'unrecognized privilege type "{name.lower()}"', None, name=name.lower(), kind="privilege"
            )
        if privilege.get("cols"):
            if kind != "table":
                raise ctx.refuse("0LP01", "column privileges are only valid for relations", None, kind="privilege")
            if set(letter) - set(acl.all_privileges("column", ctx.catalog.major)):
                raise ctx.refuse(
                    "0LP01", f"invalid privilege type {name} for column", None, name=name.lower(), kind="privilege"
                )
            columns.append((letter, tuple(c["String"].get("sval", "") for c in privilege["cols"])))
            continue
        if letter not in allowed:
            raise ctx.refuse(
                "0LP01", f"invalid privilege type {name} for {word}", None, name=name.lower(), kind="privilege"
            )
        letters += letter
    return Grant(
        bool(node.get("is_grant")),
        "privileges" not in node,
        acl.canonical(letters),
        tuple(columns),
        grantees,
        bool(node.get("grant_option")),
        node.get("behavior") == "DROP_CASCADE",
    )


def _apply(ctx: Context, statement: Grant, target: GrantTarget, objtype: str) -> None:
    obj: Any = target.object
    catalog = ctx.catalog
    if obj is None or (statement.columns and not isinstance(obj, Relation)):
        ctx.notes.append(f"{'GRANT' if statement.give else 'REVOKE'} on what is not known")
        return
    if obj.oid < FIRST_USER_OID and obj.oid != PUBLIC_NAMESPACE:
        obj = shipped(catalog, obj)
    kind = kind_of(obj)
    rights = acl.all_privileges(kind, catalog.major)
    letters = rights if statement.every else statement.letters
    if isinstance(obj, Relation) and not statement.every:
        letters = _fit_relation(ctx, obj, letters, objtype, target)
    if letters:
        items = change(ctx, statement, obj, items_of(catalog, obj), letters, rights, target)
        if items is not None:
            _store(catalog, replace(obj, acl=items))
        if isinstance(obj, Relation) and not statement.give:
            _revoke_columns(ctx, statement, catalog.the(Relation, obj.oid), letters)
    if isinstance(obj, Relation) and statement.columns:
        _apply_columns(ctx, statement, catalog.the(Relation, obj.oid), target)


def _store(catalog: Draft, obj: Any) -> None:
    if (
        obj.oid < FIRST_USER_OID
        or kind_of(obj) != "parameter"
        or not acl.same(obj.acl, acl.default_acl("parameter", obj.owner, catalog.major))
    ):
        catalog.put(obj)
    elif catalog.get(obj.oid) is not None:  # a parameter on which nothing is granted has no entry
        catalog.remove(obj.oid)


def _fit_relation(ctx: Context, relation: Relation, letters: str, objtype: str, target: GrantTarget) -> str:
    if relation.kind == "S":
        fit = acl.canonical(set(letters) & set("rwU"))
        if objtype == "OBJECT_TABLE" and fit != letters:
            ctx.warn(
                f'sequence "{relation.name}" only supports USAGE, SELECT, and UPDATE privileges',
                target.location,
                sqlstate="0LP01",
                object=ctx.catalog.qualified(relation),
            )
        return fit
    if "U" in letters:
        raise ctx.refuse(
            "0LP01", "invalid privilege type USAGE for table", target.location, name="usage", kind="privilege"
        )
    return letters


def change(
    ctx: Context, statement: Grant, obj: Any, items: acl.Items, letters: str, rights: str, target: GrantTarget
) -> acl.Items | None:
    """One object's new acl: who grants, what he may grant (restrict_and_check_grant), the merge; None where nothing
    changes.

    Refuses with 42501 where the grantor holds nothing at all on the object; warns where it may grant nothing, or not
    all.
    """
    owner = owner_of(ctx.catalog, obj)
    known = ctx.session.known and not ctx.unchecked
    role = ctx.session.role if known else owner
    grantor, may = acl.best_grantor(ctx.catalog, role, owner, items, letters)
    return _merge(
        ctx,
        statement,
        items,
        owner,
        grantor,
        _restrict(ctx, statement, obj, items, grantor, may, letters, rights, target),
    )


def _restrict(
    ctx: Context,
    statement: Grant,
    obj: Any,
    items: acl.Items,
    grantor: int,
    may: str,
    letters: str,
    rights: str,
    target: GrantTarget,
    column: str = "",
) -> str:
    known = ctx.session.known and not ctx.unchecked
    held = (
        "unknown"
        if not known
        else "yes"
        if may == letters
        else "unknown"
        if acl.privilege_doubt(ctx.catalog, grantor, getattr(obj, "oid", 0))
        else "no"
    )
    shown = ctx.catalog.qualified(obj) if not isinstance(obj, Other) else obj.name
    if held == "unknown":
        return letters
    if not may:
        has = acl.held(ctx.catalog, grantor, items) or acl.grantable(
            ctx.catalog, grantor, owner_of(ctx.catalog, obj), items, rights
        )
        if not has and not _predefined(ctx, obj, grantor):
            what, word = (f'column "{column}" of relation "{obj.name}"', " ") if column else (obj.name, _word(obj))
            raise denied(ctx, obj, _names(letters), target.location, name=column or target.name, shown=what, kind=word)
    words = target.name
    about = f'"{words}"' if not column else f'column "{column}" of relation "{obj.name}"'
    _warn(ctx, statement, about, may, letters, rights, target, shown, by_owner(ctx, owner_of(ctx.catalog, obj)))
    return may


def by_owner(ctx: Context, owner: int) -> str:
    """The same statement, by whom the server would have heard."""
    return f"run as {quoted(ctx.catalog.role_name(owner))}: {ctx.statement.text}; or once and for all, as a superuser: {membership(ctx, owner)}"


def _word(obj: Any) -> str:
    """The kind as GRANT words it: every routine is a function, every relation but a sequence a table."""
    match obj:
        case Relation():
            return "sequence" if obj.kind == "S" else "table"
        case Routine():
            return "function"
        case Type():
            return "type"
        case Other(kind="large_object"):
            return "large object large object"  # in so many words
    return ""


def _predefined(ctx: Context, obj: Any, role: int) -> bool:
    names = {ctx.catalog.role_name(oid) for oid in acl.roles_of(ctx.catalog, role)}
    return isinstance(obj, (Relation, Namespace)) and not names.isdisjoint(
        {"pg_read_all_data", "pg_write_all_data", "pg_maintain"}
    )


def _warn(
    ctx: Context,
    statement: Grant,
    about: str,
    may: str,
    letters: str,
    rights: str,
    target: GrantTarget,
    shown: str,
    help: str,
) -> None:
    every = statement.every or (not statement.letters and letters == rights)
    state = "01007" if statement.give else "01006"
    did = "were granted" if statement.give else "could be revoked"
    if not may:
        ctx.warn(f"no privileges {did} for {about}", target.location, sqlstate=state, object=shown, help=help)
    elif not every and may != letters:
        ctx.warn(f"not all privileges {did} for {about}", target.location, sqlstate=state, object=shown, help=help)


def _names(letters: str) -> str:
    return ", ".join(acl.NAMES[letter] for letter in letters)


def _merge(
    ctx: Context, statement: Grant, items: acl.Items, owner: int, grantor: int, letters: str
) -> acl.Items | None:
    changed = merge(ctx, statement, items, owner, grantor, letters)
    return changed if letters else None


def merge(ctx: Context, statement: Grant, items: acl.Items, owner: int, grantor: int, letters: str) -> acl.Items:
    """merge_acl_with_grant. Refuses with 0LP01, 2BP01."""
    plain = letters if statement.give or not statement.option else ""
    options = letters if not statement.give or statement.option else ""
    for grantee in statement.grantees:
        if grantee == acl.PUBLIC and statement.give and statement.option:
            raise ctx.refuse("0LP01", "grant options can only be granted to roles", None, name="public", kind="role")
        try:
            if statement.give:
                items = acl.add(ctx.catalog, items, owner, grantee, grantor, plain, options)
            else:
                items = acl.revoke(
                    ctx.catalog, items, owner, grantee, grantor, plain, options, cascade=statement.cascade
                )
        except acl.CircularGrant:
            raise ctx.refuse(
                "0LP01", "grant options cannot be granted back to your own grantor", None, kind="privilege"
            ) from None
        except acl.DependentPrivileges:
            help = "Use CASCADE to revoke them too."
            raise ctx.refuse("2BP01", "dependent privileges exist", None, help=help, kind="dependent") from None
    return items


# --- columns ----------------------------------------------------------------------------------------------------------


def _apply_columns(ctx: Context, statement: Grant, relation: Relation, target: GrantTarget) -> None:
    """Column by column in the table's order, whatever order the statement names them in."""
    wanted: dict[int, str] = {}
    for letters, names in statement.columns:
        if relation.kind == "S" and letters != "r":
            letters = acl.canonical(set(letters) & {"r"})
            ctx.warn(
                f'sequence "{relation.name}" only supports SELECT column privileges',
                target.location,
                sqlstate="0LP01",
                object=ctx.catalog.qualified(relation),
            )
        for name in names if letters else ():
            number = (
                SYSTEM_NUMBERS[name]
                if name in SYSTEM_NUMBERS and relation.kind != "v"
                else column_of(ctx, relation, name).num
            )
            wanted[number] = acl.canonical(wanted.get(number, "") + letters)
    for number in sorted(wanted):
        _apply_column(ctx, statement, ctx.catalog.the(Relation, relation.oid), wanted[number], number, target)


def _apply_column(
    ctx: Context, statement: Grant, relation: Relation, letters: str, number: int, target: GrantTarget
) -> None:
    attribute = relation.attribute_by_num(number)
    system = system_column(ctx.catalog, relation, number)
    name = attribute.name if attribute is not None else next(name for name, n in SYSTEM_NUMBERS.items() if n == number)
    own = (attribute if attribute is not None else system).acl or ()
    whole = (*items_of(ctx.catalog, relation), *own)
    known = ctx.session.known and not ctx.unchecked
    role = ctx.session.role if known else relation.owner
    grantor, may = acl.best_grantor(ctx.catalog, role, relation.owner, whole, letters)
    rights = acl.all_privileges("column", ctx.catalog.major)
    may = _restrict(ctx, statement, relation, whole, grantor, may, letters, rights, target, column=name)
    items = merge(ctx, statement, own, relation.owner, grantor, may)
    if may and attribute is not None:
        ctx.catalog.replace_attribute(relation, replace(attribute, acl=items or None))
    elif may:
        made = replace(system, oid=system.oid or ctx.catalog.new_oid(), acl=items or None)
        ctx.catalog.put(made)
        ctx.catalog.depend((made.oid, 0), [(relation.oid, 0)], "a")


def _revoke_columns(ctx: Context, statement: Grant, relation: Relation, letters: str) -> None:
    """Revoking a table privilege takes the columns' with it (expand_all_col_privileges)."""
    touched = acl.canonical(set(letters) & set(acl.all_privileges("column", ctx.catalog.major)))
    if not touched:
        return
    for attribute in relation.attributes:
        if attribute.acl is None:
            continue
        whole = (*items_of(ctx.catalog, relation), *attribute.acl)
        role = ctx.session.role if ctx.session.known and not ctx.unchecked else relation.owner
        grantor, may = acl.best_grantor(ctx.catalog, role, relation.owner, whole, touched)
        if may:
            items = merge(ctx, statement, attribute.acl, relation.owner, grantor, may)
            relation = ctx.catalog.replace_attribute(relation, replace(attribute, acl=items or None))


def revoke_all(ctx: Context, obj: Any, role: int) -> None:
    """Take away all that a role was granted on an object (RemoveRoleFromObjectACL): REVOKE ALL ... CASCADE by the
    current role, with its warnings."""
    statement = Grant(False, True, "", (), (role,), False, True)
    _apply(ctx, statement, GrantTarget(obj, None, obj.name), "OBJECT_TABLE")


HANDLERS = {"GrantStmt": grant}
