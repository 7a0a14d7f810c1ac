"""The catalog kept up to date by what has changed is the catalog read whole, whatever a statement does."""

from __future__ import annotations

import pytest

from lockgate.oracle.apply.contents import ContentsReader
from lockgate.oracle.apply.plan import RolePlan
from lockgate.oracle.read.catalog import read_catalog
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
from tests.live_kit import majors, migration, run

STATEMENTS = (
    "CREATE ROLE other",
    "CREATE SCHEMA s",
    "CREATE TYPE s.mood AS ENUM ('a', 'b')",
    "CREATE DOMAIN s.positive AS int CONSTRAINT above CHECK (VALUE > 0)",
    "CREATE TYPE s.pair AS (x int, y s.mood)",
    "CREATE TABLE t (id serial PRIMARY KEY, m s.mood, p s.positive DEFAULT 1, g int GENERATED ALWAYS AS IDENTITY, CHECK (id > 0))",
    "CREATE TABLE u (id int PRIMARY KEY, t int CONSTRAINT u_t REFERENCES t, name text UNIQUE)",
    "CREATE VIEW v AS SELECT id, m FROM t; CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one",
    "CREATE FUNCTION f(s.mood, x s.pair) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER trg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g(); CREATE POLICY pol ON u USING (true)",
    "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b text DEFAULT 'x', ALTER COLUMN p SET NOT NULL",
    "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ALTER COLUMN b TYPE varchar(10); ALTER TABLE t RENAME COLUMN b TO bb",
    "ALTER TABLE u DROP CONSTRAINT u_t",
    "DROP TRIGGER trg ON t; DROP POLICY pol ON u; ALTER TABLE t ALTER COLUMN g DROP IDENTITY",
    "ALTER TYPE s.mood ADD VALUE 'c'; ALTER TYPE s.mood RENAME VALUE 'a' TO 'aa'",
    "CREATE INDEX i ON t (bb); CREATE UNIQUE INDEX ON u (t)",
    "ALTER INDEX i RENAME TO j",
    "ALTER TABLE t RENAME TO tt",
    "ALTER TABLE tt OWNER TO other; ALTER FUNCTION f OWNER TO other; ALTER SCHEMA s OWNER TO other",
    "ALTER TYPE s.mood RENAME TO humour; ALTER DOMAIN s.positive SET SCHEMA public",
    "ALTER SCHEMA s RENAME TO z",
    "ALTER ROLE other RENAME TO another",
    "ALTER EXTENSION plpgsql ADD VIEW v",
    "ALTER EXTENSION plpgsql DROP VIEW v",
    "DROP EXTENSION plpgsql CASCADE",
    "CREATE EXTENSION plpgsql",
    "BEGIN; CREATE TABLE never (id int); DROP VIEW v; ROLLBACK",
    "CREATE TEMP TABLE short (id int) ON COMMIT DROP; CREATE TEMP TABLE longer (id int)",
    "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at); CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "DROP TABLE u; CREATE TABLE u (id int PRIMARY KEY)",
    "DROP INDEX j; DROP TYPE z.pair CASCADE",
    "DROP SCHEMA z CASCADE",
    "VACUUM FREEZE",
    "VACUUM FULL pg_class; VACUUM FULL pg_attribute",
    "DROP TABLE tt, u, parts CASCADE; DROP MATERIALIZED VIEW mv",
)


@pytest.mark.parametrize("major", majors())
def test_what_has_changed_makes_the_whole(major: int) -> None:
    with Server(choose("", major)) as server:
        server.ready()
        doing, reading = server.connect(), server.connect(settings={"search_path": "pg_catalog"})
        readers = [ContentsReader(reading), ContentsReader(doing)]
        seen = [reader.whole() for reader in readers]
        patched = 0
        for statement in STATEMENTS:
            doing.query("RESET ALL")
            for part in statement.split("; ") if "VACUUM" in statement or "TYPE" in statement else (statement,):
                reply = doing.query(part, 60)
                assert reply.failure is None, (part, reply.failure)
            doing.query("BEGIN")
            doing.query("CREATE TABLE inside (id int); SAVEPOINT lg")
            for number, reader in enumerate(readers):
                reader.post(seen[number])
                found = reader.take(seen[number])
                assert found.catalog() == read_catalog(reader.connection), (statement, number)
                patched += found.changed is not None
                if number == 0:
                    seen = [found, found]
            doing.query("ROLLBACK")
        assert patched > len(STATEMENTS), "most of it was not read again"


def test_a_down_is_judged_whatever_its_session_prepares_or_drops() -> None:
    first = migration("1", "CREATE TABLE a (id int, x int);", "DROP TABLE a;")
    second = migration(
        "2",
        "DEALLOCATE ALL;\nALTER TABLE a RENAME TO b;\nALTER TABLE b DROP COLUMN x;",
        "DEALLOCATE ALL;\nALTER TABLE b RENAME TO a;",
    )
    third = migration(
        "3",
        "DISCARD ALL;\nSET statement_timeout = 1;",
        "ALTER TABLE b ADD y int, ALTER id SET NOT NULL;\nCREATE SCHEMA left_over;",
    )
    report = run(first, second, third, roles=RolePlan(deployer="app"), downs=True)
    assert [(down.missing, down.left, down.changed, down.refused) for down in report.downs] == [
        ((), (), (), ()),
        (("columns public.a.x",), (), (), ()),
        ((), ("columns public.b.y", "schemas left_over"), ("columns public.b.id (notnull False -> True)",), ()),
    ]
