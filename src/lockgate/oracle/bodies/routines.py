"""The routines of the scratch database whose bodies PostgreSQL does not look into when what they use is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.wire import Connection

_WORD = re.compile(r"\w+")

# Every routine with a body of text and what would make a check necessary again; {body}: a BEGIN ATOMIC body is parsed,
# and the server itself keeps what it needs (from 14 on). Rows of partitions fire clones of their table's triggers.
_VERSIONS = """
SELECT p.oid::text, p.xmin::text || COALESCE(t.digest, '')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang LEFT JOIN (
    SELECT tgfoid, pg_catalog.string_agg(pg_catalog.concat_ws(' ', '', oid, tgrelid), '' ORDER BY oid) AS digest
    FROM pg_catalog.pg_trigger WHERE NOT tgisinternal GROUP BY 1) t ON t.tgfoid = p.oid
WHERE p.oid >= 16384 AND l.lanname IN ('sql', 'plpgsql') AND p.prokind IN ('f', 'p') {body}
    AND p.pronamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^(pg_temp|pg_catalog$|information_schema$)')
    AND p.oid NOT IN (SELECT objid FROM pg_catalog.pg_depend WHERE deptype = 'e' AND classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)
ORDER BY p.oid"""

_ARGUMENT = """CASE pg_catalog.format_type(a.type, NULL)
    WHEN 'anyelement' THEN 'int4' WHEN 'anynonarray' THEN 'int4' WHEN 'anyarray' THEN 'int4[]' WHEN 'anyrange' THEN 'int4range'
    WHEN 'anymultirange' THEN 'int4multirange' WHEN 'anycompatible' THEN 'int4' WHEN 'anycompatiblenonarray' THEN 'int4'
    WHEN 'anycompatiblearray' THEN 'int4[]' WHEN 'anycompatiblerange' THEN 'int4range' WHEN 'anycompatiblemultirange' THEN 'int4multirange'
    ELSE pg_catalog.format_type(a.type, NULL) END"""

_DETAILS = f"""
SELECT p.oid, n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', p.proname, l.lanname, p.prosrc,
    pg_catalog.pg_get_function_arguments(p.oid), COALESCE(pg_catalog.pg_get_function_result(p.oid), ''),
    (SELECT pg_catalog.string_agg(pg_catalog.concat(CASE WHEN a.mode = 'v' THEN 'VARIADIC ' END, 'NULL::', {_ARGUMENT}), ', ' ORDER BY a.n)
        FROM ROWS FROM (pg_catalog.unnest(COALESCE(p.proallargtypes, p.proargtypes::oid[])), pg_catalog.unnest(p.proargmodes))
        WITH ORDINALITY AS a (type, mode, n) WHERE COALESCE(a.mode, 'i') IN ('i', 'b', 'v') OR (a.mode = 'o' AND p.prokind = 'p' AND {{out}})),
    p.prokind = 'p', p.proretset AND (p.prorettype <> 'record'::pg_catalog.regtype OR p.proallargtypes IS NOT NULL),
    EXISTS (SELECT FROM pg_catalog.unnest(p.proargtypes) a (type) JOIN pg_catalog.pg_type y ON y.oid = a.type WHERE y.typname ~ '^any|^record$'),
    (SELECT pg_catalog.string_agg(pg_catalog.substr(c, 13), '') FROM pg_catalog.unnest(p.proconfig) c WHERE c ~ '^search_path='),
    (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(E'\\t', c.oid, pg_catalog.format('%I.%I', m.nspname, c.relname),
        COALESCE(t.tgoldtable, ''), COALESCE(t.tgnewtable, '')), E'\\n') FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace m ON m.oid = c.relnamespace WHERE t.tgfoid = p.oid AND NOT t.tgisinternal AND NOT c.relispartition)
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid = ANY ($1)"""


class Firing(msgspec.Struct, frozen=True):
    """A table whose triggers call a function, with their transition tables."""

    oid: str = ""
    table: str = ""  # schema-qualified and quoted
    old: str = ""
    new: str = ""


class ServerRoutine(msgspec.Struct, frozen=True):
    """A routine as the catalog has it; types are written for a search_path of pg_catalog alone."""

    oid: str
    signature: str  # schema.name(identity arguments)
    name: str
    language: str
    source: str
    arguments: str  # as CREATE has them
    result: str
    nulls: str  # a call's arguments
    procedure: bool
    rows: bool  # it returns rows whose columns the catalog knows
    polymorphic: bool  # types that each call settles
    search_path: str | None  # of its own
    firings: tuple[Firing, ...]

    def differs(self, old: ServerRoutine | None) -> bool:
        """Whether it was never checked as it stands: another body, or rows of another table. A GRANT makes nothing new,
        nor does a table's name."""
        if old is None or (self.source, self.search_path) != (old.source, old.search_path):
            return True
        fired = {(firing.oid, firing.old, firing.new) for firing in old.firings}
        return any((firing.oid, firing.old, firing.new) not in fired for firing in self.firings)

    @property
    def words(self) -> frozenset[str]:
        """What its body, its signature and its triggers name, in lower case."""
        return _words("\n".join((self.source, self.arguments, self.result, *(firing.table for firing in self.firings))))

    @property
    def types(self) -> frozenset[str]:
        """What its signature names."""
        return _words(f"{self.arguments}\n{self.result}")


class RoutineCatalog(msgspec.Struct):
    """What the reader finds."""

    reader: Connection
    major: int
    _prepared: bool = False

    def versions(self) -> dict[str, str]:
        """Routines by oid, with what changes where they are replaced, or called by other triggers. Raises Lost."""
        if not self._prepared:  # planning would be most of the time
            versions = _VERSIONS.format(body="AND p.prosqlbody IS NULL" if self.major >= 14 else "")
            details = _DETAILS.format(out=str(self.major >= 14).lower())
            prepare = f"PREPARE lockgate_routines AS{versions}; PREPARE lockgate_details (pg_catalog.oid[]) AS{details}"
            ask(self.reader, f"SET plan_cache_mode = force_generic_plan; {prepare}")
            self._prepared = True
        return {oid or "": version or "" for oid, version in ask(self.reader, "EXECUTE lockgate_routines")}

    def routines(self, oids: Iterable[str]) -> list[ServerRoutine]:
        """Some of them, whole; after ``versions``. Raises Lost."""
        listed = ",".join(oids)
        return (
            [_routine(row) for row in ask(self.reader, f"EXECUTE lockgate_details ('{{{listed}}}')")] if listed else []
        )


@lru_cache(maxsize=8192)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _routine(row: tuple[str | None, ...]) -> ServerRoutine:
    oid, signature, name, language, source, arguments, result, nulls, procedure, rows, polymorphic = (
        value or "" for value in row[:11]
    )
    firings = tuple(Firing(*line.split("\t")) for line in (row[12] or "").split("\n") if line)
    whole = rows == "t" and result != "SETOF record"
    return ServerRoutine(
        oid,
        signature,
        name,
        language,
        source,
        arguments,
        result,
        nulls,
        procedure == "t",
        whole,
        polymorphic == "t",
        row[11],
        firings,
    )
