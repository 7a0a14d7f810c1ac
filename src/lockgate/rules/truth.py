"""What is certain of a CHECK in a row of which some columns are NULL: SQL's logic of three values, and "unknown" where
the other columns decide."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from lockgate.rules.model import Constraint, Relation, Scene

Value = Any  # True, False, None (NULL), or "unknown"


class Truth(NamedTuple):
    """A condition's value, and the columns that it asks."""

    value: Value
    columns: frozenset[str]


def over_new_columns(scene: Scene, key: Constraint) -> Truth | None:
    """A CHECK over columns that the migration adds without a value: False where every row breaks it, "unknown" where the
    other columns decide; None where no row breaks it for that, or there is no such column. ``columns`` are those."""
    was, now = scene.before.find(Relation, key.relation), scene.after.find(Relation, key.relation)
    if was is None or now is None or not key.expression:
        return None
    known = {a.num for a in was.attributes}
    added = [a for a in now.attributes if a.num not in known]
    empty = frozenset(a.name for a in added if not (a.has_default or a.identity or a.generated or a.notnull))
    truth = of_row(json.loads(key.expression), empty) if empty else None
    if truth is None or truth.value is True or truth.value is None or not empty & truth.columns:
        return None
    return Truth(truth.value, empty & truth.columns)


def of_row(node: Any, empty: frozenset[str]) -> Truth:
    """A raw expression over a row in which the columns ``empty`` are NULL. Functions and whatever is not followed here
    are unknown."""
    if not isinstance(node, dict):
        return Truth("unknown", frozenset())
    (kind, value), *_ = node.items()
    match kind:
        case "ColumnRef":
            name = str(value.get("fields", [{}])[-1].get("String", {}).get("sval", ""))
            return Truth(None if name in empty else "unknown", frozenset({name}))
        case "A_Const":
            return Truth(_constant(value), frozenset())
        case "TypeCast":
            inner = of_row(value.get("arg"), empty)
            return inner if inner.value is None or isinstance(inner.value, bool) else inner._replace(value="unknown")
        case "NullTest":
            return _null_test(value, empty)
        case "BoolExpr":
            return _boolean(value, empty)
        case "A_Expr":
            return _compared(value, empty)
    return Truth("unknown", _columns(node))


def _constant(value: Any) -> Value:
    if value.get("isnull"):
        return None
    return bool(value["boolval"].get("boolval")) if "boolval" in value else "unknown"


def _null_test(value: Any, empty: frozenset[str]) -> Truth:
    inner = of_row(value.get("arg"), empty)
    if "RowExpr" in value.get("arg", {}) or inner.value == "unknown":
        return Truth("unknown", inner.columns)
    return Truth((inner.value is None) == (value.get("nulltesttype") == "IS_NULL"), inner.columns)


def _boolean(value: Any, empty: frozenset[str]) -> Truth:
    parts = [of_row(arg, empty) for arg in value.get("args", ())]
    columns = frozenset().union(*(part.columns for part in parts))
    values = [part.value for part in parts]
    match value.get("boolop"):
        case "NOT_EXPR":
            one = values[0]
            return Truth(not one if isinstance(one, bool) else one, columns)
        case "AND_EXPR":
            strong, weak = False, True
        case _:
            strong, weak = True, False
    if strong in values:
        return Truth(strong, columns)
    if "unknown" in values:
        return Truth("unknown", columns)
    return Truth(None if None in values else weak, columns)


def _compared(value: Any, empty: frozenset[str]) -> Truth:
    """Operators give NULL for NULL; = and <> of two known truths are told."""
    sides = [of_row(value[side], empty) for side in ("lexpr", "rexpr") if side in value]
    columns = frozenset().union(*(side.columns for side in sides))
    values = [side.value for side in sides]
    kind, operator = value.get("kind", "AEXPR_OP"), value.get("name", [{}])[-1].get("String", {}).get("sval", "")
    if kind not in ("AEXPR_OP", "AEXPR_IN", "AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_BETWEEN"):
        return Truth("unknown", _columns(value))
    if None in values[: 2 if kind == "AEXPR_OP" else 1]:
        return Truth(None, columns)
    if operator in ("=", "<>") and len(values) == 2 and all(isinstance(v, bool) for v in values):
        return Truth((values[0] == values[1]) == (operator == "="), columns)
    return Truth("unknown", columns | _columns(value))


def _columns(value: Any) -> frozenset[str]:
    """Every column of an expression."""
    if isinstance(value, list):
        return frozenset().union(*map(_columns, value))
    if not isinstance(value, dict):
        return frozenset()
    if "ColumnRef" in value:
        return frozenset({str(value["ColumnRef"].get("fields", [{}])[-1].get("String", {}).get("sval", ""))})
    return frozenset().union(*map(_columns, value.values()))
