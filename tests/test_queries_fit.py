"""Placeholders: every way of writing them becomes a parameter, and what only looks like one stays."""

from __future__ import annotations

import re

import pytest

from lockgate.queries import sql_file
from lockgate.queries.fit import fit
from lockgate.queries.passage import Passage
from tests.queries_kit import examined, marked

WAYS = [
    ("sql", "SELECT a FROM t WHERE b = $1 AND c = $2", "SELECT a FROM t WHERE b = $1 AND c = $2"),
    ("go", "SELECT a FROM t WHERE b = ? AND c IN (?)", "SELECT a FROM t WHERE b = $1 AND c IN ($2)"),
    (
        "sql",
        "SELECT a::int FROM t WHERE b = :b AND c = :c::text AND d[1:2] = :b",
        "SELECT a::int FROM t WHERE b = $1 AND c = $2::text AND d[1:2] = $1",
    ),
    (
        "sql",
        "SELECT a FROM t WHERE b = @b AND c @> '{}' AND @ d > 1",
        "SELECT a FROM t WHERE b = $1 AND c @> '{}' AND @ d > 1",
    ),
    (
        "sql",
        "SELECT sqlc.embed(t) FROM t WHERE b = sqlc.arg(b) AND c = sqlc.narg('c') AND d IN (sqlc.slice(d))",
        "SELECT t.* FROM t WHERE b = $1 AND c = $2 AND d IN ($3)",
    ),
    (
        "py",
        "SELECT a FROM t WHERE b = %s AND c = %(c)s AND d LIKE '10%%' AND e %% 2 = 0",
        "SELECT a FROM t WHERE b = $1 AND c = $2 AND d LIKE '10%%' AND e % 2 = 0",
    ),
    ("py", "SELECT a FROM t WHERE b % 2 = 1", "SELECT a FROM t WHERE b % 2 = 1"),
    ("sql", "SELECT a FROM t WHERE b IN :ids AND c = :v*:list", "SELECT a FROM t WHERE b IN ($1) AND c = $2"),
    ("java", "SELECT a FROM t WHERE b = #{b} AND c = #{c}", "SELECT a FROM t WHERE b = $1 AND c = $2"),
    (
        "sql",
        "-- :name a-b :?\nSELECT a FROM t WHERE b = :b-c AND d IN (:v*:d-ids) AND e = :e::int - 1",
        "-- :name a-b :?\nSELECT a FROM t WHERE b = $1 AND d IN ($2) AND e = $3::int - 1",
    ),
    ("sql", "SELECT a FROM t WHERE b = :b-c", "SELECT a FROM t WHERE b = $1-c"),
    ("kt", "SELECT a FROM t WHERE b = :#{#x.y}", "SELECT a FROM t WHERE b = $1"),
    ("go", "SELECT a FROM t WHERE b = $%d AND c = 1 % 2", "SELECT a FROM t WHERE b = $1 AND c = 1 % 2"),
    ("sql", "SELECT a FROM t WHERE b = :'b' AND c[1:2] = 3", "SELECT a FROM t WHERE b = $1 AND c[1:2] = 3"),
    ("java", "SELECT A_B FROM t WHERE C_D < e AND f > 1", "SELECT A_B FROM t WHERE C_D < e AND f > 1"),
    ("java", "SELECT a FROM t WHERE b ?? 'x' AND c ?| array['y'] AND d ? 'z' AND e = ?", None),
    (
        "sql",
        "SELECT a FROM t WHERE b ?| array['y'] AND d ? 'z' AND e @? '$.x'",
        "SELECT a FROM t WHERE b ?| array['y'] AND d ? 'z' AND e @? '$.x'",
    ),
    (
        "sql",
        "SELECT ':no', \"?\" FROM t -- :neither ?\nWHERE a = $x$ :no $x$",
        "SELECT ':no', \"?\" FROM t -- :neither ?\nWHERE a = $x$ :no $x$",
    ),
]


@pytest.mark.parametrize(("language", "text", "wanted"), WAYS)
def test_values(language: str, text: str, wanted: str | None) -> None:
    fitted = fit(Passage(text, ((0, 0),), len(text)), language)
    if wanted is None:
        assert fitted is None or fitted.passage.text != text
        return
    assert fitted is not None and fitted.passage.text == wanted and not fitted.partial


