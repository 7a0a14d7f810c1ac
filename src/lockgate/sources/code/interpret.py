"""A program is followed without being run: what is known is worked out, both ways of a condition that nobody knows are
gone, and what a library is asked is told to whoever stands for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from lockgate.base.text import Source, Span
from lockgate.sources.code import binding, methods, operators, ours, tree, ways
from lockgate.sources.code.files import Files, PathValue
from lockgate.sources.code.leaving import TooLong, WayOut
from lockgate.sources.code.methods import BUILTINS
from lockgate.sources.code.values import (
    UNKNOWN,
    ClassValue,
    Closure,
    Host,
    Instance,
    Names,
    NotKnown,
    Passed,
    text_of,
)

_STEPS = 400_000  # parts of programs followed for one migration
_PROMISED = frozenset({"then", "catch", "finally"})
_DEEP = 60  # calls in calls
_ROUNDS = 20_000  # of one loop over what is known

Imports = Callable[[str, str, int, Source], Any]  # module, name, level, the importing file
Members = Callable[[Any, str], Any]  # an attribute of a library's value
Made = Callable[
    [ClassValue, Passed], Any
]  # what a class of the project's makes that stands on a library's; None: nothing


class Follower:
    """Follows one migration's file, and those of the project that it imports.

    ``maybe`` is over zero where nobody knows whether a statement runs, ``guarded`` where what is in the database
    decides.
    """

    def __init__(
        self,
        home: Source,
        imports: Imports,
        members: Members | None = None,
        made: Made | None = None,
        *,
        script: bool = False,
    ) -> None:
        self.home, self._imports, self._members, self._made, self.script = home, imports, members, made, script
        self.pending: list[list[tuple[NotKnown, Any]]] = []  # of each call: ways on which it may have ended
        self.files: Files | None = None  # of the project, that a migration may read
        self.words: dict[str, Any] = {}  # what every module has beside the language's own
        self.maybe = self.guarded = 0
        self._calls: list[tuple[str, Span]] = []
        self._source = home
        self._steps = 0

    def place(self) -> Span:
        """The innermost call in the migration's own file."""
        for path, span in reversed(self._calls):
            if path == self.home.path:
                return span
        return Span(0, 0)

    # --- statements ---------------------------------------------------------------------------------------------------

    def module(self, body: tuple[tree.ProgramNode, ...], source: Source, scope: Names | None = None) -> Names:
        """The variables that a module's statements leave behind."""
        scope = scope or Names(Names(names={**({} if self.script else BUILTINS), **self.words}))
        before, self._source = self._source, source
        try:
            self._hoist(body, scope)
            for node in body:
                with suppress(WayOut):  # a module that raises is never run as it stands: what else it defines is read
                    self.run((node,), scope)
        finally:
            self._source = before
        return scope

    def run(self, body: tuple[tree.ProgramNode, ...], scope: Names) -> None:
        """Follow statements in order. Raises Left."""
        self._hoist(body, scope)
        for node in body:
            self._statement(node, scope)

    def _hoist(self, body: tuple[tree.ProgramNode, ...], scope: Names) -> None:
        """Functions can be called above their place in JavaScript."""
        for node in body if self.script else ():
            if isinstance(node, tree.Function) and node.name:
                scope.names[node.name] = Closure(node, scope, self._source)

    def _statement(self, node: tree.ProgramNode, scope: Names) -> None:
        self._count()
        match node:
            case tree.Do(_, value):
                self.value(value, scope)
            case tree.AssignNode():
                self._assign(node, scope)
            case tree.IfNode(_, test, yes, no):
                ways.branch(self, self.value(test, scope), yes, no, scope)
            case tree.For(_, target, over, body, keys):
                self._loop(target, self.value(over, scope), body, scope, keys)
            case tree.While(_, test, body, step):
                ways.turns(self, test, body, step, scope)
            case tree.ReturnNode(_, value):
                raise WayOut("return", self.value(value, scope) if value is not None else None)
            case tree.Leave(_, word):
                raise WayOut(word)
            case tree.Try(_, body, after):
                self._try(body, after, scope)
            case tree.With(_, items, body):
                ways.entered(self, items, body, scope)
            case tree.Function(_, name):
                scope.names[name] = Closure(node, scope, self._source)
            case tree.Class():
                self._class(node, scope)
            case tree.Import(_, module, name, target, level):
                self._import(module, name, target, level, scope)
            case _:
                self.value(node, scope)

    def _count(self) -> None:
        self._steps += 1
        if self._steps > _STEPS:
            raise TooLong

    def _import(self, module: str, name: str, target: str, level: int, scope: Names) -> None:
        found = self._imports(module, name, level, self._source)
        if name == "*":
            if isinstance(found, dict):
                scope.names |= found
        elif target:
            scope.names[target] = found

    def _class(self, node: tree.Class, scope: Names) -> None:
        inner = Names(scope)
        made = ClassValue(node.name, [self.value(b, scope) for b in node.bases], inner.names, self._source)
        scope.names[node.name] = made
        self.run(node.body, inner)

    def _assign(self, node: tree.AssignNode, scope: Names) -> Any:
        value = self.value(node.value, scope)
        if node.word == "let":  # in this very scope
            binding.declare(self, node.target, value, scope)
            return value
        if node.word:
            value = operators.binary(node.word, self.value(node.target, scope), value, script=self.script)
        binding.bind(self, node.target, value, scope)
        return value

    # --- ways that nobody knows ---------------------------------------------------------------------------------------

    @contextmanager
    def doubt(self, why: NotKnown) -> Iterator[None]:
        """What is followed within may not run."""
        if why.guard:
            self.guarded += 1
        else:
            self.maybe += 1
        try:
            yield
        finally:
            if why.guard:
                self.guarded -= 1
            else:
                self.maybe -= 1

    def _loop(
        self, target: tree.ProgramNode, over: Any, body: tuple[tree.ProgramNode, ...], scope: Names, keys: bool = False
    ) -> None:
        items = operators.items(over, keys=keys, script=self.script)
        if isinstance(items, NotKnown):
            with self.doubt(items):
                binding.bind(self, target, items, scope)
                self.round_of(body, scope)
            return
        for item in items[:_ROUNDS]:
            binding.bind(self, target, item, scope)
            if not self.round_of(body, scope):
                break

    def round_of(self, body: tuple[tree.ProgramNode, ...], scope: Names) -> bool:
        """One round of a loop; whether there may be another."""
        try:
            self.run(body, scope)
        except WayOut as out:
            if out.word in ("return", "raise", "throw"):
                raise
            return out.word == "continue"
        return True

    def _try(self, body: tuple[tree.ProgramNode, ...], after: tuple[tree.ProgramNode, ...], scope: Names) -> None:
        try:
            self.run(body, scope)
        except WayOut as out:
            if out.word not in ("raise", "throw"):
                self.run(after, scope)
                raise
        self.run(after, scope)

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, node: tree.ProgramNode, scope: Names) -> Any:
        """What an expression comes to."""
        self._count()
        match node:
            case tree.Constant(_, value):
                return value
            case tree.Name(_, name):
                where = scope.find(name)
                return where.names[name] if where is not None else UNKNOWN
            case tree.AttributeNode(_, of, name):
                return self.attribute(self.value(of, scope), name)
            case tree.CallNode():
                return self._call(node, scope)
            case tree.Joined(_, parts):
                return text_of((self.value(p, scope) for p in parts), script=self.script)
            case tree.RowNode(_, items, kind):
                return binding.row(self, items, kind, scope)
            case tree.Table(_, pairs):
                return binding.table(self, pairs, scope)
            case tree.Function():
                return Closure(node, scope, self._source)
            case tree.AssignNode():
                return self._assign(node, scope)
            case tree.Class():
                self._class(node, scope)
                return scope.names[node.name]
            case _:
                return self._worked_out(node, scope)

    def _worked_out(self, node: tree.ProgramNode, scope: Names) -> Any:
        match node:
            case tree.ItemNode(_, of, key):
                return operators.item(self.value(of, scope), self.value(key, scope), self.attribute)
            case tree.Piece(_, of, start, stop):
                ends = [self.value(n, scope) if n is not None else None for n in (start, stop)]
                return operators.piece(self.value(of, scope), ends[0], ends[1])
            case tree.Choice(_, test, yes, no):
                known = operators.truth(self.value(test, scope), script=self.script)
                if not isinstance(known, NotKnown):
                    return self.value(yes if known else no, scope)
                with self.doubt(known):
                    return ways.either(self.value(yes, scope), self.value(no, scope))
            case tree.Logic(_, word, left, right):
                return self._logic(word, self.value(left, scope), right, scope)
            case tree.Unary(_, word, value):
                return operators.unary(word, self.value(value, scope), script=self.script)
            case tree.Binary(_, word, left, right):
                return operators.binary(word, self.value(left, scope), self.value(right, scope), script=self.script)
            case tree.Every():
                return binding.every(self, node, scope)
            case _:
                return UNKNOWN

    def _logic(self, word: str, left: Any, right: tree.ProgramNode, scope: Names) -> Any:
        known = operators.truth(left, script=self.script) if word != "??" else left is not None
        if word == "??" and isinstance(left, NotKnown):
            known = left
        if isinstance(known, NotKnown):
            with self.doubt(known):
                other = self.value(right, scope)
            return NotKnown(known.why, known.guard or (isinstance(other, NotKnown) and other.guard))
        goes_on = known if word == "and" else not known
        return self.value(right, scope) if goes_on else left

    # --- calls --------------------------------------------------------------------------------------------------------

    def attribute(self, of: Any, name: Any) -> Any:
        """An attribute of a value."""
        if self.script and name in _PROMISED and not (isinstance(of, Host) and name in of.members):
            return Host(name, lambda passed: self._promised(of, name, passed))
        if isinstance(of, PathValue):
            return self.files.member(of, name) if self.files is not None else UNKNOWN
        if isinstance(of, msgspec.Struct) and not isinstance(of, ours.KINDS):
            return self._members(of, name) if self._members is not None else UNKNOWN
        return ours.attribute(of, name, self.apply, script=self.script)

    def _promised(self, of: Any, name: str, passed: Passed) -> Any:
        """``promise.then(function)``: what is waited for is there; nothing fails."""
        function = passed.get(0, "work")
        return self.apply(function, [of]) if name != "catch" and isinstance(function, Closure) else of

    def _call(self, node: tree.CallNode, scope: Names) -> Any:
        function = self.value(node.function, scope)
        self._calls.append((self._source.path, node.span))
        try:
            passed = self._passed(node, scope)
            return self.enter(function, passed)
        finally:
            self._calls.pop()

    def _passed(self, node: tree.CallNode, scope: Names) -> Passed:
        passed = Passed([], {}, node.span, self._source.path)
        for given in node.arguments:
            value = self.value(given.value, scope)
            if given.name == "**":
                passed.named |= (
                    {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}
                )
            elif given.spread:
                more = operators.items(value, script=self.script)
                passed.args += [more] if isinstance(more, NotKnown) else more
            elif given.name:
                passed.named[given.name] = value
            else:
                passed.args.append(value)
        return passed

    def enter(self, function: Any, passed: Passed) -> Any:
        """Call a value."""
        if len(self._calls) > _DEEP:
            return UNKNOWN
        match function:
            case Host():
                return function.call(passed)
            case Closure():
                return self._follow(function, passed)
            case Instance():
                start = self.attribute(function, "__call__")
                return self._follow(start, passed) if isinstance(start, Closure) else UNKNOWN
            case ClassValue():
                special = self._made(function, passed) if self._made is not None else None
                if special is not None:
                    return special
                made = Instance(function, {})
                start = ours.member(function, "__init__" if not self.script else "constructor", self.apply)
                if isinstance(start, Closure):
                    self._follow(Closure(start.function, start.scope, start.source, made), passed)
                made.members |= {k: v for k, v in passed.named.items() if k not in made.members}
                return made
            case _:
                self._hand_out(passed)
                return methods.unknown_of(function)

    def _hand_out(self, passed: Passed) -> None:
        """Functions that somebody unknown is given may be called by him."""
        for value in (*passed.args, *passed.named.values()):
            if isinstance(value, Closure):
                with self.doubt(UNKNOWN):
                    self._follow(value, Passed([], {}, passed.at, passed.path))

    def apply(self, function: Any, args: list[Any]) -> Any:
        """Call a value with these arguments."""
        return self.enter(function, Passed(args, {}, self.place()))

    def _follow(self, closure: Closure, passed: Passed) -> Any:
        scope = Names(closure.scope)
        parameters = closure.function.parameters
        args = list(passed.args)
        if closure.this is not None and not self.script:
            args.insert(0, closure.this)
        elif closure.this is not None:
            scope.names["this"] = closure.this
        binding.bind_parameters(self, parameters, args, dict(passed.named), scope)
        before, depth = (self.maybe, self.guarded), len(self._calls)
        source, self._source = self._source, closure.source
        self.pending.append([])
        try:
            if depth > _DEEP:
                return UNKNOWN
            self.run(closure.function.body, scope)
        except WayOut as out:
            if out.word != "return":
                raise
            return self._returned(out.value)
        finally:
            self._source = source
            self.pending.pop()
            self.maybe, self.guarded = before
        return None

    def _returned(self, value: Any) -> Any:
        """What a function gives back that may have returned something else before."""
        for _, other in self.pending[-1]:
            value = ways.either(value, other)
        return value


_MISSING = object()
