"""``verify --restore``: the end state through pg_dump onto a second server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

KNOWN = (
    "CREATE TABLE kinds (id int PRIMARY KEY);\nINSERT INTO kinds VALUES (1);\n"
    "CREATE FUNCTION known(i int) RETURNS boolean {}LANGUAGE plpgsql AS"
    " $$ BEGIN RETURN EXISTS (SELECT 1 FROM kinds WHERE id = i); END $$;\n"
)
CHECKED = "CREATE TABLE t (a int CHECK (known(a)));\nINSERT INTO t VALUES (1);\n"
WHEN = (
    "CREATE TABLE n (id int PRIMARY KEY, name text[], version int);\n"
    "CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.version := OLD.version + 1; RETURN NEW; END $$;\n"
    "CREATE TRIGGER bump BEFORE UPDATE ON n FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION bump();\n"
)
DEPTH = "ALTER TABLE n ADD COLUMN depth int GENERATED ALWAYS AS (array_length(name, 1)) STORED;\n"
MUCH = """CREATE ROLE reader;
CREATE SCHEMA "Odd Name";
CREATE TYPE "Odd Name".mood AS ENUM ('sad', 'it''s "fine"');
CREATE DOMAIN "Odd Name".code AS text CHECK (VALUE ~ '^[A-Z]+$');
CREATE TABLE "Odd Name"."T;able" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m "Odd Name".mood, c "Odd Name".code,
  doc jsonb DEFAULT '{"a": 1}', twice int GENERATED ALWAYS AS (2 * 2) STORED);
INSERT INTO "Odd Name"."T;able" (m, c) SELECT 'sad', 'ABC' FROM generate_series(1, 250);
CREATE TABLE parts (at date NOT NULL, n int) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO parts VALUES ('2020-02-02', 1);
CREATE INDEX ON parts (n) WHERE n > 0;
CREATE MATERIALIZED VIEW sums AS SELECT n, count(*) FROM parts GROUP BY n;
CREATE VIEW seen AS SELECT * FROM sums;
ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE parts FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON parts TO reader USING (n = 1);
GRANT SELECT ON parts TO reader;
COMMENT ON TABLE parts IS '\\connect nowhere';
"""


def dumped(lockgate: Run, folder: Path, *more: str, **files: str) -> tuple[list[dict[str, Any]], list[str]]:
    (folder / "migrations").mkdir()
    for name, text in files.items():
        (folder / f"migrations/{name[1:]}.sql").write_text(text)
    done = lockgate("verify", "--no-rows", "--no-bodies", *more, "--format", "json")
    report = json.loads(done.stdout)
    notes = [note for note in report["server"]["notes"] if "restore" in note]
    return [f for f in report["findings"] if f["name"] == "broken-routine"], notes


@pytest.mark.parametrize(
    ("files", "place", "state"),
    [
        ({"_1": KNOWN.format(""), "_2": CHECKED}, "migrations/2.sql", "42P01"),
        ({"_1": WHEN, "_2": DEPTH}, "migrations/2.sql", "42P17"),
    ],
)
def test_what_a_dump_cannot_restore(
    lockgate: Run, tmp_path: Path, files: dict[str, str], place: str, state: str
) -> None:
    ((found,), notes) = dumped(lockgate, tmp_path, **files)
    assert (found["location"]["path"], found["sqlstate"], notes) == (place, None, [])
    assert (found["evidence"]["verdict"], found["evidence"]["sqlstate"]) == ("confirmed", state)


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ((), {"_1": MUCH}),
        ((), {"_1": KNOWN.format("SET search_path = public "), "_2": CHECKED}),
        (("--no-restore",), {"_1": KNOWN.format(""), "_2": CHECKED}),
    ],
)
def test_what_it_can(lockgate: Run, tmp_path: Path, options: tuple[str, ...], files: dict[str, str]) -> None:
    assert dumped(lockgate, tmp_path, *options, **files) == ([], [])


MANY = "DO $$ BEGIN FOR i IN 1..310 LOOP EXECUTE format('CREATE TABLE many_%s (a int)', i); END LOOP; END $$;\n"


def test_a_large_schema_is_restored_where_one_asks(lockgate: Run, tmp_path: Path) -> None:
    found, (note,) = dumped(lockgate, tmp_path, _1=KNOWN.format(""), _2=CHECKED, _3=MANY)
    assert found == [] and "--restore does it" in note
    done = lockgate("verify", "--no-rows", "--no-bodies", "--restore", "--format", "json")
    assert [f["rule"] for f in json.loads(done.stdout)["findings"]] == ["T218"]


CIRCLE = """CREATE ROLE member;
CREATE TABLE members (org int, who text);
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON members TO member USING (org IN (SELECT org FROM members WHERE who = current_user));
CREATE TABLE fine (org int);
ALTER TABLE fine ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON fine TO member USING (org IN (SELECT 1));
"""


def test_a_circle_of_policies_is_proven(lockgate: Run, tmp_path: Path) -> None:
    """By EXPLAIN as a role to which they apply; the dump that follows is taken all the same."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/1.sql").write_text(CIRCLE)
    report = json.loads(lockgate("verify", "--no-rows", "--format", "json").stdout)
    (found,) = (f for f in report["findings"] if f["rule"] == "O310")
    assert (found["object"], found["evidence"]["verdict"], found["evidence"]["sqlstate"]) == (
        "public.members",
        "confirmed",
        "42P17",
    )
    assert not [note for note in report["server"]["notes"] if "restore" in note]
