"""A program is followed without being run: what is known is worked out, both ways of a condition that nobody knows are
gone, and what a library is asked is told to whoever stands for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from lockgate.base.text import Source, Span
from lockgate.sources.code import methods, operators, tree
from lockgate.sources.code.methods import BUILTINS
from lockgate.sources.code.values import (
    UNKNOWN,
    ClassValue,
    Closure,
    Host,
    Instance,
    Partial,
    Passed,
    Scope,
    Unknown,
    text_of,
)

_STEPS = 400_000  # parts of programs followed for one migration
_DEEP = 60  # calls in calls
_ROUNDS = 20_000  # of one loop over what is known
_TURNS = 50  # of one that ends by a condition

Imports = Callable[[str, str, int, Source], Any]  # module, name, level, the importing file
Members = Callable[[Any, str], Any]  # an attribute of a library's value
Made = Callable[[ClassValue, Passed], Any]  # what a class of the project's makes that stands on a library's; None: nothing


class Left(Exception):
    """``return``, ``raise``, ``break``, ``continue`` on their way out."""

    def __init__(self, word: str, value: Any = None) -> None:
        super().__init__(word)
        self.word, self.value = word, value


class Exhausted(Exception):
    """The program is longer than is followed."""


class Interpreter:
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
        self._pending: list[list[tuple[Unknown, Any]]] = []  # of each call: ways on which it may have ended
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

    def module(self, body: tuple[tree.Node, ...], source: Source, scope: Scope | None = None) -> Scope:
        """The variables that a module's statements leave behind."""
        scope = scope or Scope(Scope(names={**({} if self.script else BUILTINS), **self.words}))
        before, self._source = self._source, source
        try:
            self.run(body, scope)
        except Left:
            pass
        finally:
            self._source = before
        return scope

    def run(self, body: tuple[tree.Node, ...], scope: Scope) -> None:
        """Follow statements in order. Raises Left."""
        for node in body:  # functions can be called above their place in JavaScript
            if self.script and isinstance(node, tree.Function) and node.name:
                scope.names[node.name] = Closure(node, scope, self._source)
        for node in body:
            self._statement(node, scope)

    def _statement(self, node: tree.Node, scope: Scope) -> None:
        self._count()
        match node:
            case tree.Do(_, value):
                self.value(value, scope)
            case tree.Assign():
                self._assign(node, scope)
            case tree.If(_, test, yes, no):
                self._branch(self.value(test, scope), yes, no, scope)
            case tree.For(_, target, over, body, keys):
                self._loop(target, self.value(over, scope), body, scope, keys)
            case tree.While(_, test, body, step):
                self._while(test, body, step, scope)
            case tree.Return(_, value):
                raise Left("return", self.value(value, scope) if value is not None else None)
            case tree.Leave(_, word):
                raise Left(word)
            case tree.Try(_, body, after):
                self._try(body, after, scope)
            case tree.With(_, items, body):
                self._with(items, body, scope)
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
            raise Exhausted

    def _import(self, module: str, name: str, target: str, level: int, scope: Scope) -> None:
        found = self._imports(module, name, level, self._source)
        if name == "*":
            if isinstance(found, dict):
                scope.names |= found
        elif target:
            scope.names[target] = found

    def _class(self, node: tree.Class, scope: Scope) -> None:
        inner = Scope(scope)
        made = ClassValue(node.name, [self.value(b, scope) for b in node.bases], inner.names, self._source)
        scope.names[node.name] = made
        self.run(node.body, inner)

    def _assign(self, node: tree.Assign, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        if node.word:
            value = operators.binary(node.word, self.value(node.target, scope), value, script=self.script)
        self.bind(node.target, value, scope)
        return value

    def bind(self, target: tree.Node, value: Any, scope: Scope) -> None:
        """Give a variable, an item or an attribute a value; take it apart where several are meant."""
        match target:
            case tree.Name(_, name):
                where = (scope.find(name) if self.script else None) or scope
                where.names[name] = value
            case tree.Row(_, items):
                self._take_apart(items, value, scope)
            case tree.Table(_, pairs):
                for key, inner in pairs:
                    part = self._attribute(value, key.value) if isinstance(key, tree.Constant) else UNKNOWN
                    self.bind(inner, part, scope)
            case tree.Choice(_, _, yes, no):  # a default of a part that is taken out
                self.bind(yes, self.value(no, scope) if value is None else value, scope)
            case tree.Item(_, of, key):
                held, word = self.value(of, scope), self.value(key, scope)
                if isinstance(held, dict) and isinstance(word, str | int):
                    held[word] = value
            case tree.Attribute(_, of, name):
                held = self.value(of, scope)
                if isinstance(held, Instance | ClassValue):
                    held.members[name] = value
                elif isinstance(held, dict):
                    held[name] = value
                elif isinstance(held, Host):
                    held.members[name] = value

    def _take_apart(self, items: tuple[tree.Node, ...], value: Any, scope: Scope) -> None:
        parts = list(value) if isinstance(value, list | tuple) else None
        for number, item in enumerate(items):
            if isinstance(item, tree.Spread):
                self.bind(item.value, parts[number:] if parts is not None else UNKNOWN, scope)
            else:
                known = parts is not None and number < len(parts)
                part = parts[number] if known and parts is not None else methods.unknown_of(value)
                self.bind(item, part, scope)

    # --- ways that nobody knows ---------------------------------------------------------------------------------------

    @contextmanager
    def doubt(self, why: Unknown) -> Iterator[None]:
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

    def _branch(self, test: Any, yes: tuple[tree.Node, ...], no: tuple[tree.Node, ...], scope: Scope) -> None:
        known = operators.truth(test, script=self.script)
        if not isinstance(known, Unknown):
            self.run(yes if known else no, scope)
            return
        before = dict(scope.names)
        left: list[Left] = []
        after: list[dict[str, Any]] = []
        for body in (yes, no):
            scope.names.clear()
            scope.names |= before
            with self.doubt(known):
                try:
                    self.run(body, scope)
                except Left as out:
                    left.append(out)
                    if out.word in ("raise", "throw"):
                        continue  # nobody writes a migration so that it fails
            after.append(dict(scope.names))
        self._merge(scope, after or [before])
        ways = [out for out in left if out.word not in ("raise", "throw")]
        if len(ways) == 2:
            raise Left(ways[0].word, self._either(ways[0].value, ways[1].value))
        if ways:
            self._go_on_in_doubt(known, ways[0])

    def _go_on_in_doubt(self, why: Unknown, way: Left) -> None:
        """One of two ways has left: whether what follows runs is not known till the function ends (see ``enter``)."""
        if way.word == "return" and self._pending:
            self._pending[-1].append((why, way.value))
            if why.guard:
                self.guarded += 1
            else:
                self.maybe += 1

    def _merge(self, scope: Scope, ways: list[dict[str, Any]]) -> None:
        names = dict.fromkeys(name for way in ways for name in way)
        merged = {}
        for name in names:
            values = [way.get(name) for way in ways]
            merged[name] = values[0] if len(values) == 1 else self._either(values[0], values[1])
        scope.names.clear()
        scope.names |= merged

    @staticmethod
    def _either(one: Any, other: Any) -> Any:
        if one is other:
            return one
        try:
            same = type(one) is type(other) and not isinstance(one, Host) and bool(one == other)
        except (RecursionError, TypeError):
            same = False
        return one if same else methods.unknown_of(one if isinstance(one, Unknown) else other)

    def _loop(self, target: tree.Node, over: Any, body: tuple[tree.Node, ...], scope: Scope, keys: bool = False) -> None:
        items = operators.items(over, keys=keys, script=self.script)
        if isinstance(items, Unknown):
            with self.doubt(items):
                self.bind(target, items, scope)
                self._round(body, scope)
            return
        for item in items[:_ROUNDS]:
            self.bind(target, item, scope)
            if not self._round(body, scope):
                break

    def _round(self, body: tuple[tree.Node, ...], scope: Scope) -> bool:
        """One round of a loop; whether there may be another."""
        try:
            self.run(body, scope)
        except Left as out:
            if out.word in ("return", "raise", "throw"):
                raise
            return out.word == "continue"
        return True

    def _while(self, test: tree.Node, body: tuple[tree.Node, ...], step: tuple[tree.Node, ...], scope: Scope) -> None:
        for _ in range(_TURNS if not isinstance(test, tree.Constant) else 1):
            known = operators.truth(self.value(test, scope), script=self.script)
            if isinstance(known, Unknown):
                with self.doubt(known):
                    self._round(body, scope)
                return
            if not known or not self._round(body, scope):
                return
            self.run(step, scope)

    def _try(self, body: tuple[tree.Node, ...], after: tuple[tree.Node, ...], scope: Scope) -> None:
        try:
            self.run(body, scope)
        except Left as out:
            if out.word not in ("raise", "throw"):
                self.run(after, scope)
                raise
        self.run(after, scope)

    def _with(
        self, items: tuple[tuple[tree.Node, tree.Node | None], ...], body: tuple[tree.Node, ...], scope: Scope
    ) -> None:
        entered = []
        for node, target in items:
            value = self.value(node, scope)
            inner = value.get("__enter__") if isinstance(value, Host) else value
            inner = inner.call(Passed([], {}, node.span)) if isinstance(inner, Host) else value
            entered.append(value)
            if target is not None:
                self.bind(target, inner, scope)
        try:
            self.run(body, scope)
        finally:
            for value in reversed(entered):
                leave = value.get("__exit__") if isinstance(value, Host) else None
                if isinstance(leave, Host):
                    leave.call(Passed([], {}, Span(0, 0)))

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, node: tree.Node, scope: Scope) -> Any:
        """What an expression comes to."""
        self._count()
        match node:
            case tree.Constant(_, value):
                return value
            case tree.Name(_, name):
                where = scope.find(name)
                return where.names[name] if where is not None else UNKNOWN
            case tree.Attribute(_, of, name):
                return self._attribute(self.value(of, scope), name)
            case tree.Call():
                return self._call(node, scope)
            case tree.Joined(_, parts):
                return text_of((self.value(p, scope) for p in parts), script=self.script)
            case tree.Row(_, items, kind):
                return self._row(items, kind, scope)
            case tree.Table(_, pairs):
                return self._table(pairs, scope)
            case tree.Function():
                return Closure(node, scope, self._source)
            case tree.Assign():
                return self._assign(node, scope)
            case tree.Class():
                self._class(node, scope)
                return scope.names[node.name]
            case _:
                return self._worked_out(node, scope)

    def _worked_out(self, node: tree.Node, scope: Scope) -> Any:
        match node:
            case tree.Item(_, of, key):
                return operators.item(self.value(of, scope), self.value(key, scope), self._attribute)
            case tree.Piece(_, of, start, stop):
                ends = [self.value(n, scope) if n is not None else None for n in (start, stop)]
                return operators.piece(self.value(of, scope), ends[0], ends[1])
            case tree.Choice(_, test, yes, no):
                known = operators.truth(self.value(test, scope), script=self.script)
                if not isinstance(known, Unknown):
                    return self.value(yes if known else no, scope)
                with self.doubt(known):
                    return self._either(self.value(yes, scope), self.value(no, scope))
            case tree.Logic(_, word, left, right):
                return self._logic(word, self.value(left, scope), right, scope)
            case tree.Unary(_, word, value):
                return operators.unary(word, self.value(value, scope), script=self.script)
            case tree.Binary(_, word, left, right):
                return operators.binary(word, self.value(left, scope), self.value(right, scope), script=self.script)
            case tree.Every():
                return self._every(node, scope)
            case _:
                return UNKNOWN

    def _logic(self, word: str, left: Any, right: tree.Node, scope: Scope) -> Any:
        known = operators.truth(left, script=self.script) if word != "??" else left is not None
        if word == "??" and isinstance(left, Unknown):
            known = left
        if isinstance(known, Unknown):
            with self.doubt(known):
                other = self.value(right, scope)
            return Unknown(known.why, known.guard or (isinstance(other, Unknown) and other.guard))
        goes_on = known if word == "and" else not known
        return self.value(right, scope) if goes_on else left

    def _row(self, items: tuple[tree.Node, ...], kind: str, scope: Scope) -> Any:
        out: list[Any] = []
        for item in items:
            if isinstance(item, tree.Spread):
                more = operators.items(self.value(item.value, scope), script=self.script)
                if isinstance(more, Unknown):
                    return more
                out += more
            else:
                out.append(self.value(item, scope))
        return tuple(out) if kind == "tuple" else out

    def _table(self, pairs: tuple[tuple[tree.Node | None, tree.Node], ...], scope: Scope) -> Any:
        out: dict[Any, Any] = {}
        for key, node in pairs:
            value = self.value(node, scope)
            if key is None:
                if isinstance(value, dict):
                    out |= value
                continue
            word = self.value(key, scope)
            if isinstance(word, str | int):
                out[word] = value
        return out

    def _every(self, node: tree.Every, scope: Scope) -> Any:
        items = operators.items(self.value(node.over, scope), script=self.script)
        if isinstance(items, Unknown):
            with self.doubt(items):
                inner = Scope(scope)
                self.bind(node.target, items, inner)
                self.value(node.item, inner)
            return items
        out: list[Any] = []
        pairs: dict[Any, Any] = {}
        for item in items[:_ROUNDS]:
            inner = Scope(scope)
            self.bind(node.target, item, inner)
            tests = [operators.truth(self.value(t, inner), script=self.script) for t in node.tests]
            doubtful = next((t for t in tests if isinstance(t, Unknown)), None)
            if doubtful is not None:
                return doubtful
            if not all(tests):
                continue
            made = self.value(node.item, inner)
            if node.kind == "dict" and node.value is not None:
                if isinstance(made, str | int | tuple):
                    pairs[made] = self.value(node.value, inner)
            elif node.kind == "nested" and isinstance(made, list):
                out += made
            else:
                out.append(made)
        return pairs if node.kind == "dict" else out

    def _attribute(self, of: Any, name: Any) -> Any:
        if isinstance(of, Host):
            return of.get(name)
        if isinstance(of, Instance):
            found = of.members.get(name, _MISSING)
            found = self._member(of.of, name) if found is _MISSING else found
            return Closure(found.function, found.scope, found.source, of) if isinstance(found, Closure) else found
        if isinstance(of, ClassValue):
            return self._member(of, name)
        if isinstance(of, Unknown):
            return of
        if isinstance(of, msgspec.Struct) and not isinstance(of, Partial | Closure):
            return self._members(of, name) if self._members is not None else UNKNOWN
        from lockgate.sources.code import script_methods

        if self.script:
            return script_methods.attribute(of, name, self.apply)
        return methods.python_method(of, name, self.apply) or UNKNOWN

    def _member(self, of: ClassValue, name: str) -> Any:
        if name in of.members:
            return of.members[name]
        for base in of.bases:
            found = self._attribute(base, name)
            if not isinstance(found, Unknown):
                return found
        return of.name if name == "__name__" else UNKNOWN

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, node: tree.Call, scope: Scope) -> Any:
        function = self.value(node.function, scope)
        self._calls.append((self._source.path, node.span))
        try:
            passed = self._passed(node, scope)
            return self.enter(function, passed)
        finally:
            self._calls.pop()

    def _passed(self, node: tree.Call, scope: Scope) -> Passed:
        passed = Passed([], {}, node.span, self._source.path)
        for given in node.arguments:
            value = self.value(given.value, scope)
            if given.name == "**":
                passed.named |= {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}
            elif given.spread:
                more = operators.items(value, script=self.script)
                passed.args += [more] if isinstance(more, Unknown) else more
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
                start = self._attribute(function, "__call__")
                return self._follow(start, passed) if isinstance(start, Closure) else UNKNOWN
            case ClassValue():
                special = self._made(function, passed) if self._made is not None else None
                if special is not None:
                    return special
                made = Instance(function, {})
                start = self._member(function, "__init__" if not self.script else "constructor")
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
        scope = Scope(closure.scope)
        parameters = closure.function.parameters
        args = list(passed.args)
        if closure.this is not None and not self.script:
            args.insert(0, closure.this)
        elif closure.this is not None:
            scope.names["this"] = closure.this
        self._bind_parameters(parameters, args, dict(passed.named), scope)
        before, depth = (self.maybe, self.guarded), len(self._calls)
        source, self._source = self._source, closure.source
        self._pending.append([])
        try:
            if depth > _DEEP:
                return UNKNOWN
            self.run(closure.function.body, scope)
        except Left as out:
            if out.word != "return":
                raise
            return self._returned(out.value)
        finally:
            self._source = source
            self._pending.pop()
            self.maybe, self.guarded = before
        return None

    def _returned(self, value: Any) -> Any:
        """What a function gives back that may have returned something else before."""
        for _, other in self._pending[-1]:
            value = self._either(value, other)
        return value

    def _bind_parameters(
        self, parameters: tuple[tree.Parameter, ...], args: list[Any], named: dict[str, Any], scope: Scope
    ) -> None:
        for parameter in parameters:
            name = parameter.target.name if isinstance(parameter.target, tree.Name) else ""
            value: Any
            if parameter.rest == "*":
                value, args = list(args), []
            elif parameter.rest == "**":
                value = named
            elif args:
                value = args.pop(0)
            elif name in named:
                value = named.pop(name)
            elif parameter.default is not None:
                value = self.value(parameter.default, scope)
            else:
                value = UNKNOWN if not self.script else None
            if isinstance(value, type(None)) and self.script and parameter.default is not None:
                value = self.value(parameter.default, scope)
            self.declare(parameter.target, value, scope)

    def declare(self, target: tree.Node, value: Any, scope: Scope) -> None:
        """Bind in this very scope, whatever the ones around it have."""
        if isinstance(target, tree.Name):
            scope.names[target.name] = value
        else:
            self.bind(target, value, Scope(None, scope.names))


_MISSING = object()
__all__ = ["Exhausted", "Interpreter", "Left", "Partial"]
