"""Who may what, by several roles and topic by topic: the simulator's refusals are the server's, statement by statement,
in SQLSTATE and words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.base.text import Source
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, Baseline, ObservationState, RolePlan, ServerWish
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from tests.live_kit import majors
from tests.oracle.compare import Pair, database
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED, on_servers

# the deployer ``app`` may become any of these; a team that inherits nothing, one that grants on, and one with
# CREATEROLE
BASELINE = """CREATE ROLE own; CREATE ROLE app; CREATE ROLE a; CREATE ROLE b; CREATE ROLE team; CREATE ROLE maker;
ALTER ROLE maker WITH CREATEROLE; ALTER ROLE b WITH NOINHERIT;
GRANT a TO app; GRANT b TO app; GRANT team TO app; GRANT maker TO app; GRANT own TO app; GRANT team TO b; GRANT pg_read_all_data TO team;
ALTER DATABASE production OWNER TO own;
CREATE SCHEMA s; ALTER SCHEMA s OWNER TO own; GRANT USAGE ON SCHEMA s TO a, b;
CREATE SCHEMA hidden; ALTER SCHEMA hidden OWNER TO own;
CREATE TABLE s.t (id int PRIMARY KEY, name text, secret text); ALTER TABLE s.t OWNER TO own;
CREATE TABLE hidden.t (id int); ALTER TABLE hidden.t OWNER TO own;
CREATE SEQUENCE s.q; ALTER SEQUENCE s.q OWNER TO own;
CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION s.f() OWNER TO own; REVOKE EXECUTE ON FUNCTION s.f() FROM PUBLIC;
CREATE TYPE s.mood AS ENUM ('x'); ALTER TYPE s.mood OWNER TO own; REVOKE USAGE ON TYPE s.mood FROM PUBLIC;
CREATE VIEW s.v AS SELECT id, secret FROM s.t; ALTER VIEW s.v OWNER TO own;
CREATE VIEW s.i WITH (security_invoker = true) AS SELECT id FROM s.t; ALTER VIEW s.i OWNER TO own;
GRANT SELECT (id, name), UPDATE (name), REFERENCES (id) ON s.t TO a; GRANT SELECT ON s.v, s.i TO a;
"""

TOPICS = {
    "columns": """SET ROLE a; SELECT id FROM s.t; SELECT * FROM s.t; SELECT count(*) FROM s.t; SELECT secret FROM s.t; UPDATE s.t SET name = 'x';
UPDATE s.t SET secret = 'x'; UPDATE s.t SET name = secret; INSERT INTO s.t (id) VALUES (1); DELETE FROM s.t WHERE id = 1;
SELECT id FROM s.t FOR UPDATE; SELECT s.t FROM s.t; SELECT t.id FROM s.t AS t JOIN s.t AS u USING (id); TRUNCATE s.t; LOCK TABLE s.t IN ACCESS SHARE MODE;""",
    "views as their owner and as the invoker": """SET ROLE a; SELECT secret FROM s.v; SELECT id FROM s.i; UPDATE s.v SET secret = 'x';
CREATE OR REPLACE VIEW s.v AS SELECT id, secret FROM s.t; DROP VIEW s.v; SET ROLE b; SELECT id FROM s.i; SELECT id FROM s.v;""",
    "schemas": """SET ROLE a; SELECT * FROM hidden.t; CREATE TABLE s.mine (id int); CREATE SCHEMA mine; DROP SCHEMA s; ALTER SCHEMA s RENAME TO z;
SET ROLE team; SELECT * FROM hidden.t; SELECT secret FROM s.t; INSERT INTO s.t VALUES (1, 'a', 'b');""",
    "public": "SET ROLE a; CREATE TABLE public.mine (id int); SET ROLE own; CREATE TABLE public.theirs (id int); SET ROLE a; DROP TABLE public.theirs;",
    "sequences, functions and types": """SET ROLE a; SELECT nextval('s.q'); SELECT s.f(); CREATE TEMP TABLE x (m s.mood); SET ROLE own;
GRANT USAGE ON SEQUENCE s.q TO a; GRANT EXECUTE ON FUNCTION s.f() TO a; GRANT USAGE ON TYPE s.mood TO a; SET ROLE a; SELECT nextval('s.q');
SELECT setval('s.q', 5); SELECT s.f(); CREATE TEMP TABLE x (m s.mood); ALTER SEQUENCE s.q RESTART; ALTER FUNCTION s.f() STABLE;
ALTER TYPE s.mood ADD VALUE 'y';""",
    "owners only": """SET ROLE a; ALTER TABLE s.t ADD COLUMN x int; ALTER TABLE s.t ADD COLUMN IF NOT EXISTS name text; CREATE INDEX ON s.t (id);
