"""Tables, indexes, views, sequences, partitions, DROP, RENAME: every script of tests/timeline on real servers,
statement by statement.

A script's first line may tell what it needs: ``-- since 18`` or ``-- before 17`` (a grammar), ``-- needs btree_gist`` (an extension).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.compare import database
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED, on_servers, play

SCRIPTS = {path.stem: path.read_text("utf-8") for path in sorted(Path(__file__).with_name("timeline").glob("*.sql"))}


@pytest.mark.parametrize(("major", "script"), on_servers(SCRIPTS, sorted(ENABLED)))
def test_as_the_server(server_of: ServerOf, major: int, script: str) -> None:
    server = server_of(major)
    with database(server):
        assert play(server, server.binaries.major, script, SCRIPTS[script]) == []
