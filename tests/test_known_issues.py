"""What users of other linters reported, each with the right answer: rules on hazards over small histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.api import Request, check, configuration
from lockgate.rules import registry, rulebook
from tests.conftest import Run

OLD = """CREATE TABLE p (id int PRIMARY KEY, name varchar(20), n int, t text, made timestamptz);
CREATE TABLE c (id int PRIMARY KEY, p_id int, k int NOT NULL DEFAULT 1);
"""
QUIET = ("L201", "L202", "C2", "X102", "X103", "T")  # what every migration has, or another test is about

# whose issue, what comes after OLD (files), and what must be told of the last one: rule and line
Case = tuple[str, tuple[str, ...], list[tuple[str, int]]]
CASES: list[Case] = [
    ("squawk 647: a column that refers to another table is not scanned", ("ALTER TABLE c ADD q int REFERENCES p",), [("L203", 1)]),
    ("squawk 220, strong_migrations 187: nor a new table", ("CREATE TABLE x (p_id int REFERENCES p)",), [("L203", 1)]),
    ("squawk 349: an index after CREATE TABLE", ("CREATE TABLE x (a int);\nCREATE INDEX ON x (a)",), []),
    (
        "squawk 628, 300, 1033: NOT NULL that a CHECK of another file proves",
        (
            "ALTER TABLE p ADD CONSTRAINT z CHECK (n IS NOT NULL) NOT VALID",
            "ALTER TABLE p VALIDATE CONSTRAINT z",
            "ALTER TABLE p ALTER n SET NOT NULL;\nALTER TABLE p DROP CONSTRAINT z",
        ),
        [],
    ),
    ("squawk 645: defaults that are no volatile functions", ("ALTER TABLE p ADD a text[] DEFAULT ARRAY[]::text[];\nALTER TABLE p ADD b timestamptz DEFAULT CURRENT_TIMESTAMP",), []),
    ("squawk 396: a stored generated column", ("ALTER TABLE p ADD a int GENERATED ALWAYS AS (n * 2) STORED",), [("L101", 1)]),
    ("squawk 528: DDL in a DO block", ("DO $$ BEGIN EXECUTE 'CREATE INDEX ON p (n)'; END $$",), [("L103", 1)]),
    ("squawk 123: rows written under a lock", ("ALTER TABLE p ADD a int;\nUPDATE p SET a = 1",), [("L104", 2)]),
    ("squawk 250: NOT VALID and VALIDATE together", ("ALTER TABLE p ADD CONSTRAINT z CHECK (n > 0) NOT VALID;\nALTER TABLE p VALIDATE CONSTRAINT z",), [("L105", 2)]),
    ("squawk 1136: SET NULL on a NOT NULL column", ("ALTER TABLE c ADD CONSTRAINT z FOREIGN KEY (k) REFERENCES p ON DELETE SET NULL NOT VALID",), [("L203", 1), ("X107", 1)]),
    ("squawk 697: BEGIN without COMMIT lasts to the end", ("BEGIN;\nALTER TABLE p ADD a int;\nUPDATE p SET a = 1",), [("L104", 3)]),
    ("squawk 229, 385, 1311: what a transaction takes back needs no IF NOT EXISTS", ("ALTER TABLE p ADD a int;\nALTER TABLE p ADD b int",), []),
    ("squawk 137: varchar without a length", ("ALTER TABLE p ALTER name TYPE varchar",), []),
    ("eugene 110: ADD COLUMN ... CHECK reads the table", ("ALTER TABLE p ADD a int CHECK (a > 0)",), [("L102", 1)]),
    ("eugene 109: under SHARE", ("LOCK TABLE p IN SHARE MODE;\nUPDATE p SET n = 1",), [("L104", 2)]),
    ("eugene 128: under SHARE ROW EXCLUSIVE", ("ALTER TABLE c ADD FOREIGN KEY (p_id) REFERENCES p NOT VALID;\nUPDATE c SET k = 1",), [("L104", 2), ("L203", 1)]),
    ("strong_migrations 298: a CHECK is verified again", ("ALTER TABLE p ADD CHECK (t <> 'x')", "ALTER TABLE p ALTER t TYPE varchar"), [("L102", 1)]),
    ("strong_migrations 222: a plain index is kept", ("CREATE INDEX ON p (name)", "ALTER TABLE p ALTER name TYPE varchar(40)"), []),
    ("strong_migrations 222: one with an expression is not", ("CREATE INDEX ON p (lower(name))", "ALTER TABLE p ALTER name TYPE varchar(40)"), [("L103", 1)]),
    ("strong_migrations 50: integer to bigint", ("ALTER TABLE p ALTER n TYPE bigint",), [("L101", 1)]),
    ("strong_migrations 271, 286: VALIDATE can be run again", ("ALTER TABLE p ADD CONSTRAINT z CHECK (n > 0) NOT VALID", "ALTER TABLE p VALIDATE CONSTRAINT z;\nALTER TABLE p VALIDATE CONSTRAINT z"), []),
    ("strong_migrations 225: it does not stop at the first", ("ALTER TABLE p ALTER n SET NOT NULL;\nALTER TABLE c ALTER p_id SET NOT NULL",), [("L102", 1), ("L102", 2)]),
    ("django 250, 326: words in texts are no statements", ("COMMENT ON TABLE p IS 'DROP TABLE p; ALTER TABLE p RENAME TO q';\n-- CREATE INDEX ON p (n);",), []),
    ("django 295: made and altered in one transaction", ("CREATE TABLE x (a int);\nALTER TABLE x ALTER a SET NOT NULL;\nALTER TABLE x RENAME a TO b;\nALTER TABLE x DROP b",), []),
    ("pgroll 644: a unique column builds under ACCESS EXCLUSIVE", ("ALTER TABLE p ADD a int UNIQUE",), [("L103", 1)]),
    ("MigrationPilot: a comment above BEGIN", ("-- first\n/* then */\nBEGIN;\nCREATE INDEX ON p (n);\nCOMMIT",), [("L103", 4)]),
]  # fmt: skip


def told(root: Path, files: tuple[str, ...], more: str = "", old: str = OLD) -> list[tuple[str, int]]:
    """The rules that speak of the last file, each with its line."""
    (root / "m").mkdir()
    for n, text in enumerate((old, *files), 1):
        (root / f"m/{n:04}_x.sql").write_text(text + ";\n")
    config = f'[migrations]\npaths = ["m"]\nlayout = "plain"\ntransaction = "file"\n[database]\nversion = 17\n{more}\n'
    (root / "lockgate.toml").write_text(config)
    report = check(Request(cwd=root), configuration(None, root))
    last = f"{len(files) + 1:04}_x.sql"
    assert not [f for f in report.findings if f.severity == "error"]
    return sorted({(f.rule, f.at.start.line) for f in report.findings if f.at.source.path.endswith(last)})


@pytest.mark.parametrize(("files", "right"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_the_right_answer(files: tuple[str, ...], right: list[tuple[str, int]], tmp_path: Path) -> None:
    assert [found for found in told(tmp_path, files) if not found[0].startswith(QUIET)] == right


def test_timeouts_are_asked_for_locks_on_older_relations_only(tmp_path: Path) -> None:
    """squawk 673."""
    assert told(tmp_path, ("CREATE TABLE x (a int);\nALTER TABLE x ADD b int;\nCREATE INDEX ON x (a)",)) == []


def test_the_old_release_is_broken_by_defaults_that_go(tmp_path: Path) -> None:
    """django 115: SET DEFAULT is fine, DROP DEFAULT and SET NOT NULL are not."""
    sql = (
        "ALTER TABLE p ALTER n SET DEFAULT 3;\nALTER TABLE c ALTER k DROP DEFAULT;\nALTER TABLE p ALTER t SET NOT NULL"
    )
    found = told(tmp_path, (sql,), '[rules]\nselect = ["C2"]')
    assert found == [("C203", 2), ("C203", 3)]


def test_one_table_in_each_transaction(tmp_path: Path) -> None:
    """strong_migrations 293: foreign keys deadlock where a transaction locks several tables."""
    sql = "ALTER TABLE c ADD q int;\nALTER TABLE p ADD q int"
    assert told(tmp_path, (sql,), '[rules]\nselect = ["L2"]') == [("L201", 1), ("L202", 2)]


def test_concurrently_in_the_runners_transaction(tmp_path: Path, lockgate: Run) -> None:
    """squawk 331: it is refused, and the remedy is the runner's."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m/0001_a.sql").write_text("-- +goose Up\nCREATE TABLE p (n int);\n")
    (tmp_path / "m/0002_b.sql").write_text("-- +goose Up\nCREATE INDEX CONCURRENTLY i ON p (n);\n")
    done = lockgate("check", "m", "--layout", "goose")
    assert done.returncode == 1 and "T212" in done.stdout and "NO TRANSACTION" in done.stdout


