"""``snapshot --diff``: a database that its own migrations made differs in nothing; what was changed by hand is told,
each change and no other.

Both ways out are then taken on real servers: the SQL that undoes a change in production, and the SQL that keeps it, as
a migration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest

from lockgate.base.text import Source
from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, Baseline, ServerWish
from lockgate.oracle.read import pg_dump, snapshot
from lockgate.oracle.read.production import catalog
from lockgate.oracle.server.binaries import at_hand, choose
from lockgate.oracle.server.embedded import Server
from tests.conftest import ROOT, Run
from tests.live_kit import majors

SCHEMA = json.loads((ROOT / "src/lockgate/schema/difference-1.json").read_text())
ROLES = """CREATE ROLE own LOGIN CREATEROLE; CREATE ROLE app LOGIN; CREATE ROLE other; CREATE ROLE team; GRANT other TO own;
ALTER DATABASE lockgate OWNER TO own"""
MADE = """CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'happy');
CREATE DOMAIN s.positive AS int CHECK (VALUE > 0);
CREATE TYPE s.pair AS (a int, b text);
CREATE SEQUENCE s.numbers;
CREATE TABLE s.item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x', mood s.mood, price s.positive,
  twice int GENERATED ALWAYS AS (2 * 21) STORED, note text, size int CONSTRAINT size_positive CHECK (size > 0), "Odd Name" text, plain int,
  code varchar(20) DEFAULT 'x');
