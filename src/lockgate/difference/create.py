"""CREATE, as one of the two has an object."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from msgspec.structs import replace

from lockgate.base.sql import literal
from lockgate.base.sql import quote_identifier as q
from lockgate.difference.address import PARTS, address, table
from lockgate.difference.grants import first, privileges
from lockgate.oracle.read.definition import Definition

_ATTRIBUTES = ("superuser", "inherit", "createrole", "createdb", "login", "replication", "bypassrls")
_SEQUENCE = {
    "type": "AS {}",
    "increment": "INCREMENT BY {}",
    "minimum": "MINVALUE {}",
    "maximum": "MAXVALUE {}",
    "start": "START WITH {}",
    "cache": "CACHE {}",
    "owned by": "OWNED BY {}",
}
# what an object has as soon as it is made, whatever is to become of it
_FRESH: dict[str, Any] = {
    "comment": None,
    "row security": False,
    "forced row security": False,
    "enabled": "O",
    "replica identity": "d",
    "clustered": False,
    "settings": None,
    "statistics": None,
    "storage": None,
}


def create(one: Definition, columns: list[Definition]) -> Iterator[str]:
    """The object itself; ``columns``: those of a table or a composite type. Its definition is "..." where it could not
    be compared."""
    p, name = one.properties, table(one) if len(one.name) > 1 else q(one.name[0])
    definition = str(p.get("definition") or "...").rstrip().rstrip(";")
    match one.kind:
        case "table" | "foreign table":
            yield _create_table(one, columns)
        case "column":
            yield f"ALTER TABLE {name} ADD COLUMN {_column(one)};"
        case "attribute":
            yield f"ALTER TYPE {name} ADD ATTRIBUTE {q(one.name[2])} {p['type']};"
        case "constraint":
            yield f"ALTER {_constrained(one)} ADD CONSTRAINT {q(one.name[2])} {definition}{'' if p['validated'] else ' NOT VALID'};"
        case "view" | "materialized view":
            yield f"CREATE {one.kind.upper()} {name}{_with(p)} AS\n{definition};"
        case "index" | "trigger" | "rule" | "function" | "procedure" | "statistics object":
            yield f"{definition};"
        case "sequence":
            yield f"CREATE {'UNLOGGED ' if p['unlogged'] else ''}SEQUENCE {name} {sequence(p, p.keys())};"
        case "policy":
            yield _policy(one)
        case "schema":
            yield f"CREATE SCHEMA {name};"
        case "extension":
            yield f"CREATE EXTENSION {name} WITH SCHEMA {q(p['in schema'])};"
        case "role":
            yield f"CREATE ROLE {name} WITH {attributes(p, p.keys())};"
        case "type" | "domain":
            yield _create_type(one, columns)
        case "membership":
            yield f"GRANT {q(one.name[0])} TO {q(one.name[1])}{_terms(p)};"
        case "default privileges":
            yield from privileges(one, {}, p["grants"])
        case _:
            yield f"-- make {address(one)} there, too: production's definition is in `lockgate snapshot`"


def fresh(one: Definition, owner: str) -> Definition:
    """The object as its CREATE leaves it, made by ``owner``."""
    by_itself = {name: value for name, value in _FRESH.items() if name in one.properties}
    options = {"options": None} if one.kind in ("column", "attribute") else {}
    grants = {} if one.kind == "default privileges" else {"grants": first(one)}
    return replace(
        one, owner=one.owner if one.kind in PARTS else owner, properties=one.properties | by_itself | options | grants
    )


def _constrained(one: Definition) -> str:
    return f"{'DOMAIN' if one.properties['of domain'] else 'TABLE'} {table(one)}"


def _with(p: dict[str, Any]) -> str:
    return f" WITH ({', '.join(p['options'])})" if p.get("options") else ""


def _create_table(one: Definition, columns: list[Definition]) -> str:
    p, name = one.properties, table(one)
    kind = "FOREIGN TABLE" if one.kind == "foreign table" else "UNLOGGED TABLE" if p["unlogged"] else "TABLE"
    lines = ",\n".join(f"    {_column(c)}" for c in columns if not c.inherited)
    partitioned = f" PARTITION BY {p['partition by']}" if p.get("partition by") else ""
    if p.get("bound"):
        return f"CREATE {kind} {name} PARTITION OF {p['parents'][0]} {p['bound']}{partitioned}{_with(p)};"
    inherits = f" INHERITS ({', '.join(p['parents'])})" if p["parents"] else ""
    return f"CREATE {kind} {name} (\n{lines}\n){inherits}{partitioned}{_with(p)};"


def _column(one: Definition) -> str:
    p = one.properties
    words = [q(one.name[2]), str(p["type"])]
    words += [f"COLLATE {p['collation']}"] if p["collation"] else []
    words += [f"DEFAULT {p['default']}"] if p.get("default") is not None else []
    words += [f"GENERATED {p['identity']} AS IDENTITY"] if p["identity"] else []
    if p.get("generated"):
        expression, _, stored = p["generated"].rpartition(" ")
        words.append(f"GENERATED ALWAYS AS ({expression}) {stored}")
    return " ".join([*words, *(["NOT NULL"] if p["not null"] else [])])


def _create_type(one: Definition, columns: list[Definition]) -> str:
    p, name = one.properties, table(one)
    if one.kind == "domain":
        default = f" DEFAULT {p['default']}" if p.get("default") else ""
        return f"CREATE DOMAIN {name} AS {p['type']}{default}{' NOT NULL' if p['not null'] else ''};"
    if p["labels"] is not None:
        return f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, p['labels']))});"
    if p["subtype"]:
        return f"CREATE TYPE {name} AS RANGE (SUBTYPE = {p['subtype']});"
    return f"CREATE TYPE {name} AS ({', '.join(q(c.name[2]) + ' ' + str(c.properties['type']) for c in columns)});"


def _policy(one: Definition) -> str:
    p = one.properties
    roles = ", ".join(r if r == "PUBLIC" else q(r) for r in p["roles"])
    words = [
        f"CREATE POLICY {q(one.name[2])} ON {table(one)}",
        "" if p["permissive"] else "AS RESTRICTIVE",
        f"FOR {p['command']} TO {roles}",
    ]
    words += [
        f"USING ({p['using']})" if p.get("using") else "",
        f"WITH CHECK ({p['with check']})" if p.get("with check") else "",
    ]
    return " ".join(filter(None, words)) + ";"


def sequence(p: dict[str, Any], names: Collection[str]) -> str:
    """The options of these names."""
    words = [form.format("NONE" if p[name] is None else p[name]) for name, form in _SEQUENCE.items() if name in names]
    return " ".join([*words, *([f"{'' if p['cycle'] else 'NO '}CYCLE"] if "cycle" in names else [])])


def attributes(p: dict[str, Any], names: Collection[str]) -> str:
    """A role's attributes of these names."""
    return " ".join(f"{'' if p[word] else 'NO'}{word.upper()}" for word in _ATTRIBUTES if word in names)


def _terms(p: dict[str, Any]) -> str:
    if p.get("inherit") is None:
        return " WITH ADMIN OPTION" if p["admin"] else ""
    return " WITH " + ", ".join(f"{name.upper()} {str(p[name]).upper()}" for name in ("admin", "inherit", "set"))
