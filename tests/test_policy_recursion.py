"""Policies that ask each other: what ends in 42P17 for which role and command, as EXPLAIN on a real server has it."""

from __future__ import annotations

import pytest

from lockgate.base.text import Source
from lockgate.catalog.objects import Relation
from lockgate.oracle.server.embedded import Server
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.recursion import circle_of
from lockgate.timeline.replay import Replay
from tests.oracle.compare import database
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED

BASE = """CREATE ROLE keeper; CREATE ROLE team; CREATE ROLE one IN ROLE team; CREATE ROLE guest; GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE a (id int, b int); CREATE TABLE b (id int, a int); CREATE TABLE c (id int);
ALTER TABLE a OWNER TO keeper; ALTER TABLE b OWNER TO keeper; ALTER TABLE c OWNER TO keeper;
GRANT ALL ON a, b, c TO PUBLIC;
ALTER TABLE a ENABLE ROW LEVEL SECURITY; ALTER TABLE b ENABLE ROW LEVEL SECURITY;
"""
SHAPES = {
    "itself": "CREATE POLICY p ON a USING (EXISTS (SELECT 1 FROM a x WHERE x.b = a.id));",
    "its own column only": "CREATE POLICY p ON a USING (b = 1);",
    "each other": "CREATE POLICY p ON a USING (id IN (SELECT a FROM b)); CREATE POLICY q ON b USING (id IN (SELECT b FROM a));",
    "one way": "CREATE POLICY p ON a USING (id IN (SELECT a FROM b)); CREATE POLICY q ON b USING (a = 1);",
    "row security off at the other": "CREATE POLICY p ON a USING (id IN (SELECT id FROM c)); CREATE POLICY q ON c USING (id IN (SELECT b FROM a));",
    "of a team": "CREATE POLICY p ON a TO team USING (id IN (SELECT a FROM b)); CREATE POLICY q ON b USING (id IN (SELECT b FROM a));",
    "of different roles": "CREATE POLICY p ON a TO team USING (id IN (SELECT a FROM b)); CREATE POLICY q ON b TO guest USING (id IN (SELECT b FROM a));",
    "only restrictive": "CREATE POLICY p ON a AS RESTRICTIVE USING (id IN (SELECT b FROM a));",
    "restrictive beside permissive": "CREATE POLICY o ON a USING (true); CREATE POLICY p ON a AS RESTRICTIVE USING (id IN (SELECT b FROM a));",
    "insert asks its own": "CREATE POLICY o ON a FOR SELECT USING (b = 1); CREATE POLICY p ON a FOR INSERT WITH CHECK ((SELECT count(*) FROM a) < 5);",
    "insert asks one that asks another": "CREATE POLICY o ON a FOR SELECT USING (id IN (SELECT a FROM b)); CREATE POLICY p ON a FOR INSERT WITH CHECK ((SELECT count(*) FROM a) < 5); CREATE POLICY q ON b USING (true);",
    "update's check": "CREATE POLICY p ON a FOR ALL USING (b = 1) WITH CHECK (id IN (SELECT a FROM b)); CREATE POLICY q ON b FOR SELECT USING (id IN (SELECT b FROM a));",
    "through a view of the owner": "CREATE VIEW v AS SELECT * FROM b; ALTER VIEW v OWNER TO keeper; GRANT ALL ON v TO PUBLIC; CREATE POLICY p ON a USING (id IN (SELECT a FROM v)); CREATE POLICY q ON b USING (id IN (SELECT b FROM a));",
    "through a view of another": "CREATE VIEW v AS SELECT * FROM b; ALTER VIEW v OWNER TO guest; GRANT ALL ON v TO PUBLIC; CREATE POLICY p ON a USING (id IN (SELECT a FROM v)); CREATE POLICY q ON b USING (id IN (SELECT b FROM a));",
    "forced": "ALTER TABLE a FORCE ROW LEVEL SECURITY; CREATE POLICY p ON a TO keeper USING (id IN (SELECT b FROM a));",
    "not forced": "CREATE POLICY p ON a TO keeper USING (id IN (SELECT b FROM a));",
    "a function between": "CREATE FUNCTION f(i int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT EXISTS (SELECT 1 FROM public.a WHERE a.id = i)'; CREATE POLICY p ON a USING (f(id));",
    "a CTE of that name": "CREATE POLICY p ON a USING (EXISTS (WITH a AS (SELECT 1 AS x) SELECT 1 FROM a));",
    "a subquery without a table": "CREATE POLICY p ON a USING ((SELECT 1) = id);",
    "altered": "CREATE POLICY p ON a USING (true); ALTER POLICY p ON a USING (id IN (SELECT b FROM a));",
    "altered away": "CREATE POLICY p ON a USING (id IN (SELECT b FROM a)); ALTER POLICY p ON a USING (true);",
    "renamed": "CREATE POLICY p ON a USING (id IN (SELECT b FROM a)); ALTER TABLE a RENAME TO d;",
}
_ASK = {
    "SELECT": "EXPLAIN SELECT 1 FROM {}",
    "INSERT": "EXPLAIN INSERT INTO {} VALUES (1)",
    "UPDATE": "EXPLAIN UPDATE {} SET id = 1",
    "DELETE": "EXPLAIN DELETE FROM {}",
}


@pytest.fixture(params=sorted({min(ENABLED), max(ENABLED)}))
def server(request: pytest.FixtureRequest, server_of: ServerOf) -> Server:
    return server_of(request.param)


@pytest.mark.parametrize("shape", SHAPES)
def test_as_the_server(server: Server, shape: str) -> None:
    script = Script.whole(Source("1.sql", BASE + SHAPES[shape]), Transaction.STATEMENT)
    owner = server.template.superuser
    replay = Replay(Plan((Migration("1", "1", "1", script),), server.binaries.major, role=owner, superuser=True))
    list(replay.steps())
    tables = [r for r in replay.draft.freeze().objects(Relation) if r.kind == "r"]
    simulated = {r.name for r in tables if circle_of(replay.draft.freeze(), r.oid) is not None}
    with database(server) as connection:
        for sql in (BASE + SHAPES[shape]).split(";"):
            reply = connection.query(sql)
            assert reply.failure is None, (sql, reply.failure)
        seen = set()
        for role in ("one", "guest", "keeper"):
            connection.query(f"SET SESSION AUTHORIZATION {role}")
            for table in tables:
                for ask in _ASK.values():
                    reply = connection.query(ask.format(table.name))
                    if reply.failure is not None and reply.failure["C"] == "42P17":
                        seen.add(table.name)
            connection.query("RESET SESSION AUTHORIZATION")
    assert simulated == seen
