"""CURRENT_DATE and its kin, XML and JSON expressions (parse_expr.c)."""

from __future__ import annotations

from typing import Any

from lockgate.timeline.binder.coercion import ASSIGNMENT, EXPLICIT, UNKNOWN, coerce_to_target, coerce_type, shown
from lockgate.timeline.binder.recurse import expr
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.types import resolve_type
from lockgate.timeline.context import Node

BOOL, TEXT, XML, JSON, JSONB, BYTEA = 16, 25, 142, 114, 3802, 17
_VALUES = {"DATE": 1082, "TIME": 1266, "TIMESTAMP": 1184, "LOCALTIME": 1083, "LOCALTIMESTAMP": 1114}


def sql_value(state: State, body: Node) -> Term:
    """CURRENT_TIMESTAMP, CURRENT_USER, ..."""
    word = body.get("op", "").removeprefix("SVFOP_").removeprefix("CURRENT_")
    precise = word.endswith("_N")
    type_oid = _VALUES.get(word.removesuffix("_N"), 19)
    state.gathered.worse("s")
    typmod = min(body.get("typmod", -1 if not precise else 0), 6) if precise else -1
    return Term("sqlvalue", type_oid, typmod, (), body.get("op"), body.get("location", 0))


def xml(state: State, body: Node) -> Term:
    """XMLELEMENT, XMLFOREST, IS DOCUMENT, ..."""
    at, op = body.get("location", 0), body.get("op", "")
    terms = []
    for item in body.get("named_args", []):
        target = item["ResTarget"]
        if not target.get("name") and "ColumnRef" not in target["val"]:
            word = "XML attribute value" if op == "IS_XMLELEMENT" else "XML element value"
            raise state.ctx.refuse("42601", f"unnamed {word} must be a column reference", target.get("location", at))
        terms.append(expr(state, target["val"]))
    for item in body.get("args", []):
        term = expr(state, item)
        wanted = {"IS_XMLCONCAT": XML, "IS_DOCUMENT": XML, "IS_XMLPI": TEXT}.get(op, 0)
        if op in ("IS_XMLPARSE", "IS_XMLROOT") and not terms:
            wanted = TEXT if op == "IS_XMLPARSE" else XML
        if wanted and term.type and term.type != wanted:
            converted = coerce_to_target(state, term, wanted, -1, ASSIGNMENT)
            if converted is None:
                words = {"IS_DOCUMENT": "IS DOCUMENT"}.get(op, op.removeprefix("IS_"))
                message = f"argument of {words} must be type {shown(state, wanted)}, not type {shown(state, term.type)}"
                raise state.ctx.refuse("42804", message, term.loc)
            term = converted
        terms.append(term)
    return Term("xml", BOOL if op == "IS_DOCUMENT" else XML, -1, tuple(terms), op, at)


