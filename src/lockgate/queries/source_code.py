"""SQL in strings of source code: tree-sitter's grammars find the strings, their concatenations, escapes and
interpolations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from lockgate.base.extras import told
from lockgate.base.text import Offsets
from lockgate.queries.constants import Constants
from lockgate.queries.escapes import unescaped
from lockgate.queries.hints import hints
from lockgate.queries.passage import HOLE, Passage, Writer
from lockgate.queries.tree import Effort, Spent, chain

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# suffix -> the grammar's package, the function in it that gives the grammar, the types of its nodes that are strings
_TYPESCRIPT = ("tree_sitter_typescript", "language_typescript", "string template_string")
_TSX = ("tree_sitter_typescript", "language_tsx", "string template_string")
_KOTLIN = ("tree_sitter_kotlin", "language", "string_literal multiline_string_literal")
GRAMMARS = {
    "go": ("tree_sitter_go", "language", "interpreted_string_literal raw_string_literal"),
    "py": ("tree_sitter_python", "language", "string"),
    "ts": _TYPESCRIPT,
    "mts": _TYPESCRIPT,
    "cts": _TYPESCRIPT,
    "tsx": _TSX,
    "js": _TSX,
    "mjs": _TSX,
    "cjs": _TSX,
    "jsx": _TSX,
    "rs": ("tree_sitter_rust", "language", "string_literal raw_string_literal"),
    "java": ("tree_sitter_java", "language", "string_literal"),
    "kt": _KOTLIN,
    "kts": _KOTLIN,
    "rb": ("tree_sitter_ruby", "language", "string heredoc_body"),
}

_INTERPOLATIONS = frozenset(("interpolation", "template_substitution", "string_interpolation"))
_ESCAPES = frozenset(("escape_sequence", "escape_interpolation"))
_CONTENTS = (
    frozenset(
        (
            "interpreted_string_literal_content",
            "raw_string_literal_content",
            "string_content",
            "string_fragment",
            "multiline_string_fragment",
            "heredoc_content",
        )
    )
    | _INTERPOLATIONS
    | _ESCAPES
)
_OPERATIONS = frozenset(("binary_expression", "binary_operator", "binary"))
_ADJACENT = frozenset(("concatenated_string", "chained_string"))
_BRACKETS = frozenset(("parenthesized_expression", "parenthesized_statements"))
_CALLS = frozenset(
    ("call_expression", "call", "method_invocation", "object_creation_expression", "new_expression", "macro_invocation")
)
_STATEMENTS = frozenset(
    (
        "block",
        "statement_block",
        "function_item",
        "function_declaration",
        "method_declaration",
        "program",
        "source_file",
        "module",
    )
)
_COMMENTS = frozenset(("comment", "line_comment", "block_comment"))
_TEST = re.compile(rb"\btest\b")
_QUERY = re.compile(
    rf"(?:[\s({HOLE}]|--[^\n]*\n|/\*.*?\*/|begin\s*;|<\#--.*?-->|</?[#@\w][^<>]*>|[$]?\{{.*?\}}+)*+(?:select|insert|update|delete|with|merge|values)\b",
    re.IGNORECASE | re.DOTALL,
)
# what a builder gets: a join, or a subquery in an expression
_JOIN = re.compile(r"\s*+(?:(?:left|right|full|inner|cross)\s++(?:outer\s++)?)?join\s", re.IGNORECASE)
_ON = re.compile(r"\bon\s{0,99}\(?\s{0,99}[\w\"]{1,99}\s{0,99}[.=]", re.IGNORECASE)
_COMPARED = re.compile(r"[=<>?]|\w\.\w|\bexists\b|\bin\s{0,99}\(", re.IGNORECASE)
_SUBQUERY = re.compile(r"\(\s{0,999}select\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
# what takes the beginning of a query and gets the rest from elsewhere
_BUILDERS = re.compile(
    r"(?:append|write|writestring|push|push_str|add|fprintf|querybuilder::(?:<\w+>::)?new|stringbuilder|stringbuffer)\Z",
    re.IGNORECASE,
)

_DEPTH = 4  # constants made of constants
_TERMS = 2_000  # of one concatenation; a longer one is no query that anybody wrote
_SIGN = re.compile(r"\+=?|<<|\.(?:push_str|push|append|concat|write)\b|\{(\w+)\}")
_LAST_WORD = re.compile(r"\b(\w++)\s*+\Z")
_FIRST_WORD = re.compile(r"\s*(\w+)")


def passages(suffix: str, data: bytes) -> list[Passage]:
    """Every string of a source file that begins as a query does, concatenations put together, in order."""
    text = data.decode("utf-8", "replace")
    data = text.encode()  # the same, unless it was not UTF-8
    places = sorted(hints(data, suffix))
    if not places:
        return []
    parser, kinds = _grammar(suffix)
    effort = Effort(len(data))
    reader = _Reader(text, Offsets(text).char, kinds, effort, Constants(data, effort))
    found = []
    try:
        for sum_ in _sums(parser.parse(data).root_node, places, kinds, effort):
            if (passage := reader.passage(sum_)) is not None:
                found.append(passage)
    except Spent:
        pass
    return found


@cache
def _grammar(suffix: str) -> tuple[Parser, frozenset[str]]:
    package, function, kinds = GRAMMARS[suffix]
    with told():
        from tree_sitter import Language, Parser

        grammar = getattr(import_module(package), function)
    return Parser(Language(grammar())), frozenset(kinds.split())


# --- concatenations ---------------------------------------------------------------------------------------------------


class _Sum(NamedTuple):
    """A concatenation: what it is made of, and the nodes from the root to the whole of it."""

    terms: list[Node]
    above: list[Node]

    @property
    def whole(self) -> Node:
        return self.above[-1]


def _sums(root: Node, hints: list[int], kinds: frozenset[str], effort: Effort) -> Iterator[_Sum]:
    """Every concatenation with a hint in one of its strings; a string alone is one of one term."""
    seen: set[int] = set()
    for hint in hints:
        above = _string_at(root, hint, kinds, effort)
        if not above or above[-1].id in seen or _tried(above):
            continue
        node = above[-1]
        in_macro = len(above) > 1 and above[-2].type == "token_tree"
        above = above if in_macro else above[: _whole(above) + 1]
        if above[-1].id in seen:
            continue
        terms = list(_macro_terms(node, kinds) if in_macro else _terms(above[-1], kinds, effort))
        seen.update((above[-1].id, *(term.id for term in terms)))
        if len(terms) <= _TERMS:
            yield _Sum(terms, above)


def _string_at(root: Node, offset: int, kinds: frozenset[str], effort: Effort) -> list[Node]:
    """The string that a byte lies in, and what it lies in itself, from the root on; empty for none."""
    found = chain(root, offset, effort)
    while found and found[-1].type not in kinds:
        found.pop()
    return found


def _tried(above: list[Node]) -> bool:
    """Whether only a test runs it: what is below #[cfg(test)], #[test], #[sqlx::test] in Rust."""
    for node in above[:-1]:
        before = node.prev_named_sibling if node.type in ("mod_item", "function_item") else None
        while before is not None and before.type in ("attribute_item", *_COMMENTS):
            if before.type == "attribute_item" and _TEST.search(before.text or b""):
                return True
            before = before.prev_named_sibling
    return False


