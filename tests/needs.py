"""What some tests need and not every machine has: named, counted at the end, and a failure where CI has arranged it.

A test says ``@pytest.mark.needs("root")``, a fixture ``need("chromium")``. ``LOCKGATE_MAY_LACK`` (``.ci/run`` sets it)
lists what this machine may lack; a test that is skipped there for any other reason fails.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NoReturn

import pytest

from lockgate.oracle.server.binaries import Binaries, at_hand

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@functools.cache
def servers() -> tuple[Binaries, ...]:
    return tuple(at_hand())


@functools.cache
def with_extension() -> str:
    """The directory of binaries that have plpgsql_check; empty where this machine has none."""
    return next(
        (str(found.bindir) for found in servers() if any(Path(found.bindir).parent.rglob("plpgsql_check.so"))), ""
    )


def typescript() -> Path | None:
    found = Path(__file__).parents[1] / "tools/page/node_modules/typescript/bin/tsc"
    return found if found.exists() and shutil.which("node") else None


# name -> how to get it, whether it is there
NEEDS: dict[str, tuple[str, Callable[[], object]]] = {
    "chromium": ("apt-get install chromium", browser),
    "typescript": ("npm ci --prefix tools/page", typescript),
    "node": ("apt-get install nodejs", lambda: shutil.which("node")),
    "plpgsql_check": ("apt-get install postgresql-15-plpgsql-check", with_extension),
    "contrib": ("apt-get install postgresql", lambda: False),  # its modules: scripts ask for them one by one
    "readable": ("a clone and an interpreter that an ordinary user can read", lambda: False),  # tests look themselves
    "root": ("run as root", lambda: os.getuid() == 0),
    "linux": ("Linux", lambda: sys.platform == "linux"),
    "system-python": ("/usr/bin/python3", lambda: os.path.exists("/usr/bin/python3")),
    "system-server": (
        "apt-get install postgresql",
        lambda: any(str(found.bindir).startswith("/usr/") for found in servers()),
    ),
    "old-server": ("PostgreSQL 15 or older", lambda: any(found.major < 16 for found in servers())),
    "newest-server": ("PostgreSQL 18 or newer", lambda: any(found.major >= 18 for found in servers())),
    "new-server": ("PostgreSQL 16 or newer", lambda: any(found.major >= 16 for found in servers())),
}


def need(*names: str) -> None:
    """Go on where all of them are here; else the test is not run, and counted under the first that lacks."""
    for name in names:
        if not NEEDS[name][1]():
            lack(name)


def lack(name: str) -> NoReturn:
    """The test is not run, and counted under this name."""
    pytest.skip(f"needs {name}: {NEEDS[name][0]}")


def lacking(reason: object) -> str:
    """What a skipped test needed; empty where it was skipped for another reason."""
    _, _, rest = str(reason).partition("needs ")
    name = rest.partition(":")[0]
    return name if name in NEEDS else ""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name, ...): what not every machine has (tests/needs.py)")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        need(*mark.args)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI says what may lack, any other skip is a failure."""
    report = yield
    allowed = os.environ.get("LOCKGATE_MAY_LACK")
    if allowed is not None and report.skipped and not hasattr(report, "wasxfail"):
        if lacking(report.longrepr) not in allowed.split():
            report.outcome, report.longrepr = "failed", f"skipped, which CI does not allow here: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """``12 tests need chromium: not run (apt-get install chromium)``."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", ())]
    for line in summary(skipped):
        terminalreporter.write_line(line)


def summary(reasons: list[object]) -> list[str]:
    """One line for each need, then one for what was skipped without naming any."""
    names = [lacking(reason) for reason in reasons]
    lines = [
        f"{names.count(name)} test{'s need' if names.count(name) > 1 else ' needs'} {name}: not run ({how})"
        for name, (how, _) in NEEDS.items()
        if name in names
    ]
    others = names.count("")
    return [*lines, f"{others} skipped for another reason: pytest -rs"] if others else lines
