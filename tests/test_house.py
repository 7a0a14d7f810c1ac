"""The house's measures: files that a reader holds in mind, functions that fit a screen."""

from __future__ import annotations

import ast
import re
from pathlib import Path

LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 50


def sources() -> list[Path]:
    return sorted(Path("src").rglob("*.py"))


def test_files_are_short() -> None:
    """Generated ones, too."""
    assert not [str(p) for p in sources() if len(p.read_text().splitlines()) > LINES_OF_A_FILE], "cut along their seams"


def test_functions_fit_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LINES_OF_A_FUNCTION
    ]
    assert long == []


# what an exception or a failure says is for people: what a program asks of it is a field. Another's words (the server's,
# the grammar's, git's) are read where they come in, by a property of their own class.
READ = re.compile(
    r"\b(?:not )?in \w+(?:\.\w+)*\.message\b(?!\s*(?:for|,))"
    r"|\.message\.(?:startswith|endswith|split|partition|rpartition|find|removeprefix)"
    r"|\.message (?:==|!=|in|not in) (?:[\"'({\[]|[A-Z_]+\b)"
    r"|\b(?:match|search|fullmatch|findall|finditer|split|sub)\([^()]*\.message\b"
)


def test_no_module_reads_messages() -> None:
    found = [
        f"{path}:{number} {line.strip()}"
        for path in sources()
        if "oracle" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if READ.search(line) and "self.message" not in line
    ]
    assert found == []


def test_what_reads_a_message_is_found() -> None:
    read = [
        're.match("a", failure.message)',
        '"x" in b.failure.message)',
        'a.message.startswith("b")',
        'a.message == "b"',
    ]
    left = [
        'f"{failure.message} here"',
        "_told(failure.message)",
        "(f.message, f.help) in told",
        "a.message != b.message",
    ]
    assert all(READ.search(line) for line in read)
    assert not any(READ.search(line) for line in left)


# the JSON document's own words for what the API's classes are
SHAPES = {"src/lockgate/report/shapes.py", "src/lockgate/report/tables.py"}


def test_a_class_name_means_one_thing() -> None:
    found: dict[str, list[str]] = {}
    for path in sources():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and str(path) not in SHAPES and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path))
    assert not {name: paths for name, paths in found.items() if len(paths) > 1}


def test_the_map_names_every_room() -> None:
    """ARCHITECTURE's table."""
    rooms = {path.parent.name for path in Path("src/lockgate").glob("*/__init__.py")}
    rows = "".join(line for line in Path("ARCHITECTURE.md").read_text().splitlines() if line.startswith("| `"))
    assert not {room for room in rooms if f"`{room}`" not in rows and f"`{room}/" not in rows}
