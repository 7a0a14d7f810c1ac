"""``lockgate timeline`` as a user reads it: text, JSON, and its page in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.needs import browser as found_browser
from tests.needs import need

OUTAGES = ROOT / "examples/three-outages"
QUIET = [
    f"--{flag}"
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    )
]


class Visible(HTMLParser):
    """The texts of the elements that are not hidden, by tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.depth, self.inside, self.texts = 0, "", dict[str, list[str]]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("section", "li") and (self.depth or "hidden" in dict(attrs)):
            self.depth += 1
        if tag in ("h1", "p", "h2", "li") and not self.depth:
            self.inside = tag
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag in ("section", "li"):
            self.depth -= 1
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside and not self.depth:
            self.texts[self.inside][-1] += data


Visit = Callable[..., Visible]


@pytest.fixture
def browser(tmp_path: Path) -> Visit:
    """Open a page in Chromium, let its script run, and return what is then visible."""
    need("chromium")
    program = found_browser() or ""

    def visit(page: Path, query: str = "") -> Visible:
        command = [program, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri() + query]
        return Visible(subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout)

    return visit


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


def test_the_page_shows_every_change_and_narrows_to_a_name(lockgate: Run, browser: Visit, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = lockgate("timeline", "--format", "html", "--output", str(page), cwd=OUTAGES)
    assert done.returncode == 0 and done.stdout == ""
    whole = browser(page)
    assert whole.texts["h1"] == ["Timeline of migrations"]
    assert "migrations/129_project_event_choices.up.sqlas paliad_app" in whole.texts["h2"]
    narrow = browser(page, "?filter=is_mandatory")
    assert narrow.texts["h2"] == [
        f"migrations/{name}.up.sqlas paliad_app" for name in ("042_rules", "091_priority", "125_cross_cutting_filter")
    ]
    assert narrow.texts["p"] == ["3 changes that name is_mandatory"]
    assert len(narrow.texts["li"]) == 3 < len(whole.texts["li"])


def test_hostile_names_stay_text(lockgate: Run, browser: Visit, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_a.sql").write_text('CREATE TABLE "<script>document.title=1</script><li>" (a int);')
    assert lockgate("timeline", "m", "--format", "html", "--output", "page.html").returncode == 0
    seen = browser(tmp_path / "page.html")
    assert any("<script>document.title=1</script><li>" in text for text in seen.texts["li"])
    assert seen.texts["h1"] == ["Timeline of m"]
