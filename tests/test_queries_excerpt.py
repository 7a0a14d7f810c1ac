"""Queries that are not known whole: what sqlglot's scopes make certain of them is told, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, Asked
from lockgate.queries.examine import QueryCounts
from tests.queries_kit import BASE, examined, marked, migrations
from tests.test_speed_imports import heavy, modules

DROP = "ALTER TABLE people DROP COLUMN born;"
# each reads the dropped column once, where neither PostgreSQL's grammar nor the binder gets to
CERTAIN = {
    "join.go": 'package a\nvar q = "LEFT JOIN people p ON o.person = p.id AND p.born > now()"\n',
    "unknown.py": 'q = "SELECT e.x FROM elsewhere e JOIN people ON people.id = e.id WHERE e.y AND people.born IS NULL"\n',
    "fragment.ts": "const q = `SELECT ${cols} FROM people p ${joins} WHERE x.id = p.id AND EXISTS (SELECT FROM orders o WHERE o.placed > p.born)`;\n",
    "condition.go": 'package a\nvar q = b.Where("u.id IN (SELECT p.boss FROM people p WHERE p.born < ?)")\n',
    "column.java": 'class A { String q = "COALESCE((SELECT max(born.born) FROM people born WHERE born.id = o.person), 0) AS m"; }\n',
    "using.rb": 'Q = "SELECT #{cols} FROM #{a} x JOIN people USING (born)"\n',
    "set.py": 'q = f"UPDATE people SET name = {name}, born = {x}.y FROM elsewhere {x} WHERE {x}.z = id"\n',
    "rows.py": 'q = f"INSERT INTO people (id, born) SELECT e.x, e.y FROM elsewhere e"\n',
    "conflict.py": 'q = f"INSERT INTO people (id) SELECT e.x FROM elsewhere e ON CONFLICT (id) DO UPDATE SET name = excluded.born::text"\n',
    "bare.py": 'q = "WITH young AS (SELECT id FROM people WHERE born > now()) SELECT e.x FROM elsewhere e, young"\n',
    "template.java": 'class A { String q = "SELECT p.id FROM people p <#if x> WHERE p.born > now() <#else> LIMIT 1 </#if>"; }\n',
    "batis.java": "class A { String q = \"<script>UPDATE people <set><if test='b'>born = #{b}</if></set> WHERE id = #{id}</script>\"; }\n",
    "broken.java": 'class A { String q = "SELECT p.born FROM people p INNER JOIN ON orders o x ON o.person = p.id WHERE o.note = :note"; }\n',
}


@pytest.mark.parametrize("path", CERTAIN)
def test_what_is_certain_is_told(path: str) -> None:
    found = examined(path, CERTAIN[path], DROP)
    assert marked(found) == ["born"], [one.query.sql for one in found.resolutions]
    assert found.facts[0].failure.cause == "dropped" and found.coverage() == QueryCounts(found=1, resolved=0, partial=1)
    assert not examined(path, CERTAIN[path]).facts


# the name may be another relation's, an outer level's, a fragment's, another server's, or a sentence's
QUIET = {
    "branch.py": 'q = "SELECT p.nope FROM {% if x %} elsewhere p {% else %} people p {% endif %}"\n',
    "branches.py": 'q = "SELECT id, nope FROM people {% if x %} WHERE id = %s {% endif %}"\n',
    "client.rs": 'fn a() { QueryBuilder::<Sqlite>::new("INSERT INTO people (born, nope) "); }\n',
    "server.rs": 'fn a() { b.push("INSERT INTO people (id, end, nope) VALUES (1, 2, 3)"); }\n',
    "outer.go": 'package a\nvar q = b.Where("u.id IN (SELECT boss FROM people WHERE born < ?)")\n',
    "alias.go": 'package a\nvar q = "LEFT JOIN people p ON people.born = o.x AND q.born = p.id"\n',
    "with.py": 'q = f"WITH people AS (SELECT 1 AS id) SELECT e.x, people.born FROM people JOIN elsewhere e ON e.x"\n',
    "with.ts": "const q = `WITH ${queries} SELECT e.x, p.born FROM people p JOIN elsewhere e ON e.x`;\n",
    "renamed.py": 'q = "SELECT e.x, p.born FROM elsewhere e, people AS p (id, born)"\n',
    "order.py": 'q = f"SELECT {cols}, e.y FROM people ORDER BY born"\n',
    "call.py": 'q = "SELECT born.x, e.y FROM elsewhere e, orders_of(1) AS people, people.born(1) AS born"\n',
    "mysql.java": 'class A { String q = "INSERT INTO people (id, born) VALUES (?, ?) ON DUPLICATE KEY UPDATE born = VALUES(born)"; }\n',
    "clickhouse.ts": "const q = `SELECT p.born, argMax(e.x, e.y) FROM people p ANY LEFT JOIN elsewhere e ON e.id = p.id`;\n",
    "functions.py": 'q = "SELECT toStartOfDay(p.born), e.x FROM people p JOIN elsewhere e ON e.id = p.id"\n',
    "prose.ts": 'const a = "Update people, born or not.", b = "Join people on born.", c = "select born (from people)";\n',
}


@pytest.mark.parametrize("path", QUIET)
def test_what_is_not_certain_is_not(path: str) -> None:
    assert not examined(path, QUIET[path], DROP).facts


def test_relations_of_parts_are_known_too() -> None:
    text = 'package a\nvar q = "LEFT JOIN orders o ON o.person = p.id"\nvar r = "p.id IN (SELECT person FROM orders WHERE amount > ?)"\n'
    assert marked(examined("a.go", text, "DROP TABLE orders CASCADE;")) == ["orders", "orders"]
    assert marked(examined("a.go", text, "ALTER TABLE orders RENAME TO bills;")) == ["orders", "orders"]


def test_the_server_refuses_what_is_told() -> None:
    """The statement that stands for the certain part is the one that the server is asked, and it is refused for the
    marked name alone."""
    made = migrations(BASE, DROP)
    before = [one for path, text in CERTAIN.items() for one in examined(path, text).resolutions]
    after = [
        one
        for path, text in CERTAIN.items()
        for one in examined(path, text, DROP).resolutions
        if one.failure is not None
    ]
    report = verify(
        ApplyPlan(made, observe_locks=False, queries=tuple(Asked(one.query.sql, one.path) for one in after))
    )
    assert len(after) == len(before) == len(CERTAIN)
    for one, refused in zip(after, report.queries, strict=True):
        assert (
            refused is not None and one.failure is not None and refused.sqlstate == one.failure.sqlstate == "42703"
        ), one.query.sql
        assert "born" in refused.message and "lockgate" not in refused.message


def test_sqlglot_is_left_alone_where_postgresql_s_grammar_and_the_binder_answer(tmp_path: Path) -> None:
    (tmp_path / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[queries]\npaths = ["app"]\n')
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "0001_a.up.sql").write_text(BASE)
    (tmp_path / "app").mkdir()
    for number, text in enumerate(
        (
            "SELECT p.born FROM people p WHERE p.id = %s",
            "SELECT p.id FROM people p JOIN ON orders o WHERE o.person = p.id",
        )
    ):
        (tmp_path / "app" / f"{number}.py").write_text(
            f'q = "{text}"\nc = "Update the people, and more of them", "Delete from people."\n'
        )
        assert bool(heavy(modules(tmp_path, "check"), ("sqlglot",))) == bool(number)
