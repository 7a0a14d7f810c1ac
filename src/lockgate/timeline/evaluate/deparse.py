"""The text that pg_get_expr gives of simple defaults (get_const_expr of src/backend/utils/adt/ruleutils.c)."""

from __future__ import annotations

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.objects import Attribute, Other, Relation
from lockgate.catalog.typename import BOOL, INT4, type_name
from lockgate.parse.statement import Node
from lockgate.timeline.evaluate.functions import quote_literal
from lockgate.timeline.evaluate.value import SOMETHING, Value, truth

_VALUE_FUNCTIONS = {
    "SVFOP_CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "SVFOP_CURRENT_DATE": "CURRENT_DATE",
    "SVFOP_CURRENT_TIME": "CURRENT_TIME",
    "SVFOP_LOCALTIMESTAMP": "LOCALTIMESTAMP",
    "SVFOP_LOCALTIME": "LOCALTIME",
    "SVFOP_CURRENT_USER": "CURRENT_USER",
    "SVFOP_SESSION_USER": "SESSION_USER",
}


def default_text(catalog: Catalog, relation: Relation, attribute: Attribute) -> Value:
    """A column's default as information_schema shows it; SOMETHING where it is not simple."""
    if not attribute.has_default:
        return None
    for default in catalog.of_relation(relation.oid, Other):
        details = default.details
        if isinstance(details, ColumnDefault) and details.column == attribute.num:
            return _expression(catalog, details.node, attribute.type) if details.node is not None else SOMETHING
    return SOMETHING


def _expression(catalog: Catalog, node: Node, target: int) -> Value:
    ((tag, body),) = node.items()
    if tag == "A_Const":
        return _constant(catalog, body, target)
    if tag == "SQLValueFunction":
        return _VALUE_FUNCTIONS.get(body.get("op", ""), SOMETHING)
    if tag == "FuncCall" and not body.get("args") and len(body.get("funcname", ())) == 1:
        name = body["funcname"][0]["String"].get("sval", "")
        return f"{name}()" if catalog.builtins.functions("pg_catalog", name) else SOMETHING
    if (
        tag == "TypeCast"
        and "A_Const" in body["arg"]
        and not body["typeName"].get("typmods")
        and not body["typeName"].get("arrayBounds")
    ):
        found = catalog.builtins.type_by_name("pg_catalog", body["typeName"]["names"][-1]["String"].get("sval", ""))
        constant = body["arg"]["A_Const"]
        if found is not None and ("sval" in constant or constant.get("isnull")):
            return _constant(catalog, constant, found.oid)
    return SOMETHING


def _constant(catalog: Catalog, body: Node, target: int) -> Value:
    if body.get("isnull"):
        return f"NULL::{type_name(catalog, target, None)}"
    if "boolval" in body:
        return "true" if body["boolval"].get("boolval") else "false"
    if "ival" in body:
        value = body["ival"].get("ival", 0)
        return str(value) if value >= 0 else f"'{value}'::integer"
    if "fval" in body:
        shown = str(body["fval"].get("fval", ""))
        return shown if "." in shown and not shown.startswith("-") else SOMETHING
    text = body.get("sval", {}).get("sval", "")
    if target == BOOL:
        found = truth(text)
        return {True: "true", False: "false"}[found] if isinstance(found, bool) else SOMETHING
    if target == INT4:
        return text if text.isdigit() else SOMETHING
    return f"{quote_literal(text).lstrip()}::{type_name(catalog, target, None)}" if target else SOMETHING