def test_no_version_is_guessed_where_none_is_said(tmp_path: Path, lockgate: Run) -> None:
    """squawk 388, 390: what a newer server takes is no error."""
    (tmp_path / "1_a.sql").write_text("CREATE TABLE p (n int);\nALTER TABLE p ADD CONSTRAINT z NOT NULL n NOT VALID;\n")
    assert lockgate("check", ".").returncode == 0


def test_suppressions(tmp_path: Path, lockgate: Run) -> None:
    """squawk 149, 315, 833: with a reason, and told where stale; atlas 1851, 3725: in goose's files, too."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m/0001_a.sql").write_text("-- +goose Up\nCREATE TABLE p (n int);\n")
    mark = "-- lockgate: ignore index-build-under-lock: a small table\n"
    (tmp_path / "m/0002_b.sql").write_text(f"-- +goose Up\n{mark}CREATE INDEX ON p (n);\n")
    done = lockgate("check", "m", "--layout", "goose")
    assert "L103" not in done.stdout and "1 suppressed" in done.stdout
    (tmp_path / "m/0002_b.sql").write_text(f"-- +goose Up\n{mark}ALTER TABLE p ADD a int;\n")
    assert "A901" in lockgate("verify", "m", "--layout", "goose", "--no-bodies", "--no-rows").stdout


def test_every_rule_on_locks_is_tied_to_a_server() -> None:
    """squawk 519, pgls 533: a rule that died in a rewrite. Each has examples, and what works on a table declares what
    proves it (tests/test_rulebook.py plays them)."""
    for entry in registry.entries():
        if entry.front.family in ("locks", "rows", "compatibility"):
            marks = [m.kind for e in rulebook.examples(entry.rule()) for f in e.files for m in f.marks]
            assert "finding" in marks or entry.triggers[0].startswith("fact FailsOnRows"), entry.name
        if entry.front.code.startswith("L10"):
            assert entry.front.locks, entry.name
