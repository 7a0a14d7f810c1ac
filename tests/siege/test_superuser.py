"""No text of a pull request is run by a superuser: every file of ``sql/`` tries, on our own servers and on a scratch
server of a superuser's, as root and as an ordinary user.

The first line of each says what must come of it. A file that begins with ``baseline_`` is a baseline, the others are
migrations, each with every question that Lockgate asks: locks, bodies, down scripts, catalog and definitions.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lockgate.base.text import Source
from lockgate.oracle.apply.plan import ApplyPlan, Baseline, ObservationState, RolePlan, ServerWish
from lockgate.oracle.apply.run import verify
from lockgate.oracle.server import backend as backends
from lockgate.sources.migration import Transaction
from tests.live_kit import majors, migration
from tests.needs import lack, need
from tests.shared_servers import DsnOf
from tests.siege.hostile import HERE, SHARED, assert_held, play, sample
from tests.siege.test_isolation import SITE, interpreter, switch

ENDS = tuple(dict.fromkeys((majors()[0], majors()[-1])))  # the oldest and the newest major at hand


@pytest.fixture(params=ENDS)
def dsn(request: pytest.FixtureRequest, dsn_of: DsnOf) -> str:
    return dsn_of(request.param)


def state(dsn: str) -> tuple[list[tuple[Any, ...]], ...]:
    """All that databases of a server share."""
    queries = (
        "SELECT r::text, shobj_description(oid, 'pg_authid') FROM pg_roles r ORDER BY oid",
        "SELECT datname, datdba, datacl::text, datallowconn FROM pg_database ORDER BY oid",
        "SELECT m::text FROM pg_auth_members m ORDER BY 1",
        "SELECT s::text FROM pg_db_role_setting s ORDER BY 1",
    )
    with psycopg.connect(dsn) as connection:
        return tuple(connection.execute(query.encode()).fetchall() for query in queries)


@pytest.mark.parametrize(
    ("major", "name"), [(major, name) for at, major in enumerate(ENDS) for name in sample(at, len(ENDS))]
)
def test_on_our_own_server(name: str, major: int, sent: list[str]) -> None:
    assert_held(play(name, ServerWish(major=major)))
    assert not [command for command in sent if "mark()" in _outside_names(command)]


@pytest.mark.parametrize(
    ("dsn", "name"),
    [(major, name) for at, major in enumerate(ENDS) for name in sample(at, 4, SHARED if at == 0 else ())],
    indirect=["dsn"],
)
def test_on_a_scratch_server_of_a_superuser(name: str, dsn: str, sent: list[str]) -> None:
    before = state(dsn)
    assert_held(play(name, ServerWish(dsn=dsn)))
    assert state(dsn) == before
    assert not [command for command in sent if "mark()" in _outside_names(command)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the administrator was told to do in the scratch database."""
    heard: list[str] = []
    operated = backends.operated

    def listening(connect: object, commands: str) -> object:
        heard.append(commands)
        return operated(connect, commands)  # type: ignore[arg-type]

    monkeypatch.setattr(backends, "operated", listening)
    monkeypatch.setattr("lockgate.oracle.server.dsn.operated", listening)
    return heard


def _outside_names(command: str) -> str:
    """A command without its quoted names and constants."""
    return re.sub(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'', "", command)


@pytest.mark.parametrize("at", range(len(ENDS)))
def test_as_an_ordinary_user(at: int) -> None:
    """Root's server has a uid of its own; an ordinary user's has his."""
    need("root")
    python = interpreter("nobody")
    if not python:
        lack("readable")
    names = sample(at, 3 * len(ENDS))
    home = Path(tempfile.mkdtemp())
    home.chmod(0o777)
    try:
        done = subprocess.run(  # type: ignore[call-overload]
            [python, str(HERE / "as_nobody.py"), SITE, str(ENDS[at]), *names],
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": "/usr/bin:/bin"},
            **switch("nobody"),
        )
        assert done.returncode == 0 and done.stdout.count("held") == len(names), done.stdout + done.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_role_that_a_killed_run_left_goes_with_the_next(dsn: str) -> None:
    """Killed between DROP DATABASE and DROP ROLE, or while roles were made: only the mark is left."""
    before = state(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name, mark in (("left_over", "lockgate lockgate_0123456789ab"), ("kept", "lockgate of somebody else")):
            connection.execute(f"CREATE ROLE {name}; COMMENT ON ROLE {name} IS '{mark}'")
        connection.execute("CREATE DATABASE made_by_it OWNER left_over")
        connection.execute("GRANT CONNECT ON DATABASE postgres TO left_over")
        verify(ApplyPlan((migration("1", "SELECT 1;"),), server=ServerWish(dsn=dsn)))
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname IN ('left_over', 'kept')").fetchall()
        assert rows == [("kept",)]
        connection.execute("DROP ROLE kept")
    names, roles = state(dsn)[1], state(dsn)[0]
    assert [name for name, *_ in names] == [name for name, *_ in before[1]] and roles == before[0]


def test_a_baseline_s_superuser_that_the_scratch_server_has_is_stood_in_for(dsn: str) -> None:
    """Of the same name as the server's own superuser; his objects are his in every word that is told."""
    dump = """CREATE ROLE postgres SUPERUSER; CREATE ROLE app;
CREATE TABLE public.t (id int); ALTER TABLE public.t OWNER TO postgres; GRANT SELECT ON public.t TO app;
CREATE FUNCTION public.who() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT CURRENT_USER::text';
ALTER FUNCTION public.who() OWNER TO postgres;"""
    ask = "DO $$ BEGIN RAISE NOTICE '% %', public.who(), (SELECT rolsuper FROM pg_roles WHERE rolname = public.who()); END $$;"
    plan = ApplyPlan(
        (migration("1", ask + "\nALTER TABLE public.t ADD COLUMN a int;"),),
        server=ServerWish(dsn=dsn),
        roles=RolePlan(deployer="app"),
        baseline=Baseline(Source("b.sql", dump)),
    )
    report = verify(plan)
    assert report.restored == ()
    assert {row["owner"] for row in report.catalog_after["tables"]} == {"postgres"}
    notice, alter = report.observations
    assert [heard.message for heard in notice.notices] == ["postgres f"]
    assert alter.fails is not None and alter.fails.sqlstate == "42501" and alter.repaired_as == "postgres"


def test_what_is_withheld_is_told_once_and_proves_nothing() -> None:
    dump = "CREATE ROLE app; GRANT pg_create_subscription TO app; GRANT pg_signal_backend TO app;"
    need("new-server")
    plan = ApplyPlan(
        (
            migration(
                "1", "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p;", shape=Transaction.STATEMENT
            ),
        ),
        server=ServerWish(major=majors()[-1]),
        roles=RolePlan(deployer="app"),
        baseline=Baseline(Source("b.sql", dump)),
    )
    report = verify(plan)
    (seen,) = report.observations
    assert seen.state is ObservationState.LACKING and "pg_create_subscription" in seen.reason
    assert sum("pg_create_subscription, pg_signal_backend" in note for note in report.notes) == 1
