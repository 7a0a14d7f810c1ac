"""What the catalog holds, kept up to date by reading only what has changed: for down scripts, which compare it after
every migration.

A row of a system catalog is never changed in place but written anew by a transaction, whose number it bears (``xmin``):
what was read before a transaction began, plus the rows that bear its number or a later one, minus what is no longer
there, is the catalog now. Where that does not suffice (something was renamed on which the spelling of other objects
rests), everything is read.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from hashlib import md5
from typing import Any

import msgspec

from lockgate.oracle.apply.plan import LiveCatalog
from lockgate.oracle.read.catalog import KINDS, compare, in_order, objects
from lockgate.oracle.server.backend import ask, rows
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.qualify import qualified
from lockgate.oracle.server.wire import Connection

Key = tuple[str, str]  # a system catalog and an object's place in it
Held = dict[Key, tuple[str, dict[str, Any]]]  # with the object's kind and properties

_HOMES: dict[str, str] = {
    "columns": "pg_attribute",
    "constraints": "pg_constraint",
    "functions": "pg_proc",
    "triggers": "pg_trigger",
    "policies": "pg_policy",
    **dict.fromkeys(("tables", "views", "sequences", "indexes"), "pg_class"),
    **dict.fromkeys(("enums", "domains", "types"), "pg_type"),
}
# By the name of what was found there: the system catalog, its key, and whether that is a number that grows
_SCANS = {
    "classes": ("pg_class", "oid", True),
    "attributes": ("pg_attribute", "ctid", False),
    "constraints": ("pg_constraint", "oid", True),
    "indexes": ("pg_index", "indexrelid", False),
    "triggers": ("pg_trigger", "oid", True),
    "policies": ("pg_policy", "oid", True),
    "functions": ("pg_proc", "oid", True),
    "types": ("pg_type", "oid", True),
    "labels": ("pg_enum", "enumtypid", False),
}
_FOUND = {
    **dict.fromkeys(("tables", "views", "sequences"), "c.oid = ANY (x.classes)"),
    "columns": "a.ctid = ANY (x.attributes)",
    "constraints": "con.oid = ANY (x.constraints)",
    "indexes": "i.indexrelid = ANY (x.indexes || x.classes)",
    "triggers": "t.oid = ANY (x.triggers)",
    "policies": "p.oid = ANY (x.policies)",
    "functions": "p.oid = ANY (x.functions)",
    "enums": "t.oid = ANY (x.types || x.labels)",
    **dict.fromkeys(("domains", "types"), "t.oid = ANY (x.types)"),
}
# The names of roles and schemas stand in for their numbers everywhere, and parts of an extension are left out: a change
# there is not seen in the rows
_GROUND = (
    "pg_catalog.concat_ws(' ', (SELECT pg_catalog.string_agg(oid || rolname, ' ' ORDER BY oid) FROM pg_catalog.pg_roles),"
    " (SELECT pg_catalog.string_agg(oid || nspname, ' ' ORDER BY oid) FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'),"
    " (SELECT pg_catalog.string_agg(oid || extname || extversion, ' ' ORDER BY oid) FROM pg_catalog.pg_extension),"
    " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend WHERE refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND deptype = 'e'))"
)


_NUMBERED = {home: name for name, (home, _, numbered) in _SCANS.items() if numbered}
_OURS = {
    "pg_proc": "oid >= 16384",
    "pg_attribute": "attnum > 0",
}  # leaves out thousands that every server, or every table, has


def _scan(name: str, home: str, key: str, numbered: bool) -> str:
    """Keys of the rows that are new, and where objects are numbered how many there are, and how many of those were
    there before."""
    new = "pg_catalog.age(xmin) <= (SELECT pg_catalog.age($1))"
    if not numbered:
        return f"(SELECT pg_catalog.array_agg({key}) AS {name} FROM pg_catalog.{home} WHERE {_OURS.get(home, 'true')} AND {new}) {name}"
    counts = f"pg_catalog.count(*) AS {name}_all, pg_catalog.count(*) FILTER (WHERE oid <= $2) AS {name}_old"
    return f"(SELECT pg_catalog.array_agg({key}) FILTER (WHERE {new}) AS {name}, {counts} FROM pg_catalog.{home} WHERE {_OURS.get(home, 'true')}) {name}"


def _sql(tests: dict[str, str]) -> str:
    """What has changed, or everything where there are no tests."""
    counts = (f"'{home}', pg_catalog.json_build_array({name}_all, {name}_old)" for home, name in _NUMBERED.items())
    newest = (f"(SELECT pg_catalog.max(oid) FROM pg_catalog.{home})" for home in _NUMBERED)
    dropped = "SELECT pg_catalog.json_agg(attrelid || '.' || attnum) FROM pg_catalog.pg_attribute WHERE attisdropped AND ctid = ANY (x.attributes)"
    return (
        f"WITH x AS MATERIALIZED (SELECT * FROM {', '.join(_scan(name, *scan) for name, scan in _SCANS.items())}) SELECT pg_catalog.json_build_object("
        "'since', pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) & 4294967295,"
        f" 'newest', GREATEST({', '.join(newest)}), 'ground', {_GROUND}, 'counts', pg_catalog.json_build_object({', '.join(counts)}),"
        f" 'dropped', ({dropped}), 'found', {objects(tests)})::text FROM x"
    )


_CHANGES = f"(pg_catalog.xid, pg_catalog.oid) AS {_sql(_FOUND)}"
_ALL = _sql({}).replace("$1", "'3'::pg_catalog.xid").replace("$2", "0")  # 3: FirstNormalTransactionId
_LIVE = "SELECT pg_catalog.json_build_object({})".format(
    ", ".join(
        f"'{home}', (SELECT pg_catalog.json_agg(oid) FROM pg_catalog.{home} WHERE {_OURS.get(home, 'true')})"
        for home in _NUMBERED
    )
)
# a few rows are joined by index, however small the catalogs were when the plan was made
_PLAN = (
    "plan_cache_mode = force_generic_plan",
    "enable_seqscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
)
_NOT_OURS = ("22P02", "26000")  # the prepared statement is another, or none
_SETTINGS = "".join(
    f"SET {setting};" for setting in ("search_path = pg_catalog, pg_temp", "statement_timeout = 0", *_PLAN)
)  # the search_path spells names


class Contents(msgspec.Struct, frozen=True):
    """The catalog at one time."""

    since: str  # what a transaction with this number or a later one wrote is not in here
    newest: str  # the highest number of an object
    counts: dict[str, list[int]]  # by system catalog: all that is in it, and what was there before
    ground: str
    held: Held
    changed: frozenset[Key] | None = (
        None  # what differs from the contents that it was made of; None where everything was read
    )

    def catalog(self) -> LiveCatalog:
        """In the contract's shape."""
        found: LiveCatalog = {kind: [] for kind in KINDS}
        for kind, row in self.held.values():
            found[kind].append(dict(row))
        return in_order(found)

    def differences(self, after: Contents) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Objects that are missing after, left over after, and changed: "columns public.t.c"."""
        was, now = self.held, after.held
        keys = after.changed if after.changed is not None else was.keys() | now.keys()
        return compare(_properties(was, keys), _properties(now, keys))


class ContentsReader:
    """Reads the contents through one connection, its own transaction included.

    The query for changes is prepared, for planning it is most of the work. A migration's session may drop it or hold
    another under any name: ours is a random one, and each use first sees whether it is still what we made. Leaves
    settings changed that end with the transaction where there is one.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._execute = ""

    def _prepare(self) -> None:
        name = f"lockgate_{secrets.token_hex(8)}"
        statement = qualified(f"PREPARE {name}{_CHANGES}")
        digest = md5(statement.encode(), usedforsecurity=False).hexdigest()
        held = f"EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE name = '{name}' AND pg_catalog.md5(statement) = '{digest}')"
        ask(self.connection, _SETTINGS)
        ask(self.connection, statement)  # alone: the server keeps the whole query string
        held = f"SELECT (CASE WHEN {held} THEN '1' ELSE '' END)::pg_catalog.int4"
        self._execute = f"{_SETTINGS}{qualified(held)};EXECUTE {name}"

    def whole(self) -> Contents:
        """Everything. Raises CannotCheck, Lost."""
        scanned = "".join(f"SET {name} = on;" for name in ("enable_seqscan", "enable_hashjoin"))
        said = json.loads(plain(ask(self.connection, f"{_SETTINGS}{scanned}{_ALL}")[0][0] or "{}"))
        return _contents(said, _objects(said["found"]))

    def post(self, before: Contents) -> None:
        """Ask what has changed since ``before``; ``take`` brings the answer. Raises CannotCheck, Lost."""
        if not self._execute:
            self._prepare()
        self.connection.post(f"{self._execute}('{before.since}', '{before.newest}')")

    def take(self, before: Contents) -> Contents:
        """What the catalog holds now. Raises CannotCheck, Lost."""
        reply = self.connection.read(120)
        if reply.failure and reply.failure.get("C") in _NOT_OURS:
            if reply.block == "E":
                ask(self.connection, "ROLLBACK TO SAVEPOINT lg")
            self._execute = ""
            self.post(before)
            reply = self.connection.read(120)
        said = json.loads(plain(rows(reply)[0][0] or "{}"))
        new = _objects(said["found"])
        if said["ground"] != before.ground or any(_renamed(before.held.get(key), found) for key, found in new.items()):
            return self.whole()  # a name changed on which the spelling of others rests
        gone = set(self._gone(before, said)) & before.held.keys()
        changed = {key: found for key, found in new.items() if before.held.get(key) != found}
        held = before.held | changed
        for key in gone:
            held.pop(key, None)
        return _contents(said, held, frozenset(gone) | changed.keys())

    def _gone(self, before: Contents, said: dict[str, Any]) -> Iterator[Key]:
        yield from (("pg_attribute", place) for place in said["dropped"] or ())
        homes = [home for home, (_, old) in said["counts"].items() if old < before.counts[home][0]]
        if not homes:
            return
        live = json.loads(ask(self.connection, _LIVE)[0][0] or "{}")
        numbers = {home: frozenset(map(str, live[home] or ())) for home in homes}
        for key in before.held:
            home, place = key
            if home == "pg_attribute":
                home, place = "pg_class", place.partition(".")[0]
            if home in numbers and place not in numbers[home]:
                yield key


def _contents(said: dict[str, Any], held: Held, changed: frozenset[Key] | None = None) -> Contents:
    return Contents(str(said["since"]), str(said["newest"]), said["counts"], said["ground"], held, changed)


def _objects(found: dict[str, list[dict[str, Any]]]) -> Held:
    return {(_HOMES.get(kind, kind), str(row["key"])): (kind, row) for kind, some in found.items() for row in some}


def _renamed(was: tuple[str, dict[str, Any]] | None, found: tuple[str, dict[str, Any]]) -> bool:
    return (
        was is not None
        and found[0] != "columns"
        and any(was[1].get(part) != found[1].get(part) for part in ("schema", "name"))
    )


def _properties(held: Held, keys: Iterable[Key]) -> LiveCatalog:
    found: LiveCatalog = {}
    for kind, row in (held[key] for key in keys if key in held):
        found.setdefault(kind, []).append({name: value for name, value in row.items() if name not in ("key", "pos")})
    return found
