"""One routine's body as a DO block that lets the server plan each of its static queries, with the declared variables, and run none.

``EXPLAIN query`` is planned with PL/pgSQL's own name resolution, so variables, records, NEW and OLD, and ``#variable_conflict`` mean what they
mean in the routine (pl_comp.c, plpgsql_parser_setup). A record gets its columns from its query with ``WHERE false``. What is not certain is
left out: a body check may miss something, it must not invent anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockgate.live.backend import quote
from lockgate.values import dataclass

_PLANNED = re.compile(r"\s*\(*\s*(select|insert|update|delete|with|values|merge|table)\b", re.IGNORECASE)
_READS = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
_ALIAS = re.compile(r"^\s*(\w+)\s+alias\s+for\s+(\$?\w+)", re.IGNORECASE | re.MULTILINE)
_CONFLICT = re.compile(r"#variable_conflict\s+\w+")
_PARAMETER = re.compile(r"\$(\d+)")
_OWN = frozenset({"found", "new", "old"})
_TRIGGER_VARIABLES = {
    "tg_name": "name", "tg_when": "text", "tg_level": "text", "tg_op": "text", "tg_relid": "oid", "tg_relname": "name", "tg_table_name": "name",
    "tg_table_schema": "name", "tg_nargs": "int", "tg_argv": "text[]", "tg_event": "text", "tg_tag": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """An SQL query or expression inside a body."""

    line: int
    text: str  # as the parser hands it out
    sql: str  # the query to plan
    record: str = ""  # the record that takes its columns


def queries(tree: dict[str, Any]) -> list[Query]:
    """The static queries of a ``PLpgSQL_function`` tree, in order."""
    cursors = _cursors(tree)
    return [query for query in _walk(tree.get("action", {}), 0, cursors) if query.sql]


def _cursors(tree: dict[str, Any]) -> dict[int, str]:
    out = {}
    for number, datum in enumerate(tree.get("datums", ())):
        explicit = datum.get("PLpgSQL_var", {}).get("cursor_explicit_expr")
        if explicit:
            out[number] = explicit["PLpgSQL_expr"]["query"]
    return out


def _walk(node: Any, line: int, cursors: dict[int, str]) -> Iterator[Query]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, line, cursors)
        return
    if not isinstance(node, dict):
        return
    line = node.get("lineno", line)
    if "PLpgSQL_expr" in node:
        yield _query(node["PLpgSQL_expr"], line, "")
        return
    yield from _record_query(node, line, cursors)
    for key, value in node.items():
        if key in ("target", "var"):
            continue
        if key in ("sqlstmt", "query") and _record(node):
            continue
        yield from _walk(value, line, cursors)


def _record_query(node: dict[str, Any], line: int, cursors: dict[int, str]) -> Iterator[Query]:
    """A statement that fills a record: FOR r IN query, SELECT INTO r, FOR r IN cursor, FETCH cursor INTO r."""
    record = _record(node)
    if not record:
        return
    for key in ("sqlstmt", "query"):
        if "PLpgSQL_expr" in node.get(key, {}):
            dynamic = key == "query" and node[key]["PLpgSQL_expr"].get("parseMode") == 2
            yield _query(node[key]["PLpgSQL_expr"], line, "" if dynamic else record)
    if node.get("curvar") in cursors:
        text = cursors[node["curvar"]]
        yield _query({"query": text, "parseMode": 0}, line, record)


def _record(node: dict[str, Any]) -> str:
    for key in ("target", "var"):
        held = node.get(key)  # a name may be a plain value: an argument called "target"
        if isinstance(held, dict) and "PLpgSQL_rec" in held:
            return str(node[key]["PLpgSQL_rec"].get("refname", ""))
    return ""


def _query(expression: dict[str, Any], line: int, record: str) -> Query:
    text, mode = expression.get("query", ""), expression.get("parseMode", 0)
    if "__Case__Variable" in text:  # its type is known only at run time
        return Query(line, text, "")
    if mode == 0:
        readable = bool(_READS.match(text)) and not _WRITES.search(text)
        return Query(line, text, text if _PLANNED.match(text) else "", record if readable else "")
    if mode >= 3:
        text = re.split(r":=|=", text, maxsplit=1)[-1]
    return Query(line, text.strip(), f"SELECT {text}")


def probe(tree: dict[str, Any], source: str, name: str, table: str, trigger: bool) -> str:
    """The DO block. ``table``: schema-qualified and quoted, whose rows NEW and OLD are; "" where unknown."""
    declared = list(_declarations(tree, source, trigger))
    first: dict[str, str] = {}
    for _, variable, kind in declared:
        first.setdefault(variable, kind)
    lines = [*(_CONFLICT.findall(source)[:1]), f"<<{quote(name)}>>", "DECLARE"]
    if trigger:
        lines += [f"new {table or 'record'};", f"old {table or 'record'};"]
    lines += [f"{quote(variable)} {kind};" for variable, kind in first.items()]
    lines += ["lg_line text;", "BEGIN"]
    for number, query in enumerate(queries(tree)):
        local = [f"{quote(variable)} {kind};" for variable, kind in _shadows(declared, first, query.line)]
        sql = _PARAMETER.sub(r"lg_arg_\1", query.sql)
        if query.record:
            action = f"SELECT * INTO {quote(query.record)} FROM ({sql}\n) lg_query WHERE false;"
        else:
            action = f"FOR lg_line IN EXPLAIN {sql}\n LOOP EXIT; END LOOP;"
        # RAISE's format string takes no expressions, so the number stands in it
        report = f"RAISE NOTICE 'lg {number} % %', SQLSTATE, SQLERRM;"
        lines.append(f"{'DECLARE ' + ' '.join(local) if local else ''} BEGIN {action} EXCEPTION WHEN OTHERS THEN {report} END;")
    lines.append("END")
    body = "\n".join(lines)
    tag = "$lockgate$"
    while tag in body:
        tag = tag[:-1] + "_$"
    return f"DO {tag}\n{body}\n{tag}"


def _declarations(tree: dict[str, Any], source: str, trigger: bool) -> Iterator[tuple[int, str, str]]:
    """Line, name and type of every variable; the same name may come twice, from nested blocks."""
    seen: dict[str, str] = {}
    for datum in tree.get("datums", ()):
        ((kind, body),) = datum.items()
        name = body.get("refname", "")
        if kind not in ("PLpgSQL_var", "PLpgSQL_rec") or not name or name.lower() in _OWN or name.startswith("__"):
            continue
        if name.startswith("$"):
            name = f"lg_arg_{name[1:]}"
        type_name = "record" if kind == "PLpgSQL_rec" else body.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "text")
        if trigger and name.lower() in _TRIGGER_VARIABLES:
            continue
        seen[name] = type_name
        yield body.get("lineno", 0), name, type_name
    for alias, target in _ALIAS.findall(source):
        original = f"lg_arg_{target[1:]}" if target.startswith("$") else target.lower()
        if original in seen and alias.lower() not in seen:
            yield 0, alias.lower(), seen[original]
    if trigger:
        yield from ((0, name, kind) for name, kind in _TRIGGER_VARIABLES.items())


def _shadows(declared: list[tuple[int, str, str]], first: dict[str, str], line: int) -> Iterator[tuple[str, str]]:
    """Variables that at this line have another type than the first of their name: the last declaration above counts."""
    nearest: dict[str, str] = {}
    for at, name, kind in declared:
        if at <= line:
            nearest[name] = kind
    yield from ((name, kind) for name, kind in nearest.items() if first[name] != kind)
