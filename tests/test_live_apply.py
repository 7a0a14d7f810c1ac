"""The two-role apply: shapes of transactions, places, repairs, taints."""

from __future__ import annotations

import pytest

from lockgate.base.text import Source
from lockgate.oracle.apply.plan import Asked, Baseline, ObservationState, RolePlan, ScratchRole
from lockgate.oracle.server.wire import SocketConnection
from lockgate.sources.migration import Transaction
from tests.live_kit import migration, only, outcome, run

BASE = migration("1", "CREATE TABLE t (id int PRIMARY KEY, name text);")


def test_the_deployer_owns_nothing_and_the_owner_repairs() -> None:
    report = run(
        BASE,
        migration(
            "2", "ALTER TABLE t ADD COLUMN a int;\nCREATE INDEX t_a ON t (a);\nINSERT INTO t VALUES (1, 'x', 2);"
        ),
    )
    assert outcome(report) == [("1", 1, ""), ("2", 1, "42501"), ("2", 2, "42501"), ("2", 3, "")]
    seen = only(report, "2")
    assert (seen.role, seen.repaired_as, seen.state) == ("app", "own", ObservationState.OBSERVED)
    assert seen.fails and seen.fails.message == "must be owner of table t"
    owners = {row["name"]: row["owner"] for row in report.catalog_after["tables"]}
    assert owners == {"t": "own"}
    assert "a" in {row["name"] for row in report.catalog_after["columns"]}


def test_a_chain_applied_wholly_by_the_deployer_never_fails() -> None:
    """Why a dry run as one role cannot show the outage (design.md, section 8, no. 8)."""
    report = run(BASE, migration("2", "ALTER TABLE t ADD COLUMN a int;"), roles=RolePlan(deployer="app"))
    assert outcome(report) == [("1", 1, ""), ("2", 1, "")]


def test_if_not_exists_does_not_spare_the_deployer() -> None:
    report = run(
        BASE, migration("2", "ALTER TABLE t ADD COLUMN IF NOT EXISTS name text; CREATE TABLE IF NOT EXISTS t (id int);")
    )
    assert outcome(report)[1:] == [("2", 1, "42501"), ("2", 2, "")]


def test_a_refusal_has_its_place_in_the_file() -> None:
    text = "-- größer: €\r\nSELECT 1;\r\nSELECT id, nope FROM t;"
    report = run(BASE, migration("2", text))
    seen = only(report, "2", 2)
    assert seen.fails and seen.fails.position == text.index("nope") and seen.fails.sqlstate == "42703"


def test_a_syntax_error_does_not_hide_the_other_statements() -> None:
    report = run(migration("1", "CREATE TABLE a (id int);\nALTER TABEL a ADD x int;\nCREATE TABLE b (id int);"))
    assert outcome(report) == [("1", 1, ""), ("1", 2, "42601"), ("1", 3, "")]
    assert only(report, "1", 2).fails.position == 25 + len("ALTER ")  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", [Transaction.FILE, Transaction.IMPLICIT])
def test_concurrently_in_a_block_is_refused_and_then_done_outside(shape: Transaction) -> None:
    text = "CREATE INDEX CONCURRENTLY t_name ON t (name);\nINSERT INTO t VALUES (1, 'x');"
    report = run(BASE, migration("2", text, shape=shape), roles=RolePlan(deployer="app"))
    assert outcome(report)[1:] == [("2", 1, "25001"), ("2", 2, "")]
    assert only(report, "2").repaired_as == "app"
    assert "t_name" in {row["name"] for row in report.catalog_after["indexes"]}


