"""PL/pgSQL's grammar: blocks and control structures (src/pl/plpgsql/src/pl_gram.y).

libpg_query's own PL/pgSQL output has neither places nor block structure and refuses ``t.id := 1`` for a row variable,
hence this one.
"""

from __future__ import annotations

from functools import lru_cache

from lockgate.parse.plpgsql.cursor import Reader
from lockgate.parse.plpgsql.declarations import declarations
from lockgate.parse.plpgsql.scan import BodySyntax
from lockgate.parse.plpgsql.statements import sentence
from lockgate.parse.plpgsql.tree import (
    Block,
    Body,
    Case,
    Condition,
    ForEach,
    ForInteger,
    ForQuery,
    Fragment,
    Handler,
    If,
    Loop,
    Statement,
)

_ENDS = ("end", "else", "elsif", "elseif", "when", "exception")


@lru_cache(maxsize=4096)
def parse_body(text: str) -> Body:
    """The tree of a body. Raises BodySyntax."""
    return _Parser(text).body()


class _Parser(Reader):
    """One parse."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.cursors: list[frozenset[str]] = []

    def body(self) -> Body:
        conflict, options = "error", []
        while self.is_sign("#"):
            self.at += 1
            word = self.any_name().value
            if word in ("option", "print_strict_params", "variable_conflict"):
                value = self.any_name().value
                options.append(f"{word} {value}")
                if word == "variable_conflict":
                    if value not in ("error", "use_variable", "use_column"):
                        raise self.error(token=self.peek(-1))
                    conflict = value
            else:
                raise self.error(token=self.peek(-1))
        label = self._label()
        if not self.is_word("declare", "begin"):
            raise self.error()
        block = self._block(label)
        self.take_sign(";")
        if self.token.kind:
            raise self.error()
        return Body(block, conflict, tuple(options))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _label(self) -> str:
        if not self.is_sign("<<"):
            return ""
        self.at += 1
        label = self.any_name().value
        self.need_sign(">>")
        return label

    def _end_label(self, label: str) -> None:
        if not self.is_sign(";") and self.token.kind in ("word", "quoted"):
            token = self.next()
            if not label:
                raise BodySyntax(f'end label "{token.value}" specified for unlabeled block', token.start)
            if token.value != label:
                raise BodySyntax(f'end label "{token.value}" differs from block\'s label "{label}"', token.start)

    def _block(self, label: str) -> Block:
        declared = declarations(self) if self.take_word("declare") else ()
        start = self.need_word("begin").start
        self.cursors.append(frozenset(d.name for d in declared if d.kind == "cursor" or _refcursor(d.type)))
        body = self._statements()
        handlers: list[Handler] = []
        if self.take_word("exception"):
            if not self.is_word("when"):
                raise self.error()
            while self.is_word("when"):
                handlers.append(self._handler())
        self.need_word("end")
        self._end_label(label)
        self.cursors.pop()
        return Block(start, label, declared, body, tuple(handlers))

    def _handler(self) -> Handler:
        start = self.need_word("when").start
        conditions: list[Condition] = []
        while True:
            token = self.any_name()
            if token.kind == "word" and token.value == "sqlstate":
                state = self.next()
                if state.kind != "string":
                    raise self.error(token=state)
                if len(state.value) != 5:
                    raise self.error("invalid SQLSTATE code", state)
                conditions.append(Condition(state.value, state.start, True))
            else:
                conditions.append(Condition(token.value, token.start))
            if not self.take_word("or"):
                break
        self.need_word("then")
        return Handler(tuple(conditions), self._statements(), start)

    def _statements(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while self.token.kind and not (self.is_word(*_ENDS) and not self._assigns()):
            found.append(self._statement())
        return tuple(found)

    def _assigns(self) -> bool:
        # an unreserved keyword that is followed by an assignment sign is a variable
        return self.token.value in ("elsif", "elseif", "exception") and self.peek().value in (":=", "=", "[", ".")

    def _statement(self) -> Statement:
        label = self._label()
        token = self.token
        if token.kind == "word" and self.peek().value not in (":=", "=", "[", "."):
            match token.value:
                case "declare" | "begin":
                    block = self._block(label)
                    self.need_sign(";")
                    return block
                case "loop" | "while":
                    return self._loop(label)
                case "for":
                    return self._for(label)
                case "foreach":
                    return self._foreach(label)
        if label:
            raise self.error()
        if self.is_word("if"):
            return self._if()
        if self.is_word("case"):
            return self._case()
        return sentence(self)

    # --- control structures -------------------------------------------------------------------------------------------

    def _if(self) -> If:
        start = self.next().start
        branches = [self._branch()]
        while self.take_word("elsif", "elseif"):
            branches.append(self._branch())
        otherwise = self._statements() if self.take_word("else") else None
        self._finish("if")
        return If(start, tuple(branches), otherwise)

    def _branch(self) -> tuple[Fragment, tuple[Statement, ...]]:
        condition = self.sql("then")
        self.need_word("then")
        return condition, self._statements()

    def _finish(self, word: str) -> None:
        self.need_word("end")
        self.need_word(word)
        self.need_sign(";")

    def _case(self) -> Case:
        start = self.next().start
        operand = None if self.is_word("when") else self.sql("when")
        branches = []
        while self.take_word("when"):
            branches.append(self._branch())
        if not branches:
            raise self.error()
        otherwise = self._statements() if self.take_word("else") else None
        self._finish("case")
        return Case(start, operand, tuple(branches), otherwise)

    def _loop(self, label: str) -> Loop:
        start = self.token.start
        condition = self.sql("loop") if self.take_word("while") else None
        return Loop(start, self._loop_body(label), label, condition)

    def _loop_body(self, label: str) -> tuple[Statement, ...]:
        self.need_word("loop")
        body = self._statements()
        self.need_word("end")
        self.need_word("loop")
        self._end_label(label)
        self.need_sign(";")
        return body

    def _for(self, label: str) -> Statement:
        start = self.next().start
        targets = [self.target()]
        while self.take_sign(","):
            targets.append(self.target())
        self.need_word("in")
        if self.take_word("execute"):
            dynamic = self.sql("using", "loop")
            using = self._using()
            return ForQuery(start, tuple(targets), self._loop_body(label), label, dynamic=dynamic, using=using)
        if self._at_cursor():
            cursor, arguments = self.next().value, None
            if self.take_sign("("):
                arguments = self.sql(")")
                self.need_sign(")")
            return ForQuery(start, tuple(targets), self._loop_body(label), label, cursor=cursor, arguments=arguments)
        reverse = self.is_word("reverse") and self.peek().value not in ("loop", "..")
        self.at += reverse
        lower = self.sql(
            "..",
            "loop",
            mode="query"
            if self.is_word("select", "with", "values", "table", "insert", "update", "delete")
            else "expression",
        )
        if not self.take_sign(".."):
            query = Fragment(lower.text, lower.start, "query")
            return ForQuery(start, tuple(targets), self._loop_body(label), label, query=query)
        upper = self.sql("loop", "by")
        step = self.sql("loop") if self.take_word("by") else None
        return ForInteger(start, targets[0].parts[0], lower, upper, self._loop_body(label), label, step, reverse)

    def _at_cursor(self) -> bool:
        token = self.token
        known = any(token.value in names for names in self.cursors) and token.kind in ("word", "quoted")
        return known and self.peek().value in ("loop", "(")

    def _using(self) -> tuple[Fragment, ...]:
        found: list[Fragment] = []
        if self.take_word("using"):
            found.append(self.sql(",", "loop"))
            while self.take_sign(","):
                found.append(self.sql(",", "loop"))
        return tuple(found)

    def _foreach(self, label: str) -> ForEach:
        start = self.next().start
        targets = [self.target()]
        while self.take_sign(","):
            targets.append(self.target())
        depth = int(self.next().value) if self.take_word("slice") and self.token.kind == "number" else 0
        self.need_word("in")
        self.need_word("array")
        array = self.sql("loop")
        return ForEach(start, tuple(targets), array, self._loop_body(label), label, depth)


def _refcursor(kind: Fragment | None) -> bool:
    return kind is not None and kind.text.strip().lower() in ("refcursor", "pg_catalog.refcursor")
