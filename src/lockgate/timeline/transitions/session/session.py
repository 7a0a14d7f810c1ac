"""SET, RESET, SHOW, DISCARD, SET CONSTRAINTS (src/backend/utils/misc/guc.c, guc_funcs.c;
src/backend/commands/variable.c, discard.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.base.lazy_imports import Map
from lockgate.catalog.objects import Constraint, Other, Role
from lockgate.timeline import settings
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_superuser
from lockgate.timeline.privileges.may import has_privilege
from lockgate.timeline.transitions.role.session_role import SETTINGS, reset_roles, set_role

_DEFAULT_PATH = ("$user", "public")
_RESET = "\0reset"  # where the session keeps what RESET search_path goes back to
_CANNOT = {
    "internal": 'parameter "{}" cannot be changed',
    "postmaster": 'parameter "{}" cannot be changed without restarting the server',
    "sighup": 'parameter "{}" cannot be changed now',
    "superuser-backend": 'parameter "{}" cannot be set after connection start',
    "backend": 'parameter "{}" cannot be set after connection start',
}
_ALIASES = {"sort_mem": "work_mem", "vacuum_mem": "maintenance_work_mem"}


def set_variable(ctx: Context, node: Node) -> None:
    """ExecSetVariableStmt."""
    kind, local = node.get("kind", "VAR_SET_VALUE"), bool(node.get("is_local"))
    name = str(node.get("name", "")).lower()
    name = _ALIASES.get(name, name)
    if kind == "VAR_SET_MULTI":
        _transaction_characteristics(ctx, node, name)
        return
    if kind == "VAR_RESET_ALL":
        kept = Map(
            {name: value for name, value in ctx.session.settings.items() if name.startswith("\0")}
        )  # what is no parameter
        ctx.session = replace(ctx.session, settings=kept, search_path=default_path(ctx))
        return
    if local and not ctx.transaction.open and ctx.depth == 0:
        ctx.warn("SET LOCAL can only be used in transaction blocks", sqlstate="25P01")
        local_lost = True
    else:
        local_lost = False
    values = _values(node.get("args", []))
    resets = kind in ("VAR_RESET", "VAR_SET_DEFAULT")
    if name in SETTINGS:
        _set_role(ctx, node, local, local_lost)
        return
    check_setting(ctx, name, None if resets else ", ".join(values))
    if not local_lost:
        assign(ctx, name, None if resets else values, local=local)


def _values(args: list[Node]) -> list[str]:
    out = []
    for arg in args:
        const = arg.get("A_Const") or arg.get("TypeCast", {}).get("arg", {}).get("A_Const", {})
        for key, default in (("sval", ""), ("ival", 0), ("fval", "0"), ("boolval", False)):
            if key in const:
                out.append(str(const[key].get(key, default)))
    return out


def check_setting(ctx: Context, name: str, value: str | None) -> None:
    """find_option and the checks of set_config_option: 42704, 55P02, 42501, 22023."""
    found = ctx.catalog.builtins.setting(name)
    if found is None:
        if "." in name:
            if settings.is_custom(name):
                return
            raise ctx.refuse(
                "42602", f'invalid configuration parameter name "{name}"', name=name, object=name, kind="other"
            )
        near = did_you_mean(name, ctx.catalog.builtins.settings)
        raise ctx.refuse(
            "42704", f'unrecognized configuration parameter "{name}"', name=name, object=name, help=near, kind="other"
        )
    if found.context in _CANNOT:
        raise ctx.refuse("55P02", _CANNOT[found.context].format(name), name=name, object=name, kind="other")
    if found.context == "superuser":
        need_parameter(ctx, found.name, "SET", name)
    problem = settings.objection(found, value) if value is not None else ""
    if problem:
        raise ctx.refuse("22023", problem, name=name, object=name, kind="other")


def need_parameter(ctx: Context, name: str, privilege: str, shown: str) -> None:
    """Only superusers, and those who were granted it (GRANT SET, ALTER SYSTEM ON PARAMETER, from 15), may change a
    parameter."""
    known = ctx.catalog.one(Other, ("parameter", 0, name.lower()))
    if known is None or has_privilege(ctx, known, privilege) == "no":
        need_superuser(ctx, f'permission denied to set parameter "{shown}"', name=shown)


def check_stored(ctx: Context, node: Node) -> None:
    """A setting that a role, a database or a function keeps for later (validate_option_array_item); custom ones may be
    a loaded module's."""
    name = str(node.get("name", "")).lower()
    if not name or node.get("kind") == "VAR_RESET_ALL" or ("." in name and ctx.catalog.builtins.setting(name) is None):
        return
    check_setting(ctx, name, ", ".join(_values(node.get("args", []))) if node.get("kind") == "VAR_SET_VALUE" else None)


def assign(ctx: Context, name: str, values: list[str] | None, *, local: bool = False) -> None:
    """Set a parameter for the session or the transaction; None resets it. ``search_path`` takes its schemas as separate
    values."""
    session = ctx.session
    if name == "search_path":
        if _RESET not in session.settings:
            session = replace(session, settings=session.settings.set(_RESET, "\0".join(session.search_path)))
        path = default_path(ctx) if values is None else tuple(values)
        kept = (
            session.local
            if not local or name in session.local
            else session.local.set(name, "\0".join(session.search_path))
        )
        session = replace(session, search_path=path, local=kept if local else _forget(session.local, name))
    else:
        before = session.settings.get(name)
        kept = session.local if not local or name in session.local else session.local.set(name, before)
        if values is None:
            changed = session.settings.delete(name) if name in session.settings else session.settings
        else:
            changed = session.settings.set(name, ", ".join(values))
        session = replace(session, settings=changed, local=kept if local else _forget(session.local, name))
    ctx.session = session