def test_concurrently_alone_in_a_file_runs_where_the_runner_sends_the_file_as_it_is() -> None:
    text = "CREATE INDEX CONCURRENTLY t_name ON t (name);"
    roles = RolePlan(deployer="app")
    assert outcome(run(BASE, migration("2", text), roles=roles))[1] == ("2", 1, "")
    assert outcome(run(BASE, migration("2", text, shape=Transaction.FILE), roles=roles))[1] == ("2", 1, "25001")
    assert outcome(
        run(BASE, migration("2", text + text.replace("t_name", "u"), shape=Transaction.STATEMENT), roles=roles)
    )[1:] == [("2", 1, ""), ("2", 2, "")]


def test_a_fresh_enum_value_cannot_be_used_in_its_transaction() -> None:
    one = migration("1", "CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE m (m mood);")
    two = migration("2", "ALTER TYPE mood ADD VALUE 'b';\nINSERT INTO m VALUES ('b');")
    report = run(one, two, roles=RolePlan(deployer="app"))
    assert outcome(report)[2:] == [("2", 1, ""), ("2", 2, "55P04")]
    assert only(report, "2", 2).repaired_as == "app"


def test_the_script_s_own_transaction_commands() -> None:
    text = "BEGIN;\nCREATE TABLE a (id int);\nSAVEPOINT s;\nCREATE TABLE b (id int);\nROLLBACK TO s;\nCREATE TABLE c (id int);\nCOMMIT;\nCREATE TABLE d (id int);"
    for shape in Transaction:
        report = run(migration("1", text, shape=shape), roles=RolePlan(deployer="app"))
        assert not any(seen.fails for seen in report.observations), shape
        assert {row["name"] for row in report.catalog_after["tables"]} == {"a", "c", "d"}, shape


@pytest.mark.parametrize("shape", Transaction)
def test_set_transaction_at_the_head_of_a_block_and_later(shape: Transaction) -> None:
    """It must come before any query, also before ours; where it comes too late, the block's work is still there."""
    level = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"
    own = "CREATE TABLE a (id int);\nSELECT 1 / (current_setting('transaction_isolation') = 'repeatable read')::int;\n"
    head = level + own if shape is Transaction.FILE else f"BEGIN;\n{level}{own}COMMIT;\n"
    report = run(migration("1", head, shape=shape), roles=RolePlan(deployer="app"))
    assert not [seen.fails for seen in report.observations if seen.fails]
    late = f"CREATE TABLE a (id int);\nSELECT 1;\n{level}CREATE TABLE b (id int);"
    report = run(migration("1", late, shape=Transaction.FILE), roles=RolePlan(deployer="app"))
    assert [state for _, _, state in outcome(report)] == ["", "", "25001", ""]
    assert {row["name"] for row in report.catalog_after["tables"]} == {"a", "b"}


def test_a_deferred_constraint_refuses_the_commit() -> None:
    one = migration(
        "1", "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
    )
    report = run(
        one,
        migration("2", "SELECT 1;\nINSERT INTO c VALUES (7);"),
        migration("3", "SELECT 1;"),
        roles=RolePlan(deployer="app"),
    )
    assert outcome(report)[-2:] == [("2", 0, "23503"), ("3", 1, "")]
    assert only(report, "3").state is ObservationState.AFTER_FAILURE


def test_what_rests_on_an_unrepaired_failure_proves_nothing_and_the_rest_still_does() -> None:
    two = "ALTER TABLE t ADD COLUMN a nonsense;\nUPDATE t SET a = 1;\nCREATE VIEW v AS SELECT * FROM t;\nSELECT a FROM v;\nSELECT nope FROM other;"
    one = migration("1", "CREATE TABLE t (id int);\nCREATE TABLE other (id int);")
    report = run(one, migration("2", two), roles=RolePlan(deployer="app"))
    assert outcome(report)[2:] == [
        ("2", 1, "42704"),
        ("2", 2, "42703"),
        ("2", 3, ""),
        ("2", 4, "42703"),
        ("2", 5, "42703"),
    ]
    states = [only(report, "2", index).state for index in range(1, 6)]
    assert states == [
        ObservationState.OBSERVED,
        ObservationState.AFTER_FAILURE,
        ObservationState.AFTER_FAILURE,
        ObservationState.AFTER_FAILURE,
        ObservationState.OBSERVED,
    ]


