"""Queries that may be meant for another database: what other folders of migrations, scripts and the program itself make
is no finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run

BASE = {
    "lockgate.toml": '[migrations]\npaths = ["db/migrations"]\n[queries]\npaths = ["."]\n',
    "db/migrations/0001_a.up.sql": "CREATE TABLE users (id int PRIMARY KEY, email text, born date);\nCREATE TABLE jobs (id int, note text);\n",
    "db/migrations/0002_b.up.sql": "ALTER TABLE users DROP COLUMN born;\nDROP TABLE jobs;\n",
    "app/a.go": 'package a\nvar a = "SELECT id, born FROM users"\nvar b = "SELECT note FROM jobs"\nvar c = "SELECT id, nick FROM users"\n',
}
ALL = {"born", "note FROM jobs", "nick"}
BESIDE = {
    "nothing": ({}, ALL),
    "another folder of migrations": (
        {
            "other/migrations/1.sql": "CREATE TABLE users (id int, nick text, born date);",
            "other/migrations/2.sql": "CREATE TABLE jobs (note text); CREATE TABLE x (id int);",
        },
        set(),
    ),
    "that lacks a column of the query": (
        {"other/migrations/1.sql": "CREATE TABLE users (key int, nick text, born date); CREATE TABLE x ();"},
        ALL,
    ),
    "that took it away itself": (
        {
            "other/migrations/1.sql": "CREATE TABLE users (id int, nick text); CREATE TABLE jobs (note text);"
            "DROP TABLE jobs; ALTER TABLE users DROP COLUMN nick;"
        },
        ALL,
    ),
    "more migrations of this one": (
        {
            "more/migrations/1.sql": "-- +goose Up\nALTER TABLE users ADD COLUMN nick text;\n-- +goose Down\nALTER TABLE users DROP COLUMN nick;"
        },
        {"born", "note FROM jobs"},
    ),
    "in another form": (
        {
            "other/1.ts": "await knex.schema.createTable('users', (t) => { t.increments('id'); t.string('nick'); t.date('born'); })"
        },
        {"note FROM jobs"} | {"born"},
    ),
    "a dump": ({"dump.sql": "CREATE TABLE public.users (id int, email text, born date);"}, ALL),
    "a dump of another service, nearer": (
        {"app/schema.sql": "CREATE TABLE users (id int, email text, born date);"},
        {"note FROM jobs", "nick"},
    ),
    "the program makes it": (
        {"run/x.go": 'package run\nvar m = "CREATE TEMP TABLE jobs (note text)"\nvar n = "DROP TABLE jobs"\n'},
        {"born", "nick"},
    ),
    "several are dropped at once": (
        {"other/1.sql": "CREATE TABLE x (); CREATE TABLE jobs (note text);", "other/2.sql": "DROP TABLE x, jobs;"},
        ALL,
    ),
    "only a test makes it": ({"app/x_test.go": 'package a\nvar m = "CREATE TABLE jobs (note text)"\n'}, ALL),
    "a way back makes it again": (
        {"db/down/2.sql": "CREATE TABLE jobs (note text); ALTER TABLE users ADD COLUMN born date;"},
        ALL,
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_made_beside_the_migrations(name: str, tmp_path: Path, lockgate: Run) -> None:
    files, left = BESIDE[name]
    for path, text in (BASE | files).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = json.loads(lockgate("check", "--format", "json").stdout)
    lines = BASE["app/a.go"].splitlines()
    places = [f["location"] for f in found["findings"] if f["location"]["path"] == "app/a.go"]
    said = [lines[place["start"]["line"] - 1] for place in places]
    assert {mark for mark in ALL if any(mark in line for line in said)} == left
    assert found["coverage"]["queries"]["partial"] == len(ALL - left)


def test_the_nearest_migrations_decide(tmp_path: Path, lockgate: Run) -> None:
    query = "SELECT note FROM jobs;\n"
    beside = {"db/queries.sql": query, "other/1.sql": "CREATE TABLE jobs (note text);", "other/queries.sql": query}
    for path, text in (BASE | beside).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = json.loads(lockgate("check", "--format", "json").stdout)["findings"]
    assert [f["location"]["path"] for f in found if f["name"] == "query-reads-dropped-relation"] == ["db/queries.sql"]
