"""Latent breakage: routine bodies that the server would refuse at their first call, tied to the migration that broke them.

SQL functions are validated by the server itself (CREATE OR REPLACE with their own text, rolled back). PL/pgSQL bodies are checked
query by query (``routine.py``). Everything runs as an ordinary role: planning a query
may run IMMUTABLE functions of the migration's.
"""

from __future__ import annotations

import re

from lockgate.live.backend import Backend, ask, literal
from lockgate.live.plan import BodyObservation, Failure, Parsed
from lockgate.live.routine import probe, queries
from lockgate.live.session import Session
from lockgate.live.wire import Late, Lost
from lockgate.parse import Statement, parse_plpgsql
from lockgate.values import dataclass, field, replace

# Errors of name resolution only: nothing that depends on rows, on privileges or on types that only a call settles
_CERTAIN = frozenset({"42703", "42P01", "42883", "42704", "3F000", "42702"})
_NO_CHANGE = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "SelectStmt", "GrantStmt", "CommentStmt", "TransactionStmt", "VariableSetStmt"})
_MADE_IN_BODY = re.compile(r"\bcreate\s+(?:\w+\s+)*?(?:table|view|sequence|index|schema|type)\s+(?:if\s+not\s+exists\s+)?([\w.\"]+)", re.IGNORECASE)
_LABEL = re.compile(r"<<\s*(\w+)\s*>>")
_REPORT = re.compile(r"lg (\d+) (\w{5}) (.*)", re.DOTALL)

_ROUTINES = """
SELECT p.oid, p.oid || ':' || p.xmin::text, n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
    p.proname, l.lanname, p.prosrc, pg_catalog.pg_get_functiondef(p.oid), COALESCE(pg_catalog.array_to_string(p.proconfig, E'\\n'), ''),
    p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype,
    COALESCE((SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', tn.nspname, tc.relname), E'\\n') FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_class tc ON tc.oid = t.tgrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = tc.relnamespace
        WHERE t.tgfoid = p.oid AND NOT t.tgisinternal AND NOT tc.relispartition), ''),
    COALESCE((SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(E'\\n', t.tgoldtable, t.tgnewtable), E'\\n') FROM pg_catalog.pg_trigger t
        WHERE t.tgfoid = p.oid), '')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE l.lanname IN ('sql', 'plpgsql') AND p.prokind IN ('f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname !~ '^pg_temp' {filter}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
        AND d.deptype = 'e')
ORDER BY p.oid"""


@dataclass(frozen=True, slots=True)
class Routine:
    """A routine as the catalog has it."""

    oid: str
    version: str  # changes with every CREATE OR REPLACE
    signature: str
    name: str
    language: str
    source: str
    definition: str
    settings: tuple[str, ...]
    trigger: bool
    tables: tuple[str, ...]  # of the triggers that call it; quoted
    transition: frozenset[str] = frozenset()  # transition tables of those triggers: relations for the body alone