def test_what_a_refused_role_would_have_met_next() -> None:
    report = run(BASE, migration("2", "CREATE INDEX i ON t (gone);"))
    seen = only(report, "2")
    assert seen.fails and seen.fails.sqlstate == "42501" and seen.repaired_as is None
    assert seen.then_fails and seen.then_fails.sqlstate == "42703"


def test_warnings_are_heard_and_a_grant_by_a_non_owner_is_one() -> None:
    report = run(BASE, migration("2", "GRANT SELECT ON t TO reporting;\nANALYZE t;"))
    notices = [notice for seen in report.observations for notice in seen.notices]
    assert [notice.severity for notice in notices if notice.severity == "WARNING"]
    assert "role reporting" in report.server.stand_ins


def test_many_repairs_in_one_transaction_each_end_with_their_membership() -> None:
    """What another session revoked is heard at once: the twentieth refusal is one as the first was."""
    base = migration("1", "".join(f"CREATE TABLE t{n} (id int PRIMARY KEY);" for n in range(20)))
    text = "".join(f"ALTER TABLE t{n} ADD COLUMN a int;\nALTER TABLE t{n} RENAME COLUMN a TO b;\n" for n in range(20))
    report = run(base, migration("2", text, shape=Transaction.FILE))
    later = [seen for seen in report.observations if seen.migration == "2"]
    assert [seen.fails.sqlstate if seen.fails else "" for seen in later] == ["42501"] * 40
    assert {seen.repaired_as for seen in later} == {"own"}


def test_a_key_that_takes_two_owners_is_made_all_the_same() -> None:
    """The owner's table and the deployer's new one: no single role may, both together may."""
    text = "CREATE TABLE mine (id int PRIMARY KEY);\nALTER TABLE t ADD COLUMN m int;\nALTER TABLE t ADD FOREIGN KEY (m) REFERENCES mine (id);\nSELECT m FROM t;"
    report = run(BASE, migration("2", text))
    assert outcome(report)[1:] == [("2", 1, ""), ("2", 2, "42501"), ("2", 3, "42501"), ("2", 4, "")]
    assert only(report, "2", 3).repaired_as and only(report, "2", 4).state is ObservationState.OBSERVED
    assert "t_m_fkey" in {row["name"] for row in report.catalog_after["constraints"]}


def test_handover_sql_is_production_s_grants_and_its_own_refusals_are_told() -> None:
    grants = Source("handover.sql", "GRANT SELECT ON t TO app;\nGRANT SELECT ON gone TO app;")
    roles = RolePlan(deployer="app", owner="own", owner_ids=frozenset({"1"}), handover_sql=grants)
    report = run(BASE, migration("2", "SELECT 1 FROM t;\nINSERT INTO t VALUES (1);"), roles=roles)
    assert [seen.fails.sqlstate for seen in report.handover if seen.fails] == ["42P01"]
    assert outcome(report)[1:] == [("2", 1, ""), ("2", 2, "42501")]


def test_membership_is_ownership() -> None:
    roles = RolePlan(
        deployer="app", owner="own", owner_ids=frozenset({"1"}), known=(ScratchRole("app", member_of=("own",)),)
    )
    assert outcome(run(BASE, migration("2", "ALTER TABLE t ADD COLUMN a int;"), roles=roles))[1] == ("2", 1, "")


def test_the_search_path_of_a_session_lives_on() -> None:
    one = migration("1", "CREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE t (id int);")
    assert outcome(run(one, migration("2", "SELECT * FROM t;")))[-1] == ("2", 1, "")
    assert outcome(run(BASE, migration("2", "SELECT * FROM t;"), search_path=("nowhere",)))[0] == ("1", 1, "3F000")


