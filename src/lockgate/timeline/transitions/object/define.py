"""CREATE of what the grammar calls DefineStmt: aggregates, operators, types, collations, text search objects."""

from __future__ import annotations

from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.routine import aggregate
from lockgate.timeline.transitions.type import collation, operator, text_search
from lockgate.timeline.transitions.type.type import define_type

_KINDS = {
    "OBJECT_AGGREGATE": aggregate.define_aggregate,
    "OBJECT_OPERATOR": operator.define_operator,
    "OBJECT_TYPE": define_type,
    "OBJECT_COLLATION": collation.define_collation,
    "OBJECT_TSPARSER": text_search.define_parser,
    "OBJECT_TSDICTIONARY": text_search.define_dictionary,
    "OBJECT_TSTEMPLATE": text_search.define_template,
    "OBJECT_TSCONFIGURATION": text_search.define_configuration,
}


def define(ctx: Context, node: Node) -> None:
    """ProcessUtilitySlow's T_DefineStmt."""
    _KINDS[node["kind"]](ctx, node)


HANDLERS = {"DefineStmt": define}
