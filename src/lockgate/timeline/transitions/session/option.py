"""Storage parameters (src/backend/access/common/reloptions.c)."""

from __future__ import annotations

from typing import Any

from lockgate.timeline.context import Context
from lockgate.timeline.transitions.object.creation import flag_of

_AUTOVACUUM = frozenset(
    [
        "autovacuum_enabled",
        "autovacuum_vacuum_threshold",
        "autovacuum_vacuum_insert_threshold",
        "autovacuum_analyze_threshold",
        "autovacuum_vacuum_cost_limit",
        "autovacuum_freeze_min_age",
        "autovacuum_multixact_freeze_min_age",
        "autovacuum_freeze_max_age",
        "autovacuum_multixact_freeze_max_age",
        "autovacuum_freeze_table_age",
        "autovacuum_multixact_freeze_table_age",
        "log_autovacuum_min_duration",
        "vacuum_index_cleanup",
        "vacuum_truncate",
        "autovacuum_vacuum_scale_factor",
        "autovacuum_vacuum_insert_scale_factor",
        "autovacuum_analyze_scale_factor",
        "autovacuum_vacuum_cost_delay",
        "autovacuum_vacuum_max_threshold",
        "vacuum_max_eager_freeze_failure_rate",
    ]
)
HEAP = _AUTOVACUUM | {"fillfactor", "toast_tuple_target", "parallel_workers", "user_catalog_table", "oids"}
VIEW = frozenset({"security_barrier", "security_invoker", "check_option"})
_VIEW_WORDS = {"v": VIEW}


def check_storage_options(ctx: Context, options: list[Any], kind: str) -> None:
    """22023 for a parameter that this kind of relation does not know; those of extensions' namespaces too."""
    allowed = VIEW if kind == "v" else HEAP
    for item in options:
        option = item["DefElem"]
        name, location = option.get("defname", ""), option.get("location", 0)
        space = option.get("defnamespace", "")
        if space and space != "toast":
            raise ctx.refuse("22023", f'unrecognized parameter namespace "{space}"', location, name=space, kind="other")
        if kind == "p" and name in HEAP and name not in ("oids",):
            raise ctx.refuse(
                "22023" if ctx.catalog.major < 16 else "42809",
                f'unrecognized parameter "{name}"'
                if ctx.catalog.major < 16
                else "cannot specify storage parameters for a partitioned table",
                location,
                name=name,
                kind="other",
            )
        if name not in (_AUTOVACUUM if space else allowed):
            raise ctx.refuse("22023", f'unrecognized parameter "{name}"', location, name=name, kind="other")
        if name == "oids" and flag_of(option):
            raise ctx.refuse("0A000", "tables declared WITH OIDS are not supported", location, name=name, kind="other")
        if name == "fillfactor":
            value = option.get("arg", {}).get("Integer", {}).get("ival")
            if value is not None and not 10 <= value <= 100:
                raise ctx.refuse(
                    "22023", f'value {value} out of bounds for option "fillfactor"', location, name=name, kind="other"
                )