CREATE TABLE s.part (id serial PRIMARY KEY, item bigint REFERENCES s.item, tag text, at date);
CREATE TABLE s.kept (id int, secret text); ALTER TABLE s.kept ENABLE ROW LEVEL SECURITY;
CREATE TABLE s.log (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE INDEX log_at ON s.log (at);
CREATE TABLE s.log_2024 PARTITION OF s.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE s.log_2025 (id int, at date NOT NULL); CREATE INDEX log_2025_at ON s.log_2025 (at);
CREATE TABLE s.metric (id int, v int, at date) PARTITION BY RANGE (at);
CREATE TABLE s.metric_2024 PARTITION OF s.metric FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX part_tag ON s.part (tag);
CREATE INDEX part_at ON s.part (at);
CREATE VIEW s.names AS SELECT id, name FROM s.item;
CREATE MATERIALIZED VIEW s.sums AS SELECT count(*) AS n FROM s.part;
CREATE FUNCTION s.add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION s.mine() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE PROCEDURE s.act() LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER touch BEFORE UPDATE ON s.item FOR EACH ROW EXECUTE FUNCTION s.mine();
CREATE TRIGGER stamp BEFORE INSERT ON s.part FOR EACH ROW EXECUTE FUNCTION s.mine();
CREATE POLICY own_rows ON s.kept FOR SELECT TO app USING (id > 0);
CREATE POLICY all_rows ON s.kept TO app USING (true);
CREATE RULE quiet AS ON DELETE TO s.part DO INSTEAD NOTHING;
CREATE TABLE s.told (kind varchar(9) CONSTRAINT kinds CHECK (kind IN ('a', 'b', 'it''s, c')), n int);
CREATE INDEX told_kind ON s.told (n) WHERE kind IN ('a', 'b');
CREATE VIEW s.few AS SELECT n FROM s.told WHERE kind IN ('a', 'b');
CREATE POLICY few ON s.told USING (kind IN ('a', 'b'));
CREATE STATISTICS s.together ON item, tag FROM s.part;
COMMENT ON TABLE s.item IS 'what is sold';
GRANT SELECT ON s.names TO team; GRANT SELECT, INSERT ON s.part TO team;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO team;
CREATE ROLE made;
-- superuser
GRANT team TO made;
"""
HANDOVER = "GRANT USAGE ON SCHEMA s TO app; GRANT SELECT, INSERT ON s.item, s.kept, s.names TO app;\n"
# what somebody does by hand -> change, kind, name and the properties that differ
BY_HAND: dict[str, tuple[tuple[str, str, str, set[str]], ...]] = {
    "GRANT UPDATE ON s.item TO app": (("changed", "table", "s.item", {"privileges of app", "comment"}),),
    "COMMENT ON TABLE s.item IS 'what was sold'": (),
    "REVOKE INSERT ON s.part FROM team": (("changed", "table", "s.part", {"privileges of team"}),),
    "GRANT SELECT (secret), UPDATE (secret) ON s.kept TO team WITH GRANT OPTION": (
        ("changed", "column", "s.kept.secret", {"privileges of team"}),
    ),
    "GRANT USAGE ON SEQUENCE s.numbers TO app": (
        ("changed", "sequence", "s.numbers", {"privileges of app", "increment", "owned by"}),
    ),
    "ALTER SEQUENCE s.numbers INCREMENT 5 OWNED BY s.part.id": (),
    "GRANT CREATE ON SCHEMA s TO app": (("changed", "schema", "s", {"privileges of app"}),),
    "REVOKE EXECUTE ON FUNCTION s.add(int, int) FROM PUBLIC": (
        ("changed", "function", "s.add(a integer, b integer)", {"privileges of PUBLIC", "definition"}),
    ),
    "CREATE OR REPLACE FUNCTION s.add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b + 0'": (),
    "GRANT USAGE ON TYPE s.pair TO app": (("changed", "type", "s.pair", {"privileges of app"}),),
    "GRANT CREATE ON DATABASE lockgate TO app": (("changed", "database", "", {"privileges of app", "settings"}),),
    "ALTER DATABASE lockgate SET statement_timeout = '5s'": (),
    "ALTER DEFAULT PRIVILEGES FOR ROLE own IN SCHEMA s GRANT INSERT ON TABLES TO team": (
        ("changed", "default privileges", "of own in s on tables", {"privileges of team"}),
    ),
    "ALTER DEFAULT PRIVILEGES FOR ROLE own GRANT EXECUTE ON FUNCTIONS TO app": (
        ("by-hand", "default privileges", "of own on functions", set()),
    ),
    "ALTER TABLE s.log_2024 OWNER TO other": (("changed", "table", "s.log_2024", {"owner"}),),
    "ALTER TABLE s.item ALTER code TYPE text": (("changed", "column", "s.item.code", {"type"}),),
    "ALTER TABLE s.item ALTER note SET DEFAULT 'none'": (("changed", "column", "s.item.note", {"default"}),),
    "ALTER TABLE s.item ALTER plain SET NOT NULL": (("changed", "column", "s.item.plain", {"not null"}),),
    'ALTER TABLE s.item ADD COLUMN "By Hand" int DEFAULT 7': (("by-hand", "column", "s.item.By Hand", set()),),
    'ALTER TABLE s.item DROP COLUMN "Odd Name"': (("lacking", "column", "s.item.Odd Name", set()),),
    "CREATE INDEX by_hand ON s.part (lower(tag)) WHERE at IS NOT NULL": (
        ("by-hand", "index", "s.part.by_hand", set()),
    ),
    "DROP INDEX s.part_at": (("lacking", "index", "s.part.part_at", set()),),
    "DROP INDEX s.part_tag; CREATE UNIQUE INDEX part_tag ON s.part (tag)": (
        ("changed", "index", "s.part.part_tag", {"definition"}),
    ),
    "ALTER TABLE s.item DROP CONSTRAINT size_positive; ALTER TABLE s.item ADD CONSTRAINT size_positive CHECK (size > 0) NOT VALID": (
        ("changed", "constraint", "s.item.size_positive", {"validated"}),
    ),
    "ALTER TABLE s.part ADD CONSTRAINT tagged CHECK (tag <> '')": (("by-hand", "constraint", "s.part.tagged", set()),),
    "ALTER TABLE s.part DROP CONSTRAINT part_item_fkey; ALTER TABLE s.part ADD CONSTRAINT part_item_fkey FOREIGN KEY (item) REFERENCES s.item ON DELETE CASCADE": (
        ("changed", "constraint", "s.part.part_item_fkey", {"definition"}),
    ),
    "CREATE POLICY by_hand ON s.kept AS RESTRICTIVE FOR UPDATE TO team USING (id > 1) WITH CHECK (id > 2)": (
        ("by-hand", "policy", "s.kept.by_hand", set()),
    ),
    "ALTER POLICY own_rows ON s.kept TO app, team USING (id > 5)": (
        ("changed", "policy", "s.kept.own_rows", {"roles", "using"}),
    ),
    "DROP POLICY all_rows ON s.kept": (("lacking", "policy", "s.kept.all_rows", set()),),
    "ALTER TABLE s.kept DISABLE ROW LEVEL SECURITY": (
        ("changed", "table", "s.kept", {"row security", "forced row security", "replica identity", "options"}),
    ),
    "ALTER TABLE s.kept FORCE ROW LEVEL SECURITY; ALTER TABLE s.kept REPLICA IDENTITY FULL; ALTER TABLE s.kept SET (fillfactor = 50)": (),
    "ALTER TABLE s.item DISABLE TRIGGER touch": (("changed", "trigger", "s.item.touch", {"enabled"}),),
    "DROP TRIGGER stamp ON s.part; CREATE TRIGGER stamp AFTER INSERT ON s.part FOR EACH ROW EXECUTE FUNCTION s.mine()": (
        ("changed", "trigger", "s.part.stamp", {"definition"}),
    ),
    "ALTER TABLE s.part DISABLE RULE quiet": (("changed", "rule", "s.part.quiet", {"enabled"}),),
    "CREATE OR REPLACE VIEW s.names AS SELECT id, name FROM s.item WHERE id > 0": (
        ("changed", "view", "s.names", {"definition", "options", "privileges of app"}),
    ),
    "ALTER VIEW s.names SET (security_barrier = true); GRANT DELETE ON s.names TO app": (),
    "DROP MATERIALIZED VIEW s.sums": (("lacking", "materialized view", "s.sums", set()),),
    "COMMENT ON COLUMN s.part.tag IS 'it''s a tag'": (("changed", "column", "s.part.tag", {"comment", "statistics"}),),
    "ALTER TABLE s.part ALTER tag SET STATISTICS 500": (),
    "ALTER TYPE s.mood ADD VALUE 'fine' BEFORE 'happy'": (("changed", "type", "s.mood", {"labels"}),),
    "ALTER DOMAIN s.positive SET DEFAULT 3": (("changed", "domain", "s.positive", {"default"}),),
    "ALTER TABLE s.log ATTACH PARTITION s.log_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')": (
        ("changed", "table", "s.log_2025", {"parents", "bound"}),
    ),
    "CREATE TABLE s.log_2026 PARTITION OF s.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')": (
        ("by-hand", "table", "s.log_2026", set()),
    ),
    "ALTER TABLE s.metric ADD COLUMN extra int; CREATE INDEX metric_v ON s.metric (v)": (
        ("by-hand", "column", "s.metric.extra", set()),
        ("by-hand", "index", "s.metric.metric_v", set()),
    ),
    "ALTER TABLE s.metric ALTER v TYPE bigint": (("changed", "column", "s.metric.v", {"type"}),),
    "CREATE EXTENSION citext SCHEMA s": (("by-hand", "extension", "citext", set()),),
    "DROP PROCEDURE s.act()": (("lacking", "procedure", "s.act()", set()),),
    "DROP STATISTICS s.together": (("lacking", "statistics object", "s.together", set()),),
    "CREATE SCHEMA aside; CREATE TABLE aside.t (id int); CREATE VIEW aside.v AS SELECT id FROM aside.t": (
        ("by-hand", "schema", "aside", set()),
    ),
    "CREATE TABLE s.spare (id serial PRIMARY KEY, v text UNIQUE); GRANT SELECT ON s.spare TO team; COMMENT ON COLUMN s.spare.v IS 'v'": (
        ("by-hand", "table", "s.spare", set()),
    ),
    "ALTER ROLE made CREATEDB": (("changed", "role", "made", {"createdb"}),),
    "REVOKE team FROM made": (("lacking", "membership", "of made in team", set()),),
    "GRANT own TO app": (("by-hand", "membership", "of app in own", set()),),
}
RICH = """CREATE ROLE grantor; CREATE ROLE su SUPERUSER; GRANT SELECT ON s.item TO grantor WITH GRANT OPTION; GRANT USAGE ON SCHEMA s TO grantor;
SET ROLE grantor; GRANT SELECT ON s.item TO other; RESET ROLE;
ALTER ROLE app SET search_path = s, public; ALTER ROLE app SET work_mem = '8MB'; ALTER ROLE app IN DATABASE lockgate SET lock_timeout = '3s';
ALTER DATABASE lockgate SET timezone = 'UTC'; CREATE TABLE s.of_su (id int); ALTER TABLE s.of_su OWNER TO su;
ALTER FUNCTION s.mine() SECURITY DEFINER; ALTER FUNCTION s.mine() OWNER TO su; REVOKE SELECT ON s.part FROM own;
ALTER DEFAULT PRIVILEGES FOR ROLE su REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE PUBLICATION pub FOR TABLE s.item;
CREATE COLLATION s.coll FROM "C"; CREATE CAST (s.pair AS text) WITH INOUT; CREATE OPERATOR s.&&& (LEFTARG = int, RIGHTARG = int, FUNCTION = s.add);
CREATE AGGREGATE s.agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); CREATE TEXT SEARCH CONFIGURATION s.cfg (COPY = simple);
CREATE TYPE s.rng AS RANGE (subtype = float8); CREATE UNLOGGED TABLE s.unl (id int); CREATE TABLE s.child (x int) INHERITS (s.part)"""
CONFIG = """[migrations]
paths = ["migrations"]
[database]
version = {major}
[roles]
owner = "own"
deployer = "app"
handover = "ledger"
handover_sql = "handover.sql"
assumed = ["other", "team"]
"""


@pytest.fixture(params=majors())
def database(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """A production that its own migrations made, for each major at hand; each test has its own."""
    with Server(choose("", request.param)) as server:
        server.ready()
        made = server.template
        dsn = f"host={server._home} port=5432 user={made.superuser} password={made.password} dbname=lockgate"
        run(dsn, ROLES)
        for sql in (*MADE.split("-- superuser\n"), HANDOVER):
            run(dsn, sql if sql.startswith("GRANT team") else f"SET ROLE own; {sql}")
        yield request.param, dsn


def run(dsn: str, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.encode())


def contrib(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return bool(connection.execute("SELECT FROM pg_available_extensions WHERE name = 'citext'").fetchall())


def folder(tmp_path: Path, major: int, more: str = "") -> None:
    (tmp_path / "migrations").mkdir(exist_ok=True)
    (tmp_path / "migrations/001_all.up.sql").write_text(MADE)
    if more:
        (tmp_path / "migrations/002_kept.up.sql").write_text(more)
    (tmp_path / "handover.sql").write_text(HANDOVER)
    (tmp_path / "lockgate.toml").write_text(CONFIG.format(major=major))


def told(lockgate: Run, dsn: str, code: int) -> list[dict[str, Any]]:
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", "--format", "json", PRODUCTION=dsn)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    found: list[dict[str, Any]] = document["differences"]
    assert done.returncode == code, "\n".join(f"{d['kind']} {d['name']} {d['properties']} {d['doubt']}" for d in found)
    return found


def test_what_its_own_migrations_made_differs_in_nothing(
    lockgate: Run, database: tuple[int, str], tmp_path: Path
) -> None:
    major, dsn = database
    folder(tmp_path, major)
    assert told(lockgate, dsn, 0) == []


RESTORED = """DO $$ DECLARE c text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'kinds');
  i text := pg_get_indexdef('s.told_kind'::regclass); v text := pg_get_viewdef('s.few'::regclass);
  p text := (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'few'); BEGIN
  EXECUTE 'ALTER TABLE s.told DROP CONSTRAINT kinds, ADD CONSTRAINT kinds ' || c; DROP INDEX s.told_kind; EXECUTE i;
  EXECUTE 'CREATE OR REPLACE VIEW s.few AS ' || v; EXECUTE 'ALTER POLICY few ON s.told USING (' || p || ')';
  ASSERT c <> (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'kinds'); END $$"""


def test_on_a_server_of_another_major_nothing_is_told_that_may_be_its_spelling(
    lockgate: Run, database: tuple[int, str], tmp_path: Path
) -> None:
    major, dsn = database
    folder(tmp_path, major)
    run(dsn, "GRANT ALL ON s.kept TO other")
    handover, config = tmp_path / "handover.sql", tmp_path / "lockgate.toml"
    handover.write_text(f"{HANDOVER}GRANT ALL ON s.kept TO other;\n")
    # one server of each other major: a minor version spells nothing in another way
    for other in {found.major: found for found in at_hand() if found.major != major}.values():
        config.write_text(CONFIG.format(major=other.major).replace("[roles]", f'binaries = "{other.bindir}"\n[roles]'))
        assert told(lockgate, dsn, 0) == []


def test_a_production_that_was_dumped_and_restored_is_the_same(
    lockgate: Run, database: tuple[int, str], tmp_path: Path
) -> None:
    """Its server spells some expressions in another way than at first."""
    major, dsn = database
    folder(tmp_path, major)
    run(dsn, RESTORED)
    assert told(lockgate, dsn, 0) == []


def test_each_change_by_hand_is_told_and_both_ways_out_lead_out(
    lockgate: Run, database: tuple[int, str], tmp_path: Path
) -> None:
    major, dsn = database
    folder(tmp_path, major)
    for sql in BY_HAND:
        if "citext" not in sql or contrib(dsn):
            run(dsn, f"SET ROLE own; {sql}" if sql.startswith("CREATE") and "EXTENSION" not in sql else sql)
    wanted = [change for changes in BY_HAND.values() for change in changes if change[1] != "extension" or contrib(dsn)]
    found = told(lockgate, dsn, 1)
    assert sorted((d["change"], d["kind"], d["name"], sorted(d["properties"])) for d in found) == sorted(
        (*names, sorted(p)) for *names, p in wanted
    )
    assert [d["doubt"] for d in found if d["doubt"]] == []
    folder(tmp_path, major, "\n".join(line for d in found for line in d["keep"]))
    left = told(lockgate, dsn, 0)
    assert {d["kind"] for d in left} <= {"role", "membership"} and all(d["doubt"] for d in left), (
        "kept: the owner makes no roles here"
    )
    undo(dsn, [line for d in found for line in d["undo"]])
    (tmp_path / "migrations/002_kept.up.sql").unlink()
    left = told(lockgate, dsn, 1)
    assert [(d["kind"], d["name"], list(d["properties"])) for d in left] == [("type", "s.mood", ["labels"])], (
        "all but what no statement undoes"
    )


def undo(dsn: str, statements: list[str]) -> None:
    """Run them as a person would who finds out what rests on what."""
    for _ in range(4):
        refused = []
        for sql in statements:
            try:
                run(dsn, sql if not sql.startswith("--") else "SELECT 1")
            except psycopg.Error as error:
                refused.append((sql, str(error)))
        statements = [sql for sql, _ in refused]
    assert not refused


def test_the_baseline_restores_every_owner_grant_and_definition(database: tuple[int, str]) -> None:
    major, dsn = database
    run(dsn, RESTORED)  # or the restored one spells some expressions in another way
    run(dsn, RICH)
    baseline = Baseline(Source("baseline.sql", snapshot.take(dsn).baseline))
    report = verify(ApplyPlan((), server=ServerWish(major=major), baseline=baseline, definitions=True))
    assert report.restored == () and not [note for note in report.notes if "baseline" in note]
    wanted, found = (
        {(d.kind, d.name, d.args): d for d in each if d.kind not in ("role", "membership")}
        for each in (catalog(dsn)[1], report.definitions)
    )
    grants = found["database", ("",), None].properties["grants"]
    del grants["lockgate_everyone"]  # who restores
    assert found == wanted
    assert len(wanted) > 90 and {"aggregate", "operator", "cast", "publication", "default privileges"} <= {
        kind for kind, _, _ in wanted
    }


def test_another_minor_version_of_pg_dump_writes_the_same(database: tuple[int, str]) -> None:
    major, dsn = database
    tools = [found.bindir / "pg_dump" for found in at_hand(major) if found.major == major]
    assert len({pg_dump.dump(dsn, str(tool)) for tool in tools}) == 1, [str(tool) for tool in tools]
