"""``lockgate timeline`` as a user reads it: text and JSON (its page: test_page.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.conftest import ROOT, Run

OUTAGES = ROOT / "examples/three-outages"


def test_each_change_has_its_place_and_role(lockgate: Run) -> None:
    done = lockgate("timeline", cwd=OUTAGES)
    assert done.returncode == 0
    assert "migrations/091_priority.up.sql as paliad_app\n" in done.stdout
    assert "      6  - column is_mandatory of table paliad.rules\n" in done.stdout
    assert re.search(r"^ +7 +.*! 42703$", done.stdout, re.MULTILINE)
    rows = json.loads(lockgate("timeline", "--format", "json", cwd=OUTAGES).stdout)["changes"]
    assert {row["role"] for row in rows} == {"paliad_owner", "paliad_app"}
    assert not [row for row in rows if re.search(r"\b\d{5}\b", row["change"])], "no OIDs in words for people"


def test_alterations_in_words(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text(
        "CREATE ROLE boss;\nCREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE t (a varchar(5), m mood);\n"
        "ALTER TABLE t ALTER a TYPE text;\nALTER TABLE t ALTER a SET NOT NULL;\nALTER TABLE t RENAME a TO b;\nALTER TABLE t RENAME TO u;\n"
        "ALTER TYPE mood ADD VALUE 'glad';\nALTER TABLE u OWNER TO boss;\nGRANT SELECT ON u TO PUBLIC;\nALTER TABLE u ALTER m SET DEFAULT 'sad';\n"
    )
    done = lockgate(
        "timeline", "1_a.sql", "--layout", "plain", "--transaction", "statement", "--role", "postgres", "--superuser"
    )
    said = [line[9:] for line in done.stdout.splitlines()[1:]]
    assert said == [
        "+ role boss",
        "+ type public.mood (sad)",
        "+ table public.t (a, m)",
        "~ column a of table public.t: character varying(5) is now text",
        "~ column a of table public.t: not null",
        "~ column a of table public.t is now b",
        "~ table public.t is now table public.u",
        "~ type public.mood: values",
        "~ table public.u: owner postgres is now boss",
        "~ table public.u: privileges",
        "~ column m of table public.u: has a default",
    ]
