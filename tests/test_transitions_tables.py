"""Tables, indexes, views, sequences, partitions, DROP, RENAME: every script of tests/timeline on real servers,
statement by statement.

A script's first line may tell what it needs: ``-- since 18`` or ``-- before 17`` (a grammar), ``-- needs btree_gist`` (an extension).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.oracle.server.embedded import Server
from tests.timeline_kit import ENABLED, lacks, play

SCRIPTS = sorted(Path(__file__).with_name("timeline").glob("*.sql"))


@pytest.fixture(params=sorted(ENABLED), ids=str)
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Server, int]]:
    with Server(ENABLED[request.param]) as server:
        server.ready()
        yield server, request.param


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_as_the_server(served: tuple[Server, int], path: Path) -> None:
    server, major = served
    text = path.read_text(encoding="utf-8")
    if lacks(text, server.binaries):
        pytest.skip(text.splitlines()[0])
    assert play(server, major, path.stem, text) == []
