"""Rules about ownership that speak of statements which PostgreSQL takes: what they say, and what the server's warning
makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

from lockgate.base.findings import Finding, Severity
from lockgate.base.text import Source
from lockgate.rules import registry
from lockgate.rules.model import Scene
from lockgate.run.plan import standing
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from tests.conftest import Run
from tests.live_kit import majors

CONFIG = '[migrations]\npaths = ["m"]\n[roles]\nowner = "own"\ndeployer = "app"\nhandover = "1"\n{more}'


def script(name: str, text: str) -> Script:
    return Script.whole(Source(f"{name}.sql", text), Transaction.STATEMENT)


def said(files: Sequence[str], *, baseline: str = "", owned: int = 1, major: int = 16) -> list[Finding]:
    """What the rules say where the first ``owned`` files run as the owner and the rest as the deployer."""
    migrations = tuple(Migration(str(n), str(n), "", script(str(n), text)) for n, text in enumerate(files, 1))
    production = script("baseline", baseline) if baseline else None
    plan = Plan(
        migrations,
        major,
        owner="own",
        deployer="app",
        owned=frozenset(str(n) for n in range(1, owned + 1)),
        baseline=production,
    )
    replay, found = Replay(plan), list[Finding]()
    for name, items in groupby(replay.steps(), key=lambda item: item.migration.id):
        if name not in ("baseline", "handover"):
            steps = [item for item in items if isinstance(item, Step)]
            found += [f for step in steps for f in registry.of_step(step)] + registry.of_scene(Scene.of(steps))
    return standing(found, replay.mended())


def messages(found: list[Finding], name: str) -> list[str]:
    return [f.message for f in found if f.name == name]


MEMBER = "CREATE SCHEMA app; ALTER SCHEMA app OWNER TO own; GRANT ALL ON SCHEMA app TO app; GRANT own TO app;"


def test_a_member_of_the_owner_may_drop_and_loses_the_owner() -> None:
    base = (
        MEMBER
        + "CREATE TABLE app.t (id int); ALTER TABLE app.t OWNER TO own; CREATE VIEW app.v AS SELECT 1 AS a; ALTER VIEW app.v OWNER TO own;"
    )
    found = said(["DROP VIEW app.v; CREATE VIEW app.v AS SELECT 2 AS a;"], baseline=base, owned=0)
    assert messages(found, "owner-lost") == ["view app.v is dropped and made again without its owner own"]
    (lost,) = [f for f in found if f.name == "owner-lost"]
    assert lost.severity is Severity.WARNING and "ALTER VIEW app.v OWNER TO own;" in lost.help
    assert lost.fix and lost.fix.edits[0].text == "\nALTER VIEW app.v OWNER TO own;"
    assert [r.message for r in lost.related] == ["dropped here"]


@pytest.mark.parametrize(
    ("made", "again"),
    [
        ("CREATE TYPE {} AS ENUM ('a')", "TYPE"),
        ("CREATE SEQUENCE {}", "SEQUENCE"),
        ("CREATE TABLE {} (id int)", "TABLE"),
        ("CREATE MATERIALIZED VIEW {} AS SELECT 1 AS a", "MATERIALIZED VIEW"),
        ("CREATE SCHEMA {}", "SCHEMA"),
        ("CREATE DOMAIN {} AS int", "DOMAIN"),
    ],
)
def test_every_kind_loses_its_grants(made: str, again: str) -> None:
    right = {"TYPE": "USAGE", "DOMAIN": "USAGE", "SEQUENCE": "USAGE", "SCHEMA": "USAGE"}.get(again, "SELECT")
    on = again if right == "USAGE" else "TABLE"
    first = f"{made.format('x')}; GRANT {right} ON {on} x TO pg_monitor;"
    found = said([first, "SELECT 1", f"DROP {again} x; {made.format('x')};"], owned=3)
    (message,) = messages(found, "owner-lost")
    assert f"{right} of pg_monitor" in message, found


def test_what_is_said_again_is_not_lost() -> None:
    first = "CREATE TABLE t (id int); GRANT SELECT ON t TO pg_monitor; COMMENT ON TABLE t IS 'x';"
    again = "DROP TABLE t; CREATE TABLE t (id bigint);"
    assert not messages(
        said([first, again + "GRANT ALL ON t TO pg_monitor; COMMENT ON TABLE t IS 'y';"], owned=2), "owner-lost"
    )
    (info,) = [f for f in said([first, again + "GRANT SELECT ON t TO pg_monitor;"], owned=2) if f.name == "owner-lost"]
    assert (info.severity, info.message) == (
        Severity.INFO,
        "table public.t is dropped and made again without its comment",
    )


def test_another_function_of_the_name_is_no_successor() -> None:
    first = (
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION f(int) TO pg_monitor;"
    )
    assert not messages(
        said([first, "DROP FUNCTION f(int); CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 1';"], owned=2),
        "owner-lost",
    )


def test_what_a_migration_makes_and_drops_itself_was_nobody_s() -> None:
    text = "CREATE TABLE t (id int); GRANT SELECT ON t TO pg_monitor; DROP TABLE t; CREATE TABLE t (id int);"
    assert not messages(said([text]), "owner-lost")


def test_default_privileges_of_the_deployer_itself_reach_its_objects() -> None:
    base = MEMBER + "ALTER DEFAULT PRIVILEGES FOR ROLE own IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;"
    own = "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;"
    assert (
        len(messages(said(["CREATE TABLE app.new (id int);"], baseline=base, owned=0), "created-for-the-wrong-owner"))
        == 1
    )
    assert not messages(
        said(["CREATE TABLE app.new (id int);"], baseline=base + own, owned=0), "created-for-the-wrong-owner"
    )
    handed = "CREATE TABLE app.new (id int); ALTER TABLE app.new OWNER TO own; GRANT SELECT ON app.new TO pg_monitor;"
    assert not messages(said([handed], baseline=base, owned=0), "created-for-the-wrong-owner")


def test_temporary_tables_and_partitions_are_nobody_else_s_business() -> None:
    base = "CREATE TABLE a (id int); CREATE TABLE b (id int) PARTITION BY RANGE (id);"
    assert not messages(said([base, "CREATE TEMP TABLE new (id int);"]), "created-for-the-wrong-owner")


@pytest.mark.parametrize(("major", "count"), [(15, 1), (16, 1), (17, 0)])
def test_analyze_by_another_is_skipped_until_maintain_is_granted(major: int, count: int) -> None:
    """The handover without handover_sql grants all there is to grant, MAINTAIN from 17 on."""
    assert len(messages(said(["CREATE TABLE t (id int);", "ANALYZE t;"], major=major), "maintenance-skipped")) == count


def test_rls_with_its_policy_later_or_dropped_again() -> None:
    on = "CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
    assert messages(said([on]), "rls-without-policy")
    for later in ("CREATE POLICY p ON t USING (true);", "ALTER TABLE t DISABLE ROW LEVEL SECURITY;", "DROP TABLE t;"):
        assert not messages(said([on, later], owned=2), "rls-without-policy"), later


def test_the_server_s_warning_is_the_proof(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_base.up.sql").write_text("CREATE TABLE t (id int);\n")
    (tmp_path / "m/2_grant.up.sql").write_text("GRANT SELECT ON t TO reader;\nANALYZE t;\nCREATE TABLE u (id int);\n")
    older = [major for major in majors() if major < 17]
    more = f"[database]\nversion = {older[0]}\n" if older else ""
    (tmp_path / "lockgate.toml").write_text(CONFIG.format(more=more))
    done = lockgate("verify", "--format", "json")
    found = {f["name"]: f for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, "a warning stops no team"
    proof = found["grant-without-effect"]["evidence"]
    assert (proof["verdict"], proof["sqlstate"], proof["role"]) == ("confirmed", "01007", "app")
    assert (
        found["grant-without-effect"]["sqlstate"] is None
        and "run as own: GRANT SELECT ON t TO reader" in found["grant-without-effect"]["help"]
    )
    if older:
        assert found["maintenance-skipped"]["evidence"]["verdict"] == "confirmed"


def test_a_warning_that_nobody_foresaw_is_told(lockgate: Run, tmp_path: Path) -> None:
    """Dynamic SQL: the simulator keeps quiet, the server does not."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_base.up.sql").write_text(
        "CREATE TABLE t (id int);\nCREATE TABLE names (n text);\nINSERT INTO names VALUES ('t');\n"
    )
    (tmp_path / "m/2_grant.up.sql").write_text(
        "DO $$ BEGIN EXECUTE (SELECT 'GRANT SELECT ON ' || n || ' TO PUBLIC' FROM names); END $$;\n"
    )
    (tmp_path / "lockgate.toml").write_text(CONFIG.format(more=""))
    found = json.loads(lockgate("verify", "--format", "json").stdout)["findings"]
    (warned,) = [f for f in found if f["name"] == "grant-without-effect"]
    assert (warned["statement"], warned["evidence"]["verdict"]) == (1, "confirmed")


def test_one_cause_is_told_whole_once(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_base.up.sql").write_text("CREATE TABLE t (id int);\nCREATE TABLE u (id int);\n")
    (tmp_path / "m/2_change.up.sql").write_text(
        "".join(f"ALTER TABLE t ADD COLUMN c{n} int;\n" for n in range(3)) + "DROP TABLE u;\n"
    )
    (tmp_path / "lockgate.toml").write_text(CONFIG.format(more=""))
    told = lockgate("check").stdout
    assert told.count("must be owner of table t [42501]") == 3
    assert told.count("ALTER TABLE public.t OWNER TO app; or once and for all") == 1
    assert told.count("= as above: m/2_change.up.sql:1\n") == 2
    assert "--> m/2_change.up.sql:3:13 | ALTER TABLE t ADD COLUMN c2 int;" in told
    assert "one remedy for several findings:\n     4 x run as a superuser: GRANT own TO app;\n4 errors" in told
    whole = json.loads(lockgate("check", "--format", "json").stdout)["findings"]
    assert [f["help"].startswith("run as a superuser: ALTER TABLE public.") for f in whole] == [True] * 4, (
        "the contract: every finding whole"
    )
