"""What CREATE FUNCTION and DO check of a PL/pgSQL body before anything runs (plpgsql_validator, pl_gram.y's and
pl_comp.c's own errors)."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.base.text import Offsets
from lockgate.catalog.objects import Routine
from lockgate.catalog.typename import INT4, RECORD, REFCURSOR, TEXT, VOID
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.conditions import sqlstates
from lockgate.parse.plpgsql.parser import parse_body
from lockgate.parse.plpgsql.scan import BodySyntax
from lockgate.parse.plpgsql.walk import fragments
from lockgate.parse.routine import EXPRESSION_PREFIX, GrammarError, parse_query
from lockgate.timeline.context import Context
from lockgate.timeline.plpgsql.declare import (
    EVENT_TRIGGER,
    TRIGGER,
    declare,
    event_trigger_variables,
    outer_scope,
    trigger_variables,
)
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.scope import Frame, Var, VariableScope

_CURRENT = frozenset({"row_count", "pg_context", "pg_routine_oid"})
_STACKED = frozenset(
    {
        "returned_sqlstate",
        "message_text",
        "pg_exception_detail",
        "pg_exception_hint",
        "pg_exception_context",
        "column_name",
        "constraint_name",
    }
    | {"pg_datatype_name", "table_name", "schema_name"}
)


def parsed(ctx: Context, text: str, place: BodyPlace) -> tree.Body:
    """The tree of a body. Refuses with 42601."""
    try:
        return parse_body(text)
    except BodySyntax as error:
        raise ctx.refuse(error.sqlstate, error.message, span=place.span(error.offset), kind="other") from error


def compile_body(ctx: Context, text: str, place: BodyPlace, routine: Routine | None = None) -> tree.Body:
    """Parse a body and check it as compilation does. Refuses; Unsure where a type is not certain is not raised."""
    body = parsed(ctx, text, place)
    scope = outer_scope(ctx, routine, body.conflict)
    if routine is not None and routine.result == TRIGGER:
        scope.frames[0].names.update(trigger_variables(ctx, None, None))
    elif routine is not None and routine.result == EVENT_TRIGGER:
        scope.frames[0].names.update(event_trigger_variables())
    _Compiler(ctx, place, scope, routine).block(body.block)
    return body


class _Compiler:
    """One walk in the order of the text."""

    def __init__(self, ctx: Context, place: BodyPlace, scope: VariableScope, routine: Routine | None) -> None:
        self.ctx, self.place, self.scope, self.routine = ctx, place, scope, routine
        self.loops: list[tuple[str, bool]] = []  # labels, and whether they are of loops

    def refuse(self, sqlstate: str, message: str, start: int, name: str = "") -> Exception:
        return self.ctx.refuse(sqlstate, message, span=self.place.span(start), object=name, kind="other")

    def statements(self, found: Iterable[tree.Statement]) -> None:
        for statement in found:
            self.statement(statement)

    def statement(self, statement: tree.Statement) -> None:
        for fragment in fragments(statement):
            self.syntax(fragment)
        match statement:
            case tree.Block():
                self.block(statement)
            case tree.If() | tree.Case():
                for _, body in statement.branches:
                    self.statements(body)
                self.statements(statement.otherwise or ())
            case tree.Loop():
                self.loop(statement.label, statement.body)
            case tree.ForInteger():
                self.loop(statement.label, statement.body, {statement.variable: Var(statement.variable, INT4)})
            case tree.ForQuery():
                self.for_query(statement)
            case tree.ForEach():
                self.targets(statement.targets)
                self.loop(statement.label, statement.body)
            case tree.Assign():
                self.target(statement.target, assigns=True)
            case tree.Sql() | tree.Execute() | tree.Fetch():
                self.targets(statement.into)
            case tree.Exit():
                self.exit(statement)
            case tree.Return() | tree.ReturnNext() | tree.ReturnQuery():
                self.returns(statement)
            case tree.Raise():
                if statement.condition and sqlstates(statement.condition) is None:
                    raise self.refuse(
                        "42704",
                        f'unrecognized exception condition "{statement.condition}"',
                        statement.start,
                        statement.condition,
                    )
            case tree.Diagnostics():
                for target, item in statement.items:
                    self.target(target, assigns=True)
                    if item not in (_STACKED if statement.stacked else _CURRENT):
                        word = "STACKED" if statement.stacked else "CURRENT"
                        message = f"diagnostics item {item.upper()} is not allowed in GET {word} DIAGNOSTICS"
                        raise self.refuse("42601", message, statement.start)
            case _:
                pass
        if isinstance(statement, (tree.Open, tree.Fetch, tree.Close)):
            self.cursor(statement.cursor)

    # --- blocks and loops ---------------------------------------------------------------------------------------------

    def block(self, block: tree.Block) -> None:
        frame = Frame({}, block.label)
        self.scope.frames.append(frame)
        self.loops.append((block.label, False))
        for declaration in block.declarations:
            for fragment in (declaration.default, declaration.query):
                if fragment is not None:
                    self.syntax(fragment)
            if declaration.notnull and declaration.default is None:
                message = f'variable "{declaration.name}" must have a default value, since it\'s declared NOT NULL'
                raise self.refuse("22004", message, declaration.start, declaration.name)
            frame.names[declaration.name] = declare(self.ctx, self.place, self.scope, declaration)
        self.statements(block.body)
        for handler in block.handlers:
            for condition in handler.conditions:
                if not condition.sqlstate and condition.name != "others" and sqlstates(condition.name) is None:
                    raise self.refuse(
                        "42704", f'unrecognized exception condition "{condition.name}"', condition.start, condition.name
                    )
            self.scope.frames.append(Frame({"sqlstate": Var("sqlstate", TEXT), "sqlerrm": Var("sqlerrm", TEXT)}))
            self.statements(handler.body)
            self.scope.frames.pop()
        self.loops.pop()
        self.scope.frames.pop()

    def loop(self, label: str, body: tuple[tree.Statement, ...], names: dict[str, Var] | None = None) -> None:
        self.scope.frames.append(Frame(names or {}, label))
        self.loops.append((label, True))
        self.statements(body)
        self.loops.pop()
        self.scope.frames.pop()

    def for_query(self, statement: tree.ForQuery) -> None:
        names: dict[str, Var] = {}
        if statement.cursor:
            word = statement.targets[0].parts[0]
            names[word] = Var(word, RECORD, fields=(), open=True, record=True)
        elif self.scope.resolve(statement.targets[0].parts) is None:
            message = "loop variable of loop over rows must be a record variable or list of scalar variables"
            raise self.refuse("42601", message, statement.targets[0].start)
        else:
            self.targets(statement.targets)
        self.loop(statement.label, statement.body, names)

    def exit(self, statement: tree.Exit) -> None:
        word = "EXIT" if statement.leave else "CONTINUE"
        if statement.label:
            found = [is_loop for label, is_loop in self.loops if label == statement.label]
            if not found and not self.scope.labelled(statement.label):
                message = (
                    f'there is no label "{statement.label}" attached to any block or loop enclosing this statement'
                )
                raise self.refuse("42601", message, statement.start, statement.label)
            if found and not found[-1] and not statement.leave:
                raise self.refuse(
                    "42601",
                    f'block label "{statement.label}" cannot be used in CONTINUE',
                    statement.start,
                    statement.label,
                )
        elif not any(is_loop for _, is_loop in self.loops):
            tail = "outside a loop, unless it has a label" if statement.leave else "outside a loop"
            raise self.refuse("42601", f"{word} cannot be used {tail}", statement.start)

    # --- names --------------------------------------------------------------------------------------------------------

    def targets(self, targets: tuple[tree.VariableTarget, ...]) -> None:
        for target in targets:
            var = self.target(target, assigns=True)
            if len(targets) > 1 and len(target.parts) == 1 and var.fields is not None:
                raise self.refuse(
                    "42601", "record variable cannot be part of multiple-item INTO list", target.start, var.name
                )

    def target(self, target: tree.VariableTarget, *, assigns: bool) -> Var:
        found = self.scope.resolve(target.parts)
        shown = ".".join(target.parts)
        if found is None or (found[1] and found[0].fields is None and not found[0].open):
            raise self.refuse("42601", f'"{shown}" is not a known variable', target.start, shown)
        if assigns and found[0].constant:
            raise self.refuse("22005", f'variable "{found[0].name}" is declared CONSTANT', target.start, found[0].name)
        return found[0]

    def cursor(self, target: tree.VariableTarget) -> None:
        var = self.target(target, assigns=False)
        if var.type not in (REFCURSOR, 0) and not var.open:
            raise self.refuse(
                "42804", f'variable "{var.name}" must be of type cursor or refcursor', target.start, var.name
            )

    def returns(self, statement: tree.Return | tree.ReturnNext | tree.ReturnQuery) -> None:
        routine = self.routine
        if routine is None:
            if isinstance(statement, tree.Return) and statement.value is not None:
                raise self.refuse(
                    "42804", "RETURN cannot have a parameter in function returning void", statement.value.start
                )
            return
        out = any(m in "obt" for m in routine.modes)
        if isinstance(statement, tree.Return):
            self.plain_return(statement, routine, out)
        elif not routine.retset:
            word = "QUERY" if isinstance(statement, tree.ReturnQuery) else "NEXT"
            raise self.refuse("42804", f"cannot use RETURN {word} in a non-SETOF function", statement.start)
        elif isinstance(statement, tree.ReturnNext) and statement.value is not None and out:
            raise self.refuse(
                "42804", "RETURN NEXT cannot have a parameter in function with OUT parameters", statement.value.start
            )

    def plain_return(self, statement: tree.Return, routine: Routine, out: bool) -> None:
        if statement.value is None:
            if not (
                routine.retset
                or routine.result in (VOID, EVENT_TRIGGER)
                or out
                or routine.kind == "p"
                or routine.result == 0
            ):
                raise self.refuse("42601", 'missing expression at or near ";"', statement.start)
            return
        what = ""
        if routine.retset:
            what = "returning set"
        elif routine.kind == "p" and not out:
            raise self.refuse("42601", "RETURN cannot have a parameter in a procedure", statement.value.start)
        elif routine.result == VOID:
            what = "returning void"
        elif out:
            what = "with OUT parameters"
        if what:
            raise self.refuse("42804", f"RETURN cannot have a parameter in function {what}", statement.value.start)

    # --- syntax of SQL ------------------------------------------------------------------------------------------------

    def syntax(self, fragment: tree.Fragment) -> None:
        """check_sql_expr: the SQL grammar's own refusal."""
        shift = len(EXPRESSION_PREFIX) if fragment.mode == "expression" else 0
        text = (EXPRESSION_PREFIX if shift else "") + fragment.text
        try:
            parse_query(text)
        except GrammarError as error:
            if error.sqlstate == "42601":
                offset = Offsets(text).char(error.offset) if not text.isascii() else error.offset
                raise self.refuse("42601", error.message, fragment.start + max(offset - shift, 0)) from error
