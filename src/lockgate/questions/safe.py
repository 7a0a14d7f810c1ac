"""Which questions may be sent: their expressions come from the migrations, and run in production."""

from __future__ import annotations

from lockgate.catalog.builtin import builtins
from lockgate.parse.routine import GrammarError, parse_query
from lockgate.parse.statement import nodes

_READS_ALL = frozenset(
    {"current_setting", "query_to_xml", "table_to_xml", "schema_to_xml", "database_to_xml", "ts_stat"}
)


def unsafe(sql: str, major: int) -> str:
    """Why a question is not sent, in words; "" where it is: it is one SELECT, and calls nothing but functions of
    PostgreSQL's own that change nothing and read nothing beside their arguments (provolatile i or s)."""
    try:
        tag, node = parse_query(sql)
    except GrammarError as error:
        return f"it cannot be read: {error}"
    if tag != "SelectStmt":
        return "it is no SELECT"
    known = builtins(major)
    for at in nodes(node):
        if "intoClause" in at or "lockingClause" in at or "withClause" in at:
            return "it is more than a SELECT"
        if "FuncCall" in at:
            names = [part["String"]["sval"] for part in at["FuncCall"].get("funcname", ())]
            found = known.functions("pg_catalog", names[-1]) if names[:-1] in ([], ["pg_catalog"]) else ()
            if not found or any(f.volatile == "v" for f in found) or names[-1] in _READS_ALL:
                return f"it calls {'.'.join(names)}, which may do more than look at a value: run it yourself"
    return ""