FRAGMENTS = [
    "SELECT {} FROM t",
    "SELECT a FROM {}",
    "SELECT a FROM {x} t JOIN ${y} u ON true",
    "SELECT a FROM t {} WHERE b = 1 {} ORDER BY {} {} LIMIT {}",
    "UPDATE t SET {} WHERE {}",
    "INSERT INTO t ({}) VALUES {} ON CONFLICT ({}) DO NOTHING",
    "DELETE FROM t WHERE a IN {}",
    'SELECT a FROM "{}"."t{}"',
    "SELECT a FROM t_{} WHERE b = 'x{}y'",
    "WITH {} SELECT a FROM t",
    "{} SELECT a FROM t",
    "{{ .With }} SELECT a FROM t {{if .Where}} WHERE b = 1 {{end}}",
    "SELECT a FROM t {% if x %} WHERE b = 1 {% endif %} {{ tail }}",
    "SELECT ?? FROM ?? WHERE a = ?",
    '<#-- @ftlvariable name="x" type="Map<String>" --> SELECT a, ${cols?join(", ")} b FROM t <#if x> WHERE c = 1 <#else> LIMIT 1 </#if> <@order/>',
    "SELECT a FROM t {% if x %} WHERE b = 1 {% else %} LIMIT 2 {% endif %} ORDER BY a",
    "SELECT a FROM t {{if .X}} WHERE b = 1 {{else}} LIMIT 2 {{end}}",
    "<script>UPDATE t <set><if test='b != null'>b = #{b}</if></set> WHERE c IN <foreach item='i' open='('>#{i}</foreach></script>",
    "SELECT a FROM t WHERE b = %1$s AND c = %2$s",
    "SELECT a FROM t WHERE b IN (<ids>) AND <more>",
    "INSERT INTO t (a, b) VALUES <rows> ON CONFLICT DO NOTHING",
    "SELECT a FROM t WHERE b IN (SELECT c FROM u) SOME_FILTER AND d = 1",
    "SELECT a FROM t %filters% ORDER BY a",
    "SELECT x.* FROM ({} AND b = 1 ORDER BY c) x",
]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_fragments_are_known_by_their_place(text: str) -> None:
    fitted = fit(Passage(text, ((0, 0),), len(text)), "rs")
    assert fitted is not None and fitted.partial


PARTS = [
    "SELECT a FROM t WHERE ",
    "UPDATE t SET a = 1, ",
    "WITH x AS (SELECT a FROM t)",
    "x AS (SELECT a FROM t)",
    ", x AS (SELECT a FROM t)",
    "SELECT a FROM t JOIN (VALUES {}",
    "SELECT a FROM t WHERE (b = 1 OR c IN (SELECT d FROM u WHERE ",
    "LEFT JOIN u ON u.a = t.a",
    "t.a NOT IN (SELECT b FROM u WHERE c = ?)",
    "NOT EXISTS (SELECT FROM u WHERE u.a = t.a)",
    "AND t.a IN (SELECT b FROM u",
    "COALESCE((SELECT max(b) FROM u), 0) AS m",
    ", (SELECT max(b) FROM u) AS m",
    "UNION SELECT a FROM u",
    "FROM t WHERE a = 1",
    "WHERE a IN (SELECT b FROM u) GROUP BY c",
    "IN (SELECT b FROM u)",
    "LATERAL (SELECT b FROM u WHERE u.a = t.a) v ON true",
]


@pytest.mark.parametrize("text", PARTS)
def test_parts_are_put_into_a_frame(text: str) -> None:
    fitted = fit(Passage(text, ((0, 0),), len(text)), "go")
    assert fitted is not None and fitted.open
    assert fitted.passage.place(fitted.passage.text.index(re.split(r"[{?]", text)[0].strip())) == len(text) - len(
        text.lstrip()
    )


def test_no_frame_for_a_sentence() -> None:
    for text in ("Update the posts, please.", "Select a team to join", "join channels, and more", "update posts: %s"):
        assert fit(Passage(text, ((0, 0),), len(text)), "go") is None


def test_places_survive_the_placeholders() -> None:
    text = "SELECT a FROM t WHERE bb = :a_long_name AND cc = sqlc.arg(x) AND dd = ?"
    fitted = fit(Passage(text, ((0, 0),), len(text)), "sql")
    assert fitted is not None
    for word in ("a", "t", "bb", "cc", "dd", "AND"):
        assert text.startswith(word, fitted.passage.place(fitted.passage.text.index(f" {word}") + 1))


FILES = {
    "sqlc": (
        "-- name: A :many\nSELECT id FROM people WHERE id = @id;\n-- name: B :one\nSELECT born FROM people WHERE id = sqlc.arg(id);\n",
        2,
    ),
    "pgtyped": (
        "/* @name A */\nSELECT id FROM people WHERE id IN :ids;\n/*\n  @name B\n  @param ids -> (...)\n*/\nSELECT born FROM people WHERE id IN :ids!;\n",
        2,
    ),
    "aiosql": (
        "-- name: a^\n-- A doc.\nSELECT id FROM people WHERE id = :id\n-- name: b!\nUPDATE people SET born = :born WHERE id = :id\n",
        2,
    ),
    "hugsql": (
        "-- :name a :? :1\nSELECT id FROM people WHERE id = :id\n-- :name b :! :n\n--~ (when true)\nDELETE FROM people WHERE born = :v:day\n",
        2,
    ),
    "yesql": (
        "-- name: a\n-- Counts.\nSELECT count(*) FROM people WHERE id = ?\n-- name: b<!\nINSERT INTO people (id, name, born) VALUES (:id, :name, ?)\n",
        2,
    ),
    "plain": ("SELECT id FROM people;\nSELECT born FROM people WHERE id = $1;\n", 2),
}


@pytest.mark.parametrize("form", FILES)
def test_annotated_files(form: str) -> None:
    text, count = FILES[form]
    found = examined("q.sql", text, "ALTER TABLE people DROP COLUMN born;")
    assert len(found.resolutions) == count, [one.query.sql for one in found.resolutions]
    assert marked(found) == ["born"]


def test_a_script_is_no_file_of_queries() -> None:
    assert not sql_file.passages("CREATE TABLE x (a int);\nINSERT INTO people (nope) VALUES (1);\n")
