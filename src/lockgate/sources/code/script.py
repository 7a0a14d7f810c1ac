"""JavaScript and TypeScript (tree-sitter) into our tree: nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from lockgate.base.extras import told
from lockgate.base.text import Offsets, Source, Span
from lockgate.sources.code import tree
from lockgate.sources.code.script_strings import unescaped

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_WORDS = {"===": "==", "!==": "!=", "&&": "and", "||": "or", "??": "??"}
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_THROUGH = frozenset(
    [
        "await_expression",
        "parenthesized_expression",
        "as_expression",
        "non_null_expression",
        "satisfies_expression",
        "else_clause",
        "finally_clause",
        "computed_property_name",
    ]
)
_FUNCTIONS = frozenset(
    [
        "function_declaration",
        "function_expression",
        "function",
        "arrow_function",
        "method_definition",
        "generator_function_declaration",
    ]
)


@cache
def _parser(typed: bool) -> Parser:
    with told():
        import tree_sitter_typescript
        from tree_sitter import Language, Parser

    grammar = tree_sitter_typescript.language_typescript if typed else tree_sitter_typescript.language_tsx
    return Parser(Language(grammar()))


def parse(source: Source) -> tuple[tree.ProgramNode, ...]:
    """A module's statements; what is no JavaScript is passed over."""
    data = source.text.encode("utf-8", "replace")
    root = _parser(source.path.endswith((".ts", ".mts", ".cts"))).parse(data).root_node
    return _Reader(data, Offsets(source.text).char).body(root)


def _children(node: Node) -> list[Node]:
    return [c for c in node.named_children if c.type != "comment"]