def _whole(above: list[Node]) -> int:
    """Where in the nodes above a string the whole concatenation stands that it is part of."""
    top = len(above) - 1
    for at in range(top - 1, -1, -1):
        parent = above[at]
        if parent.type in _ADJACENT or (parent.type in _OPERATIONS and _operator(parent) == "+"):
            top = at
        elif parent.type not in _BRACKETS:
            break
    return top


def _operator(node: Node) -> str:
    return next((c.type for c in node.children if not c.is_named), "")


def _terms(node: Node, kinds: frozenset[str], effort: Effort) -> Iterator[Node]:
    """The terms of a concatenation, from left to right; not recursive, for it may nest as deep as it is long."""
    left = [node]
    while left:
        node = left.pop()
        effort.spend(1)
        operator = _operator(node) if node.type in _OPERATIONS else ""
        if node.type in kinds:
            yield node
        elif node.type in _ADJACENT or node.type in _BRACKETS or operator == "+":
            left += [child for child in reversed(node.named_children) if child.type not in _COMMENTS]
        elif operator == "%":  # Python's formatting
            left.append(node.named_children[0])
        else:
            yield node


def _macro_terms(node: Node, kinds: frozenset[str]) -> Iterator[Node]:
    """Rust's macros take tokens: sqlx joins strings by a plus sign, concat! by commas."""
    tree = node.parent
    name = tree.prev_named_sibling if tree is not None else None
    joint = "," if name is not None and name.text == b"concat" else "+"
    term: Node | None = node
    for _ in range(_TERMS):
        if term is None or term.type not in kinds:
            return
        yield term
        sign = term.next_sibling
        term = sign.next_sibling if sign is not None and sign.type == joint else None


def _is_part(text: str) -> bool:
    """Whether a text is a part of a query. Each piece is looked for once: a pattern of all of them takes the square of
    the length."""
    joined = _JOIN.match(text)
    if joined is not None and _ON.search(text, joined.end() - 1):
        return True
    begins = _SUBQUERY.search(text) if _COMPARED.search(text) else None
    return begins is not None and _FROM.search(text, begins.end()) is not None


def _receiver(above: list[Node]) -> str:
    """The function, macro or tag that a string is given to, as it is written."""
    for node in _within_statement(above):
        if node.type in _CALLS:
            fields = ("function", "macro", "name", "method", "type")
            callee = next((c for field in fields if (c := node.child_by_field_name(field))), node.children[0])
            return (callee.text or b"").decode("utf-8", "replace")
    return ""


