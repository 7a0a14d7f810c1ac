"""The SQL that a refusal's help names: applied by the role that it names, it lets the refused statement pass on every
server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lockgate.base.text import Source
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.wire import SocketConnection
from lockgate.rules import registry
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from tests.oracle.compare import database
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED

BEFORE = "CREATE ROLE own; CREATE ROLE app; CREATE ROLE other; CREATE SCHEMA s; ALTER SCHEMA s OWNER TO own; GRANT USAGE, CREATE ON SCHEMA s TO app;"
TABLE = "CREATE TABLE s.t (id int PRIMARY KEY, name text);"
# what the owner makes, what the deployer is refused, the rule
CASES = {
    "table": (TABLE, "ALTER TABLE s.t ADD COLUMN x int", "ownership-required"),
    "quoted table": ('CREATE TABLE s."T x" (id int);', 'CREATE INDEX ON s."T x" (id)', "ownership-required"),
    "partitioned table": (
        "CREATE TABLE s.t (id int) PARTITION BY LIST (id);",
        "CREATE TABLE s.p PARTITION OF s.t DEFAULT",
        "ownership-required",
    ),
    "view": (
        TABLE + "CREATE VIEW s.v AS SELECT id FROM s.t; GRANT SELECT ON s.t TO app;",
        "CREATE OR REPLACE VIEW s.v AS SELECT id FROM s.t",
        "ownership-required",
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a;",
        "DROP MATERIALIZED VIEW s.m",
        "ownership-required",
    ),
    "sequence": ("CREATE SEQUENCE s.q;", "ALTER SEQUENCE s.q INCREMENT 2", "ownership-required"),
    "function": (
        "CREATE FUNCTION s.f(a text, b int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';",
        "ALTER FUNCTION s.f(text, int[]) STABLE",
        "ownership-required",
    ),
    "procedure": (
        "CREATE PROCEDURE s.p(a int) LANGUAGE sql AS 'SELECT 1';",
        "DROP PROCEDURE s.p(int)",
        "ownership-required",
    ),
    "aggregate": (
        "CREATE AGGREGATE s.a(int) (SFUNC = int4pl, STYPE = int);",
        "COMMENT ON AGGREGATE s.a(int) IS 'x'",
        "ownership-required",
    ),
    "enum": ("CREATE TYPE s.e AS ENUM ('a');", "ALTER TYPE s.e ADD VALUE 'b'", "ownership-required"),
    "composite type": ("CREATE TYPE s.c AS (a int);", "ALTER TYPE s.c ADD ATTRIBUTE b int", "ownership-required"),
    "domain": ("CREATE DOMAIN s.d AS int;", "ALTER DOMAIN s.d SET NOT NULL", "ownership-required"),
    "schema": ("", "COMMENT ON SCHEMA s IS 'x'", "ownership-required"),
    "trigger": (
        TABLE + "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();",
        "DROP TRIGGER g ON s.t",
        "ownership-required",
    ),
    "policy": (
        TABLE + "CREATE POLICY p ON s.t USING (true);",
        "ALTER POLICY p ON s.t USING (false)",
        "ownership-required",
    ),
    "index": (TABLE, "ALTER INDEX s.t_pkey RENAME TO k", "ownership-required"),
    "column": (TABLE, "COMMENT ON COLUMN s.t.id IS 'x'", "ownership-required"),
    "statistics": (
        TABLE + "CREATE STATISTICS s.st ON id, name FROM s.t;",
        "DROP STATISTICS s.st",
        "ownership-required",
    ),
    "collation": ("CREATE COLLATION s.c (locale = 'C');", "DROP COLLATION s.c", "ownership-required"),
    "text search configuration": (
        "CREATE TEXT SEARCH CONFIGURATION s.c (COPY = simple);",
        "DROP TEXT SEARCH CONFIGURATION s.c",
        "ownership-required",
    ),
    "operator": (
        "CREATE OPERATOR s.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);",
        "DROP OPERATOR s.### (int, int)",
        "ownership-required",
    ),
    "SELECT": (TABLE, "SELECT * FROM s.t", "privilege-missing"),
    "INSERT": (TABLE, "INSERT INTO s.t VALUES (1)", "privilege-missing"),
    "UPDATE of a view": (
        TABLE + "CREATE VIEW s.v AS SELECT id FROM s.t; GRANT SELECT ON s.v TO app;",
        "UPDATE s.v SET id = 1",
        "privilege-missing",
    ),
    "table behind a view": (
        "CREATE TABLE s.t (id int); CREATE VIEW s.v WITH (security_invoker = true) AS SELECT id FROM s.t; GRANT SELECT ON s.v TO app;",
        "SELECT * FROM s.v",
        "privilege-missing",
    ),
    "TRUNCATE": (TABLE, "TRUNCATE s.t", "privilege-missing"),
    "REFERENCES": (TABLE, "CREATE TABLE s.mine (t int REFERENCES s.t)", "privilege-missing"),
    "TRIGGER": (
        TABLE,
        "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "privilege-missing",
    ),
    "nextval": ("CREATE SEQUENCE s.q;", "SELECT nextval('s.q')", "privilege-missing"),
    "serial": (
        "CREATE TABLE s.t (id serial, n int); GRANT INSERT ON s.t TO app;",
        "INSERT INTO s.t (n) VALUES (1)",
        "privilege-missing",
    ),
    "EXECUTE": (
        "CREATE FUNCTION s.f(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION s.f(int) FROM PUBLIC;",
        "SELECT s.f()",
        "privilege-missing",
    ),
    "USAGE on a type": (
        "CREATE TYPE s.e AS ENUM ('a'); REVOKE USAGE ON TYPE s.e FROM PUBLIC;",
        "CREATE TABLE s.mine (e s.e)",
        "privilege-missing",
    ),
    "USAGE on a domain": (
        "CREATE DOMAIN s.d AS int; REVOKE USAGE ON DOMAIN s.d FROM PUBLIC;",
        "CREATE TABLE s.mine (d s.d)",
        "privilege-missing",
    ),
    "CREATE on a schema": ("REVOKE CREATE ON SCHEMA s FROM app;", "CREATE TABLE s.mine (id int)", "privilege-missing"),
    "USAGE on a schema": (
        TABLE + "GRANT SELECT ON s.t TO app; REVOKE USAGE ON SCHEMA s FROM app;",
        "SELECT * FROM s.t",
        "privilege-missing",
    ),
    "row security": (
        TABLE + "GRANT INSERT ON s.t TO app; ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;",
        "INSERT INTO s.t VALUES (1)",
        "privilege-missing",
    ),
    "CREATEROLE": ("", "CREATE ROLE made", "privilege-missing"),
    "SET ROLE": ("", "SET ROLE other", "privilege-missing"),
    "OWNER TO another": (
        "GRANT CREATE ON SCHEMA s TO other;",
        "DO $$ BEGIN CREATE TABLE s.mine (id int); ALTER TABLE s.mine OWNER TO other; END $$",
        "superuser-required",
    ),
    "CREATE on the database": ("", "CREATE SCHEMA mine", "privilege-missing"),
    "event trigger": (
        "CREATE FUNCTION s.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION s.f()",
        "superuser-required",
    ),
    "COPY from a file": (TABLE, "COPY s.t FROM '/dev/null'", "superuser-required"),
}


@pytest.fixture(params=sorted(ENABLED), ids=str)
def served(request: pytest.FixtureRequest, server_of: ServerOf) -> tuple[Server, int]:
    return server_of(request.param), request.param


def advice(owners: str, refused: str, major: int) -> tuple[str, str, str]:
    """Rule, message and help of the refusal."""
    scripts = [
        Script.whole(Source(f"{n}.sql", text), Transaction.STATEMENT) for n, text in enumerate((owners, refused), 1)
    ]
    migrations = tuple(Migration(str(n), str(n), str(n), script) for n, script in enumerate(scripts, 1))
    baseline, nothing = (Script.whole(Source("b.sql", text), Transaction.STATEMENT) for text in (BEFORE, ""))
    plan = Plan(
        migrations, major, owner="own", deployer="app", owned=frozenset({"1"}), handover_sql=nothing, baseline=baseline
    )
    steps = [s for s in Replay(plan).steps() if isinstance(s, Step) and s.migration.id in "12"]
    assert [s.statement.text for s in steps[:-1] if s.fails or s.tainted] == []
    ((finding,),) = ([f for f in registry.of_step(steps[-1]) if f.sqlstate == "42501"],)
    return finding.name, finding.message, finding.help


def remedies(help: str, refused: str) -> Iterator[tuple[str, str]]:
    """What the help wants to be run, each as whom ("" for a superuser); a GRANT of a privilege is the owner's."""
    if "SUPERUSER" in help.upper() and not help.startswith("run as"):
        yield "", refused
        return
    superuser, words = help.startswith("run as a superuser: "), help.removeprefix("run as a superuser: ")
    for sql in words.split(" or once and for all: "):
        yield "" if superuser else "own", sql


