"""Filling tables with rows: each is offered to the server, which tells what is wrong with it, until it takes one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, product

import msgspec
from msgspec.structs import replace

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.rows.candidates import LEFT_OUT, NULL, Drafter, Parent, RowDraft
from lockgate.oracle.rows.hints import literals, near
from lockgate.oracle.rows.model import RowWish
from lockgate.oracle.rows.tables import FillTable, FillTypes, read_tables
from lockgate.oracle.server.backend import Backend, ask
from lockgate.oracle.server.wire import Lost

_TRIES = 150  # for one row
_SECONDS = 2.0  # that one INSERT may take
_AT_ONCE = "SET CONSTRAINTS ALL IMMEDIATE"
Fields = dict[str, str]


class FilledTable(msgspec.Struct, frozen=True):
    """A table with rows of ours, and the number of its last column then."""

    table: FillTable
    rows: int
    last: int
    name: str  # qualified, as it is called now


class Filler:
    """Fills what is new, as often as it is asked to. Everything runs as an ordinary role, a member of every role."""

    def __init__(self, backend: Backend, everyone: str, wish: RowWish, hints: dict[str, list[str]]) -> None:
        self._backend, self._everyone, self._wish = backend, everyone, wish
        self._drafter = Drafter(FillTypes(backend.reader), hints)
        self._session: ServerSession | None = None
        self._left = wish.seconds
        self._newest = 0
        self._seen: set[int] = set()
        self.shrunk = False  # rows were taken away, and TRUNCATE may have taken those of other tables along
        self.filled: dict[int, FilledTable] = {}
        self.given: dict[int, int] = {}  # rows of every table that was filled at some time
        self.unfilled: dict[str, str] = {}

    def fill(self) -> None:
        """Fill every table that has no rows of ours. Raises CannotCheck, Lost."""
        begun = time.monotonic()
        self._drafter.types.forget()
        self._look_again()
        emptied = [oid for oid in self._seen if oid not in self.filled]
        tables = read_tables(self._backend.reader, self._newest, emptied)
        self._newest = max([self._newest, *(t.oid for t in tables)])
        for table in _parents_first(tables):
            self._seen.add(table.oid)
            if {table.shown, f"{table.schema}.{table.name}", table.name} & self._wish.apart:
                continue
            if time.monotonic() - begun > self._left:
                self.unfilled[table.shown] = f"filling took longer than {self._wish.seconds:.0f} s"
                continue
            try:
                self._fill(table)
            except Lost:  # a body that nothing else ended
                self.unfilled[table.shown] = f"a row takes longer than {_SECONDS:.0f} s"
                self.close()
        self._left -= time.monotonic() - begun

    def _fill(self, table: FillTable) -> None:
        parents = {oid: Parent(one.table.qualified, one.rows) for oid, one in self.filled.items()}
        shapes = self._drafter.shapes(table, parents)
        session = self._open()
        if at_once := self._at_once(session, table, shapes):
            self._count(table, at_once)
            return
        row = _TableFill(self._drafter, session, table, parents)
        taken = sum(row.insert(shape) for shape in shapes)
        row.end()
        if taken and session.commit().failure is None:
            self._count(table, taken)
            return
        if session.block:
            session.connection.query("ROLLBACK", 20)
            session.block = False
        self.unfilled[table.shown] = row.why or "the server takes none of the rows that were tried"

    def _look_again(self) -> None:
        """The filled tables by the names that they have now; those that have lost all rows are to be filled again."""
        oids = ",".join(map(str, self.filled))
        rows = ask(
            self._backend.reader,
            "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE c.oid = ANY ('{{{oids}}}'::pg_catalog.oid[])",
        )
        names = {int(oid or 0): f"{quote(schema or '')}.{quote(name or '')}" for oid, schema, name in rows}
        self.filled = {oid: replace(one, name=names[oid]) for oid, one in self.filled.items() if oid in names}
        if not self.shrunk or not self.filled:
            return
        counted = " UNION ALL ".join(
            f"SELECT {oid} WHERE EXISTS (SELECT FROM {one.name})" for oid, one in self.filled.items()
        )
        reply = self._open().ask(counted).reply
        there = {int(oid or 0) for (oid,) in reply.rows} if reply.failure is None else set()
        self.filled = {oid: one for oid, one in self.filled.items() if oid in there}
        self.shrunk = False

    def _count(self, table: FillTable, rows: int) -> None:
        self.filled[table.oid] = FilledTable(
            table, rows, max((c.num for c in table.columns), default=0), table.qualified
        )
        self.given[table.oid] = rows
        self.unfilled.pop(table.shown, None)

    def _open(self) -> ServerSession:
        if self._session is None:
            self._session = ServerSession(self._backend, self._everyone, _SECONDS, False)
            self._session.connection.query("SET search_path = pg_catalog, pg_temp", 20)
        return self._session

    def _at_once(self, session: ServerSession, table: FillTable, shapes: list[RowDraft]) -> int:
        """All rows in one message, which most tables take: how many there are; 0: a block is left open, with nothing in
        it."""
        commands = [_AT_ONCE, *_far_sequences(table), *(insert(table, shape.values) for shape in shapes)]
        outcome = session.ask(";".join(["BEGIN", *commands, "COMMIT"]))
        if outcome.lost is not None:
            raise outcome.lost
        taken = _inserted(outcome.reply.tags)
        if outcome.reply.failure is None and not outcome.late and taken:
            return taken
        session.ask("ROLLBACK")
        session.begin()
        return 0

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.connection.close()
            self._session = None


def _inserted(tags: list[str]) -> int:
    return tags.count("INSERT 0 1")


def _far_sequences(table: FillTable) -> Iterator[str]:
    """Sequences of its columns go on far from where migrations write keys of their own."""
    for name in table.sequences:
        yield (
            f"SELECT pg_catalog.setval({literal(name)}::pg_catalog.regclass, LEAST(s.seqmax / 2, 900000)) FROM pg_catalog.pg_sequence s"
            f" WHERE s.seqrelid = {literal(name)}::pg_catalog.regclass AND s.seqincrement > 0 AND s.seqmax > 1000 AND"
            f" pg_catalog.pg_sequence_last_value(s.seqrelid) IS NOT DISTINCT FROM NULL"
        )


def insert(table: FillTable, values: dict[str, str]) -> str:
    """The INSERT of one row."""
    given = {name: value for name, value in values.items() if value != LEFT_OUT}
    if not given:
        return f"INSERT INTO {table.qualified} DEFAULT VALUES"
    return f"INSERT INTO {table.qualified} ({', '.join(map(quote, given))}) VALUES ({', '.join(given.values())})"


def _parents_first(tables: list[FillTable]) -> list[FillTable]:
    """Tables after those that they refer to, as far as that goes."""
    by_oid, out, under_way = {t.oid: t for t in tables}, list[FillTable](), set[int]()
    for table in tables:
        stack = [(table, iter(table.references))]
        while stack:
            one, rest = stack[-1]
            under_way.add(one.oid)
            key = next(rest, None)
            if key is None:
                out += [one] if one not in out[-1:] and one.oid not in {t.oid for t in out[-1:]} else []
                stack.pop()
            elif (other := by_oid.get(key.table)) is not None and other.oid not in under_way:
                stack.append((other, iter(other.references)))
    return list({t.oid: t for t in out}.values())


class _TableFill:
    """One table's rows, one by one."""

    def __init__(self, drafter: Drafter, session: ServerSession, table: FillTable, parents: dict[int, Parent]) -> None:
        self._drafter, self._session, self._table, self._parents = drafter, session, table, parents
        self._silenced: list[str] | None = None  # its triggers that were switched off
        self.why = ""
        for command in (_AT_ONCE, *_far_sequences(table)):
            self._send(command)

    def insert(self, shape: RowDraft) -> bool:
        """Whether the server takes the row, or one like it."""
        values, tried = dict(shape.values), 0
        search: dict[str, Iterator[dict[str, str]]] = {}
        turn = shape.number
        while tried < _TRIES:
            tried += 1
            fields = self._send(insert(self._table, values), rows=1)
            if fields is None:
                return True
            self.why = f"{fields.get('M', '')} ({fields.get('C', '')})"
            turn += 1
            found = self._mended(values, fields, search, turn)
            if found is None:
                return False
            values = values | found
        return False

    def _send(self, command: str, rows: int = 0) -> Fields | None:
        """Send one command, and undo what it did where it is refused or makes less than ``rows`` rows; the refusal."""
        outcome = self._session.run(command, alone=True)
        if outcome.lost is not None:
            raise outcome.lost
        if outcome.late:
            self._session.undo()
            return {"C": "57014", "M": f"a row takes longer than {_SECONDS:.0f} s"}
        if outcome.reply.failure is not None:
            self._session.undo()
            return outcome.reply.failure
        if rows and _inserted(outcome.reply.tags) < rows:
            self._session.undo()
            return {"C": "P0000", "M": "a trigger or a rule takes the row away"}
        return None

    def _mended(
        self, values: dict[str, str], fields: Fields, search: dict[str, Iterator[dict[str, str]]], turn: int
    ) -> dict[str, str] | None:
        """Other values for a row that was refused; None where nothing is left to try."""
        state, name = fields.get("C", ""), fields.get("n", "")
        match state:
            case "23502":
                return self._not_null(values, fields.get("c", ""))
            case "23505" | "23P01":
                return self._another(name, turn)
            case "23503":
                return self._no_reference(values, name)
            case "23514":
                return next(self._search(name, search), None)
        if state.startswith("22"):
            return self._typical(values)
        if self._silenced is None and not state.startswith(("42501", "57")):
            return {} if self._silence() else None
        return None

    def _silence(self) -> bool:
        """Switch off the triggers that fire, as far as they may be; whether there are any."""
        asked = (
            "SELECT tgname FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgenabled OPERATOR(pg_catalog.=) 'O'"
            f" AND tgrelid OPERATOR(pg_catalog.=) '{self._table.oid}'::pg_catalog.oid"
        )
        names = [name for (name,) in self._session.connection.query(asked, 20).rows if name]
        self._silenced = [name for name in names if self._send(self._switch(name, "DISABLE")) is None]
        return bool(self._silenced)

    def _switch(self, trigger: str, way: str) -> str:
        return f"ALTER TABLE {self._table.qualified} {way} TRIGGER {quote(trigger)}"

    def end(self) -> None:
        """Switch the triggers on again."""
        for name in self._silenced or ():
            self._send(self._switch(name, "ENABLE"))

    def _not_null(self, values: dict[str, str], name: str) -> dict[str, str] | None:
        """A value where there is none: of the column that the server names, else of every one whose domain wants it."""
        wanted = [c for c in self._table.columns if c.name == name or (not name and self._drafter.demanded(c))]
        found = {
            c.name: literal(self._drafter.range(c).typical)
            for c in wanted
            if not c.by_itself and values.get(c.name) in (NULL, LEFT_OUT)
        }
        return found or None

    def _another(self, name: str, turn: int) -> dict[str, str] | None:
        """The next value of a key; of a reference the next row."""
        key = next((k for k in self._table.keys if k.name == name), None)
        if key is None or turn > 40:
            return None
        words = key.words if 0 in key.keys else set()
        columns = [c for c in self._table.columns if (c.num in key.keys or c.name in words) and not c.by_itself]
        out = {c.name: literal(self._drafter.range(c).many(turn)) for c in columns}
        for reference in self._table.references:
            if {*reference.keys} & {c.num for c in columns}:
                out |= self._drafter.reference(self._table, reference, turn, self._parents, False)
        return out or None

    def _no_reference(self, values: dict[str, str], name: str) -> dict[str, str] | None:
        reference = next((r for r in self._table.references if r.name == name), None)
        if reference is None:
            return None
        found = self._drafter.reference(self._table, reference, 0, self._parents, True)
        return found if any(values.get(k) != v for k, v in found.items()) else None

    def _typical(self, values: dict[str, str]) -> dict[str, str] | None:
        """What the server can read, in place of what it cannot."""
        columns = (
            c for c in self._table.columns if not c.by_itself and values.get(c.name, NULL) not in (NULL, LEFT_OUT)
        )
        found = {c.name: literal(self._drafter.range(c).typical) for c in columns if not values[c.name].startswith("(")}
        return found if any(values[k] != v for k, v in found.items()) else None

    def _search(self, name: str, search: dict[str, Iterator[dict[str, str]]]) -> Iterator[dict[str, str]]:
        """Values for the columns of a CHECK, of a domain's, or of what the partitions are split by."""
        if name not in search:
            check = next((c for c in self._table.checks if c.name == name), None)
            if check is not None:
                choices = self._drafter.choices(self._table, check)
            elif name:
                choices = self._drafter.of_domains(self._table, name)
            else:
                choices = self._of_partitions()
            search[name] = _combined(choices)
        return search[name]

    def _of_partitions(self) -> dict[str, list[str]]:
        words = literals(" ".join(self._table.bounds))
        tries = [literal(text) for text in dict.fromkeys([*words, *near(words)])]
        split = set(
            self._table.split_by.replace("(", " ").replace(")", " ").replace(",", " ").replace('"', " ").split()
        )
        return {c.name: tries for c in self._table.columns if c.name in split and tries}


def _combined(choices: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Every combination, those of the likeliest values first."""
    if not choices:
        return
    names, lists = list(choices), list(choices.values())
    places = islice(product(*(range(len(one)) for one in lists)), 50_000)
    for places_of in sorted(places, key=sum):
        yield {name: one[at] for name, one, at in zip(names, lists, places_of, strict=True)}
