"""``lockgate show`` as a user asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

OUTAGES = ROOT / "examples/three-outages"
SQL = {
    "0001_a.sql": """CREATE ROLE reader;
CREATE SCHEMA app;
CREATE TABLE app.people (id int PRIMARY KEY, "Full Name" text, old text);
CREATE TABLE public.orders (id int PRIMARY KEY, person int REFERENCES app.people (id), state text CHECK (state <> ''));
CREATE TABLE app.orders (id int);
CREATE VIEW app.names AS SELECT "Full Name" FROM app.people;
CREATE FUNCTION app.count_people(kind text, at date) RETURNS bigint LANGUAGE sql AS 'SELECT count(old) FROM app.people';
CREATE FUNCTION app.count_people(kind text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE TYPE mood AS ENUM ('sad', 'glad');
GRANT SELECT, INSERT ON app.people TO reader;
""",
    "0002_b.sql": """ALTER TABLE app.people RENAME old TO older;
ALTER TABLE app.people ALTER older TYPE varchar(9);
DROP TABLE app.orders;
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m").mkdir()
    for name, text in SQL.items():
        (tmp_path / "m" / name).write_text(text)
    return tmp_path


def said(lockgate: Run, *arguments: str) -> str:
    done = lockgate("show", *arguments, "m", "--layout", "plain", "--role", "boss", "--superuser")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_a_table_with_everything(lockgate: Run, folder: Path) -> None:
    assert said(lockgate, "people").splitlines() == [
        "app.people: table of boss, after 0002",
        "  columns",
        "    id           integer not null",
        '    "Full Name"  text',
        "    older        character varying(9)",
        "  keys and checks",
        "    people_pkey  primary key (id)",
        "  indexes",
        "    people_pkey  (id)  unique, primary",
        "  granted",
        "    boss    insert, select, update, delete, truncate, references, trigger",
        "    reader  insert, select",
        "  read by",
        "    view  app.names",
        "  history",
        "    0001  made                                            m/0001_a.sql:3",
        "    0001  privileges                                      m/0001_a.sql:10",
        "    0002  column older: renamed from old                  m/0002_b.sql:1",
        "    0002  column older: text is now character varying(9)  m/0002_b.sql:2",
    ]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("app.people.older", "app.people.older: column of boss, after 0002"),
        ("people.old", "app.people.older: column of boss, after 0002"),
        ('app.people."Full Name"', 'app.people."Full Name": column of boss, after 0002'),
        ("orders", "public.orders: table of boss, after 0002"),
        ("app.orders", "app.orders: table of boss, which is not there, after 0002"),
        ("mood", "public.mood: enum of boss, after 0002"),
        ("app.count_people(kind text)", "app.count_people(kind text): function of boss, after 0002"),
        ("orders_person_fkey", "public.orders.orders_person_fkey: foreign key of boss, after 0002"),
        ("reader", "reader: role, after 0002"),
        ("app", "app: schema of boss, after 0002"),
    ],
)
def test_names(lockgate: Run, folder: Path, name: str, first: str) -> None:
    assert said(lockgate, name).splitlines()[0] == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["peple"], "peple: no table, column, routine or type is ever called so\n  did you mean app.people?"),
        (["app.people.oldr"], "did you mean app.people.older"),
        (["zzzz"], "see `lockgate timeline --catalog`"),
        (
            ["app.count_people"],
            "may be function app.count_people(kind text) or function app.count_people(kind text, at date)",
        ),
        (["people", "--at", "3"], "--at 3: no migration has that slot"),
        (["people", "--at", "0020"], "did you mean 0002?"),
    ],
)
def test_what_nothing_is_called(lockgate: Run, folder: Path, arguments: list[str], words: str) -> None:
    done = lockgate("show", *arguments, "m", "--layout", "plain")
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert done.stdout == ""


def test_at_an_earlier_slot(lockgate: Run, folder: Path) -> None:
    text = said(lockgate, "app.people.old", "--at", "0001")
    assert text.startswith("app.people.old: column of boss, after 0001\n  text\n")
    assert "function  app.count_people(kind text, at date)" in text
    # the body is text and still says old: after the rename it reads the column no more
    assert "read by" not in said(lockgate, "app.people.older")
    assert said(lockgate, "app.orders", "--at", "0001").startswith("app.orders: table of boss, after 0001\n")


def test_the_document(lockgate: Run) -> None:
    found = json.loads(lockgate("show", "paliad.rules", "--at", "042", "--format", "json", cwd=OUTAGES).stdout)
    assert (found["version"], found["name"], found["kind"], found["slot"], found["there"], found["owner"]) == (
        1,
        "paliad.rules",
        "table",
        "042",
        True,
        "paliad_app",
    )
    assert [part["name"] for part in found["parts"] if part["kind"] == "column"] == [
        "id",
        "project_id",
        "legal_source",
        "is_mandatory",
        "is_optional",
        "condition_flag",
    ]
    assert found["grants"][0]["role"] == "paliad_app" and "SELECT" in found["grants"][0]["privileges"]
    assert {
        "slot": "091",
        "path": "migrations/091_priority.up.sql",
        "line": 6,
        "object": "column is_mandatory",
        "change": "dropped",
    } in found["history"]


def test_the_application_reads(lockgate: Run) -> None:
    done = lockgate("show", "rules.priority", cwd=ROOT / "examples/application")
    assert "  read by\n    app/rules.sql:2  SELECT id, title, priority FROM rules" in done.stdout


def test_hostile_names_steer_no_terminal(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_a.sql").write_text('CREATE TABLE t ("a\x1b[31m\u202e" int);')
    done = lockgate("show", "t", "m")
    assert done.returncode == 0 and "\x1b" not in done.stdout and "\u202e" not in done.stdout


def test_the_shell_completes_names(lockgate: Run) -> None:
    words = "lockgate show paliad.ru"
    done = lockgate(cwd=OUTAGES, _LOCKGATE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="2")
    assert "plain,paliad.rules" in done.stdout.splitlines() and "plain,paliad.rules.id" in done.stdout.splitlines()
