"""SQL function bodies, validated (fmgr_sql_validator, check_sql_fn_retval, interpret_AS_clause)."""

from __future__ import annotations

from lockgate.catalog.objects import Routine
from lockgate.timeline.context import Context


def validate_sql(ctx: Context, routine: Routine) -> None:
    """Parse and analyse every statement of an SQL body, and compare what it returns with the declared type."""
