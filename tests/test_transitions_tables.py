"""Tables, indexes, views, sequences, partitions, DROP, RENAME: every script of tests/timeline on real servers,
statement by statement.

A script's first line may tell what it needs: ``-- since 18`` or ``-- before 17`` (a grammar), ``-- needs btree_gist`` (an extension).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.oracle.server.embedded import Server
from tests.oracle.compare import database
from tests.timeline_kit import ENABLED, on_servers, play

SCRIPTS = {path.stem: path.read_text("utf-8") for path in sorted(Path(__file__).with_name("timeline").glob("*.sql"))}


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(ENABLED[request.param]) as running:
        running.ready()
        yield running


@pytest.mark.parametrize(("server", "script"), on_servers(SCRIPTS, sorted(ENABLED)), indirect=["server"])
def test_as_the_server(server: Server, script: str) -> None:
    with database(server):
        assert play(server, server.binaries.major, script, SCRIPTS[script]) == []
