"""PL/pgSQL run over the simulated catalog: control structures (src/pl/plpgsql/src/pl_exec.c).

What is known is carried out; what depends on unknown values is carried out on a copy of the catalog, whose differences
are then in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from lockgate.catalog.merge import merge
from lockgate.catalog.objects import Routine
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.conditions import catches
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Row, Unknown, Value, known, truth
from lockgate.timeline.evaluate.value import equal
from lockgate.timeline.failure import Failure, Refused
from lockgate.timeline.plpgsql.declare import declare
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.raising import assert_statement, raise_statement
from lockgate.timeline.plpgsql.scope import Frame, Var, VariableScope
from lockgate.timeline.plpgsql.sentences import STEP, Sentences

ITERATIONS = 2_000  # of one loop
_WHY = "it runs only under a condition that is not known here"


class Left(IntEnum):
    """Whether control may have left: not at all, the innermost loop, or more than that."""

    NO = 0
    LOOP = 1
    OUT = 2


class Leaving(Exception):
    """EXIT or CONTINUE."""

    def __init__(self, label: str, leave: bool) -> None:
        super().__init__(label)
        self.label, self.leave = label, leave


class Returning(Exception):
    """RETURN."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Interpreter(Sentences):
    """One running body."""

    def __init__(self, ctx: Context, place: BodyPlace, scope: VariableScope, routine: Routine | None = None) -> None:
        super().__init__(ctx, place, scope)
        self.routine = routine
        self.raised: list[Failure] = []  # what the handlers we are in have caught
        self.start = (ctx.catalog.freeze(), ctx.session)  # what ROLLBACK goes back to

    def run(self, block: tree.Block) -> Value:
        """Run the outermost block; what it returns."""
        try:
            left = self.block(block)
        except Returning as returned:
            return returned.value
        return UNKNOWN if left else None

    # --- sequences ----------------------------------------------------------------------------------------------------

    def statements(self, found: Sequence[tree.Statement]) -> Left:
        """Run statements in order; once control may have left, the rest is a maybe."""
        for index, statement in enumerate(found):
            self.ctx.budget.spend(STEP)
            left = self.statement(statement)
            if left:
                rest = found[index + 1 :]
                return max(left, self.maybe([rest])) if rest else left
        return Left.NO

    def maybe(self, bodies: Iterable[Sequence[tree.Statement]]) -> Left:
        """Run each of some bodies on a copy: one that fails for certain is one that does not run."""
        ctx, left = self.ctx, Left.NO
        draft, session = ctx.catalog, ctx.session
        variables = list(self.scope.all())
        before = [v.value for v in variables]
        changed: set[int] = set()
        for body in bodies:
            ctx.catalog = draft.draft()
            found = self.tried(body)
            copy, ctx.catalog = ctx.catalog, draft
            if found is not None:
                left = max(left, found)
                ctx.tainted += [_WHY] if merge(draft, copy, _WHY, ctx.place) else []
                changed |= {
                    i
                    for i, (v, old) in enumerate(zip(variables, before, strict=True))
                    if v.value is not old and v.value != old
                }
                if ctx.session.search_path != session.search_path:
                    ctx.taint(("any",), "search_path is set under a condition that is not known here")
            ctx.session = session
            for var, old in zip(variables, before, strict=True):
                var.value = old
        for index in changed:
            variables[index].value = UNKNOWN
        return left

    def tried(self, body: Sequence[tree.Statement]) -> Left | None:
        """What a body does in the catalog at hand; None where it fails for certain, be it run by the role that may."""
        ctx = self.ctx
        start, said = ctx.catalog.freeze(), len(ctx.warnings)
        saved = ctx.session, ctx.unchecked
        try:
            return self.statements(body)
        except (Leaving, Returning) as signal:
            return Left.OUT if isinstance(signal, Returning) or signal.label else Left.LOOP
        except Refused as refused:
            if ctx.unchecked or refused.failure.sqlstate != "42501":
                return None
            ctx.catalog.restore(start)
            ctx.session, ctx.unchecked = saved[0], True
            return self.tried(body)
        finally:
            ctx.unchecked = saved[1]
            del ctx.warnings[said:]  # nor are they certain

    # --- statements ---------------------------------------------------------------------------------------------------

    def statement(self, statement: tree.Statement) -> Left:
        """Run one statement."""
        match statement:
            case tree.Block():
                return self.block(statement)
            case tree.If():
                return self.branches(statement)
            case tree.Case():
                return self.case(statement)
            case tree.Loop():
                return self.loop(statement)
            case tree.ForInteger():
                return self.for_integer(statement)
            case tree.ForQuery():
                return self.for_query(statement)
            case tree.ForEach():
                return self.for_each(statement)
            case tree.Exit():
                return self.exit(statement)
            case tree.Return():
                raise Returning(self.value(statement.value) if statement.value is not None else None)
            case tree.Raise():
                raise_statement(self, statement, self.raised)
            case tree.Assert():
                assert_statement(self, statement)
            case tree.Plain():
                self.plain(statement)
            case tree.Diagnostics():
                self.diagnostics(statement, self.raised[-1] if self.raised else None)
            case _:
                self.sentence(statement)
        return Left.NO

    def block(self, block: tree.Block) -> Left:
        frame = Frame({}, block.label)
        self.scope.frames.append(frame)
        depth = len(self.scope.frames)
        try:
            saved, session, doubts = self.ctx.catalog.freeze(), self.ctx.session, self.doubts
            locks = touches.locks() if (touches := self.ctx.touches) is not None and block.handlers else {}
            try:
                self.declare(block.declarations, frame)
                left = self.statements(block.body)
            except Refused as refused:
                del self.scope.frames[depth:]
                handler = self.handler(block, refused.failure)
                if handler is None:
                    raise
                self.ctx.catalog.restore(saved)
                self.ctx.session = session
                if touches is not None:
                    touches.release(locks)
                return self.handle(handler, refused.failure)
            if block.handlers and self.doubts > doubts:
                # something in it may have failed
                left = max(left, self.maybe([h.body for h in block.handlers]))
            return left
        except Leaving as leaving:
            if not block.label or leaving.label != block.label:
                raise
            return Left.NO
        finally:
            del self.scope.frames[depth - 1 :]

    def declare(self, declarations: tuple[tree.Declaration, ...], frame: Frame) -> None:
        for declaration in declarations:
            var = declare(self.ctx, self.place, self.scope, declaration)
            if declaration.default is not None:
                self.give(var, declaration.default)
            frame.names[declaration.name] = var

    def handler(self, block: tree.Block, failure: Failure) -> tree.Handler | None:
        for handler in block.handlers:
            if any(catches(c.name, c.sqlstate, failure.sqlstate) for c in handler.conditions):
                return handler
        return None

    def handle(self, handler: tree.Handler, failure: Failure) -> Left:
        self.raised.append(failure)
        state, message = Var("sqlstate", 25, value=failure.sqlstate), Var("sqlerrm", 25, value=failure.message)
        self.scope.frames.append(Frame({"sqlstate": state, "sqlerrm": message}))
        try:
            return self.statements(handler.body)
        finally:
            self.scope.frames.pop()
            self.raised.pop()

    # --- branches -----------------------------------------------------------------------------------------------------

    def branches(self, statement: tree.If) -> Left:
        possible: list[Sequence[tree.Statement]] = []
        for condition, body in statement.branches:
            found = truth(self.value(condition))
            if found is True:
                return self.choose(possible, body)
            if isinstance(found, Unknown):
                possible.append(body)
        return self.choose(possible, statement.otherwise or ())

    def choose(self, possible: list[Sequence[tree.Statement]], last: Sequence[tree.Statement]) -> Left:
        return self.maybe([*possible, last]) if possible else self.statements(last)

    def case(self, statement: tree.Case) -> Left:
        possible: list[Sequence[tree.Statement]] = []
        operand = self.value(statement.operand) if statement.operand is not None else None
        for condition, body in statement.branches:
            if statement.operand is None:
                found = truth(self.value(condition))
            else:
                found = truth(self.among(operand, condition))
            if found is True:
                return self.choose(possible, body)
            if isinstance(found, Unknown):
                possible.append(body)
        if statement.otherwise is None and not possible:
            raise self.ctx.refuse(
                "20000",
                "case not found",
                span=self.place.span(statement.start),
                kind="other",
                help="CASE statement is missing ELSE part.",
            )
        return self.choose(possible, statement.otherwise or ())

    def among(self, operand: Value, condition: tree.Fragment) -> Value:
        """CASE operand WHEN a, b."""
        values = self.values(condition)
        found = [equal(operand, v) for v in values]
        if any(f is True for f in found):
            return True
        return UNKNOWN if not known(*found) else False

    # --- loops --------------------------------------------------------------------------------------------------------

    def once(self, body: Sequence[tree.Statement], label: str, *, sure: bool = True) -> tuple[bool, Left]:
        """One turn of a loop: whether to go on, and whether control may have left more than it."""
        try:
            left = self.statements(body) if sure else self.maybe([body])
        except Leaving as leaving:
            if leaving.label and leaving.label != label:
                raise
            return not leaving.leave, Left.NO
        # an exit that may have happened ends the certainty of further turns
        return not left, Left.OUT if left is Left.OUT else Left.NO

    def further(self, body: Sequence[tree.Statement]) -> None:
        """The turns of a loop that are too many to be followed: what they may change is in doubt. The first leaves the
        variables unknown that the second finds so."""
        for _ in range(2):
            self.maybe([body])

    def framed(self, names: dict[str, Var], label: str) -> Frame:
        frame = Frame(names, label)
        self.scope.frames.append(frame)
        return frame

    def loop(self, statement: tree.Loop) -> Left:
        self.framed({}, statement.label)
        try:
            for _ in range(ITERATIONS):
                if statement.condition is not None:
                    found = truth(self.value(statement.condition))
                    if isinstance(found, Unknown):
                        return Left.OUT if self.maybe([statement.body]) is Left.OUT else Left.NO
                    if found is not True:
                        return Left.NO
                again, left = self.once(statement.body, statement.label)
                if left or not again:
                    return left
            raise self.ctx.unsure("a loop runs too long to be followed", ("any",), keep=True)
        finally:
            self.scope.frames.pop()

    def for_integer(self, statement: tree.ForInteger) -> Left:
        lower, upper = self.value(statement.lower), self.value(statement.upper)
        step = self.value(statement.step) if statement.step is not None else 1
        var = Var(statement.variable, 23)
        self.framed({statement.variable: var}, statement.label)
        try:
            if not (isinstance(lower, int) and isinstance(upper, int) and isinstance(step, int) and step > 0):
                return Left.OUT if self.maybe([statement.body]) is Left.OUT else Left.NO
            turns = range(lower, upper - 1, -step) if statement.reverse else range(lower, upper + 1, step)
            for value in turns[:ITERATIONS]:
                var.value = value
                again, left = self.once(statement.body, statement.label)
                if left or not again:
                    return left
            if turns[ITERATIONS:]:
                var.value = UNKNOWN
                self.further(statement.body)
            self.found(bool(turns))
            return Left.NO
        finally:
            self.scope.frames.pop()

    def for_each(self, statement: tree.ForEach) -> Left:
        values = self.value(statement.array)
        self.framed({}, statement.label)
        try:
            if not isinstance(values, list) or statement.slice:
                self.assign_all(statement.targets, UNKNOWN)
                return Left.OUT if self.maybe([statement.body]) is Left.OUT else Left.NO
            for value in values[:ITERATIONS]:
                self.assign_all(statement.targets, value)
                again, left = self.once(statement.body, statement.label)
                if left or not again:
                    return left
            if values[ITERATIONS:]:
                self.assign_all(statement.targets, UNKNOWN)
                self.further(statement.body)
            self.found(bool(values))
            return Left.NO
        finally:
            self.scope.frames.pop()

    def for_query(self, statement: tree.ForQuery) -> Left:
        columns, rows = self.rows_of_loop(statement)
        names: dict[str, Var] = {}
        if statement.cursor:
            word = statement.targets[0].parts[0]
            names[word] = Var(word, 2249, fields=(), open=True, record=True)
        self.framed(names, statement.label)
        try:
            for row in rows[:ITERATIONS]:
                self.take(statement.targets, columns, row)
                again, left = self.once(statement.body, statement.label, sure=row.certain)
                if left or not again:
                    return left
            if rows[ITERATIONS:]:
                self.take(statement.targets, columns, Row({}))
                self.further(statement.body)
            self.found(UNKNOWN if any(not row.certain for row in rows) else bool(rows))
            return Left.NO
        finally:
            self.scope.frames.pop()

    def exit(self, statement: tree.Exit) -> Left:
        if statement.condition is not None:
            found = truth(self.value(statement.condition))
            if isinstance(found, Unknown):
                return Left.OUT if statement.label else Left.LOOP
            if found is not True:
                return Left.NO
        raise Leaving(statement.label, statement.leave)

    def plain(self, statement: tree.Plain) -> None:
        """COMMIT and ROLLBACK end the transaction, where one may (SPI_commit: 2D000)."""
        if statement.word == "null":
            return
        if self.ctx.transaction.open or self.raised:
            raise self.ctx.refuse(
                "2D000", "invalid transaction termination", span=self.place.span(statement.start), kind="other"
            )
        if statement.word == "rollback":
            self.ctx.catalog.restore(self.start[0])
            self.ctx.session = self.start[1]
        self.start = (self.ctx.catalog.freeze(), self.ctx.session)
