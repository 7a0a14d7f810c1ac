"""SQL of a pull request that wants more than to be checked gains nothing, and nothing makes the oracle hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.base.errors import CannotCheck
from lockgate.oracle.apply.plan import ObservationState, RolePlan, ScratchRole
from lockgate.sources.migration import Transaction
from tests.live_kit import majors, migration, only, outcome, run
from tests.needs import need

BASE = migration("1", "CREATE TABLE t (id int PRIMARY KEY);")

REFUSED = {
    "programs": "COPY t FROM PROGRAM 'touch {proof}';",
    "programs, out": "COPY t TO PROGRAM 'cat > {proof}';",
    "server files": "SELECT pg_read_file('/etc/passwd');",
    "server directories": "SELECT pg_ls_dir('/etc');",
    "writing server files": "COPY t TO '{proof}';",
    "large objects": "SELECT lo_import('/etc/passwd');",
    "becoming superuser": "ALTER ROLE app SUPERUSER;",
    "a superuser made": "CREATE ROLE boss SUPERUSER LOGIN;",
    "the way to programs": "GRANT pg_execute_server_program TO app;",
    "another's session": "SET SESSION AUTHORIZATION own;",
    "another's role": "SET ROLE own;",
    "server settings": "ALTER SYSTEM SET log_destination = 'csvlog';",
    "libraries": "LOAD '/tmp/evil.so';",
    "an untrusted language": "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/evil.so', 'f';",
    "catalogs": "UPDATE pg_authid SET rolsuper = true;",
    "passwords": "SELECT rolpassword FROM pg_authid;",
    "event triggers": (
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE app SUPERUSER; END';"
        " CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION e();"
    ),
    "a tablespace": "CREATE TABLESPACE s LOCATION '/tmp';",
    "the network": "CREATE EXTENSION dblink; SELECT dblink_connect('host=/tmp');",
    "files as tables": "CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;",
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_server_refuses_and_no_repair_helps(name: str, tmp_path: object) -> None:
    proof = "/tmp/lockgate-proof-of-escape"
    sql = REFUSED[name].format(proof=proof)
    check = migration(
        "3", "SELECT 1 / (SELECT count(*)::int FROM pg_roles WHERE rolname IN ('app', 'own', 'boss') AND NOT rolsuper);"
    )
    report = run(BASE, migration("2", sql), check)
    refused = [seen for seen in report.observations if seen.migration == "2" and seen.fails]
    assert refused and refused[0].fails and refused[0].fails.sqlstate in ("42501", "0A000", "58P01", "25001", "42704")
    supers = [name for seen in report.observations if seen.migration == "3" for name in (seen.fails,)]
    assert supers == [None]
    assert not Path(proof).exists()


def test_owner_to_a_superuser_is_not_repaired() -> None:
    """A SECURITY DEFINER function handed to a superuser would run as one."""
    steal = """CREATE FUNCTION steal() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';
