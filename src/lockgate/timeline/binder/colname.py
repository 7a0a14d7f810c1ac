"""The names of result columns (FigureColname in parse_target.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.timeline.context import Node

_FIXED = {
    "GroupingFunc": "grouping",
    "MergeSupportFunc": "merge_action",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "CoalesceExpr": "coalesce",
    "XmlSerialize": "xmlserialize",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_VALUES = {
    "SVFOP_CURRENT_DATE": "current_date",
    "SVFOP_CURRENT_TIME": "current_time",
    "SVFOP_CURRENT_TIME_N": "current_time",
    "SVFOP_CURRENT_TIMESTAMP": "current_timestamp",
    "SVFOP_CURRENT_TIMESTAMP_N": "current_timestamp",
    "SVFOP_LOCALTIME": "localtime",
    "SVFOP_LOCALTIME_N": "localtime",
    "SVFOP_LOCALTIMESTAMP": "localtimestamp",
    "SVFOP_LOCALTIMESTAMP_N": "localtimestamp",
    "SVFOP_CURRENT_ROLE": "current_role",
    "SVFOP_CURRENT_USER": "current_user",
    "SVFOP_USER": "user",
    "SVFOP_SESSION_USER": "session_user",
    "SVFOP_CURRENT_CATALOG": "current_catalog",
    "SVFOP_CURRENT_SCHEMA": "current_schema",
}
_XML = {
    "IS_XMLCONCAT": "xmlconcat",
    "IS_XMLELEMENT": "xmlelement",
    "IS_XMLFOREST": "xmlforest",
    "IS_XMLPARSE": "xmlparse",
    "IS_XMLPI": "xmlpi",
    "IS_XMLROOT": "xmlroot",
    "IS_XMLSERIALIZE": "xmlserialize",
}
_JSON = {"JSON_EXISTS_OP": "json_exists", "JSON_QUERY_OP": "json_query", "JSON_VALUE_OP": "json_value"}


def column_name(node: Node | None) -> str:
    """The name of a result column without AS."""
    return figure(node)[1] or "?column?"


def figure(node: Node | None) -> tuple[int, str]:
    """The strength of the name found, and the name: 2 a good one, 1 from a type, 0 none."""
    if not node:
        return 0, ""
    ((tag, body),) = node.items()
    if tag in _FIXED:
        return 2, _FIXED[tag]
    handler = _HANDLERS.get(tag)
    return handler(body) if handler else (0, "")


def _last(names: list[Any]) -> str:
    words = [n["String"].get("sval", "") for n in names if "String" in n]
    return words[-1] if words else ""


def _indirection(body: Node) -> tuple[int, str]:
    name = _last(body.get("indirection", []))
    return (2, name) if name else figure(body.get("arg"))


def _column(body: Node) -> tuple[int, str]:
    name = _last(body["fields"])
    return (2, name) if name else (0, "")


def _cast(body: Node) -> tuple[int, str]:
    found = figure(body.get("arg"))
    if found[0] <= 1:
        return 1, _last(body["typeName"].get("names", []))
    return found


def _sublink(body: Node) -> tuple[int, str]:
    kind = body.get("subLinkType")
    if kind == "EXISTS_SUBLINK":
        return 2, "exists"
    if kind == "ARRAY_SUBLINK":
        return 2, "array"
    if kind == "EXPR_SUBLINK":
        query = body["subselect"].get("SelectStmt", {})
        while query.get("larg"):
            query = query["larg"]
        targets = query.get("targetList", [])
        if targets:
            target = targets[0]["ResTarget"]
            return 2, target.get("name") or column_name(target.get("val"))
        if query.get("valuesLists"):
            return 2, "column1"
    return 0, ""


def _case(body: Node) -> tuple[int, str]:
    found = figure(body.get("defresult"))
    return (1, "case") if found[0] <= 1 else found


_HANDLERS: dict[str, Callable[[Node], tuple[int, str]]] = {
    "ColumnRef": _column,
    "A_Indirection": _indirection,
    "FuncCall": lambda b: (2, _last(b["funcname"])),
    "A_Expr": lambda b: (2, "nullif") if b.get("kind") == "AEXPR_NULLIF" else (0, ""),
    "TypeCast": _cast,
    "CollateClause": lambda b: figure(b.get("arg")),
    "SubLink": _sublink,
    "CaseExpr": _case,
    "MinMaxExpr": lambda b: (2, "least" if b.get("op") == "IS_LEAST" else "greatest"),
    "SQLValueFunction": lambda b: (2, _VALUES.get(b.get("op", ""), "")),
    "XmlExpr": lambda b: (2, _XML.get(b.get("op", ""), "")) if b.get("op") in _XML else (0, ""),
    "JsonFuncExpr": lambda b: (2, _JSON.get(b.get("op", "JSON_EXISTS_OP"), "")),
}
