"""Python's own parser (``ast``) into our tree: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from lockgate.base.text import Source, Span
from lockgate.sources.code import tree
from lockgate.sources.code.tree import ProgramNode

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_UNARY: dict[type[ast.AST], str] = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


def parse(source: Source) -> tuple[ProgramNode, ...]:
    """A module's statements. Raises SyntaxError, ValueError, RecursionError where it is no Python."""
    return _Reader(source).body(ast.parse(source.text).body)


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._ascii = source.text.isascii()

    def _offset(self, line: int, column: int) -> int:
        if self._ascii:
            return self._source.offset(line, column + 1)
        return self._source.offset(
            line, len(self._source.line(line).encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace")) + 1
        )

    def span(self, node: Any) -> Span:
        start = self._offset(node.lineno, node.col_offset)
        return Span(start, self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0))

    def body(self, nodes: Iterable[ast.stmt]) -> tuple[ProgramNode, ...]:
        return tuple(one for node in nodes for one in self.statement(node))

    def statement(self, node: ast.stmt) -> list[ProgramNode]:
        """A statement as ours: several where one assigns to several targets."""
        span = self.span(node)
        match node:
            case ast.Expr(value):
                return [tree.Do(span, self.value(value))]
            case ast.Assign(targets, value):
                return [tree.AssignNode(span, self.value(t), self.value(value)) for t in targets]
            case ast.AnnAssign(target, _, value):
                return [tree.AssignNode(span, self.value(target), self.value(value))] if value is not None else []
            case ast.AugAssign(target, op, value):
                return [tree.AssignNode(span, self.value(target), self.value(value), _BINARY.get(type(op), "?"))]
            case ast.Return(value):
                return [tree.ReturnNode(span, self.value(value) if value is not None else None)]
            case ast.Raise():
                return [tree.Leave(span, "raise")]
            case ast.Break() | ast.Continue():
                return [tree.Leave(span, type(node).__name__.lower())]
            case ast.Pass() | ast.Global() | ast.Nonlocal() | ast.Assert() | ast.Delete():
                return []
            case ast.Import(names):
                return [
                    tree.Import(
                        span, n.name if n.asname else n.name.partition(".")[0], "", n.asname or n.name.partition(".")[0]
                    )
                    for n in names
                ]
            case ast.ImportFrom(module, names, level):
                return [tree.Import(span, module or "", n.name, n.asname or n.name, level) for n in names]
            case _:
                return [self._compound(node, span)]

    def _compound(self, node: ast.stmt, span: Span) -> ProgramNode:
        match node:
            case ast.If(test, body, orelse):
                return tree.IfNode(span, self.value(test), self.body(body), self.body(orelse))
            case ast.For(target, over, body, orelse) | ast.AsyncFor(target, over, body, orelse):
                return tree.For(span, self.value(target), self.value(over), self.body([*body, *orelse]))
            case ast.While(test, body, _):
                return tree.While(span, self.value(test), self.body(body))
            case ast.Try(body, _, orelse, after):
                return tree.Try(span, self.body([*body, *orelse]), self.body(after))
            case ast.With(items, body) | ast.AsyncWith(items, body):
                entered = tuple(
                    (self.value(i.context_expr), self.value(i.optional_vars) if i.optional_vars is not None else None)
                    for i in items
                )
                return tree.With(span, entered, self.body(body))
            case ast.FunctionDef(name, arguments, body) | ast.AsyncFunctionDef(name, arguments, body):
                return tree.Function(span, name, self._parameters(arguments), self.body(body))
            case ast.ClassDef(name, bases, _, body):
                return tree.Class(span, name, tuple(map(self.value, bases)), self.body(body))
            case _:
                return tree.UnreadNode(span, type(node).__name__)

    def value(self, node: ast.expr) -> ProgramNode:
        """An expression as ours."""
        read: Callable[[Any, Span], ProgramNode] | None = _READERS.get(type(node))
        span = self.span(node)
        return read(self, node, span) if read is not None else tree.UnreadNode(span, type(node).__name__)  # type: ignore[call-arg, arg-type]

    def _parameters(self, arguments: ast.arguments) -> tuple[tree.Parameter, ...]:
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
        out = [self._parameter(a, d) for a, d in zip(plain, defaults, strict=True)]
        if arguments.vararg is not None:
            out.append(self._parameter(arguments.vararg, None, "*"))
        out += [self._parameter(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
        if arguments.kwarg is not None:
            out.append(self._parameter(arguments.kwarg, None, "**"))
        return tuple(out)

    def _parameter(self, one: ast.arg, default: ast.expr | None, rest: str = "") -> tree.Parameter:
        target = tree.Name(self.span(one), one.arg)
        return tree.Parameter(target, self.value(default) if default is not None else None, rest)

    def _call(self, node: ast.Call, span: Span) -> ProgramNode:
        given = [
            tree.Argument(self.value(a.value), spread=True)
            if isinstance(a, ast.Starred)
            else tree.Argument(self.value(a))
            for a in node.args
        ]
        given += [tree.Argument(self.value(k.value), k.arg or "**", k.arg is None) for k in node.keywords]
        return tree.CallNode(span, self.value(node.func), tuple(given))

    def _compare(self, node: ast.Compare, span: Span) -> ProgramNode:
        left, out = self.value(node.left), None
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            one: ProgramNode = tree.Binary(span, _BINARY.get(type(op), "?"), left, right)
            out = one if out is None else tree.Logic(span, "and", out, one)
            left = right
        assert out is not None
        return out

    def _logic(self, node: ast.BoolOp, span: Span) -> ProgramNode:
        word = "and" if isinstance(node.op, ast.And) else "or"
        out = self.value(node.values[0])
        for value in node.values[1:]:
            out = tree.Logic(span, word, out, self.value(value))
        return out

    def _comprehension(self, node: Any, span: Span) -> ProgramNode:
        kind = {ast.DictComp: "dict", ast.SetComp: "set"}.get(type(node), "list")
        item = self.value(node.key if kind == "dict" else node.elt)
        value = self.value(node.value) if kind == "dict" else None
        for loop in reversed(node.generators):
            inner = tree.Every(
                span,
                item,
                self.value(loop.target),
                self.value(loop.iter),
                tuple(map(self.value, loop.ifs)),
                kind,
                value,
            )
            item, value, kind = inner, None, "nested"
        return inner

    def _subscript(self, node: ast.Subscript, span: Span) -> ProgramNode:
        of = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            start, stop = (self.value(n) if n is not None else None for n in (node.slice.lower, node.slice.upper))
            return tree.Piece(span, of, start, stop) if node.slice.step is None else tree.UnreadNode(span, "step")
        return tree.ItemNode(span, of, self.value(node.slice))

    def _joined(self, node: ast.JoinedStr, span: Span) -> ProgramNode:
        parts: list[ProgramNode] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                plain = part.format_spec is None and part.conversion in (-1, 115)
                parts.append(self.value(part.value) if plain else tree.UnreadNode(self.span(part), "a format"))
            else:
                parts.append(self.value(part))
        return tree.Joined(span, tuple(parts))

    def _row(self, node: Any, span: Span) -> ProgramNode:
        kind = {ast.Tuple: "tuple", ast.Set: "set"}.get(type(node), "list")
        return tree.RowNode(span, tuple(map(self.value, node.elts)), kind)

    def _table(self, node: ast.Dict, span: Span) -> ProgramNode:
        keys = [self.value(k) if k is not None else None for k in node.keys]
        return tree.Table(span, tuple(zip(keys, map(self.value, node.values), strict=True)))

    def _lambda(self, node: ast.Lambda, span: Span) -> ProgramNode:
        body = self.value(node.body)
        return tree.Function(span, "", self._parameters(node.args), (tree.ReturnNode(body.span, body),))


_READERS: dict[type[ast.expr], Any] = {
    ast.Constant: lambda r, n, s: tree.Constant(s, n.value),
    ast.Name: lambda r, n, s: tree.Name(s, n.id),
    ast.Attribute: lambda r, n, s: tree.AttributeNode(s, r.value(n.value), n.attr),
    ast.Subscript: _Reader._subscript,
    ast.Call: _Reader._call,
    ast.JoinedStr: _Reader._joined,
    ast.Starred: lambda r, n, s: tree.Spread(s, r.value(n.value)),
    ast.List: _Reader._row,
    ast.Tuple: _Reader._row,
    ast.Set: _Reader._row,
    ast.Dict: _Reader._table,
    ast.Lambda: _Reader._lambda,
    ast.IfExp: lambda r, n, s: tree.Choice(s, r.value(n.test), r.value(n.body), r.value(n.orelse)),
    ast.BoolOp: _Reader._logic,
    ast.UnaryOp: lambda r, n, s: tree.Unary(s, _UNARY[type(n.op)], r.value(n.operand)),
    ast.BinOp: lambda r, n, s: tree.Binary(s, _BINARY.get(type(n.op), "?"), r.value(n.left), r.value(n.right)),
    ast.Compare: _Reader._compare,
    ast.ListComp: _Reader._comprehension,
    ast.SetComp: _Reader._comprehension,
    ast.GeneratorExp: _Reader._comprehension,
    ast.DictComp: _Reader._comprehension,
    ast.Await: lambda r, n, s: r.value(n.value),
    ast.NamedExpr: lambda r, n, s: tree.AssignNode(s, r.value(n.target), r.value(n.value)),
}
