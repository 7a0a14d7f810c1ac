"""A statement that rows keep from being applied: which rows these are, and the way on without them."""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from lockgate.base.sql import literal, qualified, quote, quote_identifier
from lockgate.oracle.apply.plan import Observation, Parsed
from lockgate.oracle.apply.session import Exchange, ServerSession
from lockgate.oracle.apply.taint import words
from lockgate.oracle.rows.fill import Filler
from lockgate.oracle.rows.model import RowFailure
from lockgate.oracle.rows.newest import constant, writes
from lockgate.oracle.rows.told import told
from lockgate.parse import Statement, SyntaxFailure

_MOST_ROWS, _SHOWN = 10, 3  # rows that are put before a statement one by one; shown
_LONGEST_ROW = 20_000  # characters of a row that are read
_SECONDS = 20.0  # that looking for rows may take in all
# what rows cannot be blamed for: resources, an operator's word, the connection, the server itself
_NOT_ROWS = ("08", "25", "28", "40", "53", "55P03", "57", "58", "F0", "XX")
Place = tuple[str, str]  # the table that holds a row, by oid, and the row's place in it


class _Named(msgspec.Struct, frozen=True):
    """A filled table as it is called now."""

    oid: int
    name: str  # qualified
    bare: str


class Mender:
    """Finds the rows that a statement is refused for, takes them away, and lets it be applied."""

    def __init__(self, filler: Filler, refused: frozenset[tuple[str, int]]) -> None:
        self._filler, self._refused = filler, refused  # statements that fail without rows, too
        self._left = _SECONDS
        self.failures: list[RowFailure] = []
        self.earlier: list[Statement | SyntaxFailure] = []  # the statements of migrations before this one
        self.current: Parsed = ()  # of this one

    def blames(self, sqlstate: str) -> bool:
        """Whether rows may be what a refusal is for."""
        return not sqlstate.startswith(_NOT_ROWS)

    def mend(self, session: ServerSession, statement: Statement, seen: Observation, fields: dict[str, str]) -> bool:
        """Whether a refused statement is applied after all, without the rows that it was refused for."""
        if seen.fails is None or (seen.migration, seen.index) in self._refused or not self.blames(seen.fails.sqlstate):
            return False
        found = RowFailure(
            seen.migration,
            seen.index,
            seen.fails.sqlstate,
            seen.fails.message,
            seen.role,
            seen.fails.detail,
            seen.fails.context,
            column=fields.get("c", ""),
            constraint=fields.get("n", ""),
        )
        begun = time.monotonic()
        try:
            trials = _Trials(session, statement, found.sqlstate)
            done, found = self._mend(trials, found, fields) if self._left > 0 else (False, found)
        finally:
            self._left -= time.monotonic() - begun
        if not _of_own_keys(statement, found.sqlstate):
            self.failures.append(found)
        return done

    def _mend(self, trials: _Trials, found: RowFailure, fields: dict[str, str]) -> tuple[bool, RowFailure]:
        tables = trials.names(self._filler.filled)
        spoken = words(trials.statement.text)
        named = [t for t in tables if t.bare in spoken]
        main = next((t for t in named if t.bare == fields.get("t")), None) or _said(fields) or next(iter(named), None)
        if main is None:
            self._filler.shrunk = True
            return any(trials.apply(_Without((*tables,))) for _ in tables[:1]), found
        rows = trials.rows(main, {*spoken, fields.get("c", "")})
        broke = [row for row in rows if trials.refused([main], row)] if len(rows) <= _MOST_ROWS else []
        shown = [text for place, text in rows if (place, text) in broke][:_SHOWN]
        found = replace(found, table=main.name, tried=len(rows), broke=len(broke), rows=tuple(shown))
        if rows and len(broke) == len(rows):
            found = replace(found, any=self._any(trials, main, found))
        for without in self._ways(main, named, tables, rows, broke):
            if trials.apply(without):
                self._filler.shrunk = True
                return True, found
        return False, found

    def _any(self, trials: _Trials, table: _Named, found: RowFailure) -> bool:
        """Whether no row could pass: the statement looks at nothing but columns that are newer than the rows, and have
        the same value in all of them."""
        columns = constant(trials.statement, found.sqlstate, found.column)
        filled = self._filler.filled.get(table.oid)
        if not columns or filled is None:
            return False
        there = trials.there(table, columns)
        if not there:
            return True  # the statement makes them itself
        ran = (*self.earlier, *self.current[: found.index - 1])
        written = any(writes(one, table.bare) for one in ran)
        return not written and min(there.values()) > filled.last and trials.alike(table, there)

    @staticmethod
    def _ways(
        main: _Named,
        named: list[_Named],
        tables: list[_Named],
        rows: list[tuple[Place, str]],
        broke: list[tuple[Place, str]],
    ) -> Iterable[_Without]:
        """Fewer and fewer rows."""
        if broke and len(broke) < len(rows):
            yield _Without((), main, tuple(place for place, _ in broke))
        yield _Without((main,))
        if named and named != [main]:
            yield _Without(tuple(named))
        if len(tables) > len(named):
            yield _Without(tuple(tables))


