"""Our own SQL names pg_catalog's functions, operators and types as such: what a migration makes is never what a query of
ours calls."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pglast.parser import parse_sql_json

import lockgate.oracle
from lockgate.oracle.apply import contents
from lockgate.oracle.apply.plan import ServerWish
from lockgate.oracle.server import backend
from lockgate.oracle.server.qualify import qualified
from lockgate.oracle.server.wire import SocketConnection
from tests.siege import hostile

FOLDER = Path(lockgate.oracle.__file__).parent
_QUERY = re.compile(r"\b(?:SELECT|PERFORM|EXECUTE|FROM|WHERE)\b")
# no alias with its columns (one letter, or after AS or WITH), no statement of ours that was prepared
_CALL = re.compile(r'(?<!AS )(?<!WITH )(?<!RECURSIVE )(?<![\w."}])(?!lockgate_)([a-z_][a-z_0-9]+)\s?\(')
# what stands before a parenthesis and is no function, in lower case; names of our own relations and aliases
_GRAMMAR = frozenset(
    {"in", "and", "or", "not", "exists", "values", "as", "from", "any", "all", "with", "on", "coalesce"}
)


def texts() -> Iterator[tuple[str, int, str]]:
    """Every string of the oracle that reads as a query, what is put into it left out."""
    for path in sorted(set(FOLDER.rglob("*.py")) - {FOLDER / "server" / "stand_ins.py"}):  # scripts of extensions
        tree = ast.parse(path.read_text())
        documents = {
            id(n.body[0].value)
            for n in ast.walk(tree)
            if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)) and n.body and isinstance(n.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documents
                and _QUERY.search(node.value)
            ):
                yield str(path.relative_to(FOLDER)), node.lineno, node.value


def unqualified(sql: str) -> list[str]:
    """Calls without a schema, of a text without its constants, quoted names and comments."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*", "''", sql)
    return [name for name in _CALL.findall(bare) if name not in _GRAMMAR]


def test_every_function_is_qualified() -> None:
    found = {f"{path}:{line}: {name}()" for path, line, sql in texts() for name in unqualified(sql)}
    assert not found, "\n".join(sorted(found))


def test_it_would_tell() -> None:
    assert unqualified("SELECT count(*), pg_catalog.max(x) FROM t WHERE a IN (1) AND 'f(x)' = \"g(\" -- h(") == [
        "count"
    ]
    assert sum(1 for _ in texts()) > 50


# --- what is sent ---------------------------------------------------------------------------------------------------------

# they make us look at owners, publications, extensions, bodies, memberships, baselines, definitions and down scripts
PLAYED = (
    "owner_of_every_kind publication_where_row extension_changed bodies baseline_quoting code_in_definitions shadows"
)
_IMPLICIT = ("IN", "LIKE", "ILIKE", "BETWEEN", "NOT_BETWEEN", "NULLIF", "DISTINCT", "NOT_DISTINCT")
_OUR_PATH = "search_path = pg_catalog, pg_temp"


def nodes(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(tree, dict):
        for name, inner in tree.items():
            if isinstance(inner, dict):
                yield name, inner
            yield from nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from nodes(inner)


def bare(tree: Any) -> Iterator[str]:
    """What of a parsed query is looked up by the search_path: operators, types and functions; "IN" and the like, which
    cannot be qualified."""
    for name, node in nodes(tree):
        short = {key: len(value) for key, value in node.items() if isinstance(value, list)}
        if name == "A_Expr" and (kind := node["kind"].removeprefix("AEXPR_")) in _IMPLICIT:
            yield kind
        elif name == "CaseExpr" and "arg" in node:
            yield "CASE"
        elif name == "SubLink" and "testexpr" in node and "operName" not in node:
            yield "IN"
        elif 1 in (
            short.get("name", 0) if name == "A_Expr" else 0,
            short.get("operName", 0) if name == "SubLink" else 0,
            short.get("names", 0) if name in ("typeName", "TypeName") else 0,
            short.get("funcname", 0) if name == "FuncCall" else 0,
        ):
            yield f"{name} {json.dumps(node)[:90]}"


def meant(tree: Any) -> Any:
    """A parsed query without places and without pg_catalog."""
    if isinstance(tree, list):
        return [meant(inner) for inner in tree if inner != {"String": {"sval": "pg_catalog"}}]
    if not isinstance(tree, dict):
        return tree
    places = ("location", "stmt_len", "stmt_location")
    return {k: meant(v) for k, v in tree.items() if k not in places and not k.endswith(("_start", "_end"))}


def parsed(sql: str) -> Any:
    return json.loads(parse_sql_json(sql))


def test_what_is_sent_is_qualified(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, str] = {}
    rewritten: set[str] = set()
    ours: set[int] = set()  # sessions whose search_path we have set

    def recorded(send: Callable[..., Any]) -> Callable[..., Any]:
        def query(self: SocketConnection, sql: str, *words: Any, **more: Any) -> Any:
            if "search_path" in sql:
                (ours.add if _OUR_PATH in sql else ours.discard)(id(self))
            if "pg_catalog" in sql and "CREATE FUNCTION pg_temp." not in sql:  # a body under its own routine's head
                sent[sql] = "" if self.role.startswith(("lg_", "lockgate_reader")) or id(self) in ours else self.role
            return send(self, sql, *words, **more)

        return query

    def rewriting(sql: str) -> str:
        rewritten.add(sql)
        return qualified(sql)

    for name in ("query", "post"):
        monkeypatch.setattr(SocketConnection, name, recorded(getattr(SocketConnection, name)))
    for module in (backend, contents):
        monkeypatch.setattr(module, "qualified", rewriting)
    played = {hostile.words(name) for name in PLAYED.split()} | {hostile.PRELUDE, hostile.PROOF}
    for name in PLAYED.split():
        hostile.play(name, ServerWish())
    theirs = {part.strip() for text in played for part in text.split(";")}
    looked = {sql: role for sql, role in sent.items() if sql.partition("\n;EXECUTE")[0].strip(" ;\n") not in theirs}
    assert len(looked) > 60 and len(rewritten) > 20
    wrong = set()
    for sql, role in looked.items():
        found = set(bare(parsed(sql)))
        wrong |= {f"{what} ({role}): {sql[:200]}" for what in found if role or what not in (*_IMPLICIT, "CASE")}
    assert not wrong, "\n".join(sorted(wrong))
    for sql in rewritten:
        assert meant(parsed(sql)) == meant(parsed(qualified(sql))), f"an operator's precedence: {sql}"


def test_qualified() -> None:
    assert (
        list(bare(parsed("SELECT a = 1, x::oid, f(y), 'a' IN ('b'), a = ANY (SELECT 1)")))[-1]
        and len(
            list(bare(parsed("SELECT a = 1, x::oid, f(y), 'a' IN ('b'), CASE a WHEN 1 THEN 2 END, a = ANY (SELECT 1)")))
        )
        == 6
    )
    sql = "SELECT count(*), x.*, -1, a - 1 FROM t WHERE a->>'=' != \"b=\" AND c::int = ANY (d::oid[]) -- ="
    assert qualified(sql) == qualified(qualified(sql))
    assert not [what for what in bare(parsed(qualified(sql))) if not what.startswith("FuncCall")]
    assert meant(parsed(sql)) == meant(parsed(qualified(sql)))
