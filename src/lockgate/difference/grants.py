"""GRANT and REVOKE between two states of an object's privileges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.base.sql import quote_identifier as q
from lockgate.difference.address import address
from lockgate.oracle.read.definition import Definition

Grants = dict[str, list[str]]  # by grantee ("" is the owner); * may be granted on
# what PUBLIC may do with a new object (acl.c, acldefault)
_PUBLIC = {
    "function": "EXECUTE",
    "procedure": "EXECUTE",
    "aggregate": "EXECUTE",
    "type": "USAGE",
    "domain": "USAGE",
    "language": "USAGE",
}


def first(one: Definition) -> Grants:
    """The privileges that a new object has by itself: its owner's, and PUBLIC's of some kinds."""
    public = {"PUBLIC": [_PUBLIC[one.kind]]} if one.kind in _PUBLIC else {}
    return {to: may for to, may in (one.properties.get("grants") or {}).items() if not to} | public


def privileges(one: Definition, was: Grants, now: Grants) -> Iterator[str]:
    """What makes the one state the other."""
    head, on = _head(one), _on(one)
    for to in sorted(was.keys() | now.keys()):
        role = to if to == "PUBLIC" else q(to or one.owner)
        before, after = _with_option(was.get(to, ())), _with_option(now.get(to, ()))
        gone = [may for may in before if may not in after]
        if gone:
            yield f"{head}REVOKE {_listed(one, gone)} ON {on} FROM {role};"
        held = [may for may in before if before[may] and after.get(may) is False]
        if held:
            yield f"{head}REVOKE GRANT OPTION FOR {_listed(one, held)} ON {on} FROM {role};"
        for option, words in ((False, ""), (True, " WITH GRANT OPTION")):
            more = [
                may
                for may, passes in after.items()
                if passes is option and (may not in before or (option and not before[may]))
            ]
            if more:
                yield f"{head}GRANT {_listed(one, more)} ON {on} TO {role}{words};"


def _with_option(privileges: Iterable[str]) -> dict[str, bool]:
    """Each privilege, and whether it may be granted on."""
    return {may.rstrip("*"): may.endswith("*") for may in privileges}


def _head(one: Definition) -> str:
    if one.kind != "default privileges":
        return ""
    of = f" FOR ROLE {q(one.owner)}" if one.owner else ""
    return f"ALTER DEFAULT PRIVILEGES{of}{f' IN SCHEMA {q(one.name[0])}' if one.name[0] else ''} "


def _listed(one: Definition, privileges: list[str]) -> str:
    columns = f" ({q(one.name[2])})" if one.kind == "column" else ""
    return ", ".join(may + columns for may in privileges)


def _on(one: Definition) -> str:
    match one.kind:
        case "default privileges":
            return one.name[1]
        case "column" | "table" | "foreign table" | "view" | "materialized view":
            return f"TABLE {'.'.join(map(q, one.name[:2]))}"
        case "aggregate":
            return address(one).replace("AGGREGATE", "FUNCTION", 1)
        case "domain":
            return address(one).replace("DOMAIN", "TYPE", 1)
        case "server" | "foreign-data wrapper":
            return f"{'FOREIGN DATA WRAPPER' if one.kind != 'server' else 'FOREIGN SERVER'} {one.name[0]}"
    return address(one)