def _said(fields: dict[str, str]) -> _Named | None:
    """The table that the server names: one that a migration filled itself, or a partition."""
    schema, name = fields.get("s", ""), fields.get("t", "")
    return _Named(0, f"{quote_identifier(schema)}.{quote_identifier(name)}", name) if schema and name else None


def _of_own_keys(statement: Statement, sqlstate: str) -> bool:
    """An INSERT of constants whose key an invented row happens to have: its author knows that production has none."""
    source = statement.node.get("selectStmt", {}).get("SelectStmt", {})
    return statement.tag == "InsertStmt" and sqlstate in ("23505", "23P01") and "valuesLists" in source


class _Without(msgspec.Struct, frozen=True):
    """What is taken away: all rows of tables, or some of one."""

    tables: tuple[_Named, ...]
    table: _Named | None = None
    places: tuple[Place, ...] = ()

    def commands(self) -> list[str]:
        if self.table is not None:
            return [f"DELETE FROM {self.table.name} WHERE (tableoid, ctid) IN ({_listed(self.places)})"]
        return [f"TRUNCATE {', '.join(t.name for t in self.tables)} CASCADE"]


def _listed(places: Iterable[Place]) -> str:
    return ", ".join(f"('{oid}'::pg_catalog.oid, '{ctid}'::pg_catalog.tid)" for oid, ctid in places)


