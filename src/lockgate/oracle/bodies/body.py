"""The check of one routine's body, in a transaction that leaves nothing.

SQL functions are judged by the server's own validator. PL/pgSQL bodies are checked with plpgsql_check where the server
has it and otherwise, or where it finds something (it stops at a statement's first error), query by query
(``probe.py``). Everything runs as an ordinary role: planning a query may run IMMUTABLE functions of the migration's.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.plan import BodyObservation, ServerFailure
from lockgate.oracle.bodies import plpgsql_check
from lockgate.oracle.bodies.doubts import certain, elsewhere
from lockgate.oracle.bodies.probe import Probe, ProbePart, probe
from lockgate.oracle.bodies.routines import Firing, ServerRoutine
from lockgate.oracle.server.backend import Backend, ask
from lockgate.oracle.server.wire import Connection, Crashed, Late, Lost, Reply
from lockgate.parse.plpgsql.parser import parse_body
from lockgate.parse.plpgsql.scan import BodySyntax

PREPARED = "prepared queries"
VALIDATOR = "validator"
_SECONDS = 10
_BEFORE = re.compile(r"(?:SELECT |[^ ]+(?: ?\[.*\])? ?:?= ?)?")
_REPORT = re.compile(r"lg (\d+) (\w{5}) (.*)", re.DOTALL)
_TRIGGER_VARIABLES = (
    "tg_name name; tg_when text; tg_level text; tg_op text; tg_relid oid; tg_relname name; tg_table_name name; tg_table_schema name;"
    " tg_nargs integer; tg_argv text[]; tg_event text; tg_tag text;"
)
# in a transaction that is rolled back
_RELAX = """
SELECT pg_catalog.string_agg(pg_catalog.format('ALTER DOMAIN %s ', t.oid::pg_catalog.regtype) || d.change, ';') FROM pg_catalog.pg_type t, LATERAL (
    SELECT 'DROP NOT NULL' WHERE t.typnotnull UNION ALL
    SELECT pg_catalog.format('DROP CONSTRAINT %I', conname) FROM pg_catalog.pg_constraint WHERE contypid = t.oid AND contype = 'c') AS d (change)
