"""Words that a newer grammar keeps for itself: written by tools/generate_keywords.py, not by hand."""

from __future__ import annotations

# word -> the first major in which it may not be the name of a function, a type or an argument
KEPT_SINCE: dict[str, int] = {
    "json": 17,
    "json_array": 16,
    "json_arrayagg": 16,
    "json_exists": 17,
    "json_object": 16,
    "json_objectagg": 16,
    "json_query": 17,
    "json_scalar": 17,
    "json_serialize": 17,
    "json_table": 17,
    "json_value": 17,
    "merge_action": 17,
    "system_user": 16,
}
