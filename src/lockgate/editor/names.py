"""Which object a name in a statement means: by its schema, by the statement's own aliases, by the tables it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.text import Span
from lockgate.parse import Statement
from lockgate.parse.statement import nodes
from lockgate.walk.document import Life
from lockgate.walk.lookup import Finder

_NAME = re.compile(r'(?:"(?:[^"\n]|"")*"|[^\W\d][\w$]*)(?:\s*\.\s*(?:"(?:[^"\n]|"")*"|[^\W\d][\w$]*))*')
_PART = re.compile(r'"(?:[^"\n]|"")*"|[^\W\d][\w$]*')


class Pointed(msgspec.Struct, frozen=True):
    """The parts of a dotted name up to the one that is pointed at, as PostgreSQL folds them, and that one's place."""

    parts: tuple[str, ...]
    span: Span


def name_at(text: str, offset: int) -> Pointed | None:
    """The name at a character offset; None between names."""
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    for whole in _NAME.finditer(text, begin, end if end >= 0 else len(text)):
        parts = list(_PART.finditer(text, whole.start(), whole.end()))
        for number, part in enumerate(parts):
            if part.start() <= offset <= part.end():
                return Pointed(
                    tuple(_folded(one.group()) for one in parts[: number + 1]), Span(part.start(), part.end())
                )
    return None


def _folded(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def meant(
    named: Pointed, statement: Statement, finder: Finder, moment: int, path: Sequence[str] = ("public",)
) -> Life | None:
    """The object that is meant after a moment; None where nothing is, or more than one thing may be."""
    tables = list(_tables(statement))
    aliases = {alias: name for name, alias in tables if alias}
    parts = named.parts
    if len(parts) > 1 and parts[0] in aliases:
        parts = (*aliases[parts[0]].split("."), *parts[1:])
    elif len(parts) == 1 and parts[0] in aliases:
        parts = tuple(aliases[parts[0]].split("."))
    columns = [f"{name}.{parts[0]}" for name, _ in tables] if len(parts) == 1 else []
    spoken = [".".join(parts)] if len(parts) > 1 or parts[0] in {n.rpartition(".")[2] for n, _ in tables} else []
    for names in (spoken, columns, [".".join(parts)]):
        some = (_found(finder, name, moment, path) for name in names)
        found = {(life.id, life.num): life for life in some if life is not None}
        if found:
            return next(iter(found.values())) if len(found) == 1 else None
    return None


def _found(finder: Finder, name: str, moment: int, path: Sequence[str]) -> Life | None:
    """What a name means; a bare one is no part of a table that the statement does not speak of."""
    try:
        life = finder.find(name, moment, path)
    except UsageError:
        return None
    return life if "." in name or finder.holder(life) is None else None


def _tables(statement: Statement) -> Iterator[tuple[str, str]]:
    """The relations that a statement names, each with its alias ("" without one)."""
    for node in nodes(statement.node):
        if "relname" in node:
            schema = node.get("schemaname", "")
            yield (
                f"{schema}.{node['relname']}" if schema else str(node["relname"]),
                node.get("alias", {}).get("aliasname", ""),
            )
