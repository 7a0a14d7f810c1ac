"""What valid CHECKs prove of every row, so that nobody has to look (predicate_implied_by in
src/backend/optimizer/util/predtest.c, as ConstraintImpliedByRelConstraint asks it: weakly, where a CHECK that is NULL
counts as passed).

Only simple cases are proven: IS [NOT] NULL, comparisons of a column with a constant, AND, OR, NOT over these. What is not
proven here is taken for scanned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Relation
from lockgate.parse.statement import Node

# ("and" | "or", parts) | ("null" | "set", column) | (operator, column, value) | ("other", text)
Claim = tuple[Any, ...]
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "<>", "<>": "="}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}


def not_null_proof(catalog: Catalog, relation: Relation, name: str, among: Iterable[Constraint]) -> str:
    """The valid CHECK that proves a column free of NULLs (NotNullImpliedByRelConstraints); "" where none does."""
    for check in valid_checks(among):
        if implies(claim_of(check), ("set", name)):
            return check.name
    return ""


def valid_checks(constraints: Iterable[Constraint]) -> Iterable[Constraint]:
    """The CHECKs that every row is known to pass."""
    return (c for c in constraints if c.kind == "c" and c.validated and c.expression)


def bound_proven(catalog: Catalog, relation: Relation, wanted: Claim) -> bool:
    """Whether CHECKs and NOT NULL of a table prove what a partition bound asks (PartConstraintImpliedByRelConstraint)."""
    own = catalog.of_relation(relation.oid, Constraint)
    loose = {n for c in own if c.kind == "n" and not c.validated for n in c.keys}
    known: list[Claim] = [("set", a.name) for a in relation.attributes if a.notnull and a.num not in loose]
    known += [claim_of(c) for c in valid_checks(own)]
    return implies(("and", tuple(known)), wanted)


def claim_of(check: Constraint) -> Claim:
    """What a CHECK says."""
    return claim(msgspec.json.decode(check.expression))


def claim(node: Node) -> Claim:
    """An expression as claims about columns."""
    if "BoolExpr" in node:
        return _boolean(node["BoolExpr"])
    if "NullTest" in node:
        test = node["NullTest"]
        set_ = test.get("nulltesttype") == "IS_NOT_NULL"
        name = _column(test.get("arg", {}))
        if name:
            return ("set" if set_ else "null", name)
        row = [_column(value) for value in test.get("arg", {}).get("RowExpr", {}).get("args", ())]
        if row and all(row):  # every field of it, either way
            return ("and", tuple(("set" if set_ else "null", one) for one in row))
    if "A_Expr" in node:
        return _comparison(node, node["A_Expr"])
    return _other(node)


def _boolean(node: Node) -> Claim:
    parts = tuple(claim(arg) for arg in node.get("args", ()))
    match node.get("boolop"):
        case "AND_EXPR":
            return ("and", parts)
        case "OR_EXPR":
            return ("or", parts)
    return negated(parts[0])


def negated(one: Claim) -> Claim:
    """NOT of it."""
    match one[0]:
        case "and" | "or":
            return ("or" if one[0] == "and" else "and", tuple(map(negated, one[1])))
        case "null":
            return ("set", one[1])
        case "set":
            return ("null", one[1])
        case "other":
            return ("other", f"not {one[1]}")
    return (_OPPOSITE[one[0]], *one[1:])


def _comparison(whole: Node, node: Node) -> Claim:
    kind = node.get("kind", "AEXPR_OP")
    operator = node.get("name", [{}])[-1].get("String", {}).get("sval", "")
    left, right = node.get("lexpr", {}), node.get("rexpr", {})
    if kind == "AEXPR_IN" and _column(left):
        values = [constant(v) for v in right.get("List", {}).get("items", ())]
        found = tuple(("=", _column(left), v) for v in values if v is not None)
        if len(found) == len(values):
            return ("or", found) if operator == "=" else negated(("or", found))
    if kind == "AEXPR_OP_ANY" and operator == "=" and _column(left):
        values = [constant(v) for v in _array(right)]
        if values and None not in values:
            return ("or", tuple(("=", _column(left), v) for v in values))
    if kind == "AEXPR_BETWEEN" and _column(left):
        low, high = (constant(v) for v in right.get("List", {}).get("items", ()))
        if low is not None and high is not None:
            return ("and", ((">=", _column(left), low), ("<=", _column(left), high)))
    if kind in ("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"):  # from NULL: make_nulltest_from_distinct
        named = _column(left) if _is_null(right) else _column(right) if _is_null(left) else ""
        return ("set" if kind == "AEXPR_DISTINCT" else "null", named) if named else _other(whole)
    if kind == "AEXPR_OP" and operator in ("=", "<>"):  # simplify_boolean_equality
        for one, other in ((left, right), (right, left)):
            if "boolval" in other.get("A_Const", {}) and not _column(one):
                truth = bool(other["A_Const"]["boolval"].get("boolval"))
                return claim(one) if truth == (operator == "=") else negated(claim(one))
    if kind == "AEXPR_OP" and operator in _OPPOSITE:
        if _column(left) and (value := constant(right)) is not None:
            return (operator, _column(left), value)
        if _column(right) and (value := constant(left)) is not None:
            return (_MIRRORED[operator], _column(right), value)
    return _other(whole)


def _is_null(node: Node) -> bool:
    return bool(node.get("A_Const", {}).get("isnull"))


def _array(node: Node) -> list[Node]:
    while "TypeCast" in node:
        node = node["TypeCast"].get("arg", {})
    elements: list[Node] = node.get("A_ArrayExpr", {}).get("elements", [])
    return elements


def _other(node: Node) -> Claim:
    return ("other", msgspec.json.encode(node, order="sorted").decode())


def _column(node: Node) -> str:
    fields = node.get("ColumnRef", {}).get("fields", [])
    return str(fields[-1].get("String", {}).get("sval", "")) if fields else ""


def constant(node: Node) -> object:
    """A constant's value: a number, or a text; None where it is none (or NULL)."""
    while "TypeCast" in node:
        node = node["TypeCast"].get("arg", {})
    const = node.get("A_Const")
    if const is None:
        return None
    if "ival" in const:
        return int(const["ival"].get("ival", 0))
    if "sval" in const:
        return str(const["sval"].get("sval", ""))
    return None