class _Trials:
    """One statement, tried over fewer rows; each trial is rolled back."""

    def __init__(self, session: ServerSession, statement: Statement, sqlstate: str) -> None:
        self.session, self.statement, self.sqlstate = session, statement, sqlstate

    def _ask(self, sql: str) -> list[tuple[str | None, ...]]:
        """Rows of a query of our own, in the migrations' session, which sees what is not committed."""
        outcome = self._within([], sql)
        rows = outcome.reply.rows if outcome is not None and outcome.reply.failure is None else []
        return rows

    def _within(self, before: list[str], sql: str) -> Exchange | None:
        """Send a command after others, and undo all of it; None where the others are refused."""
        block = self.session.block
        self._must("SAVEPOINT lockgate_rows" if block else "BEGIN")
        try:
            for command in before:
                outcome = self.session.ask(command)
                if outcome.reply.failure is not None or outcome.late:
                    return None
            return self.session.ask(sql)
        finally:
            self._must("ROLLBACK TO SAVEPOINT lockgate_rows;RELEASE SAVEPOINT lockgate_rows" if block else "ROLLBACK")

    def _must(self, sql: str) -> None:
        self.session.ask(sql)

    def names(self, filled: Iterable[int]) -> list[_Named]:
        """The filled tables that are still there, by the names that they have now."""
        oids = ",".join(map(str, filled))
        rows = self._ask(
            "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n"
            " WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace AND c.oid OPERATOR(pg_catalog.=)"
            f" ANY ('{{{oids}}}'::pg_catalog.oid[]) ORDER BY c.oid"
        )
        return [_Named(int(oid or 0), name or "", bare or "") for oid, name, bare in rows]

    def rows(self, table: _Named, columns: set[str]) -> list[tuple[Place, str]]:
        """Its rows, each with its place; of each row these columns are told, or the first ones where none is among
        them."""
        rows = self._ask(
            f"SELECT tableoid, ctid, pg_catalog.left(pg_catalog.to_json(lockgate_row)::pg_catalog.text, {_LONGEST_ROW})"
            f" FROM {table.name} lockgate_row LIMIT {_MOST_ROWS + 1}"
        )
        return [((oid or "", ctid or ""), told(text or "", columns)) for oid, ctid, text in rows]

    def refused(self, tables: list[_Named], row: tuple[Place, str]) -> bool:
        """Whether the statement is refused over this row alone."""
        (table,), (place, _) = tables, row
        before = ["SET CONSTRAINTS ALL IMMEDIATE", *self._children_emptied(table)]
        before.append(f"DELETE FROM {table.name} WHERE (tableoid, ctid) NOT IN ({_listed([place])})")
        outcome = self._within(before, self.statement.text)
        return outcome is not None and (outcome.reply.failure or {}).get("C") == self.sqlstate

    def _children_emptied(self, table: _Named) -> list[str]:
        """What keeps rows from being deleted."""
        rows = self._ask(
            "SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_constraint k, pg_catalog.pg_class c,"
            " pg_catalog.pg_namespace n WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND c.oid OPERATOR(pg_catalog.=) k.conrelid AND n.oid"
            f" OPERATOR(pg_catalog.=) c.relnamespace AND k.confrelid OPERATOR(pg_catalog.=) '{table.oid}'::pg_catalog.oid AND k.conrelid"
            f" OPERATOR(pg_catalog.<>) '{table.oid}'::pg_catalog.oid"
        )
        return [f"TRUNCATE {', '.join(name or '' for (name,) in rows)} CASCADE"] if rows else []

    def there(self, table: _Named, columns: Iterable[str]) -> dict[str, int]:
        """Those of the columns that the table has already, with their numbers."""
        names = ", ".join(map(literal, sorted(columns)))
        rows = self._ask(
            "SELECT a.attname, a.attnum FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=)"
            f" '{table.oid}'::pg_catalog.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND a.attname IN ({names})"
        )
        return {name or "": int(number or 0) for name, number in rows}

    def alike(self, table: _Named, columns: Iterable[str]) -> bool:
        """Whether every row has the same in these columns."""
        texts = ", ".join(f"{quote(name)}::pg_catalog.text" for name in columns)
        return len(self._ask(f"SELECT DISTINCT {texts} FROM {table.name}")) == 1

    def apply(self, without: _Without) -> bool:
        """Take rows away for good and apply the statement; whether the server takes it now. Nothing is changed where it
        does not."""
        commands = ["SET CONSTRAINTS ALL IMMEDIATE", *without.commands()]
        session, text = self.session, self.statement.text
        if session.block:
            for command in commands:
                if session.run(command, alone=True).reply.failure is not None:
                    session.undo()
                    return False
        elif session.ask(";".join([*commands[1:], *self._leftover()])).reply.failure is not None:
            return False
        outcome = session.run(text, self.statement.tag, self.statement.node, alone=True)
        if outcome.lost is not None:
            return False
        if outcome.reply.failure is not None:
            session.undo()
        return outcome.reply.failure is None and not outcome.late

    def _leftover(self) -> list[str]:
        """What CREATE INDEX CONCURRENTLY leaves where it fails."""
        node = self.statement.node
        if self.statement.tag != "IndexStmt" or not node.get("concurrent") or not node.get("idxname"):
            return []
        schema = node.get("relation", {}).get("schemaname", "")
        return [f"DROP INDEX IF EXISTS {qualified(schema, node['idxname'])}"]
