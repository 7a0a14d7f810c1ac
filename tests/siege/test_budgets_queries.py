"""Hostile source code: what reads the application's queries takes time that grows with the text, whatever its shape."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lockgate.queries.files import _pattern
from lockgate.queries.placeholders import slots
from lockgate.queries.source_code import passages
from lockgate.queries.unclosed import plain
from tests.siege.test_budgets import limited

N = 20_000
QUERY = "SELECT x FROM a WHERE y = "
SHAPES = {
    "tags.py": f's = """{QUERY}' + "".join(f"$a{i}$ " for i in range(N)) + '"""\n',
    "tags.sql": QUERY + "".join(f"$a{i}$ " for i in range(N)),
    "pairs.py": f's = """{QUERY}' + "$a$ $b$ $a$ $b$ " * (N // 2) + '"""\n',
    "other.py": f's = """{QUERY}' + "{% else %} " * N + '{% if x %}{% endif %}"""\n',
    "block.py": f's = """{QUERY}' + "{% " * N + '"""\n',
    "go.py": f's = """{QUERY}' + "{{- else " * N + '"""\n',
    "free.py": f's = """{QUERY}' + "<#else " * N + "<#-- " * N + '"""\n',
    "on.js": 's = `join a "' + '"on' * N + "`\n",
    "select.js": "s = `x = 1 " + "(select " * N + "`\n",
    "colons.py": f's = """{QUERY}' + ":v:v:v:v*:" * N + '"""\n',
    "holes.py": f's = f"{QUERY}' + "{x} " * N + '"\n',
    "holes.js": f"s = `{QUERY}" + "${x} " * N + "`\n",
    "sum.js": "s = " + " + ".join([f'"{QUERY}"'] * N) + "\n",
    "Sum.java": "class A { String s = " + " + ".join([f'"{QUERY}"'] * N) + "; }\n",
    "sum.go": "package a\nvar s = " + " + ".join([f'"{QUERY}"'] * N) + "\n",
    "sum.kt": "val s = " + " + ".join([f'"{QUERY}"'] * 3_000) + "\n",
    "brackets.py": "s = " + "(" * N + f'"{QUERY}"' + ")" * N + "\n",
    "calls.js": "f(" * N + f'"{QUERY}"' + ")" * N + "\n",
    "doubled.py": "".join(f'S{i} = "SELECT " {f"+ S{i - 1} " * 99}\n' for i in range(1, 9)),
}


def test_many_hostile_shapes_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "m" / "001_a.sql").write_text("CREATE TABLE a (x int, y text);\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "real.py").write_text('s = "SELECT nope FROM a"\n')
    for name, text in SHAPES.items():
        (tmp_path / "app" / name).write_text(text)
    paths = ["app", "**/" * 60 + "x", "*a" * 60 + "b"]
    (tmp_path / ("a" * 250)).mkdir()
    (tmp_path / ("a" * 200 + "b")).write_text("")
    (tmp_path / "x").write_text("")
    (tmp_path / "lockgate.toml").write_text(f'[migrations]\npaths = ["m"]\n[queries]\npaths = {json.dumps(paths)}\n')
    done = limited("-m", "lockgate", "check", "--no-cache", "--format", "json", cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    told = [f["location"]["path"] for f in json.loads(done.stdout)["findings"]]
    assert "app/real.py" in told, "what is sound is read all the same"


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("app", "app/x/y.py", True),
        ("app/**/*.py", "app/y.py", True),
        ("app/**/*.py", "app/a/b/y.py", True),
        ("app/**/*.py", "apps/a/b/y.py", False),
        ("**/q/**/*_sql.?o", "a/q/b/q/c_sql.go", True),
        ("**/q/**/*_sql.?o", "a/p/c_sql.go", False),
        ("a*b*c", "axxbyybc", True),
        ("a*b*c", "axx/byybc", False),
        (".", "x/y.py", True),
        (".", "../y.py", False),
        ("app/**", "app/a/b", True),
    ],
)
def test_globs(glob: str, path: str, fits: bool) -> None:
    assert bool(_pattern(glob).fullmatch(path)) is fits


def test_what_nothing_closes_is_made_plain_and_the_rest_is_not() -> None:
    closed = "SELECT $a$ x $a$, '{% if a %} {% else %} {% endif %}' " * 30
    assert plain(closed) == closed
    text = "$a$ " * 21 + "{% else %} " * 20 + "{% if x %}{% else %}{% endif %} {% "
    made = plain(text)
    assert len(made) == len(text) and made.count("else") == 1 and made.endswith("{% endif %}    ")
    assert made.count("$a$") == 20


def test_a_real_query_is_read_as_before() -> None:
    source = 'A = "x = %s"\nq = ("SELECT x FROM a "\n     "WHERE " + A + f" AND y = {B} " + extra)\n'
    (found,) = passages("py", source.encode())
    assert found.text.startswith("SELECT x FROM a WHERE x = %s AND y = ") and found.text.count(os.sep) == 0
    assert [slot.kind for slot in slots(found.text, "py")].count("value") == 1
