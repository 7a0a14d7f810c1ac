"""Scripts into statements, with exact places; one broken statement does not hide the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Offsets, Span
from lockgate.parse.grammar import GrammarError, parse_json, split_offsets
from lockgate.parse.statement import Origin, Statement, SyntaxFailure
from lockgate.parse.tokens import skip_space, token_end
from lockgate.sources.migration import Script

TOO_LONG = "the statement is too long to be analysed (more than 2,000,000 characters)"
LONGEST = 2_000_000  # characters of a statement that is parsed: its tree takes about 150 times as much memory
_AT_ONCE = 200_000  # characters that are parsed together, whole statements
_ATOMIC = pattern(r"\batomic\b", re.IGNORECASE)  # a body with semicolons in it, of which the scanner knows nothing


def parse_script(script: Script) -> tuple[Statement | SyntaxFailure, ...]:
    """Every statement of a script in order; what the grammar refuses comes as a ``SyntaxFailure`` in its place."""
    return tuple(read_script(script))


def read_script(script: Script) -> Iterator[Statement | SyntaxFailure]:
    """The same, parsed while it is asked for: a long script's trees are never there all at once."""
    before = 0
    for piece in script.pieces:
        for part in _parts(script.source.text, piece):
            found = parse_text(script, part, before)
            before += len(found)
            yield from found


def _parts(text: str, piece: Span) -> Iterator[Span]:
    """A long piece in parts of whole statements; one that is too long is a part of its own."""
    if piece.end - piece.start <= _AT_ONCE:
        yield piece
        return
    body = text[piece.start : piece.end]
    if len(body) <= LONGEST and _ATOMIC.search(body):
        yield piece
        return
    first = last = 0
    for start, end in split_offsets(body):
        if last > first and (end - first > _AT_ONCE or end - start > LONGEST):
            yield Span(piece.start + first, piece.start + start)
            first = start
        last = end
    yield Span(piece.start + first, piece.end)


def parse_text(script: Script, piece: Span, before: int = 0) -> list[Statement | SyntaxFailure]:
    """The statements of one piece; ``before`` statements of the script precede it."""
    text = script.source.text[piece.start : piece.end]
    if len(text) > LONGEST:
        return list(_one_by_one(script, piece, text, before))
    try:
        tree = parse_json(text)
    except GrammarError:
        return list(_one_by_one(script, piece, text, before))
    return list(_statements(script, piece.start, text, tree, before))


def _statements(script: Script, start: int, text: str, tree: dict[str, Any], before: int) -> Iterator[Statement]:
    offsets = Offsets(text)
    origin = Origin(start, offsets)
    for number, raw in enumerate(tree.get("stmts", ()), before + 1):
        first = offsets.char(raw.get("stmt_location", 0))
        length = raw.get("stmt_len", 0)
        last = offsets.char(raw.get("stmt_location", 0) + length) if length else len(text)
        first = skip_space(text, first, last)
        last = first + len(text[first:last].rstrip())
        ((tag, node),) = raw["stmt"].items()
        yield Statement(script, number, Span(start + first, start + last), tag, node, origin)


def _one_by_one(script: Script, piece: Span, text: str, before: int) -> Iterator[Statement | SyntaxFailure]:
    number = before
    for first, last in split_offsets(text):
        first = skip_space(text, first, last)
        body = text[first:last].rstrip()
        if not body:
            continue
        number += 1
        start = piece.start + first
        if len(body) > LONGEST:
            span = Span(start, start + len(body))
            yield SyntaxFailure(script, number, span, Span(start, token_end(text, first) + piece.start), TOO_LONG, "")
            continue
        try:
            tree = parse_json(body)
        except GrammarError as error:
            at = start + min(error.offset, len(body))
            yield _failure(script, number, Span(start, start + len(body)), at, error)
            continue
        yield from _statements(script, start, body, tree, number - 1)


def _failure(script: Script, number: int, span: Span, at: int, error: GrammarError) -> SyntaxFailure:
    token = Span(at, max(at, min(token_end(script.source.text, at), span.end)))
    return SyntaxFailure(script, number, span, token, error.message, error.sqlstate)