WHERE t.typtype = 'd' AND t.oid >= 16384"""
_Found = list[tuple[ProbePart | None, ServerFailure]]


class Checker(msgspec.Struct):
    """Checks bodies on one server."""

    backend: Backend
    role: str  # an ordinary one that may read everything
    extended: bool = True  # plpgsql_check may be used
    seconds: float = math.inf  # that all bodies of the run may take together: migrations can make any number of them
    passed_over: int = 0  # bodies for which no time was left
    _spent: float = 0.0
    _extension: plpgsql_check.CheckExtension | None = None
    _asked: bool = False
    _connection: Connection | None = None

    def check(self, migration: str, routines: Iterable[ServerRoutine], search_path: str) -> list[BodyObservation]:
        """Every certain refusal of some routines, each once. Raises Lost."""
        due = [
            routine for routine in routines if routine.result != "trigger" or routine.firings
        ]  # else nothing can call it
        if not due:
            return []
        extension = self._extension_of_server() if any(routine.language == "plpgsql" for routine in due) else None
        if extension is not None:
            extension.make(self.backend, self.role)
        self._connection = self._connection or self.backend.connect(self.role)
        try:
            every = (
                seen for routine in self._in_time(due) for seen in self._of_routine(migration, routine, search_path)
            )
            told: dict[tuple[str, str, str], BodyObservation] = {}
            for seen in every:
                told.setdefault((seen.routine, seen.table, seen.fails.message), seen)
            return list(told.values())
        finally:
            if extension is not None:
                extension.drop(self.backend)

    def _in_time(self, routines: Iterable[ServerRoutine]) -> Iterator[ServerRoutine]:
        for routine in routines:
            if self._spent >= self.seconds:
                self.passed_over += 1
                continue
            began = time.monotonic()
            yield routine
            self._spent += time.monotonic() - began

    def _extension_of_server(self) -> plpgsql_check.CheckExtension | None:
        if not self._asked:
            self._asked = True
            self._extension = plpgsql_check.extension(self.backend.control) if self.extended else None
        return self._extension

    def _of_routine(self, migration: str, routine: ServerRoutine, search_path: str) -> list[BodyObservation]:
        try:
            return self._looked(
                migration, routine, routine.search_path if routine.search_path is not None else search_path
            )
        except Late:  # what planning runs is the migrations', and may wait for ever
            pid = self._connection.pid if self._connection is not None else 0
            self.backend.control.query(f"SELECT pg_catalog.pg_terminate_backend({pid})", 10)
            self._connection = self.backend.connect(self.role)
            self.passed_over += 1
            return []

    def _looked(self, migration: str, routine: ServerRoutine, path: str) -> list[BodyObservation]:
        if routine.language == "sql":
            reply = self._ask(path, f"SELECT pg_catalog.fmgr_sql_validator({routine.oid})")
            part = ProbePart(0, routine.source.strip())
            return list(
                self._told(
                    migration, routine, Firing(), path, [(part, _failure(reply))] if reply.failure else [], VALIDATOR
                )
            )
        out = []
        for firing in routine.firings or (Firing(),):
            out += self._of_firing(migration, routine, firing, path)
        return out

    def _of_firing(self, migration: str, routine: ServerRoutine, firing: Firing, path: str) -> list[BodyObservation]:
        try:
            probed = probe(parse_body(routine.source), routine.source, routine.rows)
        except (BodySyntax, RecursionError):  # what our grammar does not take is the server's business alone
            probed = Probe((), "")
        found: _Found = []
        by, rows = PREPARED, list[tuple[str | None, ...]]()
        if (
            self._extension is not None and not routine.polymorphic
        ):  # 2.3 ends the server over RETURN NEXT in one, and nothing of its types is certain
            by = f"plpgsql_check {self._extension.version}"
            rows = self._extended(routine, firing, path, self._extension)
            found = list(_located(plpgsql_check.refusals(rows), probed))
        if by == PREPARED or rows:
            found = _merged(self._prepared(routine, firing, path, probed), found)
        return list(self._told(migration, routine, firing, path, found, by))

    def _extended(
        self, routine: ServerRoutine, firing: Firing, path: str, extension: plpgsql_check.CheckExtension
    ) -> list[tuple[str | None, ...]]:
        try:
            # a copy: PL/pgSQL keeps what it compiled, with types that are gone since
            made = _created(routine, routine.result, routine.source)
            reply = self._ask(path, *made, extension.query(routine, firing))
            return [] if reply.failure else reply.rows  # else they are those of the query before it
        except Lost as lost:
            words = f"plpgsql_check {extension.version} ended its session at {routine.signature}: bodies were checked by preparing their queries"
            raise Crashed(words) from lost

    def _prepared(self, routine: ServerRoutine, firing: Firing, path: str, probed: Probe) -> _Found:
        if not probed.text:
            return []
        reply = self._ask(path, *_whole(routine, firing, probed))
        if _of_domain(reply):  # variables and arguments that take no NULL
            relaxed = ask(self.backend.reader, _RELAX)[0][0] or ""
            reply = self._ask(path, relaxed, *_whole(routine, firing, probed))
        found: _Found = []
        for notice in reply.notices:
            if match := _REPORT.fullmatch(notice.get("M", "")):
                found.append((probed.parts[int(match.group(1))], ServerFailure(match.group(2), match.group(3))))
        if not found and reply.failure is not None and "compilation of PL/pgSQL function" in reply.failure.get("W", ""):
            found.append((None, _failure(reply)))
        return found

    def _told(
        self,
        migration: str,
        routine: ServerRoutine,
        firing: Firing,
        path: str,
        found: Iterable[tuple[ProbePart | None, ServerFailure]],
        by: str,
    ) -> Iterator[BodyObservation]:
        for part, fails in found:
            if part is not None and part.call:
                fails = replace(fails, message=fails.message.replace("function ", "procedure ", 1))
            if not certain(routine, part, fails):
                continue
            if (query := elsewhere(routine, fails)) and self._ask(path, query).rows:
                continue
            text, line = (part.text, part.line or None) if part is not None else ("", None)
            table = firing.table if 'record "' in fails.message else ""  # else it is broken for all of them
            yield BodyObservation(migration, routine.signature, fails, text, line, table, by=by)

    def _ask(self, path: str, *queries: str) -> Reply:
        """Ask in a transaction that leaves nothing."""
        assert self._connection is not None
        send = self._connection.query
        reply = send(
            ";\n".join(("BEGIN", f"SELECT pg_catalog.set_config('search_path', {literal(path)}, true)", *queries)),
            _SECONDS,
        )
        send("ROLLBACK", 20)
        return reply


def _of_domain(reply: Reply) -> bool:
    states = {fields.get("C") for fields in (reply.failure or {},)} | {
        match.group(2) for n in reply.notices if (match := _REPORT.fullmatch(n.get("M", "")))
    }
    return not states.isdisjoint(("23502", "23514"))


def _failure(reply: Reply) -> ServerFailure:
    fields = reply.failure or {}
    return ServerFailure(fields.get("C", ""), fields.get("M", ""))


def _whole(routine: ServerRoutine, firing: Firing, probed: Probe) -> list[str]:
    """The statements that run a probe: as a function of the routine's own arguments, or for a trigger as a block with
    its variables."""
    conflict = re.search(r"#variable_conflict\s+\w+", routine.source)
    head = conflict.group() if conflict else ""
    if routine.result in ("trigger", "event_trigger"):
        row = firing.table or "record"
        made = [f"CREATE TEMP TABLE {quote(name)} (LIKE {firing.table})" for name in (firing.old, firing.new) if name]
        variables = f"new {row}; old {row}; {_TRIGGER_VARIABLES} lg_line text;"
        block = f"{head}\n<<{quote(routine.name)}>>\nDECLARE {variables}\nBEGIN\n{probed.text}\nEND"
        return [*made, f"DO {_dollars(block)}"]
    result = (
        routine.result if routine.rows or routine.result != "SETOF record" else "void"
    )  # of that, a caller must name the columns
    create = _created(routine, result, f"{head}\nDECLARE lg_line text;\nBEGIN\n{probed.text}\nEND")
    call = f"pg_temp.{quote(routine.name)}({routine.nulls})"
    return [*create, f"CALL {call}" if routine.procedure else f"SELECT pg_catalog.count(*) FROM {call}"]


def _created(routine: ServerRoutine, result: str, body: str) -> list[str]:
    """Statements that make a routine of the same name and arguments, for the transaction."""
    head = f"pg_temp.{quote(routine.name)}({routine.arguments})"
    head = f"PROCEDURE {head}" if routine.procedure else f"FUNCTION {head} RETURNS {result}"
    return ["SET LOCAL check_function_bodies = off", f"CREATE {head} LANGUAGE plpgsql AS {_dollars(body)}"]


def _dollars(body: str) -> str:
    tag = "$lockgate$"
    while tag in body:
        tag = tag[:-1] + "_$"
    return f"{tag}{body}\n{tag}"


def _located(refusals: list[plpgsql_check.Refusal], probed: Probe) -> Iterator[tuple[ProbePart | None, ServerFailure]]:
    """The part that a refusal is about: of that statement, and that query; a refusal of dynamic SQL has none, and is
    left out."""
    for refusal in refusals:
        fails, query = ServerFailure(refusal.sqlstate, refusal.message), _plain(refusal.query)
        part = next(
            (part for part in probed.parts if part.line == refusal.line and (not query or _is_of(part, query))), None
        )
        if part is not None:
            yield part, fails


def _is_of(part: ProbePart, query: str) -> bool:
    """Whether a query is a part's: PL/pgSQL may have put SELECT or the assignment's target before it."""
    text = _plain(part.text)
    return query.endswith(text) and _BEFORE.fullmatch(query[: len(query) - len(text)]) is not None


def _plain(text: str) -> str:
    return " ".join(text.split())


def _merged(prepared: _Found, found: _Found) -> _Found:
    """What both ways found, once; plpgsql_check's lines are not always those of the statement."""
    told = {fails.message for _, fails in prepared}
    return [*prepared, *((part, fails) for part, fails in found if fails.message not in told)]