def _assigned(above: list[Node]) -> set[str]:
    """The names on the left of the assignment or declaration that a string is the right of."""
    for node in _within_statement(above):
        if node.type in _CALLS:
            break
        name = next((c for field in ("left", "name", "pattern") if (c := node.child_by_field_name(field))), None)
        if name is not None:
            return set(re.findall(r"\w+", (name.text or b"").decode("utf-8", "replace")))
    return set()


def _within_statement(above: list[Node]) -> Iterator[Node]:
    """What a concatenation is in, from within, up to its statement."""
    return takewhile(lambda node: node.type not in _STATEMENTS, reversed(above[:-1]))


def _added(text: str) -> frozenset[str]:
    """The names in a file that something is added to, or that are added to something."""
    names = set()
    for sign in _SIGN.finditer(text):
        start, end = sign.span()
        names.add(sign.group(1))
        for beside in (_LAST_WORD.search(text, max(start - 80, 0), start), _FIRST_WORD.match(text, end)):
            if beside is not None:
                names.add(beside.group(1))
    return frozenset(n for n in names if n)


# --- their text -------------------------------------------------------------------------------------------------------


class _Reader:
    """One file's text, and how byte offsets become characters."""

    __slots__ = ("_added", "_constants", "_effort", "char", "kinds", "text")

    def __init__(
        self, text: str, char: Callable[[int], int], kinds: frozenset[str], effort: Effort, constants: Constants
    ) -> None:
        self.text = text
        self.char = char
        self.kinds = kinds
        self._effort = effort
        self._constants = constants
        self._added: frozenset[str] | None = None

    @property
    def added(self) -> frozenset[str]:
        """The names that something is added to."""
        if self._added is None:
            self._added = _added(self.text)
        return self._added

    def passage(self, sum_: _Sum) -> Passage | None:
        """The decoded text of a concatenation, if it begins as a query does; what is no string in it is a hole."""
        writer = Writer()
        for term in sum_.terms:
            if term.type in self.kinds:
                self._string(writer, term)
            else:
                writer.add(self._known(term), self.char(term.start_byte), self.char(term.end_byte))
        written = "".join(writer.parts)
        if not (_QUERY.match(written) or _is_part(written)):
            return None
        receiver = _receiver(sum_.above)
        # the program adds to it later: by a builder, or by the name of its variable
        if _BUILDERS.search(receiver) or ((names := _assigned(sum_.above)) and not self.added.isdisjoint(names)):
            writer.add(HOLE, writer.end, writer.end)
        return writer.passage(receiver)

    def _known(self, term: Node, deep: int = 0) -> str:
        """The text of a constant of the same file, else a hole."""
        value = self._constants.value(term) if deep < _DEPTH else None
        if value is None:
            return HOLE
        writer = Writer()
        for part in _terms(value, self.kinds, self._effort):
            if part.type in self.kinds:
                self._string(writer, part, deep + 1)
            else:
                writer.add(self._known(part, deep + 1), 0, 0)
        self._effort.spend(writer.length)
        return "".join(writer.parts)

    def _string(self, writer: Writer, node: Node, deep: int = 0) -> None:
        at, end = self._inside(node)
        for part in _parts(node):
            start, stop = self.char(part.start_byte), self.char(part.end_byte)
            self._effort.spend(1)
            writer.add(self.text[at:start], at)
            filled = part.type in _INTERPOLATIONS
            writer.add(self._filled(part, node, deep) if filled else unescaped(self.text[start:stop]), start, stop)
            at = stop
        writer.add(self.text[at:end], at)

    def _filled(self, part: Node, string: Node, deep: int) -> str:
        """What an interpolation puts in: text, except where a tag gets it as a value (sql`... ${x}`)."""
        tagged = string.parent is not None and string.parent.type in _CALLS
        return HOLE if tagged or part.named_child_count != 1 else self._known(part.named_children[0], deep)

    def _inside(self, node: Node) -> tuple[int, int]:
        """The characters between a string's delimiters, which are its first and last child where the grammar shows
        them."""
        if not node.children:
            return self.char(node.start_byte) + 1, self.char(node.end_byte) - 1
        first, last = node.children[0], node.children[-1]
        start = first.start_byte if first.type in _CONTENTS else first.end_byte
        end = last.end_byte if last.type in _CONTENTS else last.start_byte
        return self.char(start), self.char(max(start, end))


def _parts(node: Node) -> Iterator[Node]:
    """The escapes and interpolations of a string, in order."""
    for child in node.children:
        if child.type in _INTERPOLATIONS or child.type in _ESCAPES:
            yield child
        elif child.type in _CONTENTS and child.child_count:
            yield from _parts(child)
