"""Parts of a statement as they are written: expressions, conditions, lists. The parse tree tells where some begin, and
of none where it ends."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.parse.plpgsql.scan import BodySyntax, Token, scan

_AFTER_DEFAULT = frozenset(
    [
        "not",
        "null",
        "check",
        "unique",
        "primary",
        "references",
        "constraint",
        "collate",
        "generated",
        "deferrable",
        "initially",
        "compression",
        "storage",
    ]
)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a statement; none where it cannot be read."""
    try:
        return scan(text)[:-1]
    except BodySyntax:
        return []


def at_depth(tokens: list[Token]) -> Iterator[tuple[int, int, Token]]:
    """Each token with its place in the list and its depth in parentheses and brackets."""
    depth = 0
    for place, token in enumerate(tokens):
        if token.kind == "sign" and token.value in ")]":
            depth -= 1
        yield place, depth, token
        if token.kind == "sign" and token.value in "([":
            depth += 1


def parenthesized(text: str, word: str, start: int = 0) -> str:
    """What stands in parentheses after the first ``word`` from ``start`` on; "" where there is none."""
    tokens = [t for t in tokens_of(text) if t.start >= start]
    for place, token in enumerate(tokens[:-1]):
        if token.kind == "word" and token.value == word and tokens[place + 1].value == "(":
            return _inside(text, tokens[place + 1 :])
    return ""


def _inside(text: str, tokens: list[Token]) -> str:
    """What the parenthesis that comes first holds. Cut at tokens: a comment at its end would swallow what follows."""
    for place, depth, token in at_depth(tokens):
        if depth == 0 and place and token.value == ")" and token.kind == "sign":
            return _cut(text, tokens[1:place])
    return ""


def _cut(text: str, tokens: list[Token]) -> str:
    return text[tokens[0].start : tokens[-1].end] if tokens else ""


def first_list(text: str) -> str:
    """What stands in the first parentheses."""
    tokens = tokens_of(text)
    place = next((n for n, token in enumerate(tokens) if token.value == "(" and token.kind == "sign"), None)
    return _inside(text, tokens[place:]) if place is not None else ""


def default(text: str, start: int) -> str:
    """The expression of DEFAULT, from that word on."""
    tokens = [t for t in tokens_of(text) if t.start >= start][1:]
    for place, depth, token in at_depth(tokens):
        over = depth == 0 and (
            (token.kind == "word" and token.value in _AFTER_DEFAULT) or (token.kind == "sign" and token.value in ",;")
        )
        if (place and over) or depth < 0:
            return _cut(text, tokens[:place])
    return _cut(text, tokens)


def clause(text: str, word: str, ends: frozenset[str] = frozenset({"returning"}), number: int = 0) -> str:
    """What follows the ``number``-th ``word`` outside of parentheses, up to one of ``ends``."""
    tokens = tokens_of(text)
    seen, begun = -1, -1
    for place, depth, token in at_depth(tokens):
        if depth:
            continue
        if begun >= 0 and ((token.value in ends and token.kind in ("word", "sign")) or token.value == ";"):
            return _cut(text, tokens[begun:place])
        if begun < 0 and token.kind == "word" and token.value == word:
            seen += 1
            begun = place + 1 if seen == number else -1
    return _cut(text, tokens[begun:]) if begun >= 0 else ""


def listed(text: str) -> list[str]:
    """The elements of a list, cut at its commas."""
    tokens = tokens_of(text)
    out, begun = [], 0
    for place, depth, token in at_depth(tokens):
        if depth == 0 and token.value == "," and token.kind == "sign":
            out.append(_cut(text, tokens[begun:place]))
            begun = place + 1
    return [*out, _cut(text, tokens[begun:])]


def assignments(text: str) -> dict[str, str] | None:
    """The columns that UPDATE sets, each with its expression; None where one is set as part of a row."""
    out = {}
    for one in listed(clause(text, "set", frozenset({"where", "from", "returning"}))):
        tokens = tokens_of(one)
        if len(tokens) < 3 or tokens[0].kind not in ("word", "quoted") or tokens[1].value != "=":
            return None
        out[tokens[0].value] = _cut(one, tokens[2:])
    return out


def key_expression(element: str) -> str:
    """An index's element without its operator class and order."""
    tokens = tokens_of(element)
    name_alone = bool(tokens) and tokens[0].value != "(" and (len(tokens) == 1 or tokens[1].value not in ("(", "."))
    if name_alone:
        return _cut(element, tokens[:1])
    for place, depth, token in at_depth(tokens):
        if depth == 0 and token.kind == "sign" and token.value == ")":
            return _cut(element, tokens[: place + 1])
    return element
