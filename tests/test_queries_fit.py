"""Placeholders: every way of writing them becomes a parameter, and what only looks like one stays."""

from __future__ import annotations

import pytest

from lockgate.queries import sql_file
from lockgate.queries.fit import fit
from lockgate.queries.passage import Passage
from tests.queries_kit import examined, marked

WAYS = [
    ("sql", "SELECT a FROM t WHERE b = $1 AND c = $2", "SELECT a FROM t WHERE b = $1 AND c = $2"),
    ("go", "SELECT a FROM t WHERE b = ? AND c IN (?)", "SELECT a FROM t WHERE b = $1 AND c IN ($2)"),
    ("sql", "SELECT a::int FROM t WHERE b = :b AND c = :c::text AND d[1:2] = :b", "SELECT a::int FROM t WHERE b = $1 AND c = $2::text AND d[1:2] = $1"),
    ("sql", "SELECT a FROM t WHERE b = @b AND c @> '{}' AND @ d > 1", "SELECT a FROM t WHERE b = $1 AND c @> '{}' AND @ d > 1"),
    ("sql", "SELECT sqlc.embed(t) FROM t WHERE b = sqlc.arg(b) AND c = sqlc.narg('c') AND d IN (sqlc.slice(d))",
     "SELECT t.* FROM t WHERE b = $1 AND c = $2 AND d IN ($3)"),
    ("py", "SELECT a FROM t WHERE b = %s AND c = %(c)s AND d LIKE '10%%' AND e %% 2 = 0", "SELECT a FROM t WHERE b = $1 AND c = $2 AND d LIKE '10%%' AND e % 2 = 0"),
    ("py", "SELECT a FROM t WHERE b % 2 = 1", "SELECT a FROM t WHERE b % 2 = 1"),
    ("sql", "SELECT a FROM t WHERE b IN :ids AND c = :v*:list", "SELECT a FROM t WHERE b IN ($1) AND c = $2"),
    ("java", "SELECT a FROM t WHERE b = #{b} AND c = #{c}", "SELECT a FROM t WHERE b = $1 AND c = $2"),
    ("java", "SELECT a FROM t WHERE b ?? 'x' AND c ?| array['y'] AND d ? 'z' AND e = ?", None),
    ("sql", "SELECT a FROM t WHERE b ?| array['y'] AND d ? 'z' AND e @? '$.x'", "SELECT a FROM t WHERE b ?| array['y'] AND d ? 'z' AND e @? '$.x'"),
    ("sql", "SELECT ':no', \"?\" FROM t -- :neither ?\nWHERE a = $x$ :no $x$", "SELECT ':no', \"?\" FROM t -- :neither ?\nWHERE a = $x$ :no $x$"),
]  # fmt: skip


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
]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_fragments_are_known_by_their_place(text: str) -> None:
    fitted = fit(Passage(text, ((0, 0),), len(text)), "rs")
    assert fitted is not None and fitted.partial


def test_places_survive_the_placeholders() -> None:
    text = "SELECT a FROM t WHERE bb = :a_long_name AND cc = sqlc.arg(x) AND dd = ?"
    fitted = fit(Passage(text, ((0, 0),), len(text)), "sql")
    assert fitted is not None
    for word in ("a", "t", "bb", "cc", "dd", "AND"):
        assert text.startswith(word, fitted.passage.place(fitted.passage.text.index(f" {word}") + 1))


FILES = {
    "sqlc": ("-- name: A :many\nSELECT id FROM people WHERE id = @id;\n-- name: B :one\nSELECT born FROM people WHERE id = sqlc.arg(id);\n", 2),
    "pgtyped": ("/* @name A */\nSELECT id FROM people WHERE id IN :ids;\n/*\n  @name B\n  @param ids -> (...)\n*/\nSELECT born FROM people WHERE id IN :ids!;\n", 2),
    "aiosql": ("-- name: a^\n-- A doc.\nSELECT id FROM people WHERE id = :id\n-- name: b!\nUPDATE people SET born = :born WHERE id = :id\n", 2),
    "hugsql": ("-- :name a :? :1\nSELECT id FROM people WHERE id = :id\n-- :name b :! :n\n--~ (when true)\nDELETE FROM people WHERE born = :v:day\n", 2),
    "yesql": ("-- name: a\n-- Counts.\nSELECT count(*) FROM people WHERE id = ?\n-- name: b<!\nINSERT INTO people (id, name, born) VALUES (:id, :name, ?)\n", 2),
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
