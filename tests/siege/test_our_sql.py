"""Our own SQL names pg_catalog's functions as such: what a migration makes is never what a query of ours calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import lockgate.oracle

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
