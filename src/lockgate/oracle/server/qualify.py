"""Our own queries as they are sent: every operator and every type of a cast named with its schema.

Written out in the sources they could not be read. All operators have one precedence then (``OPERATOR()`` in gram.y is
``%prec Op``), so a source puts a comparison's operands in parentheses where they are operators' results;
tests/siege/test_our_sql.py parses what is sent. IN, CASE with an operand, LIKE, BETWEEN and NULLIF have no such form:
they stand only in queries of sessions whose search_path is ours.
"""

from __future__ import annotations

from functools import lru_cache

from lockgate.base.lazy_imports import pattern

_TOKEN = pattern(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/)"""
    r"""|(?P<cast>::\s*(?P<type>"[^"]+"|[a-z_][a-z_0-9]*)(?![a-z_0-9]|\s*\.))|(?P<mark>::|:=|=>)"""
    r"""|(?P<operator>[-+*/<>=~!@\#%^&|`?]+)|(?P<word>[A-Za-z_0-9$.]+)|(?P<other>[^\sA-Za-z_0-9$.'"]|\s+)""",
    16 | 32,  # re.DOTALL | re.UNICODE
)
# gram.y's own words for types, which it takes from pg_catalog whatever the search_path says
_GRAMMAR = frozenset(
    ["int", "integer", "smallint", "bigint", "real", "float", "decimal", "dec", "numeric", "boolean", "bit"]
).union(["character", "char", "varchar", "nchar", "national", "time", "timestamp", "interval"])
_BEFORE_STAR = frozenset(["(", ",", "."])
_BEFORE_SIGN = frozenset(["(", ",", "["])


@lru_cache(maxsize=1024)
def qualified(sql: str) -> str:
    """A query of ours with ``OPERATOR(pg_catalog.=)`` for ``=`` and ``::pg_catalog.oid`` for ``::oid``."""
    out: list[str] = []
    earlier = before = ""
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        if match.group("cast"):
            kind, name = "cast", match.group("type")
            text = text if name in _GRAMMAR else f"::pg_catalog.{name}"
        elif kind == "operator" and not _no_operator(text, (earlier, before), sql[match.end() : match.end() + 1]):
            text = f" OPERATOR(pg_catalog.{'<>' if text == '!=' else text}) "
        out.append(text)
        if not text.isspace():
            earlier, before = before, text
    return "".join(out)


def _no_operator(text: str, before: tuple[str, str], after: str) -> bool:
    """What has its schema, a star that stands for columns, the sign of a number, the equals sign of SET."""
    if before[1].endswith("."):
        return True
    if text == "*":
        return before[1][-1:] in _BEFORE_STAR or before[1].upper() in ("SELECT", "DISTINCT", "")
    if text == "-":
        return (before[1] in _BEFORE_SIGN or before[1].startswith(" OPERATOR(")) and after.isdigit()
    return text == "=" and before[0].upper() in ("SET", "LOCAL")


__all__ = ["qualified"]
