"""What CREATE INDEX CONCURRENTLY waits for, and what it leaves behind: measured, as L204, L205 and L206 say it."""

from __future__ import annotations

import pytest

from lockgate.oracle.server.embedded import Server
from tests.timeline_kit import ENABLED

INVALID = "select indexrelid::regclass::text from pg_index where not indisvalid"


@pytest.mark.parametrize(("timeout", "state"), [("lock_timeout", "55P03"), ("statement_timeout", "57014")])
def test_a_timeout_ends_its_wait_and_leaves_an_invalid_index(timeout: str, state: str) -> None:
    with Server(ENABLED[max(ENABLED)]) as server:
        server.ready()
        other, mine = server.connect(), server.connect()
        try:
            mine.query("create table p (n int); create table elsewhere (n int)")
            other.query("begin isolation level repeatable read; select * from elsewhere")  # an older snapshot
            mine.query(f"set {timeout} = '300ms'")
            failure = mine.query("create index concurrently i on p (n)").failure
            assert failure is not None and failure["C"] == state
            other.query("rollback")
            assert [row[0] for row in mine.query(INVALID).rows] == ["i"]
            assert mine.query("create index concurrently if not exists i on p (n)").failure is None
            assert [row[0] for row in mine.query(INVALID).rows] == ["i"], "it is taken for the wanted one"
            failure = mine.query("create index concurrently i on p (n)").failure
            assert failure is not None and failure["C"] == "42P07", "the next attempt is refused"
            assert mine.query("drop index concurrently if exists i").failure is None
            assert mine.query("create index concurrently i on p (n)").failure is None
        finally:
            other.close()
            mine.close()