COMMENT ON TABLE s.t IS 'x';
CREATE POLICY p ON s.t USING (true); CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE s.t OWNER TO a; DROP TABLE s.t; CREATE TABLE IF NOT EXISTS s.t (id int); REINDEX TABLE s.t; CREATE RULE r AS ON INSERT TO s.t DO NOTHING;
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; CREATE STATISTICS s.st ON id, name FROM s.t;""",
    "references": """SET ROLE own; GRANT CREATE ON SCHEMA s TO a; SET ROLE a; CREATE TABLE s.ref (t int REFERENCES s.t (id));
CREATE TABLE s.child () INHERITS (s.t);
CREATE TABLE s.alike (LIKE s.t); ALTER TABLE s.ref OWNER TO own; ALTER TABLE s.ref OWNER TO b;""",
    "grants": """SET ROLE a; GRANT SELECT ON s.t TO b; GRANT SELECT (id) ON s.t TO b; GRANT INSERT ON hidden.t TO b; REVOKE SELECT ON s.v FROM a; SET ROLE own;
GRANT SELECT ON s.t TO a WITH GRANT OPTION; SET ROLE a; GRANT SELECT ON s.t TO b; GRANT SELECT, INSERT ON s.t TO b; SET ROLE own; REVOKE SELECT ON s.t FROM a;
REVOKE SELECT ON s.t FROM a CASCADE; GRANT ALL ON SCHEMA s TO nobody_at_all;""",
    "row security and sequences of new rows": """SET ROLE own; CREATE TABLE s.r (id serial, n int); GRANT ALL ON s.r TO a, b;
ALTER TABLE s.r ENABLE ROW LEVEL SECURITY; INSERT INTO s.r VALUES (1, 1); SET ROLE a; INSERT INTO s.r VALUES (1, 1); INSERT INTO s.r SELECT 1, 1;
INSERT INTO s.r SELECT 1, 1 WHERE false; INSERT INTO s.r (n) SELECT 1 WHERE false; INSERT INTO s.r (n) SELECT 1; INSERT INTO s.r (n) VALUES (1);
SELECT * FROM s.r; UPDATE s.r SET n = 2; SET ROLE own;
CREATE POLICY p ON s.r FOR INSERT TO a WITH CHECK (true); CREATE POLICY q ON s.r AS RESTRICTIVE TO b WITH CHECK (true); SET ROLE a; INSERT INTO s.r VALUES (2, 2);
SET ROLE b; INSERT INTO s.r VALUES (3, 3); SET ROLE own; ALTER TABLE s.r FORCE ROW LEVEL SECURITY; INSERT INTO s.r VALUES (4, 4);""",
    "system triggers and catalogs": """SET ROLE own; CREATE TABLE s.p (id int PRIMARY KEY); CREATE TABLE s.c (p int REFERENCES s.p); CREATE TABLE s.n (id int);
ALTER TABLE s.c DISABLE TRIGGER ALL; ALTER TABLE s.p ENABLE TRIGGER ALL; ALTER TABLE s.n DISABLE TRIGGER ALL; ALTER TABLE s.c DISABLE TRIGGER USER;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.p_pkey'::regclass; DELETE FROM pg_class WHERE false; SELECT count(*) FROM pg_index;""",
    "CREATEROLE": """SET ROLE maker; CREATE ROLE made; GRANT made TO a; ALTER ROLE made CREATEDB; ALTER ROLE a CREATEDB; GRANT team TO a;
CREATE ROLE boss SUPERUSER;
GRANT pg_monitor TO a; DROP ROLE made; DROP ROLE a; SET ROLE a; CREATE ROLE other; ALTER ROLE a SET work_mem = '5MB'; ALTER ROLE b SET work_mem = '5MB';""",
    "default privileges": """SET ROLE own; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO b;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO b; ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
CREATE FUNCTION s.g() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE s.n (id int); CREATE TYPE s.ty AS ENUM ('x'); SET ROLE b; SELECT s.g();
SELECT * FROM s.n; INSERT INTO s.n VALUES (1); CREATE TEMP TABLE x (m s.ty); SET ROLE a; SELECT * FROM s.n;
ALTER DEFAULT PRIVILEGES FOR ROLE b GRANT SELECT ON TABLES TO a;""",
    "MAINTAIN": """SET ROLE a; CLUSTER s.t USING t_pkey; REINDEX TABLE s.t; SET ROLE own; GRANT ALL ON s.t TO a; SET ROLE a; REINDEX TABLE s.t;
CLUSTER s.t USING t_pkey;
LOCK TABLE s.t IN ACCESS EXCLUSIVE MODE; TRUNCATE s.t; ALTER TABLE s.t ALTER name SET STATISTICS 10;""",
    "inheritance of rights": """SET ROLE b; SELECT secret FROM s.t; SET ROLE team; SELECT secret FROM s.t; SET ROLE a; SET ROLE b; SET ROLE nobody_at_all;
RESET ROLE;
SET SESSION AUTHORIZATION a; DROP OWNED BY own; REASSIGN OWNED BY own TO a; SET ROLE a; REASSIGN OWNED BY own TO a;""",
    "superusers only": """SET ROLE own; ALTER SYSTEM SET work_mem = '1MB'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();
COPY s.t FROM '/tmp/x'; COPY s.t TO PROGRAM 'true'; CREATE LANGUAGE plperlu; CREATE FOREIGN DATA WRAPPER w; SET log_statement = 'all'; CHECKPOINT;
CREATE FUNCTION c() RETURNS int LANGUAGE c AS 'x', 'y'; CREATE CAST (text AS s.mood) WITH INOUT; SELECT pg_read_file('x');
CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler;""",
}


