"""The DECLARE section (decl_sect of pl_gram.y)."""

from __future__ import annotations

from lockgate.parse.plpgsql.cursor import Reader
from lockgate.parse.plpgsql.tree import Declaration, Fragment


def declarations(reader: Reader) -> tuple[Declaration, ...]:
    """Read declarations up to BEGIN."""
    found: list[Declaration] = []
    names: set[str] = set()
    while not reader.is_word("begin"):
        if reader.take_word("declare"):
            continue
        token = reader.token
        declaration = _declaration(reader)
        if declaration.name in names:
            raise reader.error("duplicate declaration", token)
        names.add(declaration.name)
        found.append(declaration)
    return tuple(found)


def _declaration(reader: Reader) -> Declaration:
    token = reader.name()
    if reader.is_word("alias") and reader.peek().value == "for":
        return _alias(reader, token.value, token.start)
    if _at_cursor(reader):
        return _cursor(reader, token.value, token.start)
    constant = reader.take_word("constant")
    kind = _type(reader)
    collation: tuple[str, ...] = ()
    if reader.take_word("collate"):
        collation = reader.target().parts
    notnull = False
    if reader.take_word("not"):
        reader.need_word("null")
        notnull = True
    default = None
    if not reader.take_sign(";"):
        if not reader.take_sign("=", ":=") and not reader.take_word("default"):
            raise reader.error()
        default = reader.sql(";")
        reader.need_sign(";")
    return Declaration(token.value, token.start, "variable", kind, collation, constant, notnull, default)


def _alias(reader: Reader, name: str, start: int) -> Declaration:
    reader.at += 2
    aliased = reader.target().parts
    reader.need_sign(";")
    return Declaration(name, start, "alias", aliased=aliased)


def _at_cursor(reader: Reader) -> bool:
    if reader.is_word("cursor"):
        return reader.peek().value in ("(", "for", "is")
    ahead = 1 if reader.is_word("no") else 0
    return (
        (ahead == 1 or reader.is_word("scroll"))
        and reader.peek(ahead).value == "scroll"
        and reader.peek(ahead + 1).value == "cursor"
    )


def _cursor(reader: Reader, name: str, start: int) -> Declaration:
    while not reader.take_word("cursor"):
        reader.next()
    arguments: list[Declaration] = []
    if reader.take_sign("("):
        while True:
            token = reader.name()
            arguments.append(Declaration(token.value, token.start, "variable", _type(reader)))
            if not reader.take_sign(","):
                break
        reader.need_sign(")")
    reader.need_word("is", "for")
    query = reader.sql(";", mode="query")
    reader.need_sign(";")
    return Declaration(name, start, "cursor", arguments=tuple(arguments), query=query)


def _type(reader: Reader) -> Fragment:
    """read_datatype: tokens up to what may follow a type."""
    first, depth, last = reader.token, 0, reader.token.start
    while True:
        token = reader.token
        if not token.kind:
            raise reader.error("mismatched parentheses" if depth else "incomplete data type declaration")
        if token.kind == "word" and token.value in ("collate", "not", "default"):
            break
        if token.kind == "sign" and (token.value in (";", "=", ":=") or (depth == 0 and token.value in (",", ")"))):
            break
        depth += token.kind == "sign" and token.value == "("
        depth -= token.kind == "sign" and token.value == ")"
        last = token.end
        reader.at += 1
    if last == first.start:
        raise reader.error("missing data type declaration")
    return Fragment(reader.text[first.start : last], first.start, "type")
