"""Statements on roles, owners and privileges."""

from __future__ import annotations

from lockgate.catalog.objects import Constraint, Relation
from tests.oracle.choice import Choice

_TABLE = ("select", "insert", "update", "delete", "truncate", "references", "trigger", "all")


def _target(c: Choice) -> tuple[str, str]:
    """Privileges and the object that they are on."""
    name, relation = c.relation("rpvm")
    match c.one("ttttcsfnya"):
        case "t":
            return ", ".join(c.some(_TABLE, 2)), f"{c.maybe('table ', 0.5)}{name}"
        case "c":
            return f"{c.one(['select', 'update', 'insert', 'references'])} ({', '.join(c.columns(relation))})", name
        case "s":
            return c.one(["usage", "select", "update", "all"]), f"sequence {c.relation('S')[0]}"
        case "f":
            return c.one(["execute", "all"]), f"{c.one(['function', 'routine'])} {c.routine('f')}"
        case "n":
            return c.one(["usage", "create", "all", "usage, create"]), f"schema {c.schema()}"
        case "y":
            return c.one(["usage", "all"]), f"type {c.user_type('edc')[0]}"
    return c.one(["select", "all", "insert"]), f"all {c.one(['tables', 'tables', 'sequences'])} in schema {c.schema()}"


def _grantee(c: Choice) -> str:
    return c.one([c.role(), c.role(), "public", "current_user"])


def grant(c: Choice) -> str:
    """GRANT and REVOKE of privileges."""
    privileges, target = _target(c)
    if c.chance(0.4):
        return (f"revoke {c.maybe('grant option for ', 0.15)}{privileges} on {target} from {_grantee(c)}" + c.maybe(f" granted by {c.role()}", 0.05)
                + c.maybe(" cascade", 0.2))  # fmt: skip
    return f"grant {privileges} on {target} to {_grantee(c)}" + c.maybe(" with grant option", 0.15) + c.maybe(f" granted by {c.role()}", 0.05)


def membership(c: Choice) -> str:
    """GRANT and REVOKE of roles."""
    if c.chance(0.35):
        return f"revoke {c.maybe('admin option for ', 0.2)}{c.role()} from {c.role()}" + c.maybe(" cascade", 0.2)
    option = c.maybe(" with admin option", 0.2)
    if not option and c.catalog.major >= 16:
        option = c.maybe(f" with {c.one(['inherit', 'set', 'admin'])} {c.one(['true', 'false'])}", 0.3)
    return f"grant {c.role()} to {c.role()}{option}"


def role(c: Choice) -> str:
    """CREATE, ALTER and DROP ROLE."""
    name = c.one(["r1", "r2", "r3", "r4", "r5"])
    attribute = c.one(["login", "nologin", "createrole", "noinherit", "createdb", "inherit", "bypassrls", "superuser"])
    return c.one([
        f"create role {name} {attribute}", f"create role {name}", f"alter role {name} {attribute}", f"drop role {c.maybe('if exists ')}{name}",
        f"alter role {name} rename to {c.one(['r4', 'r5', 'r6'])}", f"alter role {name} set search_path = s1", f"create role {name} in role {c.role()}",
    ])  # fmt: skip


def become(c: Choice) -> str:
    """SET ROLE, SET SESSION AUTHORIZATION and back."""
    return c.one([f"set role {c.role()}", f"set role {c.role()}", "reset role", "reset role", "set role none", f"set session authorization {c.role()}",
                  "reset session authorization", f"set local role {c.role()}" if c.chance(0.2) else "reset role"])  # fmt: skip


def default_privileges(c: Choice) -> str:
    """ALTER DEFAULT PRIVILEGES."""
    whose = c.maybe(f" for role {c.role()}", 0.5) + c.maybe(f" in schema {c.schema()}", 0.4)
    kind, privileges = c.one([("tables", "select, insert"), ("tables", "all"), ("sequences", "usage"), ("functions", "execute"), ("types", "usage"),
                              ("schemas", "usage")])  # fmt: skip
    way = c.one(["grant", "grant", "revoke"])
    return f"alter default privileges{whose} {way} {privileges} on {kind} {'to' if way == 'grant' else 'from'} {c.one([c.role(), 'public'])}" + (
        " with grant option" if way == "grant" and c.chance(0.1) else "")  # fmt: skip


def owned(c: Choice) -> str:
    """REASSIGN OWNED and DROP OWNED."""
    return c.one([f"reassign owned by {c.role()} to {c.role()}", f"drop owned by {c.role()}" + c.maybe(" cascade", 0.3)])


def foreign_key(c: Choice) -> str:
    """A foreign key to a key that is there."""
    tables = c.relations("rp")
    keyed = [(r, k) for r in tables for k in c.catalog.of_relation(r.oid, Constraint) if k.kind in "pu" and len(k.keys) == 1]
    if not keyed:
        return f"alter table {c.relation('rp')[0]} add primary key (id)"
    target, key = c.one(keyed)
    attribute = target.attribute_by_num(key.keys[0])
    assert attribute is not None
    source: Relation = c.one(tables)
    fitting = [a.name for a in source.attributes if a.type == attribute.type] or ["nosuch_column"]
    return (f"alter table {c.shown(source)} add {c.maybe('constraint ' + c.fresh('k') + ' ')}foreign key ({c.one(fitting)})"
            f" references {c.shown(target)}{c.maybe(f' ({attribute.name})', 0.6)}{c.maybe(' on delete cascade')}{c.maybe(' not valid', 0.1)}")  # fmt: skip