class _Reader:
    def __init__(self, data: bytes, char: Callable[[int], int]) -> None:
        self._data, self._char = data, char

    def span(self, node: Node) -> Span:
        return Span(self._char(node.start_byte), self._char(node.end_byte))

    def text(self, node: Node | None) -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""

    # --- statements ---------------------------------------------------------------------------------------------------

    def body(self, node: Node | None) -> tuple[tree.ProgramNode, ...]:
        """The statements of a block, or the one that stands in its place."""
        if node is None:
            return ()
        if node.type in ("program", "statement_block", "class_body"):
            return tuple(one for child in _children(node) for one in self.statement(child))
        return tuple(self.statement(node))

    def statement(self, node: Node) -> Iterator[tree.ProgramNode]:
        """A statement as ours."""
        span = self.span(node)
        match node.type:
            case "expression_statement":
                yield from (tree.Do(span, self.value(child)) for child in _children(node)[:1])
            case "lexical_declaration" | "variable_declaration":
                yield from self._declared(node)
            case "export_statement":
                yield from self._exported(node, span)
            case "import_statement":
                yield from self._imported(node, span)
            case "return_statement":
                yield tree.ReturnNode(span, next(map(self.value, _children(node)), None))
            case "throw_statement":
                yield tree.Leave(span, "throw")
            case "break_statement" | "continue_statement":
                yield tree.Leave(span, node.type.partition("_")[0])
            case "class_declaration" | "abstract_class_declaration":
                yield self._class(node, span)
            case "statement_block":
                yield from self.body(node)
            case "else_clause" | "finally_clause":
                yield from (one for child in _children(node) for one in self.body(child))
            case _:
                yield self._compound(node, span)

    def _compound(self, node: Node, span: Span) -> tree.ProgramNode:
        def field(name: str) -> Node | None:
            return node.child_by_field_name(name)

        match node.type:
            case "if_statement":
                return tree.IfNode(
                    span,
                    self.field(node, "condition"),
                    self.body(field("consequence")),
                    self.body(field("alternative")),
                )
            case "for_in_statement":
                keys = self.text(field("operator")) == "in"
                return tree.For(
                    span, self.field(node, "left"), self.field(node, "right"), self.body(field("body")), keys
                )
            case "for_statement":
                first, step, test = field("initializer"), field("increment"), field("condition")
                after = (tree.Do(span, self.value(step)),) if step is not None else ()
                asked = (
                    self.value(_children(test)[0] if test.type == "expression_statement" else test)
                    if test is not None
                    else tree.Constant(span, True)
                )
                loop = tree.While(span, asked, self.body(field("body")), after)
                return tree.Try(span, (*self.body(first), loop), ())
            case "while_statement":
                return tree.While(span, self.field(node, "condition"), self.body(field("body")))
            case "try_statement":
                return tree.Try(span, self.body(field("body")), self.body(field("finalizer")))
            case _ if node.type in _FUNCTIONS:
                return self._function(node, span)
            case _:
                return tree.UnreadNode(span, node.type)

    def _declared(self, node: Node) -> Iterator[tree.ProgramNode]:
        for one in _children(node):
            name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
            if name is not None:
                made = self.value(value) if value is not None else tree.Constant(self.span(one), None)
                yield tree.AssignNode(self.span(one), self.value(name), made, "let")

    def _exported(self, node: Node, span: Span) -> Iterator[tree.ProgramNode]:
        inner = node.child_by_field_name("declaration") or node.child_by_field_name("value")
        if inner is None:
            return
        if any(c.type == "default" for c in node.children):
            made = self._class(inner, span) if "class" in inner.type else self.value(inner)
            yield tree.AssignNode(span, tree.Name(span, "default"), made, "let")
        else:
            yield from self.statement(inner)

    def _imported(self, node: Node, span: Span) -> Iterator[tree.ProgramNode]:
        module = unescaped(self.text(node.child_by_field_name("source"))[1:-1])
        clause = next((c for c in node.named_children if c.type == "import_clause"), None)
        for one in clause.named_children if clause is not None else ():
            match one.type:
                case "identifier":
                    yield tree.Import(span, module, "default", self.text(one))
                case "namespace_import":
                    yield tree.Import(span, module, "", self.text(one.named_children[-1]))
                case "named_imports":
                    for each in one.named_children:
                        names = [self.text(n) for n in each.named_children]
                        yield tree.Import(span, module, names[0], names[-1])

    def _class(self, node: Node, span: Span) -> tree.Class:
        body = node.child_by_field_name("body")
        inner: list[tree.ProgramNode] = []
        for one in _children(body) if body is not None else ():
            name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
            if one.type == "method_definition":
                inner.append(self._function(one, self.span(one)))
            elif name is not None and value is not None:
                inner.append(
                    tree.AssignNode(
                        self.span(one), tree.Name(self.span(name), self.text(name)), self.value(value), "let"
                    )
                )
        heritage = [c for c in node.named_children if c.type == "class_heritage"]
        bases = tuple(
            self.value(n)
            for h in heritage
            for c in h.named_children
            for n in c.named_children[:1]
            if c.type == "extends_clause"
        )
        return tree.Class(span, self.text(node.child_by_field_name("name")), bases, tuple(inner))

    # --- values -------------------------------------------------------------------------------------------------------

    def field(self, node: Node, name: str) -> tree.ProgramNode:
        """A part of a node as a value."""
        found = node.child_by_field_name(name)
        return self.value(found) if found is not None else tree.UnreadNode(self.span(node), name)

    def value(self, node: Node) -> tree.ProgramNode:
        """An expression, or a pattern, as ours."""
        span, kind = self.span(node), node.type
        if kind in _THROUGH:
            inner = _children(node)
            return self.value(inner[0]) if inner else tree.UnreadNode(span, kind)
        if kind in _FUNCTIONS:
            return self._function(node, span)
        read: Any = _READERS.get(kind)
        return read(self, node, span) if read is not None else tree.UnreadNode(span, kind)

    def _function(self, node: Node, span: Span) -> tree.Function:
        one, many = node.child_by_field_name("parameter"), node.child_by_field_name("parameters")
        given = [one] if one is not None else _children(many) if many is not None else []
        body = node.child_by_field_name("body")
        if body is not None and body.type != "statement_block":
            inner: tuple[tree.ProgramNode, ...] = (tree.ReturnNode(self.span(body), self.value(body)),)
        else:
            inner = self.body(body)
        name = self.text(node.child_by_field_name("name"))
        return tree.Function(span, name, tuple(map(self._parameter, given)), inner)

    def _parameter(self, node: Node) -> tree.Parameter:
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        if node.type in ("required_parameter", "optional_parameter") and pattern is not None:
            default = self.value(value) if value is not None else None
            rest = "*" if pattern.type == "rest_pattern" else ""
            return tree.Parameter(self.value(pattern.named_children[0] if rest else pattern), default, rest)
        if node.type == "assignment_pattern":
            return tree.Parameter(self.field(node, "left"), self.field(node, "right"))
        if node.type == "rest_pattern":
            return tree.Parameter(self.value(node.named_children[0]), None, "*")
        return tree.Parameter(self.value(node))

    def _string(self, node: Node, span: Span) -> tree.ProgramNode:
        return tree.Constant(span, unescaped(self.text(node)[1:-1]))

    def _template(self, node: Node, span: Span) -> tree.ProgramNode:
        parts: list[tree.ProgramNode] = []
        at = node.start_byte + 1
        for hole in [c for c in node.named_children if c.type == "template_substitution"]:
            parts.append(self._between(at, hole.start_byte))
            inner = _children(hole)
            parts.append(self.value(inner[0]) if inner else tree.UnreadNode(span, "a hole"))
            at = hole.end_byte
        return tree.Joined(span, (*parts, self._between(at, node.end_byte - 1)))

    def _between(self, start: int, end: int) -> tree.ProgramNode:
        text = unescaped(self._data[start:end].decode("utf-8", "replace"))
        return tree.Constant(Span(self._char(start), self._char(end)), text)

    def _number(self, node: Node, span: Span) -> tree.ProgramNode:
        text = self.text(node).replace("_", "")
        try:
            return tree.Constant(
                span, int(text, 0) if not set(text.lower()) & set(".e") or text[:2] == "0x" else float(text)
            )
        except ValueError:
            return tree.UnreadNode(span, "a number")

    def _call(self, node: Node, span: Span) -> tree.ProgramNode:
        function = self.field(node, "function" if node.type == "call_expression" else "constructor")
        given = node.child_by_field_name("arguments")
        if given is not None and given.type == "template_string":
            return tree.CallNode(span, function, (tree.Argument(self.value(given)),))
        arguments = tuple(
            tree.Argument(self.value(_children(a)[0]), spread=True)
            if a.type == "spread_element"
            else tree.Argument(self.value(a))
            for a in (_children(given) if given is not None else [])
        )
        return tree.CallNode(span, function, arguments)

    def _object(self, node: Node, span: Span) -> tree.ProgramNode:
        out: list[tuple[tree.ProgramNode | None, tree.ProgramNode]] = []
        for one in _children(node):
            place, text = self.span(one), self.text(one)
            match one.type:
                case "pair" | "pair_pattern":
                    out.append((self._key(one.child_by_field_name("key")), self.field(one, "value")))
                case "shorthand_property_identifier" | "shorthand_property_identifier_pattern":
                    out.append((tree.Constant(place, text), tree.Name(place, text)))
                case "object_assignment_pattern":
                    name = self.text(one.child_by_field_name("left"))
                    inner = tree.Choice(
                        place, tree.Constant(place, True), tree.Name(place, name), self.field(one, "right")
                    )
                    out.append((tree.Constant(place, name), inner))
                case "spread_element":
                    out.append((None, self.value(_children(one)[0])))
                case "method_definition":
                    out.append(
                        (tree.Constant(place, self.text(one.child_by_field_name("name"))), self._function(one, place))
                    )
        return tree.Table(span, tuple(out))

    def _key(self, node: Node | None) -> tree.ProgramNode | None:
        if node is None:
            return None
        if node.type == "property_identifier":
            return tree.Constant(self.span(node), self.text(node))
        return self.value(node)

    def _binary(self, node: Node, span: Span) -> tree.ProgramNode:
        written = self.text(node.child_by_field_name("operator"))
        word = _WORDS.get(written, written)
        left, right = self.field(node, "left"), self.field(node, "right")
        return (tree.Logic if word in ("and", "or", "??") else tree.Binary)(span, word, left, right)

    def _unary(self, node: Node, span: Span) -> tree.ProgramNode:
        word = self.text(node.child_by_field_name("operator"))
        return tree.Unary(span, "not" if word == "!" else word, self.field(node, "argument"))

    def _assigned(self, node: Node, span: Span) -> tree.ProgramNode:
        word = self.text(node.child_by_field_name("operator")).rstrip("=") if node.type.startswith("augmented") else ""
        return tree.AssignNode(span, self.field(node, "left"), self.field(node, "right"), word)

    def _counted(self, node: Node, span: Span) -> tree.ProgramNode:
        word = "+" if "++" in self.text(node) else "-"
        return tree.AssignNode(span, self.field(node, "argument"), tree.Constant(span, 1), word)

    def _row(self, node: Node, span: Span) -> tree.ProgramNode:
        items = [
            tree.Spread(self.span(c), self.value(_children(c)[0]))
            if c.type in ("spread_element", "rest_pattern")
            else self.value(c)
            for c in _children(node)
        ]
        return tree.RowNode(span, tuple(items))


