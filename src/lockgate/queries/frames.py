"""Frames: what is put around a part of a query so that PostgreSQL's grammar can take it, for a program that puts in the
rest.

A builder gets joins, conditions and output columns one by one; a program begins a query in one string and ends it in
another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.queries.passage import HOLE

HOLE_NAME = "lockgate_hole_"  # of relations and columns that stand for fragments
_REST = f"{HOLE_NAME}rest"
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COLUMNS = ("SELECT ", f" FROM {_REST}")
_CONDITION = (f"SELECT FROM {_REST} WHERE ", "")
# how a part begins -> what may stand around it
_BEGINNINGS = (
    (r"\(", (_COLUMNS, (f"SELECT FROM {_REST} JOIN ", ""), _CONDITION)),
    (r"insert\b", (("", f" SELECT {_REST}.* FROM {_REST}"),)),
    (r"with\b", (("", " SELECT"),)),
    (r"select|update|delete|merge", ()),
    (r"from\b", (("SELECT ", ""),)),
    (r"(?:and|or)\b", ((f"SELECT FROM {_REST} WHERE true ", ""),)),
    (r"(?:union|except|intersect)\b", ((f"SELECT {_REST}.* FROM {_REST} ", ""),)),
    (
        r"(?:(?:left|right|full|inner|cross|natural|outer)\s+)*join\b|where\b|,\s*lateral\b",
        ((f"SELECT FROM {_REST} ", ""),),
    ),
    (r"[=<>]|(?:not\s+)?in\s*\(", ((f"SELECT FROM {_REST} WHERE $0 ", ""),)),
    (r"lateral\b", ((f"SELECT FROM {_REST} JOIN ", ""),)),
    (r",\s*\w+\s+as\s*\(", ((f"WITH {_REST} AS (SELECT) ", " SELECT"), (f"WITH {_REST} AS (SELECT) ", ""))),
    (r"\w+\s+as\s*(?:(?:not\s+)?materialized\s*)?\(", (("WITH ", " SELECT"), ("WITH ", ""))),
    (r",", ((f"SELECT {_REST}.*", f" FROM {_REST}"),)),
    (r"", (_CONDITION, _COLUMNS)),
)
_TAILS = ("", HOLE)


def frames(text: str) -> Iterator[tuple[str, str]]:
    """What may stand before and after a part of a query, the likeliest first."""
    beginning = next(around for word, around in _BEGINNINGS if re.match(rf"\s*(?:{word})", text, re.IGNORECASE))
    bare = _QUOTED.sub("", text)
    closing = ")" * (bare.count("(") - bare.count(")"))
    for prefix, suffix in (*beginning, ("", "")):
        yield prefix, f"{closing}{suffix}"
        yield prefix, f" {HOLE}{closing}{suffix}"
        if closing:
            yield prefix, f"{closing} AS {_REST}{suffix}"
            yield prefix, f" {HOLE}{closing} AS {_REST} ON true{suffix}"