def as_role(connection: SocketConnection, role: str, sql: str) -> str:
    """The SQLSTATE of statements run as a role ("" for the superuser)."""
    done = connection.query(f"SET SESSION AUTHORIZATION {role or 'DEFAULT'}").failure
    assert not done, done
    return str((connection.query(sql).failure or {}).get("C", ""))


@pytest.mark.parametrize("case", CASES)
def test_the_remedy_mends(served: tuple[Server, int], case: str) -> None:
    server, major = served
    owners, refused, rule = CASES[case]
    told, _, help = advice(owners, refused, major)
    assert told == rule
    with database(server) as connection:  # shared: roles of other tests are gone
        ((name,),) = connection.query("SELECT quote_ident(current_database())").rows
        connection.query("BEGIN")
        assert as_role(connection, "", BEFORE) == ""
        assert as_role(connection, "own", owners or "SELECT 1") == ""
        connection.query("SAVEPOINT here")
        assert as_role(connection, "app", refused) == "42501"
        connection.query("ROLLBACK TO here")
        for role, sql in remedies(help.replace(':"DBNAME"', name or ""), refused):
            assert (as_role(connection, role, sql), sql) == ("", sql)
            if sql != refused:
                assert (as_role(connection, "app", refused), sql) == ("", sql)
            connection.query("ROLLBACK TO here")