def _forget(local: Map[str, str | None], name: str) -> Map[str, str | None]:
    return local.delete(name) if name in local else local


def default_path(ctx: Context) -> tuple[str, ...]:
    """What RESET search_path goes back to: the role's, the database's, the configured one."""
    from lockgate.timeline.routines.validate import path_of

    role = ctx.catalog.find(Role, ctx.session.login)
    for name, value in role.settings if role is not None else ():
        if name == "search_path":
            return path_of(value)
    database = ctx.catalog.settings.get(("database", "search_path"))
    if database is not None:
        return path_of(database)
    kept = ctx.session.settings.get(_RESET)
    return (tuple(kept.split("\0")) if kept else ()) if kept is not None else _DEFAULT_PATH


def set_config(ctx: Context, name: str, value: str, local: bool) -> None:
    """set_config(): the value is parsed as the parameter's text."""
    from lockgate.timeline.routines.validate import path_of

    name = name.lower()
    if name in SETTINGS:
        _set_role(ctx, {"name": name, "args": [{"A_Const": {"sval": {"sval": value}}}]}, local, False)
        return
    check_setting(ctx, name, value)
    assign(ctx, name, list(path_of(value)) if name == "search_path" else [value], local=local)


def _set_role(ctx: Context, node: Node, local: bool, lost: bool) -> None:
    before = ctx.session
    set_role(ctx, node)
    if lost:
        ctx.session = before
    elif local:
        # the role goes back with the transaction: both are kept where SET LOCAL keeps what it hides
        kept = before.local if "role" in before.local else before.local.set("role", f"{before.role} {before.login}")
        ctx.session = replace(ctx.session, local=kept)
    elif "role" in before.local:  # SET ROLE takes SET LOCAL's place; of SET SESSION AUTHORIZATION the login stays
        login = f"{ctx.session.login} {ctx.session.login}"
        kept = before.local.delete("role") if node.get("name") == "role" else before.local.set("role", login)
        ctx.session = replace(ctx.session, local=kept)


def _transaction_characteristics(ctx: Context, node: Node, name: str) -> None:
    if name == "transaction" and not ctx.transaction.open and ctx.depth == 0:
        ctx.warn("SET TRANSACTION can only be used in transaction blocks", sqlstate="25P01")


def show(ctx: Context, node: Node) -> None:
    """GetPGVariable."""
    name = str(node.get("name", "")).lower()
    custom = "." in name
    if name == "all" or ctx.catalog.builtins.setting(name) is not None or name in ctx.session.settings:
        return
    if custom:  # a placeholder that an extension or a configuration file may have set
        return
    raise ctx.refuse("42704", f'unrecognized configuration parameter "{name}"', name=name, object=name, kind="other")


def discard(ctx: Context, node: Node) -> None:
    """DISCARD."""
    target = node.get("target", "DISCARD_ALL")
    if target == "DISCARD_ALL":
        if ctx.transaction.open:
            raise ctx.refuse("25001", "DISCARD ALL cannot run inside a transaction block", kind="other")
        reset_roles(ctx)
        path = default_path(ctx)
        ctx.session = replace(ctx.session, settings=Map(), search_path=path, prepared=Map(), cursors=frozenset())
    if target in ("DISCARD_ALL", "DISCARD_TEMP"):
        _drop_temporary(ctx)


def _drop_temporary(ctx: Context) -> None:
    space = ctx.session.temp_namespace
    for obj in reversed(ctx.catalog.in_namespace(space) if space else []):
        if ctx.catalog.get(obj.oid) is not None:
            ctx.catalog.remove(obj.oid)


def set_constraints(ctx: Context, node: Node) -> None:
    """AfterTriggerSetState: 42704, 42809. IMMEDIATE fires what waits."""
    if not node.get("deferred"):
        ctx.transaction.pending.clear()
    for item in node.get("constraints", []):
        wanted = item["RangeVar"]
        name, location = wanted.get("relname", ""), wanted.get("location", 0)
        found = _constraints(ctx, wanted.get("schemaname"), name)
        if not found:
            if ctx.catalog.taints:
                raise ctx.unsure(f"whether constraint {name} exists is not known")
            raise ctx.refuse(
                "42704", f'constraint "{name}" does not exist', location, name=name, object=name, kind="constraint"
            )
        fixed = next((c for c in found if not c.deferrable), None)
        if fixed is not None and not ctx.catalog.taint_of(("object", fixed.relation)):
            raise ctx.refuse(
                "42809", f'constraint "{name}" is not deferrable', location, name=name, object=name, kind="constraint"
            )


def _constraints(ctx: Context, schema: str | None, name: str) -> list[Constraint]:
    space = ctx.catalog.namespace(schema) if schema else None
    for oid in (space.oid,) if space is not None else ctx.path():
        found = [ctx.catalog.the(Constraint, c) for c in ctx.catalog.oids(("constraint name", oid, name))]
        if found:
            return found
    return []


def alter_system(ctx: Context, node: Node) -> None:
    """AlterSystemSetConfigFile."""
    if ctx.transaction.open:
        raise ctx.refuse("25001", "ALTER SYSTEM cannot run inside a transaction block", kind="other")
    setting = node.get("setstmt", {})
    if setting.get("kind") == "VAR_RESET_ALL":
        need_superuser(ctx, "permission denied to perform ALTER SYSTEM RESET ALL")
        return
    need_parameter(ctx, setting.get("name", ""), "ALTER SYSTEM", setting.get("name", ""))


HANDLERS: dict[str, Any] = {
    "VariableSetStmt": set_variable,
    "VariableShowStmt": show,
    "DiscardStmt": discard,
    "ConstraintsSetStmt": set_constraints,
    "AlterSystemStmt": alter_system,
}
