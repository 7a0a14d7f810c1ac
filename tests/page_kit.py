"""The page in a real browser, and made-up folders to show in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.needs import browser as found_browser
from tests.needs import need

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 400, "height": 800}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found_browser(), args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()


class Watched:
    """A context whose pages may ask for nothing, and whose complaints are kept."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.said: list[str] = []
        self.asked: list[str] = []

    def open(self, page: Path, address: str = "") -> Page:
        opened = self.context.new_page()
        opened.on("console", lambda message: self.said.append(message.text))
        opened.on("pageerror", lambda error: self.said.append(str(error)))
        opened.on("request", lambda request: self.asked.append(request.url))
        opened.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        opened.goto(page.as_uri() + (f"#{address}" if address else ""))
        opened.locator("#view[data-view]").wait_for()
        return opened


def write_folder(folder: Path, migrations: int, tables: int, seed: int = 7) -> None:
    """A folder of so many migrations that make so many tables, alter them, and look at them in views."""
    draw, made, extra = random.Random(seed), list[str](), dict[str, list[str]]()
    folder.mkdir(parents=True)
    for number in range(1, migrations + 1):
        sql = []
        while len(made) < tables * number // migrations:
            name = f"{('billing', 'orders', 'users', 'audit', 'search')[len(made) % 5]}_{len(made):03}"
            parents = draw.sample(made, min(len(made), draw.randint(0, 2)))
            columns = [f"parent_{n} bigint REFERENCES {parent} (id)" for n, parent in enumerate(parents)]
            columns += [f"field_{n} text" for n in range(draw.randint(1, 12))]
            sql.append(f"CREATE TABLE {name} (id bigint PRIMARY KEY, {', '.join(columns)});")
            made.append(name)
        name = draw.choice(made) if made else ""
        if name and extra.get(name) and draw.random() < 0.5:
            sql.append(f"ALTER TABLE {name} DROP COLUMN {extra[name].pop()};")
        elif name:
            extra.setdefault(name, []).append(f"extra_{number}")
            sql.append(f"ALTER TABLE {name} ADD COLUMN extra_{number} integer;")
        if name and number % 9 == 0:
            sql.append(f"CREATE VIEW look_{number} AS SELECT id FROM {name};")
        (folder / f"{number:04}_step.up.sql").write_text("\n".join(sql) + "\n")