def test_a_baseline_with_its_owners_is_production() -> None:
    dump = """SET statement_timeout = 0;
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA paliad;
ALTER SCHEMA paliad OWNER TO own;
CREATE TABLE paliad.choices (id integer NOT NULL);
ALTER TABLE paliad.choices OWNER TO somebody_else;
CREATE FUNCTION paliad.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION paliad.f() OWNER TO own;
GRANT USAGE ON SCHEMA paliad TO app;
GRANT ALL ON TABLE paliad.choices TO app;
"""
    baseline = Baseline(Source("lockgate/baseline.sql", dump), (ScratchRole("somebody_else"),))
    pending = migration(
        "129",
        "CREATE TABLE IF NOT EXISTS paliad.choices (id int);\nALTER TABLE paliad.choices ADD COLUMN a int;\nSELECT * FROM paliad.choices;",
    )
    report = run(pending, roles=RolePlan(deployer="app", owner="own"), baseline=baseline)
    assert report.restored == ()
    assert [row["owner"] for row in report.catalog_after["tables"]] == ["somebody_else"]
    replaced = migration("130", "CREATE OR REPLACE FUNCTION paliad.f() RETURNS int LANGUAGE sql AS 'SELECT 2';")
    report = run(pending, replaced, roles=RolePlan(deployer="app", owner="own"), baseline=baseline)
    assert outcome(report)[1:] == [("129", 2, "42501"), ("129", 3, ""), ("130", 1, "42501")]
    assert only(report, "129", 2).repaired_as == "lockgate_everyone"  # somebody_else may not even enter the schema


def test_a_migration_without_statements() -> None:
    report = run(migration("1", "-- nothing yet\n"), migration("2", "SELECT 1;"))
    assert outcome(report) == [("2", 1, "")]


def test_copy_from_stdin_and_psql_commands_never_hang() -> None:
    report = run(
        migration("1", "CREATE TABLE t (id int);\nCOPY t FROM STDIN;\n\\set x 1\nCOPY t TO STDOUT;\nSELECT 1;"),
        roles=RolePlan(deployer="app"),
    )
    states = {seen.index: seen.state for seen in report.observations}
    assert states[2] is ObservationState.NOT_RUN
    assert outcome(report)[-1][2] == ""


def test_what_the_server_lacks_is_never_a_finding() -> None:
    report = run(
        migration("1", "CREATE EXTENSION postgis_of_another_world;\nCREATE TABLE p (g geometry);"),
        roles=RolePlan(deployer="app"),
    )
    assert only(report, "1", 1).state is ObservationState.LACKING
    assert "--dsn" in only(report, "1", 1).reason
    assert only(report, "1", 2).state is ObservationState.LACKING


def test_without_roles_a_refusal_of_the_role_proves_nothing() -> None:
    report = run(
        migration("1", "CREATE ROLE x;\nCREATE TABLE t (id int);\nALTER TABLE t OWNER TO x;"), roles=RolePlan()
    )
    assert only(report, "1").state is ObservationState.LACKING
    assert {row["owner"] for row in report.catalog_after["tables"]} == {"x"}
    assert any("No roles are configured" in note for note in report.notes)


def test_the_application_s_queries_are_prepared_at_head() -> None:
    report = run(BASE, queries=(Asked("SELECT id FROM t WHERE name = $1"), Asked("SELECT ünknown FROM t")))
    assert report.queries[0] is None
    assert report.queries[1] and report.queries[1].sqlstate == "42703" and report.queries[1].position == len("SELECT ")


