"""``lockgate timeline --format html`` as a reader walks through it, in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.conftest import ROOT, Run
from tests.page_kit import PHONE, WIDE, Watched, chromium, write_folder

OUTAGES = ROOT / "examples/three-outages"
HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>"
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each folder, made as a user makes it."""
    out = tmp_path_factory.mktemp("pages")
    write_folder(out / "many/migrations", 130, 40)
    write_folder(out / "long/migrations", 800, 120)
    write_folder(out / "large/migrations", 30, 300)
    folders = {
        "outages": OUTAGES,
        "application": ROOT / "examples/application",
        **{name: out / name for name in ("many", "long", "large")},
    }
    for name, folder in folders.items():
        command = [
            sys.executable,
            "-m",
            "lockgate",
            "timeline",
            "--format",
            "html",
            "--output",
            str(out / f"{name}.html"),
        ]
        subprocess.run(command, cwd=folder, check=True, timeout=120)
    return {name: out / f"{name}.html" for name in folders}


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def size(request: pytest.FixtureRequest) -> ViewportSize:
    found: ViewportSize = request.param
    return found


@pytest.fixture
def wide(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport=WIDE)
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.said == [], "the page's script complains"
    assert all(url.startswith("file:") for url in watched.asked), "the page fetches something"


def titles(page: Page) -> list[str]:
    return sorted(page.locator(".node > title").all_text_contents())