DO $$ BEGIN EXECUTE format('ALTER FUNCTION steal() OWNER TO %I', (SELECT rolname FROM pg_roles WHERE rolsuper)); END $$;
ALTER FUNCTION steal() OWNER TO pg_execute_server_program;
ALTER FUNCTION steal() OWNER TO stranger;"""
    report = run(BASE, migration("2", steal))
    assert [seen.repaired_as for seen in report.observations][1:] == [None, None, None, "superuser"]
    owners = {row["name"]: row["owner"] for row in report.catalog_after["functions"]}
    assert owners == {"steal": "stranger"}


def test_reset_leads_back_to_nobody_else() -> None:
    report = run(
        BASE, migration("2", "RESET SESSION AUTHORIZATION;\nRESET ROLE;\nDISCARD ALL;\nALTER TABLE t ADD COLUMN a int;")
    )
    assert outcome(report)[-1] == ("2", 4, "42501")
    assert not any(seen.repaired_as == "superuser" for seen in report.observations)


def test_createrole_before_16_does_not_reach_the_machine() -> None:
    need("old-server")
    roles = RolePlan(deployer="app", known=(ScratchRole("app", frozenset({"createrole"})),))
    sql = "GRANT pg_execute_server_program TO app;\nCOPY (SELECT 1) TO PROGRAM 'touch /tmp/lockgate-proof-of-escape';"
    report = run(migration("1", sql), roles=roles, major=majors()[0])
    assert [bool(seen.fails) for seen in report.observations] == [True, True]


def test_a_role_of_production_that_reaches_the_machine_does_not_here() -> None:
    roles = RolePlan(deployer="app", known=(ScratchRole("app", frozenset({"superuser"}), ("pg_read_server_files",)),))
    assert only(run(migration("1", "SELECT pg_read_file('/etc/passwd');"), roles=roles), "1").fails


def test_a_hostile_baseline_is_no_more_trusted() -> None:
    from lockgate.base.text import Source
    from lockgate.oracle.apply.plan import Baseline

    dump = "CREATE ROLE boss SUPERUSER;\nCOPY (SELECT 1) TO PROGRAM 'touch /tmp/lockgate-proof-of-escape';\nALTER ROLE app SUPERUSER;\nCREATE TABLE t (id int);"
    report = run(migration("2", "SELECT 1;"), roles=RolePlan(deployer="app"), baseline=Baseline(Source("b.sql", dump)))
    assert any(seen.fails and seen.fails.sqlstate == "42501" for seen in report.restored)
    assert [row["name"] for row in report.catalog_after["tables"]] == ["t"]


ENDLESS = {
    "a loop": "DO $$ BEGIN LOOP END LOOP; END $$;",
    "a loop that catches its cancel": "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;",
    "a sleep without a limit": "SET statement_timeout = 0;\nSELECT pg_sleep(3600);",
    "endless rows": "SELECT generate_series(1, 100000000000);",
    "endless notices": "DO $$ BEGIN LOOP RAISE NOTICE 'x'; END LOOP; END $$;",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_ended(name: str) -> None:
    report = run(BASE, migration("2", ENDLESS[name]), migration("3", "SELECT 1;"), statement_timeout=0.5)
    last = [seen for seen in report.observations if seen.migration == "2"][-1]
    assert (
        last.fails is not None and last.fails.sqlstate == "57014" and "did not end within 0.5 s" in last.fails.message
    )
    assert only(report, "3").fails is None


def test_killing_backends_kills_only_its_own() -> None:
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user;\n"
    kill += "SELECT pg_terminate_backend(pg_backend_pid());"
    report = run(BASE, migration("2", kill), migration("3", "SELECT * FROM t;\nALTER TABLE t ADD COLUMN a int;"))
    assert outcome(report)[-3:] == [("2", 2, "57P01"), ("3", 1, ""), ("3", 2, "42501")]
    assert only(report, "3", 2).state is ObservationState.AFTER_FAILURE


def test_killing_another_s_backend_is_refused() -> None:
    report = run(
        BASE,
        migration(
            "2",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'checkpointer' OR usename <> current_user;",
        ),
    )
    assert outcome(report)[-1] == ("2", 1, "42501")


def test_filling_the_disk_stops_the_server_and_says_where() -> None:
    # rows that are not compressed: the limit comes after a thousand of them, long before any timeout, however slow the
    # machine
    fill = "CREATE TABLE big (t text); ALTER TABLE big ALTER t SET STORAGE EXTERNAL;\n"
    # in FROM it would be a temporary file
    fill += "INSERT INTO big SELECT repeat('x', 100000) FROM (SELECT generate_series(1, 100000000)) s;"
    with pytest.raises(CannotCheck, match=r"m/2.up.sql:2: .*size limit") as refusal:
        run(migration("2", fill), roles=RolePlan(deployer="app"), size_limit=64, statement_timeout=600.0)
    assert refusal.value.remedy


def test_temporary_files_have_a_limit() -> None:
    sort = "SELECT count(*) FROM (SELECT i, repeat('x', 200) FROM generate_series(1, 3000000) i ORDER BY 2, 1 DESC OFFSET 0) s;"
    report = run(migration("1", sort), roles=RolePlan(deployer="app"), size_limit=64)
    fails = only(report, "1").fails
    assert fails is not None and fails.sqlstate == "53400"


def test_a_forged_ledger_spares_no_migration() -> None:
    ledger = "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean);\nINSERT INTO schema_migrations VALUES (999, false);"
    report = run(migration("1", ledger), migration("2", "SELECT nope;"), roles=RolePlan(deployer="app"))
    assert outcome(report)[-1] == ("2", 1, "42703")


def test_names_of_our_own_cannot_be_taken() -> None:
    """Hostile objects in front of pg_catalog, prepared statements and settings of ours."""
    sql = """CREATE FUNCTION count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE TABLE pg_class (oid int);
SET search_path = public, pg_catalog;
PREPARE lockgate_catalog AS SELECT '{}';
SET client_min_messages = error;
SET standard_conforming_strings = off;
CREATE TABLE t2 (id int);
ALTER TABLE t2 ADD COLUMN a int;"""
    report = run(migration("2", sql), roles=RolePlan(deployer="app"), downs=True, audit=True)
    assert not [seen for seen in report.observations if seen.fails]
    assert {row["name"] for row in report.catalog_after["tables"]} == {"pg_class", "t2"}


def test_a_superuser_runner_must_be_asked_for_and_is_told() -> None:
    sql = migration("1", "ALTER SYSTEM SET work_mem = '5MB';", shape=Transaction.STATEMENT)
    report = run(sql, roles=RolePlan(deployer="app", superuser_runner=True))
    assert outcome(report) == [("1", 1, "")]
    assert any("as a superuser" in note for note in report.notes)
