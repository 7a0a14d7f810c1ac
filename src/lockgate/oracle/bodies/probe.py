"""A PL/pgSQL body as a probe: the same blocks and variables, in which the server plans each static query and runs none.

``EXPLAIN query`` is planned with PL/pgSQL's own name resolution, so variables, records, NEW and OLD, and
``#variable_conflict`` mean what they mean in the routine (pl_comp.c, plpgsql_parser_setup). A record gets its columns
from its query with ``WHERE false``, and so does RETURN QUERY compare its columns with the routine's result. What the
probe does not reach it may miss; it invents nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from lockgate.base.sql import quote
from lockgate.oracle.apply.planned import can_be_planned, dotted, empty, plan, reads, returned
from lockgate.oracle.apply.records import loose_records
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.walk import every

_NAME = re.compile(r'\s*(?:[^\W\d][\w$]*|"(?:[^"]|"")+")\s*')
_CONSTANT = re.compile(r"\s*'(?:[^']|'')*'\s*")
_WORD = re.compile(r"\w+")


class ProbePart(msgspec.Struct, frozen=True):
    """A query, an expression or an assigned field of a body."""

    line: int  # of its statement, 1-based in the body: the line that PL/pgSQL's own error context names
    text: str  # as it stands in the body
    caught: tuple[tree.Condition, ...] = ()  # what the handlers of the blocks around it swallow
    guarded: bool = False  # reached under a condition only
    loose: bool = False  # reads a record whose columns depend on the way to it
    call: bool = False  # CALL


class Probe(msgspec.Struct, frozen=True):
    """``parts[n]`` is what the notice ``lg n SQLSTATE message`` of the block ``text`` is about."""

    parts: tuple[ProbePart, ...]
    text: str


def probe(body: tree.Body, source: str, rows: bool) -> Probe:
    """The probe of a body. ``rows``: it stands in a set-returning function whose columns are known, where RETURN QUERY
    and RETURN NEXT may stand."""
    writer = _Writer(source, rows, loose_records(body.block))
    writer.block(body.block)
    return Probe(tuple(writer.parts), "\n".join(writer.lines))


class _Writer:
    """The probe of one body while it grows."""

    def __init__(self, source: str, rows: bool, loose: frozenset[str]) -> None:
        self.source = source
        self.lines: list[str] = []
        self.parts: list[ProbePart] = []
        self._rows = rows
        self._loose = loose
        self._line = 0
        self._caught: tuple[tree.Condition, ...] = ()
        self._guarded = False
        self._cursors: dict[str, tree.Declaration] = {}

    # --- blocks -------------------------------------------------------------------------------------------------------

    def block(self, block: tree.Block) -> None:
        """A block; what fails at its own variables (a domain that takes no NULL) ends it alone."""
        self._at(block)
        label = [f"<<{quote(block.label)}>>"] if block.label else []
        self.lines += ["BEGIN", *label, "DECLARE", *map(self._declared, block.declarations), "BEGIN"]
        for declaration in block.declarations:
            if declaration.default is not None:
                self._value(quote(declaration.name), declaration.default)
        outer = self._caught
        self._caught += tuple(
            condition for handler in block.handlers if _swallows(handler) for condition in handler.conditions
        )
        self._statements(block.body)
        self._caught = outer
        for handler in block.handlers:
            self.lines.append("DECLARE sqlstate text; sqlerrm text; BEGIN")
            self._statements(handler.body)
            self.lines.append("END;")
        self.lines.append("END; EXCEPTION WHEN OTHERS THEN NULL; END;")

    def _declared(self, declaration: tree.Declaration) -> str:
        name = quote(declaration.name)
        if declaration.kind == "alias":
            return f"{name} ALIAS FOR {dotted(declaration.aliased)};"
        if declaration.kind == "cursor":
            self._cursors[declaration.name] = declaration
            return f"{name} refcursor;"
        collation = f" COLLATE {dotted(declaration.collation)}" if declaration.collation else ""
        return f"{name} {declaration.type.text if declaration.type else 'text'}{collation};"

    def _statements(self, statements: Iterable[tree.Statement]) -> None:
        for statement in statements:
            self._statement(statement)
            # what follows a statement that may leave is reached under a condition
            self._guarded |= isinstance(statement, (tree.If, tree.Case)) and any(
                isinstance(s, tree.Return) for s in every(statement)
            )

    def _branches(self, *bodies: Iterable[tree.Statement]) -> None:
        for body in bodies:
            before, self._guarded = self._guarded, True
            self._statements(body)
            self._guarded = before

    def _at(self, statement: tree.Statement) -> None:
        self._line = self.source.count("\n", 0, statement.start) + 1

    # --- statements ---------------------------------------------------------------------------------------------------

    def _statement(self, statement: tree.Statement) -> None:
        self._at(statement)
        match statement:
            case tree.Block():
                self.block(statement)
            case tree.Assign():
                self._assign(statement)
            case tree.If():
                self._if(statement)
            case tree.Case():
                self._case(statement)
            case tree.Loop():
                self._expression(statement.condition)
                self._statements(statement.body)
            case tree.ForInteger() | tree.ForQuery() | tree.ForEach():
                self._for(statement)
            case tree.Exit():
                self._expression(statement.condition)
            case tree.Return():
                self._expression(statement.value)
            case tree.ReturnNext() | tree.ReturnQuery():
                self._return(statement)
            case tree.Raise():
                self._expression(*statement.params, *(value for _, value in statement.options))
            case tree.Assert():
                self._expression(statement.condition, statement.message)
            case tree.Sql():
                self._sql(statement)
            case tree.Execute():
                self._expression(statement.text, *statement.using)
                self._fields(statement.into)
            case tree.Diagnostics():
                self._fields(target for target, _ in statement.items)
            case tree.Open():
                self._open(statement)
            case tree.Fetch():
                self._cursor(statement.cursor.parts[-1], statement.into)
            case _:
                return

    def _assign(self, statement: tree.Assign) -> None:
        target = statement.target
        self._value("" if target.subscripts else dotted(target.parts), statement.value)
        self._expression(*target.subscripts)
        self._fields((target,))

    def _value(self, target: str, value: tree.Fragment) -> None:
        """What is assigned; a constant takes the target's type (an enum's label), and assigning one runs nothing."""
        if target and _CONSTANT.fullmatch(value.text):
            self._part(value.text, f"{target} := {value.text};")
        else:
            self._expression(value)

    def _if(self, statement: tree.If) -> None:
        for number, (condition, body) in enumerate(statement.branches):
            self._guarded, before = self._guarded or number > 0, self._guarded
            self._expression(condition)
            self._guarded = before
            self._branches(body)
        self._branches(statement.otherwise or ())

    def _case(self, statement: tree.Case) -> None:
        self._expression(statement.operand)
        for values, _ in statement.branches:
            if statement.operand is None:
                self._expression(values)
            else:  # exec_stmt_case: the operand is kept in a variable and looked for in the list
                self._part(values.text, plan(f"SELECT ({statement.operand.text}\n) IN ({values.text}\n)"))
        self._branches(*(body for _, body in statement.branches), statement.otherwise or ())

    def _for(self, statement: tree.ForInteger | tree.ForQuery | tree.ForEach) -> None:
        if isinstance(statement, tree.ForInteger):
            self._expression(statement.lower, statement.upper, statement.step)
            label = [f"<<{quote(statement.label)}>>"] if statement.label else []
            self.lines += [*label, f"DECLARE {quote(statement.variable)} integer; BEGIN"]
            self._statements(statement.body)
            self.lines.append("END;")
            return
        if isinstance(statement, tree.ForEach):
            self._expression(statement.array)
            self._fields(statement.targets)
        elif statement.query is not None:
            self._query(statement.query, statement.targets)
        elif statement.dynamic is not None:
            self._expression(statement.dynamic, *statement.using)
        else:
            self._arguments(statement.arguments)
            self._cursor(statement.cursor, statement.targets)
        loose = self._loose
        self._loose -= _settled(statement)
        self._statements(statement.body)
        self._loose = loose

    def _return(self, statement: tree.ReturnNext | tree.ReturnQuery) -> None:
        if isinstance(statement, tree.ReturnNext):
            value = statement.value
            if self._rows and value is not None and _NAME.fullmatch(value.text):
                self._part(value.text, f"RETURN NEXT {value.text};")
            else:
                self._expression(value)
            return
        if statement.query is not None:
            text = statement.query.text
            self._part(text, f"RETURN QUERY {empty(text)}" if self._rows and reads(text) else plan(text))
        self._expression(statement.dynamic, *statement.using)

    def _sql(self, statement: tree.Sql) -> None:
        text = statement.query.text
        if text[:4].lower() == "call":
            self._part(text, plan(f"SELECT {text[4:]}"), call=True)
        else:
            self._query(statement.query, statement.into)

    def _open(self, statement: tree.Open) -> None:
        name = statement.cursor.parts[-1]
        if statement.query is not None:
            self._cursors[name] = tree.Declaration(name, statement.start, "cursor", query=statement.query)
        self._arguments(statement.arguments)
        self._expression(statement.dynamic, *statement.using)
        self._cursor(name, ())

    # --- parts --------------------------------------------------------------------------------------------------------

    def _cursor(self, name: str, targets: tuple[tree.VariableTarget, ...]) -> None:
        """What a cursor reads, with its arguments as variables."""
        known = self._cursors.get(name)
        if known is None or known.query is None:
            return
        arguments = " ".join(map(self._declared, known.arguments))
        self.lines.append(f"DECLARE {arguments} BEGIN")
        self._query(known.query, targets)
        self.lines.append("END;")

    def _arguments(self, arguments: tree.Fragment | None) -> None:
        if arguments is not None and not re.search(r":=|=>", arguments.text):  # by name: no expression as they stand
            self._expression(arguments)

    def _query(self, query: tree.Fragment, targets: tuple[tree.VariableTarget, ...] = ()) -> None:
        text = query.text
        if not can_be_planned(text):
            return
        into = ", ".join(dotted(target.parts) for target in targets)
        if into and reads(text):
            self._part(text, empty(text, into))
            return
        self._part(text, plan(text))
        if into and (rows := returned(text)):
            self._part(text, empty(rows, into))

    def _expression(self, *expressions: tree.Fragment | None) -> None:
        for expression in expressions:
            if expression is not None:
                self._part(expression.text, plan(f"SELECT {expression.text}"))

    def _fields(self, targets: Iterable[tree.VariableTarget]) -> None:
        for target in targets:
            if len(target.parts) > 1 and not target.subscripts:
                self._part(self.source[target.start : target.end], f"{dotted(target.parts)} := NULL;")

    def _part(self, text: str, action: str, call: bool = False) -> None:
        loose = bool(self._loose) and not self._loose.isdisjoint(_WORD.findall(text.lower()))
        # RAISE's format string takes no expressions, so the number stands in it
        report = f"RAISE NOTICE 'lg {len(self.parts)} % %', SQLSTATE, SQLERRM;"
        self.parts.append(ProbePart(self._line, text.strip(), self._caught, self._guarded, loose, call))
        self.lines.append(f"BEGIN {action} EXCEPTION WHEN OTHERS THEN {report} END;")


def _swallows(handler: tree.Handler) -> bool:
    """Whether a handler hides its error from the caller: it does not end with an error of its own."""
    last = handler.body[-1] if handler.body else None
    return not (isinstance(last, tree.Raise) and (last.bare or last.level == "exception"))


def _settled(loop: tree.ForQuery | tree.ForEach) -> frozenset[str]:
    """Records whose columns are known inside a loop: those that it alone fills there."""
    if isinstance(loop, tree.ForEach) or loop.dynamic is not None or len(loop.targets) != 1:
        return frozenset()
    name = loop.targets[0].parts[-1]
    inside = tree.Block(
        loop.start, body=loop.body, declarations=(tree.Declaration(name, loop.start, type=tree.Fragment("record", 0)),)
    )
    return frozenset({name}) if name not in loose_records(inside, at_most=0) else frozenset()