@dataclass(slots=True)
class Bodies:
    """What is known of the routines of one run."""

    session: Session  # an ordinary role that may read everything
    backend: Backend
    major: int
    _versions: dict[str, frozenset[str]] = field(default_factory=dict)  # tables a version was checked with
    _known: set[tuple[str, str, str]] = field(default_factory=set)

    def after(self, migration: str, statements: Parsed, search_path: str) -> list[BodyObservation]:
        """The routines that are broken now and were not known to be. Raises Lost."""
        words = _touched(statements)
        if not words:
            return []
        found: list[BodyObservation] = []
        for routine in self._routines():
            tables = frozenset(routine.tables)
            unseen = self._versions.get(routine.version) != tables
            if unseen or words & set(re.findall(r"\w+", routine.source.lower())):
                self._versions[routine.version] = tables
                found += [replace(seen, born=unseen) for seen in self._new(self._check(migration, routine, search_path))]
        return found

    def standing(self, observations: list[BodyObservation], search_path: str) -> list[BodyObservation]:
        """Those that still hold after the last migration; what a later one mended or dropped nobody will meet. Raises Lost."""
        names = {seen.routine for seen in observations}
        routines = [routine for routine in self._routines() if routine.signature in names] if names else []
        left = {(seen.routine, seen.fails.message) for routine in routines for seen in self._check("", routine, search_path)}
        return [seen for seen in observations if (seen.routine, seen.fails.message) in left]

    def _routines(self) -> list[Routine]:
        # a BEGIN ATOMIC body is parsed: the server itself keeps what it needs (from 14 on)
        sql = _ROUTINES.format(filter="AND p.prosqlbody IS NULL" if self.major >= 14 else "")
        out = []
        for row in ask(self.backend.admin, sql):
            oid, version, signature, name, language, source, definition, settings, trigger, *lists = (value or "" for value in row)
            tables, transition = (tuple(filter(None, lines.split("\n"))) for lines in lists)
            text = tuple(filter(None, settings.split("\n")))
            out.append(Routine(oid, version, signature, name, language, source, definition, text, trigger == "t", tables, frozenset(transition)))
        return out

    def _new(self, observations: list[BodyObservation]) -> list[BodyObservation]:
        new = []
        for seen in observations:
            key = (seen.routine, seen.query, seen.fails.message)
            if key not in self._known:
                self._known.add(key)
                new.append(seen)
        return new

    def _check(self, migration: str, routine: Routine, search_path: str) -> list[BodyObservation]:
        if routine.trigger and not routine.tables:
            return []  # nothing can call it
        send = self.session.connection.query
        send("BEGIN", 20)
        try:
            send(f"SET LOCAL search_path = {search_path or literal('')}", 20)
            for setting in routine.settings:
                name, _, value = setting.partition("=")
                send(f"SET LOCAL {name} = {value or literal('')}", 20)
            if routine.language == "sql":
                return self._sql(migration, routine)
            tables = routine.tables if routine.trigger else ("",)
            return [seen for table in tables for seen in self._plpgsql(migration, routine, table)]
        except Late as late:
            raise Lost(f"the check of {routine.signature} did not end") from late
        finally:
            send("ROLLBACK", 20)

    def _sql(self, migration: str, routine: Routine) -> list[BodyObservation]:
        reply = self.session.connection.query(routine.definition, 20)
        fields = reply.failure
        if fields is None or fields.get("C") not in _CERTAIN or _excused(routine, fields.get("M", "")):
            return []
        return [BodyObservation(migration, routine.signature, Failure(fields["C"], fields.get("M", "")), routine.source.strip())]

    def _plpgsql(self, migration: str, routine: Routine, table: str) -> list[BodyObservation]:
        try:
            trees = parse_plpgsql(routine.definition)
        except Exception:  # what the grammar of 18 does not take is the server's business alone
            return []
        if not trees:
            return []
        found = queries(trees[0])
        self.session.connection.query("SAVEPOINT body", 20)
        reply = self.session.connection.query(probe(trees[0], routine.source, routine.name, table, routine.trigger), 30)
        self.session.connection.query("ROLLBACK TO SAVEPOINT body", 20)
        out = []
        for notice in reply.notices:
            match = _REPORT.fullmatch(notice.get("M", ""))
            if match is None or match.group(2) not in _CERTAIN or _excused(routine, match.group(3)):
                continue
            query = found[int(match.group(1))]
            fails = Failure(match.group(2), match.group(3))
            out.append(BodyObservation(migration, routine.signature, fails, query.text, query.line or None, table))
        return out


def _touched(statements: Parsed) -> set[str]:
    """The words of a migration's statements that can break or make a body."""
    words: set[str] = set()
    for statement in statements:
        if isinstance(statement, Statement) and statement.tag not in _NO_CHANGE:
            words.update(re.findall(r"\w+", statement.text.lower()))
    return words


def _excused(routine: Routine, message: str) -> bool:
    """The name is one that the body makes itself when it runs, a transition table, or a block's label."""
    source = routine.source
    words = set(re.findall(r"\w+", message.lower()))
    made = {name.replace('"', "").split(".")[-1].lower() for name in _MADE_IN_BODY.findall(source)}
    labels = {label.lower() for label in _LABEL.findall(source)}
    return bool(words & (made | labels | routine.transition))
