"""Names and constants as SQL text: the one place where anything is quoted (src/backend/utils/adt/quote.c)."""

from __future__ import annotations

import re

from lockgate.base.keywords import KEPT_SINCE

# every keyword that is not unreserved (src/include/parser/kwlist.h): quote_identifier quotes them
KEYWORDS = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "between",
        "bigint",
        "binary",
        "bit",
        "boolean",
        "both",
        "case",
        "cast",
        "char",
        "character",
        "check",
        "coalesce",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "dec",
        "decimal",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "exists",
        "extract",
        "false",
        "fetch",
        "float",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "grant",
        "greatest",
        "group",
        "grouping",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "inout",
        "int",
        "integer",
        "intersect",
        "interval",
        "into",
        "is",
        "isnull",
        "join",
        "json",
        "json_array",
        "json_arrayagg",
        "json_exists",
        "json_object",
        "json_objectagg",
        "json_query",
        "json_scalar",
        "json_serialize",
        "json_table",
        "json_value",
        "lateral",
        "leading",
        "least",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "merge_action",
        "national",
        "natural",
        "nchar",
        "none",
        "normalize",
        "not",
        "notnull",
        "null",
        "nullif",
        "numeric",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "out",
        "outer",
        "overlaps",
        "overlay",
        "placing",
        "position",
        "precision",
        "primary",
        "real",
        "references",
        "returning",
        "right",
        "row",
        "select",
        "session_user",
        "setof",
        "similar",
        "smallint",
        "some",
        "substring",
        "symmetric",
        "system_user",
        "table",
        "tablesample",
        "then",
        "time",
        "timestamp",
        "to",
        "trailing",
        "treat",
        "trim",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "values",
        "varchar",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
        "xmlattributes",
        "xmlconcat",
        "xmlelement",
        "xmlexists",
        "xmlforest",
        "xmlnamespaces",
        "xmlparse",
        "xmlpi",
        "xmlroot",
        "xmlserialize",
        "xmltable",
    ]
)
_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def quote_identifier(name: str, major: int = 0) -> str:
    """The name as the server prints it, in quotes only where it needs them (ruleutils.c quote_identifier); as the
    newest one, or as ``major``."""
    keyword = name in KEYWORDS and not (major and KEPT_SINCE.get(name, 0) > major)
    return name if _PLAIN.match(name) and not keyword else quote(name)


def quote(name: str) -> str:
    """The name in quotes, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def qualified(*names: str) -> str:
    """A name with its schema before it, each in quotes; empty parts are left out."""
    return ".".join(map(quote, filter(None, names)))


def split_name(name: str) -> list[str]:
    """The parts of a name with schemas before it, without their quotes: what ``qualified`` and the server put together."""
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in _PART.findall(name)]


def literal(text: str) -> str:
    """A string constant, whatever standard_conforming_strings says (quote.c quote_literal_internal)."""
    return ("E'" if "\\" in text else "'") + text.replace("'", "''").replace("\\", "\\\\") + "'"
