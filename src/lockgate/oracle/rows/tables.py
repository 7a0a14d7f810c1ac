"""The tables that can have rows, and what a row of them must satisfy, as the server's catalog has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate.base.sql import quote, quote_identifier
from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.wire import Connection


class FillColumn(msgspec.Struct, frozen=True):
    """A column, and whether something fills it."""

    num: int
    name: str
    type: int
    typmod: int
    notnull: bool
    identity: str = ""
    generated: str = ""
    default: str | None = None

    @property
    def by_itself(self) -> bool:
        """Whether no row should name it: a sequence or an expression gives its value."""
        return bool(self.identity or self.generated) or "nextval(" in (self.default or "")


class FillCheck(msgspec.Struct, frozen=True):
    """A CHECK, its columns and its words."""

    name: str
    keys: tuple[int, ...]
    text: str


class FillReference(msgspec.Struct, frozen=True):
    """A foreign key: columns, and what they refer to."""

    name: str
    keys: tuple[int, ...]
    table: int
    referenced: tuple[str, ...]


class FillKey(msgspec.Struct, frozen=True):
    """A unique or exclusion index; key 0 is an expression."""

    name: str
    keys: tuple[int, ...]
    text: str = ""

    @property
    def words(self) -> set[str]:
        """Every word of its definition: the columns of its expressions are among them."""
        return set(re.findall(r"\w+", self.text))


class FillTable(msgspec.Struct, frozen=True):
    """An ordinary or partitioned table that is no partition."""

    oid: int
    schema: str
    name: str
    columns: tuple[FillColumn, ...] = ()
    checks: tuple[FillCheck, ...] = ()
    references: tuple[FillReference, ...] = ()
    keys: tuple[FillKey, ...] = ()
    bounds: tuple[str, ...] = ()  # of its partitions, as they are declared
    split_by: str = ""  # pg_get_partkeydef
    sequences: tuple[str, ...] = ()  # that give its columns' values

    @property
    def qualified(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"

    @property
    def shown(self) -> str:
        """Its name in reports: quoted where PostgreSQL would."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    def column(self, num: int) -> FillColumn | None:
        return next((c for c in self.columns if c.num == num), None)


_TABLES = """SELECT pg_catalog.json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname,
 'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('num', a.attnum, 'name', a.attname, 'type', a.atttypid::int8,
    'typmod', a.atttypmod, 'notnull', a.attnotnull, 'identity', a.attidentity, 'generated', a.attgenerated, 'default',
    CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
 'checks', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname, 'keys', COALESCE(k.conkey, ARRAY[]::int2[]), 'text',
    pg_catalog.pg_get_constraintdef(k.oid))) FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'),
 'references', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname, 'keys', k.conkey, 'table', k.confrelid::int8,
    'referenced', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.at) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(num, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num))) FROM pg_catalog.pg_constraint k
    WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0),
 'keys', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', x.relname, 'keys',
    pg_catalog.string_to_array(i.indkey::text, ' ')::int[], 'text', pg_catalog.pg_get_indexdef(i.indexrelid))) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)),
 'bounds', CASE WHEN c.relkind = 'p' THEN (SELECT pg_catalog.json_agg(pg_catalog.pg_get_expr(p.relpartbound, p.oid))
    FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE p.relpartbound IS NOT NULL) END,
 'split_by', CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) ELSE '' END,
 'sequences', (SELECT pg_catalog.json_agg(pg_catalog.quote_ident(sn.nspname) || '.' || pg_catalog.quote_ident(s.relname))
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
    WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')))
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema' AND c.oid >= 16384 AND (c.oid > {after} OR c.oid = ANY ('{{{again}}}'::oid[]))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 1259 AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.oid"""


def read_tables(reader: Connection, after: int, again: Iterable[int]) -> list[FillTable]:
    """The tables made after that oid, and those of ``again``. Raises CannotCheck, Lost."""
    rows = ask(reader, _TABLES.format(after=after, again=",".join(map(str, again))))
    return [_table(json.loads(text)) for (text,) in rows if text]


def _table(found: dict[str, Any]) -> FillTable:
    lists = {"columns", "checks", "references", "keys", "bounds", "sequences"}
    return msgspec.convert({k: (v or []) if k in lists else v for k, v in found.items()}, FillTable)


class FillType(msgspec.Struct, frozen=True):
    """A type. ``kind`` and ``category`` as in pg_type; ``parts`` are a composite's columns: name, type, typmod."""

    oid: int
    name: str
    kind: str
    category: str
    elem: int = 0
    base: int = 0
    typmod: int = -1
    notnull: bool = False
    labels: tuple[str, ...] = ()
    subtype: int = 0
    checks: tuple[str, ...] = ()
    parts: tuple[tuple[str, int, int], ...] = ()


_TYPES = """SELECT pg_catalog.json_build_object('oid', t.oid::int8, 'name', t.typname, 'kind', t.typtype, 'category', t.typcategory,
 'elem', CASE WHEN t.typcategory = 'A' THEN t.typelem::int8 ELSE 0 END, 'base', t.typbasetype::int8, 'typmod', t.typtypmod, 'notnull', t.typnotnull,
 'labels', (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
 'subtype', COALESCE((SELECT r.rngsubtype::int8 FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)), 0),
 'checks', (SELECT pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(k.oid)) FROM pg_catalog.pg_constraint k
    WHERE k.contypid = t.oid AND k.contype = 'c'),
 'parts', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, a.atttypid::int8, a.atttypmod) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
 FROM pg_catalog.pg_type t WHERE t.oid = ANY ('{{{oids}}}'::oid[])"""
_LISTS = frozenset({"labels", "checks", "parts"})


class FillTypes:
    """Types by oid, read when they are asked for. Forget them where a migration may have changed one."""

    def __init__(self, reader: Connection) -> None:
        self._reader = reader
        self._known: dict[int, FillType] = {}

    def forget(self) -> None:
        """Read the user's types anew."""
        self._known = {oid: t for oid, t in self._known.items() if oid < 16384}

    def need(self, oids: Iterable[int]) -> None:
        """Read these, and what they are made of."""
        wanted = {oid for oid in oids if oid and oid not in self._known}
        while wanted:
            for (text,) in ask(self._reader, _TYPES.format(oids=",".join(map(str, sorted(wanted))))):
                found = json.loads(text or "{}")
                values = {k: (v or []) if k in _LISTS else v for k, v in found.items()}
                self._known[found["oid"]] = msgspec.convert(values, FillType)
            for oid in wanted:
                self._known.setdefault(oid, FillType(oid, "", "b", "U"))
            made_of = {n for oid in wanted for n in _made_of(self._known[oid])}
            wanted = {oid for oid in made_of if oid and oid not in self._known}

    def __getitem__(self, oid: int) -> FillType:
        if oid not in self._known:
            self.need((oid,))
        return self._known[oid]


def _made_of(one: FillType) -> Iterable[int]:
    return (one.elem, one.base, one.subtype, *(number for _, number, _ in one.parts))