AWKWARD = (
    "CREATE TABLE a (id serial PRIMARY KEY, x int); INSERT INTO a (x) SELECT generate_series(1, 5); CREATE TABLE a (id int); INSERT INTO a (x) VALUES (6);",
    "ALTER TABLE a ALTER COLUMN x TYPE bigint; ALTER TABLE nowhere ADD y int; ALTER TABLE a ADD y int; SELECT nowhere FROM a; CREATE INDEX ON a (y);",
    "COPY a (x) FROM STDIN; ALTER TABLE a ADD z int; SET client_min_messages = error; CREATE INDEX ON a (z); VACUUM a; ALTER TABLE a ADD CHECK (z > 0);",
    "SAVEPOINT s; DROP INDEX a_y_idx; ROLLBACK TO s; DROP INDEX a_y_idx; DO $$ BEGIN RAISE WARNING 'a word'; END $$; CREATE VIEW v AS SELECT 1; SELECT 1/0;",
    "INSERT INTO a (x) VALUES (7); SELECT pg_sleep(20); ALTER TABLE a DROP COLUMN z; INSERT INTO a (x) VALUES (8);",
    "ALTER TABLE a ADD w int; SELECT pg_terminate_backend(pg_backend_pid()); ALTER TABLE a ADD w int; DROP TABLE a;",
)


@pytest.mark.parametrize("shape", list(Transaction))
def test_a_script_that_drops_prepared_statements_is_observed_like_any_other(shape: Transaction) -> None:
    texts = (
        "CREATE TABLE t (id int); CREATE FUNCTION drops() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END $$;",
        "DEALLOCATE ALL; ALTER TABLE t ADD a int; DEALLOCATE ALL; ALTER TABLE t ADD b int;",
        "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$; ALTER TABLE t ADD c int; SELECT drops(); ALTER TABLE t ADD d int;",
        "BEGIN; DEALLOCATE ALL; ALTER TABLE t ADD e int; COMMIT; SELECT drops(); BEGIN; ALTER TABLE t ADD f int; COMMIT;",
        "ALTER TABLE t ADD g int; SELECT drops(), nowhere;",
        "DISCARD ALL;",
        "ALTER TABLE t ADD h int;",
    )
    report = run(
        *(migration(str(n), text, shape=shape) for n, text in enumerate(texts, 1)), roles=RolePlan(deployer="app")
    )
    refused = {(seen.migration, seen.index): seen.fails.sqlstate for seen in report.observations if seen.fails}
    assert refused == {("5", 2): "42703"} | ({("6", 1): "25001"} if shape is Transaction.FILE else {})
    altered = [seen for seen in report.observations if "AccessExclusiveLock on public.t" in seen.locks]
    assert {seen.migration for seen in altered} == {"2", "3", "4", "5", "7"}
    assert [column["name"] for column in report.catalog_after["columns"]] == ["id", *"abcdefgh"]


@pytest.mark.parametrize("shape", [Transaction.FILE, Transaction.IMPLICIT])
def test_a_statement_sent_ahead_is_observed_as_one_that_waited(
    shape: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same report, whether the next statement is sent before the reply to the one before it or after."""
    migrations = tuple(migration(str(n), text, shape=shape) for n, text in enumerate(AWKWARD, 1))
    sent: list[int] = []
    post = SocketConnection.post

    def one_by_one(self: SocketConnection, sql: str, keep: bool = True, skip: int = 0) -> bool:
        return not self._waiting and post(self, sql, keep, skip)

    def counted(self: SocketConnection, sql: str, keep: bool = True, skip: int = 0) -> bool:
        sent.append(len(self._waiting))
        return post(self, sql, keep, skip)

    monkeypatch.setattr(SocketConnection, "post", counted)
    ahead = run(*migrations, roles=RolePlan(deployer="app"), statement_timeout=1.0)
    assert sum(sent) > 10, "something was sent ahead"
    monkeypatch.setattr(SocketConnection, "post", one_by_one)
    waited = run(*migrations, roles=RolePlan(deployer="app"), statement_timeout=1.0)
    assert ahead.observations == waited.observations and ahead.catalog_after == waited.catalog_after
    assert {"42P07", "42703", "22012", "57P01", "57014"} <= {
        seen.fails.sqlstate for seen in ahead.observations if seen.fails
    }
    assert any(seen.locks for seen in ahead.observations)
