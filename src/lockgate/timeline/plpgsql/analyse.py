"""Bodies read through without running: what each statement refers to must be there (the kind of check that
plpgsql_check makes).

Only what is certain counts: a branch whose condition is false on this catalog is not entered, what a handler catches is
no failure, and a record of unknown shape has any field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Routine
from lockgate.catalog.typename import INT4, RECORD, TEXT
from lockgate.parse.facts import QUERIES, WITH_A_QUERY
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.conditions import catches
from lockgate.parse.plpgsql.walk import every, fragments
from lockgate.parse.routine import EXPRESSION_PREFIX, GrammarError, parse_query, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.binder import AnalyzedQuery, Column, Variables, analyze_query
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, World, expression, truth
from lockgate.timeline.failure import Failure, MissingField, Refused, Unsure
from lockgate.timeline.plpgsql.declare import declare
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.results import no_destination, wrong_shape
from lockgate.timeline.plpgsql.scope import Frame, Var, VariableScope, fields_of

_MAKES = frozenset(
    {"CreateStmt", "CreateTableAsStmt", "DropStmt", "ViewStmt", "AlterTableStmt", "CreateSeqStmt", "RenameStmt"}
)


class BrokenReference(msgspec.Struct, frozen=True):
    """A reference that fails when it is reached. ``guarded``: it stands under a condition that is not known."""

    failure: Failure
    guarded: bool
    trigger: int = 0  # the one for whose table it fails
    certain: bool = False  # it hangs neither on the caller's search_path nor on what others make


class Analyser:
    """One reading of a body, over a catalog that it may write to (temporary tables that the body makes)."""

    def __init__(self, ctx: Context, place: BodyPlace, scope: VariableScope, routine: Routine | None = None) -> None:
        self.ctx, self.place, self.scope, self.routine = ctx, place, scope, routine
        self.found: list[BrokenReference] = []
        self.handlers: list[tuple[tree.Handler, ...]] = []
        self.guards = 0
        self.dynamic = False  # it holds dynamic SQL that is not known: what that makes may be referred to
        self.read: set[Address] = set()  # relations and columns that its queries read and write

    # --- SQL ----------------------------------------------------------------------------------------------------------

    def expression(self, fragment: tree.Fragment | None) -> AnalyzedQuery | None:
        """Analyse an expression or query."""
        if fragment is None:
            return None
        prefix = EXPRESSION_PREFIX if fragment.mode == "expression" else ""
        try:
            tag, node = parse_query(prefix + fragment.text)
        except GrammarError:
            return None
        with self.place.enter(self.ctx, fragment):
            return self.query(tag, node, self.scope.variables()) if tag in QUERIES else None

    def query(self, tag: str, node: Node, variables: Variables) -> AnalyzedQuery | None:
        try:
            found = analyze_query(self.ctx, tag, node, variables=variables)
            self.read |= found.touched
            return found
        except Refused as refused:
            self.broken(refused.failure)
        except Unsure:
            pass
        return None

    def broken(self, failure: Failure | None, *, certain: bool = False) -> None:
        """Remember a failure, unless a handler around it takes it by name without raising again; what WHEN OTHERS takes
        is remembered as caught."""
        if failure is None:
            return
        taken = self.handler_of(failure)
        if taken is None or all(c.name == "others" for c in taken.conditions):
            caught = replace(failure, caught=True) if taken is not None else failure
            self.found.append(BrokenReference(caught, self.guards > 0, certain=certain))

    def handler_of(self, failure: Failure) -> tree.Handler | None:
        """The handler that takes a failure and does not raise again, the innermost first."""
        for handlers in reversed(self.handlers):
            for handler in handlers:
                if any(catches(c.name, c.sqlstate, failure.sqlstate) for c in handler.conditions):
                    if not _raises(handler):
                        return handler
                    break
        return None

    def utility(self, fragment: tree.Fragment, tag: str, node: Node) -> None:
        """A utility statement: what makes relations is carried out, so that later statements find them."""
        from lockgate.timeline.transitions import execute

        if tag not in _MAKES and tag not in (
            "TruncateStmt",
            "LockStmt",
            "ExplainStmt",
            "CallStmt",
            "RefreshMatViewStmt",
        ):
            return
        before = self.ctx.catalog.freeze()
        self.ctx.variables = self.scope.variables() if tag in WITH_A_QUERY else None
        try:
            with self.place.enter(self.ctx, fragment):
                execute(self.ctx, tag, node)
        except Refused as refused:
            self.ctx.catalog.restore(before)
            if refused.failure.cause:
                self.broken(refused.failure)
        except Unsure:
            self.ctx.catalog.restore(before)
            self.dynamic = True
        finally:
            self.ctx.variables = None

    # --- statements ---------------------------------------------------------------------------------------------------

    def statements(self, found: Iterable[tree.Statement]) -> None:
        for statement in found:
            self.statement(statement)

    def statement(self, statement: tree.Statement) -> None:
        """Read one statement."""
        match statement:
            case tree.Block():
                self.block(statement)
            case tree.If():
                self.branches(statement)
            case tree.Case():
                self.expression(statement.operand)
                for condition, _ in statement.branches:
                    self.expression(condition)
                self.either([b for _, b in statement.branches] + [statement.otherwise or ()])
            case tree.Loop():
                self.expression(statement.condition)
                self.loop(statement.label, {}, statement.body, certain=statement.condition is None)
            case tree.ForInteger():
                for fragment in fragments(statement):
                    self.expression(fragment)
                self.loop(statement.label, {statement.variable: Var(statement.variable, INT4)}, statement.body)
            case tree.ForQuery():
                self.for_query(statement)
            case tree.ForEach():
                self.expression(statement.array)
                self.loop(statement.label, {}, statement.body)
            case tree.Assign():
                self.assign(statement)
            case tree.Sql():
                self.sql(statement)
            case tree.Execute():
                self.execute(statement)
            case tree.Open():
                self.open(statement)
            case tree.ReturnQuery():
                self.return_query(statement)
            case tree.Fetch():
                self.shape(statement.into, None)
            case _:
                for fragment in fragments(statement):
                    self.expression(fragment)

    def block(self, block: tree.Block) -> None:
        frame = Frame({}, block.label)
        self.scope.frames.append(frame)
        for declaration in block.declarations:
            try:
                var = declare(self.ctx, self.place, self.scope, declaration)
            except Refused as refused:
                self.broken(refused.failure)
                var = Var(declaration.name, 0, open=True, fields=())
            var.value = UNKNOWN
            query = self.expression(declaration.default)
            if var.record and query is not None and len(query.columns) == 1:
                self.reshape(var, fields_of(self.ctx, query.columns[0].type))
            frame.names[declaration.name] = var
        if block.handlers:
            self.handlers.append(block.handlers)
        self.statements(block.body)
        if block.handlers:
            self.handlers.pop()
        for handler in block.handlers:
            names = {"sqlstate": Var("sqlstate", TEXT), "sqlerrm": Var("sqlerrm", TEXT)}
            self.scope.frames.append(Frame(names))
            self.guarded(lambda body=handler.body: self.statements(body))  # type: ignore[misc]
            self.scope.frames.pop()
        self.scope.frames.pop()

    # --- branches and loops -------------------------------------------------------------------------------------------

    def guarded(self, read: Callable[[], None]) -> None:
        """Read something that may not be reached; a record that it shapes anew has an unknown shape afterwards."""
        records = [v for v in self.scope.all() if v.record]
        before = [(v.fields, v.open) for v in records]
        self.guards += 1
        read()
        self.guards -= 1
        for var, shape in zip(records, before, strict=True):
            if (var.fields, var.open) != shape:
                var.open = True

    def branches(self, statement: tree.If) -> None:
        possible: list[Sequence[tree.Statement]] = []
        for condition, body in statement.branches:
            self.expression(condition)
            found = self.truth(condition)
            if found is True:
                self.choose(possible, body)
                return
            if found is not False and found is not None:
                possible.append(body)
        self.choose(possible, statement.otherwise or ())

    def choose(self, possible: list[Sequence[tree.Statement]], last: Sequence[tree.Statement]) -> None:
        if possible:
            self.either([*possible, last])
        else:
            self.statements(last)

    def either(self, bodies: Sequence[Sequence[tree.Statement]]) -> None:
        for body in bodies:
            self.guarded(lambda body=body: self.statements(body))  # type: ignore[misc]

    def truth(self, fragment: tree.Fragment) -> object:
        """What a condition is on this catalog."""
        try:
            _, node = parse_query(EXPRESSION_PREFIX + fragment.text)
        except GrammarError:
            return UNKNOWN
        if set(node) - {"targetList", "limitOption", "op"}:
            return UNKNOWN
        return truth(expression(World(self.ctx, self.scope.lookup), node["targetList"][0]["ResTarget"]["val"]))

    def loop(
        self, label: str, names: dict[str, Var], body: tuple[tree.Statement, ...], *, certain: bool = False
    ) -> None:
        self.scope.frames.append(Frame(names, label))
        if certain:
            self.statements(body)
        else:
            self.guarded(lambda: self.statements(body))
        self.scope.frames.pop()

    def for_query(self, statement: tree.ForQuery) -> None:
        names: dict[str, Var] = {}
        query = None
        if statement.cursor:
            query = self.cursor(statement.cursor)
            word = statement.targets[0].parts[0]
            names[word] = Var(
                word, RECORD, fields=query.columns if query else (), open=query is None or query.open, record=True
            )
        elif statement.dynamic is not None:
            self.expression(statement.dynamic)
            query = self.dynamic_text(statement.dynamic, statement.using)
            self.shape(statement.targets, query)
        else:
            query = self.expression(statement.query)
            self.shape(statement.targets, query)
        self.loop(statement.label, names, statement.body)

    def cursor(self, name: str) -> AnalyzedQuery | None:
        """The query of a bound cursor, with its arguments in scope."""
        var = self.scope.find(name)
        declared = var.cursor if var is not None else None
        if declared is None or declared.query is None:
            return None
        names: dict[str, Var] = {}
        for argument in declared.arguments:
            try:
                names[argument.name] = declare(self.ctx, self.place, self.scope, argument)
            except Refused:
                names[argument.name] = Var(argument.name)
        self.scope.frames.append(Frame(names))
        query = self.expression(declared.query)
        self.scope.frames.pop()
        return query

    def open(self, statement: tree.Open) -> None:
        """OPEN of a query, of a text, or of a bound cursor."""
        if statement.dynamic is not None:
            self.expression(statement.dynamic)
            self.dynamic_text(statement.dynamic, statement.using)
        elif statement.query is not None:
            self.expression(statement.query)
        elif len(statement.cursor.parts) == 1:
            self.cursor(statement.cursor.parts[0])

    def return_query(self, statement: tree.ReturnQuery) -> None:
        """RETURN QUERY, with what it returns."""
        at = statement.query or statement.dynamic
        if statement.dynamic is not None:
            self.expression(statement.dynamic)
            query = self.dynamic_text(statement.dynamic, statement.using)
        else:
            query = self.expression(statement.query)
        if self.routine is not None and at is not None:
            self.broken(wrong_shape(self.ctx, self.place, self.routine, at, query), certain=True)

    # --- assignments --------------------------------------------------------------------------------------------------

    def reshape(self, var: Var, fields: tuple[Column, ...] | None) -> None:
        var.fields, var.open = (fields, False) if fields is not None else ((), True)

    def shape(self, targets: Sequence[tree.VariableTarget], query: AnalyzedQuery | None) -> None:
        """A record variable takes the columns of what is put into it."""
        found = self.scope.resolve(targets[0].parts) if len(targets) == 1 else None
        if found is not None and not found[1] and found[0].record:
            self.reshape(found[0], query.columns if query is not None and not query.open else None)

    def assign(self, statement: tree.Assign) -> None:
        for subscript in statement.target.subscripts:
            self.expression(subscript)
        query = self.expression(statement.value)
        found = self.scope.resolve(statement.target.parts)
        if found is None:
            return
        var, rest = found
        if rest and var.fields is not None and not var.open and rest[0] not in [c.name for c in var.fields]:
            message = f'record "{var.name}" has no field "{rest[0]}"'
            target = statement.target
            error = self.ctx.refuse(
                "42703",
                message,
                span=self.place.span(target.start, target.end),
                object=".".join(target.parts),
                kind="column",
                subject=MissingField(var.name, rest[0]),
            )
            self.broken(error.failure)
        elif not rest and var.record and not statement.target.subscripts:
            known = query is not None and len(query.columns) == 1
            self.reshape(var, fields_of(self.ctx, query.columns[0].type) if query is not None and known else None)

    def sql(self, statement: tree.Sql) -> None:
        try:
            tag, node = parse_query(statement.query.text)
        except GrammarError:
            return
        if tag in QUERIES:
            query = self.expression(statement.query)
            if statement.into:
                self.shape(statement.into, query)
            else:
                self.broken(no_destination(self.ctx, self.place, statement, query), certain=True)
        else:
            self.utility(statement.query, tag, node)

    def execute(self, statement: tree.Execute) -> None:
        self.expression(statement.text)
        query = self.dynamic_text(statement.text, statement.using)
        if statement.into:
            self.shape(statement.into, query)

    def dynamic_text(self, text: tree.Fragment, using: Sequence[tree.Fragment]) -> AnalyzedQuery | None:
        """EXECUTE of a text that is known here and now."""
        given = [self.expression(fragment) for fragment in using]
        try:
            _, node = parse_query(EXPRESSION_PREFIX + text.text)
            value = expression(World(self.ctx, self.scope.lookup), node["targetList"][0]["ResTarget"]["val"])
            statements = parse_statements(value) if isinstance(value, str) else ()
        except GrammarError:
            return None
        if not isinstance(value, str):
            self.dynamic = True
            return None
        query = None
        types = tuple(q.columns[0] if q is not None and q.columns else Column("", 0) for q in given)
        for tag, node, _, _ in statements:
            with self.place.enter_text(self.ctx, text):
                if tag in QUERIES:
                    query = self.query(tag, node, Variables((), types))
                else:
                    self.utility(text, tag, node)
        return query


def _raises(handler: tree.Handler) -> bool:
    return any(isinstance(s, tree.Raise) and s.level == "exception" for top in handler.body for s in every(top))
