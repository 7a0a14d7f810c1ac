"""Two spellings of one definition: what a server spells anew after a dump and a restore.

PostgreSQL's own spelling is not always a fixed point: ``x IN ('a', 'b')`` on a varchar is shown as the cast of an
array, and read again as an array of casts (parse_coerce.c, coerce_type). A production that was restored once holds the
second spelling of what its migrations make in the first.
"""

from __future__ import annotations

from typing import Any

from lockgate.parse.grammar import GrammarError, parse_json

_AS_SQL = {
    "definition": "{}",
    "default": "SELECT {}",
    "generated": "SELECT {}",
    "using": "SELECT {}",
    "with check": "SELECT {}",
}


def alike(kind: str, name: str, one: Any, other: Any) -> bool:
    """Whether two texts of a property say the same."""
    form = "ALTER TABLE t ADD CONSTRAINT c {}" if kind == "constraint" else _AS_SQL.get(name, "")
    if not (form and isinstance(one, str) and isinstance(other, str)):
        return False
    if name == "generated":  # ends in STORED or VIRTUAL
        (one, _, first), (other, _, second) = one.rpartition(" "), other.rpartition(" ")
        if first != second:
            return False
    try:
        return bool(_plain(parse_json(form.format(one))) == _plain(parse_json(form.format(other))))
    except GrammarError:
        return False


def _plain(node: Any) -> Any:
    """The tree without places, and with the cast of an array as an array of casts."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: _plain(value)
        for key, value in node.items()
        if key not in ("location", "stmt_location", "stmt_len", "list_start", "list_end")
    }
    cast = plain.get("TypeCast")
    if cast and "A_ArrayExpr" in cast["arg"] and cast["typeName"].get("arrayBounds"):
        element = {key: value for key, value in cast["typeName"].items() if key != "arrayBounds"}
        array = cast["arg"]["A_ArrayExpr"]
        return {
            "A_ArrayExpr": array
            | {"elements": [{"TypeCast": {"arg": each, "typeName": element}} for each in array.get("elements", ())]}
        }
    return plain