SCRIPTS = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "privileges").glob("*.sql"))}
_ONLY = re.compile(r"/\*(\d+)([+-])\*/\s*")


def statements(text: str, major: int) -> Iterator[str]:
    """The statements of a script, each ending a line; ``/*16+*/`` before one: from that major on, ``/*15-*/``: up to
    it."""
    for sql in re.split(r";\n", re.sub(r"(?m)^--.*\n", "", text)):
        marked = _ONLY.match(sql.strip())
        if marked and not (major >= int(marked[1]) if marked[2] == "+" else major <= int(marked[1])):
            continue
        if sql.strip():
            yield _ONLY.sub("", sql.strip())


def predicted(sql: str, major: int) -> dict[int, tuple[str, str, str]]:
    plan = Plan(
        migrations(sql),
        major,
        owner="own",
        deployer="app",
        baseline=Script.whole(Source("b.sql", BASELINE), Transaction.STATEMENT),
    )
    steps = [step for step in Replay(plan).steps() if isinstance(step, Step) and step.migration.id == "1"]
    assert not [step.statement.text for step in steps if step.tainted]
    return {
        s.statement.index: (s.statement.text, s.fails.sqlstate, s.fails.message)
        if s.fails
        else (s.statement.text, "", "")
        for s in steps
    }


def migrations(sql: str) -> tuple[Migration, ...]:
    return (Migration("1", "1", "", Script.whole(Source("1.sql", sql), Transaction.STATEMENT)),)


@pytest.mark.parametrize("major", [major for major in majors() if major >= 15])
@pytest.mark.parametrize("topic", TOPICS)
def test_the_simulator_refuses_what_the_server_does(topic: str, major: int) -> None:
    sql = TOPICS[topic]
    baseline = Baseline(Source("b.sql", BASELINE))
    report = verify(
        ApplyPlan(
            migrations(sql),
            server=ServerWish(major=major),
            roles=RolePlan("app", "own"),
            baseline=baseline,
            observe_locks=False,
        )
    )
    assert not report.restored
    foreseen = predicted(sql, major)
    for seen in report.observations:
        if seen.state is ObservationState.OBSERVED:
            said = (
                (foreseen[seen.index][0], seen.fails.sqlstate, seen.fails.message)
                if seen.fails
                else (foreseen[seen.index][0], "", "")
            )
            expected = foreseen[seen.index]
            assert (expected[0], expected[1]) == said[:2], (expected, said)
            if "database" not in said[2]:  # whose name is another one here
                assert expected[2] == re.sub(r"_[ac]_\d+", "", said[2])


@pytest.mark.parametrize(("major", "script"), on_servers(SCRIPTS, [major for major in sorted(ENABLED) if major >= 15]))
def test_owners_and_privileges_are_alike_after_every_statement(server_of: ServerOf, major: int, script: str) -> None:
    """Refusals and warnings in SQLSTATE and words; owners, memberships and the privileges on every kind of object."""
    server = server_of(major)
    with database(server) as connection:
        pair = Pair(connection, server)
        for sql in statements(SCRIPTS[script], server.binaries.major):
            difference, doubt = pair.feed(sql)
            assert not difference, difference
            assert not doubt or doubt.startswith("data"), (sql, doubt)