def implies(known: Claim, wanted: Claim) -> bool:
    """Whether every row for which ``known`` is not false makes ``wanted`` not false."""
    if wanted[0] == "and":
        return all(implies(known, part) for part in wanted[1])
    if known[0] == "or":
        return all(implies(part, wanted) for part in known[1])
    if known[0] == "and" and any(implies(part, wanted) for part in known[1]):
        return True
    if wanted[0] == "or":
        return any(implies(known, part) for part in wanted[1])
    return known == wanted or _follows(known, wanted)


def _follows(known: Claim, wanted: Claim) -> bool:
    """One comparison from another on the same column (operator_predicate_proof)."""
    if len(known) != 3 or len(wanted) != 3 or known[1] != wanted[1]:
        return False
    a, b = known[2], wanted[2]
    numbers = isinstance(a, int) and isinstance(b, int)
    if not numbers and not (_date(a) and _date(b)):
        return known[0] == "=" and wanted[0] == "<>" and type(a) is type(b) and a != b
    match known[0], wanted[0]:
        case "=", ">" | ">=" | "<" | "<=" | "<>":
            return bool(_holds(a, wanted[0], b))
        case ((">" | ">="), (">" | ">=")):
            return bool(a >= b) if known[0] == ">" or wanted[0] == ">=" else bool(a > b)
        case (("<" | "<="), ("<" | "<=")):
            return bool(a <= b) if known[0] == "<" or wanted[0] == "<=" else bool(a < b)
        case ((">" | ">="), "<>"):
            return bool(a >= b) if known[0] == ">" else bool(a > b)
        case (("<" | "<="), "<>"):
            return bool(a <= b) if known[0] == "<" else bool(a < b)
    return False


def _holds(a: Any, operator: str, b: Any) -> bool:
    return bool({">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b, "<>": a != b}[operator])


def _date(value: object) -> bool:
    """Whether a text is an ISO date, whose order as a text is that of the dates."""
    text = value if isinstance(value, str) else ""
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