def xml_serialize(state: State, body: Node) -> Term:
    """XMLSERIALIZE(... AS type)."""
    target = resolve_type(state.ctx, body["typeName"])
    return Term(
        "xml", target.oid, target.typmod, (expr(state, body["expr"]),), "IS_XMLSERIALIZE", body.get("location", 0)
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


def _value(state: State, node: Any) -> Term:
    """A JsonValueExpr, wrapped or bare."""
    body = node.get("JsonValueExpr", node)
    term = expr(state, body["raw_expr"]) if "raw_expr" in body else expr(state, node)
    if term.type == UNKNOWN:
        term = coerce_type(state, term, TEXT, -1, 0)
    return term


def _output(state: State, body: Node, default: int) -> tuple[int, int]:
    output = body.get("output")
    if not output or not output.get("typeName"):
        return default, -1
    target = resolve_type(state.ctx, output["typeName"])
    return target.oid, target.typmod


def _constructed(state: State, body: Node, terms: list[Term], op: str) -> Term:
    default = JSONB if any(t.type == JSONB for t in terms) else JSON
    result, typmod = _output(state, body, default)
    return Term("json", result, typmod, tuple(terms), op, body.get("location", 0))


def json_object(state: State, body: Node) -> Term:
    """JSON_OBJECT(k: v, ...)."""
    terms = []
    for item in body.get("exprs", []):
        pair = item["JsonKeyValue"]
        terms += [expr(state, pair["key"]), _value(state, pair["value"])]
    return _constructed(state, body, terms, "object")


def json_array(state: State, body: Node) -> Term:
    """JSON_ARRAY(...)."""
    return _constructed(state, body, [_value(state, item) for item in body.get("exprs", [])], "array")


def json_array_query(state: State, body: Node) -> Term:
    """JSON_ARRAY(SELECT ...)."""
    link = {"SubLink": {"subLinkType": "EXPR_SUBLINK", "subselect": body["query"], "location": body.get("location", 0)}}
    return _constructed(state, body, [expr(state, link)], "array_query")


def _json_aggregate(state: State, body: Node, terms: list[Term], op: str) -> Term:
    from lockgate.timeline.binder.aggregates import decorated

    inner = body.get("constructor", {})
    default = JSONB if any(t.type == JSONB for t in terms) else JSON
    result, typmod = _output(state, inner, default)
    term = Term("agg", result, typmod, tuple(terms), (op, None), inner.get("location", 0))
    call = {"agg_order": inner.get("agg_order", []), "agg_filter": inner.get("agg_filter"), "over": inner.get("over")}
    return decorated(state, term, call)


def json_object_aggregate(state: State, body: Node) -> Term:
    """JSON_OBJECTAGG(k: v)."""
    pair = body["arg"]
    return _json_aggregate(state, body, [expr(state, pair["key"]), _value(state, pair["value"])], "json_objectagg")


def json_array_aggregate(state: State, body: Node) -> Term:
    """JSON_ARRAYAGG(v)."""
    return _json_aggregate(state, body, [_value(state, body["arg"])], "json_arrayagg")


def json_predicate(state: State, body: Node) -> Term:
    """IS JSON."""
    at = body.get("location", 0)
    term = expr(state, body["expr"])
    if term.type and term.type not in (UNKNOWN, TEXT, JSON, JSONB, BYTEA):
        from lockgate.catalog.typename import base_type
        from lockgate.timeline.binder.coercion import category

        if category(state.catalog, base_type(state.catalog, term.type)[0])[0] != "S":
            raise state.ctx.refuse("42804", f"cannot use type {shown(state, term.type)} in IS JSON predicate", term.loc)
    return Term("json", BOOL, -1, (term,), "is_json", at)


def json_parse(state: State, body: Node) -> Term:
    """JSON(...)."""
    result, typmod = _output(state, body, JSON)
    return Term("json", result, typmod, (_value(state, body["expr"]),), "json", body.get("location", 0))


def json_scalar(state: State, body: Node) -> Term:
    """JSON_SCALAR(...)."""
    result, typmod = _output(state, body, JSON)
    term = expr(state, body["expr"])
    return Term("json", result, typmod, (term,), "json_scalar", body.get("location", 0))


def json_serialize(state: State, body: Node) -> Term:
    """JSON_SERIALIZE(... RETURNING type)."""
    result, typmod = _output(state, body, TEXT)
    return Term("json", result, typmod, (_value(state, body["expr"]),), "json_serialize", body.get("location", 0))


def json_function(state: State, body: Node) -> Term:
    """JSON_EXISTS, JSON_QUERY, JSON_VALUE."""
    op = body.get("op", "JSON_EXISTS_OP")
    terms = [_value(state, body["context_item"]), expr(state, body["pathspec"])]
    for item in body.get("passing", []):
        argument = item["JsonArgument"]
        terms.append(_value(state, argument["val"]))
    result, typmod = _output(state, body, {"JSON_EXISTS_OP": BOOL, "JSON_QUERY_OP": JSONB}.get(op, TEXT))
    for field in ("on_empty", "on_error"):
        behavior = body.get(field)
        if behavior and behavior.get("expr"):
            term = expr(state, behavior["expr"])
            terms.append(coerce_to_target(state, term, result, typmod, EXPLICIT) or term)
    return Term("json", result, typmod, tuple(terms), op, body.get("location", 0))


def merge_support(state: State, body: Node) -> Term:
    """merge_action()."""
    one: State | None = state
    while one is not None:
        if one.kind == "returning" and one.merge_when:
            return Term("sqlvalue", TEXT, -1, (), "merge_action", body.get("location", 0))
        one = one.parent
    message = "MERGE_ACTION() can only be used in the RETURNING list of a MERGE command"
    raise state.ctx.refuse("42601", message, body.get("location", 0))


def current_of(state: State, body: Node) -> Term:
    """WHERE CURRENT OF cursor."""
    state.gathered.worse("v")
    return Term("currentof", BOOL, -1, (), body.get("cursor_name"), -1)


HANDLERS = {
    "SQLValueFunction": sql_value,
    "XmlExpr": xml,
    "XmlSerialize": xml_serialize,
    "JsonObjectConstructor": json_object,
    "JsonArrayConstructor": json_array,
    "JsonArrayQueryConstructor": json_array_query,
    "JsonObjectAgg": json_object_aggregate,
    "JsonArrayAgg": json_array_aggregate,
    "JsonIsPredicate": json_predicate,
    "JsonParseExpr": json_parse,
    "JsonScalarExpr": json_scalar,
    "JsonSerializeExpr": json_serialize,
    "JsonFuncExpr": json_function,
    "MergeSupportFunc": merge_support,
    "CurrentOfExpr": current_of,
    "JsonValueExpr": _value,
}
