"""Scripts into statements, with exact places; one broken statement does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.base.text import Offsets, Span
from lockgate.parse.grammar import GrammarError, parse_json, split_offsets
from lockgate.parse.statement import Origin, Statement, SyntaxFailure
from lockgate.parse.tokens import skip_space, token_end
from lockgate.sources.migration import Script


def parse_script(script: Script) -> tuple[Statement | SyntaxFailure, ...]:
    """Every statement of a script in order; what the grammar refuses comes as a ``SyntaxFailure`` in its place."""
    out: list[Statement | SyntaxFailure] = []
    for piece in script.pieces:
        out.extend(parse_text(script, piece, len(out)))
    return tuple(out)


def parse_text(script: Script, piece: Span, before: int = 0) -> list[Statement | SyntaxFailure]:
    """The statements of one piece; ``before`` statements of the script precede it."""
    text = script.source.text[piece.start : piece.end]
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