def test_the_slider_walks_through_the_schema(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=001")
    assert titles(page) == ["table paliad.projects"]
    page.keyboard.press("ArrowRight")
    expect(page.locator("#slot")).to_have_text("040")
    assert titles(page) == ["table paliad.project_event_choices", "table paliad.projects"]
    page.keyboard.press("End")
    expect(page.locator("#slot")).to_have_text("131")
    assert "table paliad.project_notes" in titles(page)
    assert "new" in (
        page.locator(".node", has=page.get_by_text("table paliad.project_notes")).get_attribute("class") or ""
    )
    page.locator("#slider").fill("0")
    expect(page.locator("#slot")).to_have_text("001")
    page.get_by_role("button", name="Later slot").click()
    expect(page.locator("#slot")).to_have_text("040")
    assert page.url.endswith("#at=040")


def test_what_a_migration_changed_is_marked_in_the_diagram(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=091")
    node = page.locator(".node.changed")
    expect(node.locator("title")).to_have_text("table paliad.rules")
    assert node.locator("text.lost").all_text_contents() == ["is_mandatory", "is_optional", "condition_flag"]
    assert node.locator("text.new").all_text_contents() == ["priority"]
    expect(node.locator(".lock")).to_have_text("reads and writes wait")
    page.keyboard.press("ArrowRight")
    assert page.locator("text.lost").count() == 0


def test_a_table_and_a_column_tell_their_life(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=131")
    page.locator(".node", has=page.get_by_text("table paliad.rules")).locator("text", has_text="project_id").click()
    pane = page.locator("#inspector")
    expect(pane.get_by_role("heading", level=2)).to_have_text("paliad.rules.project_id")
    pane.get_by_role("button", name="paliad.rules", exact=True).click()
    expect(pane.get_by_role("heading", level=2)).to_have_text("paliad.rules")
    story = pane.locator(".story .words").all_text_contents()
    assert "column is_mandatory: dropped" in story and story[0].startswith("made")
    page.keyboard.press("Escape")
    expect(pane).to_be_hidden()


def test_readers_and_queries_of_a_column(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["application"], "show=public.rules.priority")
    expect(page.locator("#inspector")).to_contain_text("app/rules.sql:2")
    page = wide.open(pages["many"], "at=0130&view=list")
    view = page.locator(".list .soft", has_text="view").first
    view.locator("xpath=..").get_by_role("button").click()
    name = page.locator("#inspector h2").inner_text()
    page.locator("#inspector td .link").first.click()
    reader = page.locator("#inspector h2").inner_text()
    assert reader == f"{name}.id"


def test_findings_stand_in_their_file_and_lead_there(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "view=findings")
    row = page.locator(".finding", has_text="column is_mandatory of paliad.rules was dropped in 091")
    row.get_by_role("button", name="migrations/125_cross_cutting_filter.up.sql:4").click()
    expect(page.locator("#slot")).to_have_text("125")
    expect(page.locator(".source .row.hit .word")).to_have_text("is_mandatory")
    note = page.locator(".note").first
    expect(note).to_contain_text("T201")
    assert note.evaluate("node => node.previousElementSibling.id") == "line-4"
    expect(page.locator(".locks dt")).to_have_text("paliad.rules")
    expect(page.locator(".locks .span")).to_have_text("writes wait")
    assert "line=4" in page.url


def test_who_may_what_before_and_after_the_handover(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=131&view=owners")
    heads = page.locator(".rights thead th[scope=colgroup]").all_text_contents()
    assert heads == ["paliad_owner (owner)", "paliad_app (deployer)"]

    def cells(name: str) -> list[str]:
        row = page.locator(".rights tr", has=page.get_by_role("button", name=name, exact=True))
        return list(row.locator("td").all_text_contents())

    assert cells("projects") == ["owns", "owns", "nothing", "all privileges"]
    assert cells("project_notes") == ["–", "nothing", "–", "owns"]


def test_search_finds_tables_columns_and_migrations(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=131")
    page.keyboard.press("/")
    page.keyboard.type("is_mand")
    first = page.locator("#found li").first
    expect(first).to_contain_text("paliad.rules.is_mandatory")
    expect(first).to_contain_text("dropped in 091")
    page.keyboard.press("Enter")
    expect(page.locator("#inspector h2")).to_have_text("paliad.rules.is_mandatory")
    page.keyboard.press("/")
    page.keyboard.type("091")
    page.keyboard.press("Enter")
    expect(page.locator("#slot")).to_have_text("091")


def test_an_address_leads_back(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=091&view=list&show=paliad.rules.is_mandatory")
    expect(page.locator("#slot")).to_have_text("091")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("List")
    expect(page.locator("#inspector")).to_contain_text("dropped in 091")
    page.evaluate("location.hash = 'at=nothing&view=nowhere&show=no.such&line=x'")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("Diagram")
    expect(page.locator("#inspector")).to_be_hidden()


def test_keys_and_themes(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["outages"], "at=131")
    for number, name in enumerate(("Diagram", "List", "Migration", "Owners", "Findings"), 1):
        page.keyboard.press(str(number))
        expect(page.get_by_role("tab", selected=True)).to_contain_text(name)
    page.keyboard.press("p")
    expect(page.locator("#slot")).to_have_text("129")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.reload()
    page.locator("#view[data-view]").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next slot with a finding")


def test_three_hundred_tables_are_read_by_groups(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["large"])
    cards = page.locator(".groups .card")
    assert 5 <= cards.count() <= 60
    assert page.locator(".groups li").count() >= 300
    assert max(int(text) for text in cards.locator("header > .soft:nth-child(2)").all_text_contents()) <= 28
    name = cards.first.locator("header .strong").inner_text()
    cards.first.locator("header .strong").click()
    assert 0 < page.locator(".node").count() <= 28
    page.get_by_label("Group").select_option("*")
    assert page.locator(".node").count() >= 300
    page.get_by_label("Group").select_option(name)
    page.keyboard.press("/")
    page.keyboard.type("users_102")
    page.keyboard.press("Enter")
    box, pane = page.locator(".node.selected").bounding_box(), page.locator("#view").bounding_box()
    assert box is not None and pane is not None
    assert pane["x"] <= box["x"] and box["x"] + box["width"] <= pane["x"] + pane["width"]
    assert page.locator(".node.selected .rows text").first.is_visible()


def test_on_a_phone_a_chosen_table_stands_above_its_sheet(browser: Browser, pages: dict[str, Path]) -> None:
    context = browser.new_context(viewport=PHONE)
    watched = Watched(context)
    page = watched.open(pages["outages"], "at=131&show=paliad.rules")
    page.wait_for_timeout(200)
    box, sheet = page.locator(".node.selected").bounding_box(), page.locator("#inspector").bounding_box()
    assert box is not None and sheet is not None and box["y"] + box["height"] / 2 < sheet["y"]
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("tab", name="Owners").click()
    expect(page.locator(".rights tbody th").first).to_be_visible()
    context.close()
    assert watched.said == []


def test_nothing_moves_when_the_slider_does(wide: Watched, pages: dict[str, Path]) -> None:
    page = wide.open(pages["many"], "at=0130&group=*")

    def places() -> dict[str, str]:
        script = "nodes => nodes.map(n => [n.dataset.id, n.getAttribute('transform')])"
        return dict(page.locator(".node").evaluate_all(script))

    last = places()
    page.keyboard.press("Home")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    some = places()
    assert some and some.items() <= last.items() | {(key, value) for key, value in some.items() if key not in last}


def test_no_view_is_wider_than_the_screen(browser: Browser, pages: dict[str, Path], size: ViewportSize) -> None:
    context = browser.new_context(viewport=size)
    watched = Watched(context)
    for name, at in (("outages", "125"), ("large", "0030")):
        for view in ("diagram", "list", "migration", "owners", "findings"):
            page = watched.open(pages[name], f"at={at}&view={view}")
            wide = "[document.documentElement, document.querySelector('.bar'), document.querySelector('.time'), document.querySelector('.page')]"
            over = page.evaluate(f"{wide}.filter(Boolean).map(e => e.scrollWidth - e.clientWidth)")
            assert max(over) <= 1, f"{name}, {view} at {size['width']}"
            tabs = page.get_by_role("tab").all()
            assert all((box := tab.bounding_box()) and box["x"] + box["width"] <= size["width"] + 1 for tab in tabs)
            page.close()
    context.close()
    assert watched.said == []


@pytest.mark.parametrize("name", ["outages", "many", "long", "large"])
def test_the_page_is_small_and_paints_once_it_is_read(wide: Watched, pages: dict[str, Path], name: str) -> None:
    assert pages[name].stat().st_size < MOST_BYTES
    page = wide.open(pages[name])
    painted = "() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().map(e => e.name))).observe({ type: 'paint', buffered: true }))"
    assert "first-contentful-paint" in page.evaluate(painted)
    assert page.locator("#slot").inner_text()


def test_hostile_names_stay_text(wide: Watched, lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    sql = f'CREATE TABLE "{HOSTILE[:60]}" ("<b>x</b>\u202e" int);\nCOMMENT ON TABLE "{HOSTILE[:60]}" IS \'{HOSTILE.replace(chr(39), chr(39) * 2)}\';\n'
    (tmp_path / "m/1_a.sql").write_text(sql)
    assert lockgate("timeline", "m", "--format", "html", "--output", "page.html").returncode == 0
    text = (tmp_path / "page.html").read_text()
    assert "\u202e" not in text and "\\u202e" not in text and text.count("</script>") == 2
    page = wide.open(tmp_path / "page.html")
    for view in ("diagram", "list", "migration", "owners", "findings"):
        page.keyboard.press(str(("diagram", "list", "migration", "owners", "findings").index(view) + 1))
        assert (
            page.title() == "Timeline of m" and page.locator("img").count() == 0 and page.locator("main b").count() == 0
        )
    page.keyboard.press("3")
    assert HOSTILE[:60] in page.locator(".source").inner_text()


def test_the_policy_lets_nothing_else_run(wide: Watched, pages: dict[str, Path]) -> None:
    text = pages["outages"].read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None and "unsafe" not in policy.group(1) and "default-src 'none'" in policy.group(1)
    assert not re.search(r"<[a-z]+[^>]*\son\w+=", text.split("<script", 1)[0]), "no handlers in the markup"
    page = wide.open(pages["outages"])
    page.evaluate(
        """() => { const bad = document.createElement('script'); bad.textContent = "document.title = 'ran'"; document.body.append(bad); }"""
    )
    assert page.title() != "ran"
    assert any("Content Security Policy" in line for line in wide.said)
    wide.said.clear()


def test_nothing_to_show_is_said(wide: Watched, lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_a.sql").write_text("SELECT 1;")
    assert lockgate("timeline", "m", "--format", "html", "--output", "page.html").returncode == 0
    page = wide.open(tmp_path / "page.html")
    expect(page.locator("main")).to_contain_text("No tables at this slot.")
    refused = lockgate("timeline", "m", "--format", "html", "--at", "1")
    assert refused.returncode == 2 and "#at=SLOT" in refused.stderr


def test_the_embedded_data_is_the_document(pages: dict[str, Path]) -> None:
    import msgspec

    from lockgate.report.page import Page as Document

    found = re.search(r'id="data">(.*?)</script>', pages["outages"].read_text(), re.DOTALL)
    assert found is not None
    document = msgspec.json.decode(found.group(1).encode(), type=Document)
    assert document.walk.moments and document.findings and json.loads(found.group(1))["version"] == 1
