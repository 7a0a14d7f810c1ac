"""PL/pgSQL run over the simulated catalog: expressions, SQL and dynamic SQL."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from lockgate.parse.facts import QUERIES, WITH_A_QUERY
from lockgate.parse.plpgsql import tree
from lockgate.parse.routine import EXPRESSION_PREFIX, GrammarError, parse_query, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.binder import AnalyzedQuery, Column, Variables
from lockgate.timeline.budget import Exhausted
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Row, Unknown, Value, World
from lockgate.timeline.failure import Failure, Unsure
from lockgate.timeline.plpgsql.declare import declare
from lockgate.timeline.plpgsql.dynamic import only_values, taint_template, template, unknown_views
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.rows import MANY, selected, single
from lockgate.timeline.plpgsql.scope import Frame, Var, VariableScope
from lockgate.timeline.targets import HOLE

STEP, CHARACTER = 200, 2  # what a statement of a body costs, and each character of a query
_SEEING = WITH_A_QUERY | {"CallStmt"}


class Sentences:
    """A body's SQL, run in a context."""

    def __init__(self, ctx: Context, place: BodyPlace, scope: VariableScope) -> None:
        self.ctx, self.place, self.scope = ctx, place, scope
        self.doubts = 0  # how many statements could not be followed

    @property
    def world(self) -> World:
        """What expressions are evaluated in."""
        return World(self.ctx, self.scope.lookup)

    # --- expressions --------------------------------------------------------------------------------------------------

    def table(self, fragment: tree.Fragment) -> tuple[AnalyzedQuery | None, list[str], list[Row]]:
        """An expression or query, analysed, carried out and evaluated: its columns and rows. Refuses."""
        self.ctx.budget.spend(STEP + CHARACTER * len(fragment.text))
        prefix = EXPRESSION_PREFIX if fragment.mode == "expression" else ""
        try:
            tag, node = parse_query(prefix + fragment.text)
        except GrammarError as error:
            if not error.sqlstate:
                return None, [], MANY
            raise self.ctx.refuse("42601", error.message, span=self.place.span(fragment.start), kind="other") from error
        with self.place.enter(self.ctx, fragment):
            query = self.query(tag, node)
        columns, rows = selected(self.world, node) if tag == "SelectStmt" else ([], MANY)
        return query, columns, rows

    def query(self, tag: str, node: Node) -> AnalyzedQuery | None:
        """Analyse and carry out a query; None where it could not be followed."""
        from lockgate.timeline.transitions.query.query import run_query

        try:
            return run_query(self.ctx, tag, node, variables=self.scope.variables(), world=self.world)
        except Unsure as unsure:
            self.unsure(unsure)
            return None

    def unsure(self, unsure: Unsure) -> None:
        """Note what a statement leaves uncertain; raises it on where the budget is spent."""
        if isinstance(unsure, Exhausted):
            raise unsure
        self.doubts += 1
        self.ctx.catalog.forget()
        for key in unsure.taints:
            self.ctx.catalog.taint(key, unsure.reason, self.ctx.place)
        self.ctx.tainted.append(unsure.reason)

    def value(self, fragment: tree.Fragment) -> Value:
        """The value of an expression."""
        _, columns, rows = self.table(fragment)
        return single(columns, rows)

    def values(self, fragment: tree.Fragment) -> list[Value]:
        """The values of a list of expressions."""
        _, columns, rows = self.table(fragment)
        return [rows[0].values.get(c, UNKNOWN) for c in columns] if len(rows) == 1 and rows[0].certain else [UNKNOWN]

    # --- assignment ---------------------------------------------------------------------------------------------------

    def give(self, var: Var, fragment: tree.Fragment) -> None:
        """Assign an expression to a variable."""
        query, columns, rows = self.table(fragment)
        value = single(columns, rows)
        if isinstance(value, Unknown) and "'" in fragment.text and fragment.mode == "expression":
            spelled = self.spelled(fragment)
            value = replace(value, spelled=spelled if spelled != HOLE else "")
        if var.fields is not None and not isinstance(value, Row):
            value = None if value is None else Row({}) if var.open else UNKNOWN
            if var.record:
                var.open = True
        var.value = value
        if var.record and query is not None and len(query.columns) == 1:
            from lockgate.timeline.plpgsql.scope import fields_of

            found = fields_of(self.ctx, query.columns[0].type)
            var.fields, var.open = (found, False) if found is not None else ((), True)

    def assign(self, target: tree.VariableTarget, value: Value) -> None:
        """Assign a value to a variable or to a field of one."""
        found = self.scope.resolve(target.parts)
        if found is None:
            return
        var, fields = found
        if target.subscripts or len(fields) > 1:
            var.value = UNKNOWN
        elif not fields:
            var.value = value
        elif isinstance(var.value, Row):
            var.value = Row({**var.value.values, fields[0]: value})
        else:
            var.value = Row({fields[0]: value}) if var.value is None else UNKNOWN

    def assign_all(self, targets: Sequence[tree.VariableTarget], value: Value) -> None:
        """Assign one value to one target, or something unknown to many."""
        for target in targets:
            self.assign(target, value if len(targets) == 1 else UNKNOWN)

    def take(self, targets: Sequence[tree.VariableTarget], columns: list[str], row: Row | None) -> None:
        """Assign a row's columns to targets; None for no row."""
        if len(targets) == 1:
            found = self.scope.resolve(targets[0].parts)
            if found is not None and not found[1] and found[0].fields is not None:
                found[0].value = row if row is not None else Row(dict.fromkeys(columns))
                return
        for number, target in enumerate(targets):
            name = columns[number] if number < len(columns) else None
            self.assign(target, None if row is None else row.values.get(name, UNKNOWN) if name is not None else UNKNOWN)

    def shape(self, targets: Sequence[tree.VariableTarget], query: AnalyzedQuery | None) -> None:
        """Give a record variable the columns of a query."""
        found = self.scope.resolve(targets[0].parts) if len(targets) == 1 else None
        if found is not None and not found[1] and found[0].record:
            found[0].fields = query.columns if query is not None else ()
            found[0].open = query is None or query.open

    def found(self, value: Value) -> None:
        """Set FOUND."""
        var = self.scope.frames[0].names.get("found")
        if var is not None:
            var.value = value

    def into(
        self, targets: Sequence[tree.VariableTarget], columns: list[str], rows: list[Row], strict: bool, start: int
    ) -> None:
        """INTO: the first row; STRICT wants exactly one (P0002, P0003)."""
        sure = all(row.certain for row in rows)
        self.found((bool(rows) if sure else UNKNOWN) if not any(r.certain for r in rows) else True)
        if strict and sure and len(rows) != 1:
            words = ("P0002", "query returned no rows") if not rows else ("P0003", "query returned more than one row")
            raise self.ctx.refuse(*words, span=self.place.span(start), kind="other")
        if not targets:
            return
        if not rows:
            self.take(targets, columns, None)
        elif sure and (len(rows) == 1 or all(r.values == rows[0].values for r in rows)):
            self.take(targets, columns, rows[0])
        else:
            self.take(targets, columns, Row(dict.fromkeys(columns, UNKNOWN)))

    # --- statements ---------------------------------------------------------------------------------------------------

    def sentence(self, statement: tree.Statement) -> None:
        """Run a statement that is no control structure."""
        match statement:
            case tree.Assign():
                self.assignment(statement)
            case tree.Sql():
                self.sql(statement)
            case tree.Execute():
                self.execute(statement.text, statement.using, statement.into, statement.strict)
            case tree.ReturnQuery():
                if statement.query is not None:
                    self.table(statement.query)
                elif statement.dynamic is not None:
                    self.execute(statement.dynamic, statement.using, (), False)
            case tree.ReturnNext():
                if statement.value is not None:
                    self.value(statement.value)
            case tree.Open():
                if statement.query is not None:
                    self.table(statement.query)
            case tree.Fetch():
                self.assign_all(statement.into, UNKNOWN)
                self.found(UNKNOWN)
            case _:
                return

    def assignment(self, statement: tree.Assign) -> None:
        found = self.scope.resolve(statement.target.parts)
        if found is not None and not found[1] and not statement.target.subscripts:
            self.give(found[0], statement.value)
        else:
            self.assign(statement.target, self.value(statement.value))

    def sql(self, statement: tree.Sql) -> None:
        """A static SQL statement: a query, or a utility statement."""
        fragment = statement.query
        tag, node = self.parsed(fragment)
        if tag in QUERIES and "intoClause" not in node:
            query, columns, rows = self.table(fragment)
            if statement.into:
                self.shape(statement.into, query)
            elif not statement.perform and (
                tag == "SelectStmt" or (query is not None and query.columns)
            ):  # exec_stmt_execsql
                help = (
                    "If you want to discard the results of a SELECT, use PERFORM instead."
                    if tag == "SelectStmt"
                    else ""
                )
                raise self.ctx.refuse(
                    "42601",
                    "query has no destination for result data",
                    span=self.place.span(statement.start),
                    kind="other",
                    help=help,
                )
            self.into(statement.into, columns, rows, statement.strict, statement.start)
            return
        with self.place.enter(self.ctx, fragment):
            self.utility(tag, node)

    def parsed(self, fragment: tree.Fragment) -> tuple[str, Node]:
        try:
            return parse_query(fragment.text)
        except GrammarError as error:
            if not error.sqlstate:
                raise self.ctx.unsure("a statement in the body could not be analysed", ("any",)) from error
            raise self.ctx.refuse(
                "42601", error.message, span=self.place.span(fragment.start + error.offset), kind="other"
            ) from error

    def utility(self, tag: str, node: Node) -> None:
        """Carry out a utility statement; what it leaves uncertain is noted, and the body goes on."""
        from lockgate.timeline.targets import taints_of
        from lockgate.timeline.transitions import execute

        if not tag:
            return
        before = self.ctx.catalog.freeze()
        # only these see the body's variables: the others' queries are analysed on their own
        inner = self.scope.variables() if tag in _SEEING else None
        variables, self.ctx.variables = self.ctx.variables, inner
        self.ctx.depth += 1
        try:
            execute(self.ctx, tag, node)
        except Unsure as unsure:
            if not unsure.keep:
                self.ctx.catalog.restore(before)
            self.unsure(Unsure(unsure.reason, *(unsure.taints or taints_of(self.ctx, tag, node))))
        finally:
            self.ctx.depth -= 1
            self.ctx.variables = variables

    # --- dynamic SQL --------------------------------------------------------------------------------------------------

    def execute(
        self, text: tree.Fragment, using: Sequence[tree.Fragment], into: Sequence[tree.VariableTarget], strict: bool
    ) -> None:
        """EXECUTE: the statement that a text spells, or what its constant parts tell of it."""
        query, columns, rows = self.table(text)
        given, parameters = self.using(using)
        value = single(columns, rows)
        del query
        if value is None:
            raise self.ctx.refuse(
                "22004", "query string argument of EXECUTE is null", span=self.place.span(text.start), kind="other"
            )
        if not isinstance(value, str):
            self.guess(text)
            self.take(into, [], Row({}))
            self.found(UNKNOWN)
            return
        self.ctx.budget.spend(CHARACTER * len(value))
        for tag, node, _, _ in self.statements_of(text, value):
            with self.place.enter_text(self.ctx, text):
                found = self.dynamic(tag, node, given, parameters)
            if into:
                self.shape(into, found[0])
                self.into(into, found[1], found[2], strict, text.start)

    def using(self, using: Sequence[tree.Fragment]) -> tuple[tuple[Column, ...], tuple[Value, ...]]:
        types: list[Column] = []
        values: list[Value] = []
        for fragment in using:
            query, columns, rows = self.table(fragment)
            types.append(query.columns[0] if query is not None and query.columns else Column("", 0))
            values.append(single(columns, rows))
        return tuple(types), tuple(values)

    def statements_of(self, fragment: tree.Fragment, text: str) -> Sequence[tuple[str, Node, int, int]]:
        try:
            return parse_statements(text)
        except GrammarError as error:
            if not error.sqlstate:
                raise self.ctx.unsure("dynamic SQL could not be analysed", ("any",)) from error
            raise self.ctx.refuse("42601", error.message, span=self.place.span(fragment.start), kind="other") from error

    def dynamic(
        self, tag: str, node: Node, given: tuple[Column, ...], parameters: tuple[Value, ...]
    ) -> tuple[AnalyzedQuery | None, list[str], list[Row]]:
        if tag not in QUERIES or "intoClause" in node:
            self.utility_outside(tag, node)
            return None, [], MANY
        from lockgate.timeline.transitions.query.query import run_query

        world = World(self.ctx, parameters=parameters)
        try:
            query: AnalyzedQuery | None = run_query(self.ctx, tag, node, variables=Variables((), given), world=world)
        except Unsure as unsure:
            self.unsure(unsure)
            query = None
        columns, rows = selected(world, node) if tag == "SelectStmt" else ([], MANY)
        return query, columns, rows

    def utility_outside(self, tag: str, node: Node) -> None:
        """A utility statement of dynamic SQL: the body's variables are out of its sight."""
        scope, self.scope = self.scope, VariableScope()
        try:
            self.utility(tag, node)
        finally:
            self.scope = scope

    def guess(self, text: tree.Fragment) -> None:
        """Dynamic SQL that is not known: what its constant parts tell of its targets is in doubt."""
        from lockgate.timeline.transitions.relation.view import create_unknown_view

        spelled = self.spelled(text)
        certain, views = only_values(spelled), unknown_views(spelled)
        with self.place.enter_text(self.ctx, text):
            for tag, statement in certain:
                self.utility_outside(tag, statement)
            for statement in views:
                create_unknown_view(self.ctx, statement)
            if not certain and not views:
                self.doubts += 1
                self.ctx.catalog.forget()
                taint_template(self.ctx, spelled)

    def spelled(self, text: tree.Fragment) -> str:
        """A text with a hole for each part that is not known."""
        _, node = parse_query(EXPRESSION_PREFIX + text.text)
        return template(self.world, node["targetList"][0]["ResTarget"]["val"])

    def rows_of_loop(self, statement: tree.ForQuery) -> tuple[list[str], list[Row]]:
        """The rows that a FOR loop runs over."""
        if statement.query is not None:
            query, columns, rows = self.table(statement.query)
            self.shape(statement.targets, query)
            return columns, rows
        if statement.cursor:
            return self.rows_of_cursor(statement)
        if statement.dynamic is not None:
            _, columns, rows = self.table(statement.dynamic)
            given, parameters = self.using(statement.using)
            value = single(columns, rows)
            if isinstance(value, str):
                for tag, node, _, _ in self.statements_of(statement.dynamic, value):
                    with self.place.enter_text(self.ctx, statement.dynamic):
                        query, columns, rows = self.dynamic(tag, node, given, parameters)
                    self.shape(statement.targets, query)
                    return columns, rows
            self.shape(statement.targets, None)
        return [], list(MANY)

    def rows_of_cursor(self, statement: tree.ForQuery) -> tuple[list[str], list[Row]]:
        """The rows of a bound cursor, with its arguments in scope."""
        var = self.scope.find(statement.cursor)
        declared = var.cursor if var is not None else None
        if declared is None or declared.query is None:
            return [], list(MANY)
        given = self.values(statement.arguments) if statement.arguments is not None else []
        names = {a.name: declare(self.ctx, self.place, self.scope, a) for a in declared.arguments}
        for name, value in zip(names, given, strict=False):
            names[name].value = value
        self.scope.frames.append(Frame(names))
        try:
            _, columns, rows = self.table(declared.query)
        finally:
            self.scope.frames.pop()
        return columns, rows

    def diagnostics(self, statement: tree.Diagnostics, raised: Failure | None) -> None:
        """GET DIAGNOSTICS."""
        for target, item in statement.items:
            value: Value = UNKNOWN
            if statement.stacked and raised is not None:
                value = {"returned_sqlstate": raised.sqlstate, "message_text": raised.message}.get(item, UNKNOWN)
            self.assign(target, value)