_READERS: dict[str, Any] = {
    "identifier": lambda r, n, s: tree.Constant(s, None) if r.text(n) == "undefined" else tree.Name(s, r.text(n)),
    "shorthand_property_identifier": lambda r, n, s: tree.Name(s, r.text(n)),
    "this": lambda r, n, s: tree.Name(s, "this"),
    "string": _Reader._string,
    "template_string": _Reader._template,
    "number": _Reader._number,
    **{name: (lambda r, n, s: tree.Constant(s, _CONSTANTS[n.type])) for name in _CONSTANTS},
    "member_expression": lambda r, n, s: tree.AttributeNode(
        s, r.field(n, "object"), r.text(n.child_by_field_name("property"))
    ),
    "subscript_expression": lambda r, n, s: tree.ItemNode(s, r.field(n, "object"), r.field(n, "index")),
    "call_expression": _Reader._call,
    "new_expression": _Reader._call,
    "object": _Reader._object,
    "object_pattern": _Reader._object,
    "array": _Reader._row,
    "array_pattern": _Reader._row,
    "binary_expression": _Reader._binary,
    "unary_expression": _Reader._unary,
    "ternary_expression": lambda r, n, s: tree.Choice(
        s, r.field(n, "condition"), r.field(n, "consequence"), r.field(n, "alternative")
    ),
    "assignment_expression": _Reader._assigned,
    "augmented_assignment_expression": _Reader._assigned,
    "update_expression": _Reader._counted,
    "class": lambda r, n, s: r._class(n, s),
}
