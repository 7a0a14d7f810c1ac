"""Excerpts: what is certain of a query that is not known whole.

PostgreSQL's grammar refuses some texts however they are fitted, and the binder stops at the first name that a fragment
may bring. sqlglot's parser and scopes go on: a column whose qualifier is a relation of its own level is known whatever
stands elsewhere, and so are the columns that a statement writes. Each becomes a statement of its own, ``SELECT p.born
FROM people AS p``, which the binder resolves and the server can prepare as they do any other.
"""

from __future__ import annotations

import logging
import os
import re
import traceback

from sqlglot import Dialect, ErrorLevel, Expr, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from lockgate.parse.grammar import GrammarError, parse_json
from lockgate.queries.excerpt_scopes import Reference, references
from lockgate.queries.passage import Passage, Writer

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it cannot read is no news
_ELSEWHERE = ("mysql", "sqlite", "tsql", "clickhouse", "oracle")


def excerpt(passage: Passage, refused: bool) -> Passage | None:
    """Statements with what is certain of the text's first, in its order; None where nothing is. ``refused``:
    PostgreSQL's grammar does not take the text."""
    try:
        tree, errors = _parsed(passage.text, "postgres")
        if tree is None or (refused and any(_taken(passage.text, other) for other in _ELSEWHERE)):
            return None
        found = list(references(normalize_identifiers(tree, dialect="postgres"), sound=not errors))
    except Exception:  # a hole in somebody else's parser must neither stop the run nor become a failure
        if os.environ.get("LOCKGATE_DEBUG"):
            traceback.print_exc()
        return None
    if errors:
        found = [
            one
            for one in found
            if not re.search(
                rf'\b{re.escape(one.relation.name)}"?\s*(?:\([^()]*\)\s*)?as\s*\(', passage.text, re.IGNORECASE
            )
        ]
    return _written(passage, found)


def _parsed(text: str, name: str) -> tuple[Expr | None, bool]:
    """The first statement's tree, and whether the parser had to pass over something."""
    dialect = Dialect.get_or_raise(name)
    parser = dialect.parser(error_level=ErrorLevel.IGNORE)
    trees = parser.parse(dialect.tokenize(text), text)
    return (trees[0] if trees else None), bool(parser.errors)


def _taken(text: str, name: str) -> bool:
    """Whether another server's dialect has no complaint: then it is that server's."""
    try:
        tree, errors = _parsed(text, name)
    except SqlglotError:
        return False
    return not errors and isinstance(tree, exp.Query | exp.DML)


def _written(passage: Passage, found: list[Reference]) -> Passage | None:
    """A statement for every reference, each once."""
    writer, seen = Writer(), set()
    for one in sorted(found, key=lambda one: one.start):
        part = _statement(passage, one)
        if part.text not in seen and _takes(part.text):
            writer.copy(part, 0, len(part.text))
        seen.add(part.text)
    return writer.passage() if seen and writer.parts else None


def _statement(passage: Passage, one: Reference) -> Passage:
    writer, at = Writer(), passage.place(one.start)

    def token(name: exp.Identifier) -> None:
        writer.copy(passage, name.meta["start"], name.meta["end"] + 1)

    def glue(text: str) -> None:
        writer.add(text, at, at)

    glue("SELECT ")
    if one.column is not None:
        if not one.bare:
            token(one.qualifier)
            glue(".")
        token(one.column)
    glue(" FROM ")
    if (schema := one.relation.args.get("db")) is not None:
        token(schema)
        glue(".")
    token(one.relation.this)
    if one.column is not None and not one.bare:
        glue(" AS ")
        token(one.qualifier)
    glue(";\n")
    return writer.passage()


def _takes(text: str) -> bool:
    try:
        parse_json(text)
    except GrammarError:
        return False
    return True
