"""ALTER, from one state of an object to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.base.sql import literal
from lockgate.base.sql import quote_identifier as q
from lockgate.difference.address import PARTS, TABLES, address, table
from lockgate.difference.create import attributes, create, sequence
from lockgate.difference.drop import drop
from lockgate.difference.grants import privileges
from lockgate.oracle.read.definition import Definition

_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
_IDENTITY = {"d": "DEFAULT", "f": "FULL", "n": "NOTHING"}
_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_ANEW = frozenset(
    {"definition", "validated", "valid", "command", "permissive", "roles", "using", "with check"}
)  # only a DROP and a CREATE change them


def alter(was: Definition, now: Definition) -> Iterator[str]:
    """The statements that make the one the other; none where there is no such statement."""
    changed = _differing(was, now)
    p = now.properties
    match now.kind:
        case "column":
            yield from (
                f"ALTER TABLE {table(now)} ALTER COLUMN {q(now.name[2])} {words};"
                for words in _column(changed, was.properties, p)
            )
        case "sequence" if words := sequence(p, changed):
            yield f"ALTER SEQUENCE {table(now)} {words};"
        case "role" if words := attributes(p, changed):
            yield f"ALTER ROLE {q(now.name[0])} WITH {words};"
        case "membership":
            yield from create(now, [])
        case "constraint" if changed == {"validated"} and p["validated"]:
            yield f"ALTER TABLE {table(now)} VALIDATE CONSTRAINT {q(now.name[2])};"
        case "view" | "function" | "procedure" if "definition" in changed:
            yield next(create(now, [])).replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
        case "extension" if "in schema" in changed:
            yield f"ALTER EXTENSION {q(now.name[0])} SET SCHEMA {q(p['in schema'])};"
        case "extension" if "version" in changed:
            yield f"ALTER EXTENSION {q(now.name[0])} UPDATE TO {literal(p['version'])};"
        case "type" | "domain":
            yield from _type(changed, was, now)
        case "index" | "constraint" | "materialized view" | "policy" | "trigger" | "rule" | "statistics object" if (
            changed & _ANEW
        ):
            yield from (*drop(was), *create(now, []))
    yield from said(was, now)


def _differing(was: Definition, now: Definition) -> set[str]:
    return {k for k in was.properties.keys() | now.properties.keys() if was.properties.get(k) != now.properties.get(k)}


def said(was: Definition, now: Definition) -> Iterator[str]:
    """Owner, comment, privileges and switches, which are set in the same way for many kinds."""
    before, after, changed = was.properties, now.properties, _differing(was, now)
    at = address(now)
    if was.owner != now.owner and now.owner and now.kind not in PARTS:
        yield f"ALTER {at} OWNER TO {q(now.owner)};"
    yield from (f"ALTER TABLE {'.'.join(map(q, now.name[:2]))} {words};" for words in _switches(now, changed, after))
    if changed & {"parents", "bound"} and now.kind in TABLES:
        yield from _attached(now, before, after)
    if "options" in changed and now.kind not in ("column", "attribute"):
        yield from (f"ALTER {at} {words};" for words in _options(before.get("options"), after.get("options")))
    if "settings" in changed:
        yield from (f"ALTER {at} {words};" for words in _settings(before.get("settings"), after.get("settings")))
    if "comment" in changed:
        yield f"COMMENT ON {at} IS {literal(after['comment']) if after.get('comment') else 'NULL'};"
    yield from privileges(now, before.get("grants") or {}, after.get("grants") or {})


def _switches(now: Definition, changed: set[str], after: dict[str, Any]) -> Iterator[str]:
    if "row security" in changed:
        yield f"{'ENABLE' if after['row security'] else 'DISABLE'} ROW LEVEL SECURITY"
    if "forced row security" in changed:
        yield f"{'' if after['forced row security'] else 'NO '}FORCE ROW LEVEL SECURITY"
    if "enabled" in changed:
        yield f"{_ENABLED[after['enabled']]} {now.kind.upper()} {q(now.name[2])}"
    if "replica identity" in changed:
        yield f"REPLICA IDENTITY {_IDENTITY.get(after['replica identity'], after['replica identity'])}"
    if "unlogged" in changed and now.kind in TABLES:
        yield f"SET {'UN' if after['unlogged'] else ''}LOGGED"
    if "clustered" in changed:
        yield f"CLUSTER ON {q(now.name[2])}" if after["clustered"] else "SET WITHOUT CLUSTER"


def _column(changed: set[str], was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    if changed & {"type", "collation"}:
        yield f"TYPE {now['type']}" + (f" COLLATE {now['collation']}" if now["collation"] else "")
    if "default" in changed:
        yield f"SET DEFAULT {now['default']}" if now["default"] is not None else "DROP DEFAULT"
    if "generated" in changed and now["generated"] is None:
        yield "DROP EXPRESSION"
    if "not null" in changed:
        yield f"{'SET' if now['not null'] else 'DROP'} NOT NULL"
    if "identity" in changed:
        added = (
            f"SET GENERATED {now['identity']}" if was["identity"] else f"ADD GENERATED {now['identity']} AS IDENTITY"
        )
        yield added if now["identity"] else "DROP IDENTITY"
    if "storage" in changed and now["storage"]:
        yield f"SET STORAGE {_STORAGE[now['storage']]}"
    if "statistics" in changed:
        yield f"SET STATISTICS {-1 if now['statistics'] is None else now['statistics']}"
    if "options" in changed:
        yield from _options(was["options"], now["options"])


def _type(changed: set[str], was: Definition, now: Definition) -> Iterator[str]:
    name, p = table(now), now.properties
    if "labels" in changed:
        yield from _labels(name, was.properties["labels"] or [], p["labels"] or [])
    if "default" in changed and now.kind == "domain":
        yield f"ALTER DOMAIN {name} {'SET DEFAULT ' + p['default'] if p.get('default') else 'DROP DEFAULT'};"
    if "not null" in changed:
        yield f"ALTER DOMAIN {name} {'SET' if p['not null'] else 'DROP'} NOT NULL;"


def _labels(name: str, was: list[str], now: list[str]) -> Iterator[str]:
    for at, label in enumerate(now):
        if label not in was:
            place = f" AFTER {literal(now[at - 1])}" if at else f" BEFORE {literal(was[0])}" if was else ""
            yield f"ALTER TYPE {name} ADD VALUE {literal(label)}{place};"
    if gone := [label for label in was if label not in now]:
        yield f"-- no statement takes a value from a type: make {name} anew without {', '.join(gone)}"


def _options(was: list[str] | None, now: list[str] | None) -> Iterator[str]:
    new, gone = _news(was, now)
    if new:
        yield f"SET ({', '.join(new)})"
    if gone:
        yield f"RESET ({', '.join(gone)})"


def _settings(was: list[str] | None, now: list[str] | None) -> Iterator[str]:
    new, gone = _news(was, now)
    for setting in new:
        name, _, value = setting.partition("=")
        yield f"SET {name} TO {value if name == 'search_path' else literal(value)}"
    yield from (f"RESET {name}" for name in gone)


def _news(was: list[str] | None, now: list[str] | None) -> tuple[list[str], list[str]]:
    """Settings ("name=value") that are new or other, and names that are gone."""
    before, after = was or [], now or []
    return [s for s in after if s not in before], sorted(
        {s.partition("=")[0] for s in before} - {s.partition("=")[0] for s in after}
    )


def _attached(one: Definition, was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    name, old, new = table(one), was.get("parents") or [], now.get("parents") or []
    if was.get("bound"):
        yield f"ALTER TABLE {old[0]} DETACH PARTITION {name};"
    else:
        yield from (f"ALTER TABLE {name} NO INHERIT {parent};" for parent in old if parent not in new)
    if now.get("bound"):
        yield f"ALTER TABLE {new[0]} ATTACH PARTITION {name} {now['bound']};"
    else:
        yield from (f"ALTER TABLE {name} INHERIT {parent};" for parent in new if parent not in old)
