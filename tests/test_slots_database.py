"""Ledgers in a real database: made by the runners themselves where they are Python, otherwise with their own tables;
read without writing."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockgate.base.config import Config, LedgerSettings
from lockgate.base.errors import CannotCheck
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
from lockgate.rules import registry
from lockgate.slots import SlotTable, examine, gather
from lockgate.slots.pending import pending
from lockgate.slots.read import read_dsn
from lockgate.sources import load
from tests.conftest import Run
from tests.slots_kit import put

T = "CREATE TABLE t (id int);\n"
SUM = hashlib.sha384(T.encode()).hexdigest()
WHO = "2024-01-01T00:00:00Z A <a@b> # x\n"

# the tables as the runners make them, with what they write after two migrations
MADE = {
    "golang-migrate": "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, false)",
    "goose": """CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
        INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true)""",
    "dbmate": "CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1'), ('2')",
    "sqlx": f"""CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(),
        success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
        INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, '\\x{SUM}', 5), (2, 'b', now(), true, '\\x{SUM}', 5)""",
    "diesel": """CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO __diesel_schema_migrations VALUES ('1'), ('2')""",
    "drizzle": f"""CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
        INSERT INTO drizzle.__drizzle_migrations (hash, created_at) SELECT '{hashlib.sha256(T.encode()).hexdigest()}', n FROM (VALUES (1), (2)) v(n)""",
    "node-pg-migrate": """CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
        INSERT INTO pgmigrations (name, run_on) VALUES ('1_a', now()), ('2_b', now())""",
    "sql-migrate": """CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz);
        INSERT INTO gorp_migrations VALUES ('1_a.sql', now()), ('2_b.sql', now())""",
    "supabase": """CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
        INSERT INTO supabase_migrations.schema_migrations VALUES ('1', '{x}', 'a'), ('2', '{x}', 'b')""",
    "sqitch": f"""CREATE SCHEMA sqitch;
        CREATE TABLE sqitch.changes (change_id text PRIMARY KEY, script_hash text, change text, project text, committed_at timestamptz);
        INSERT INTO sqitch.changes SELECT md5(n), '{hashlib.sha1(T.encode()).hexdigest()}', n, 'p', now() FROM (VALUES ('a'), ('b')) v(n)""",
    "liquibase": """CREATE TABLE databasechangelog (id varchar(255), author varchar(255), filename varchar(255), dateexecuted timestamp, orderexecuted int,
        exectype varchar(10), md5sum varchar(35)); INSERT INTO databasechangelog VALUES ('1', 'ann', 'm/c.sql', now(), 1, 'EXECUTED', '9:x'),
        ('2', 'ann', 'm/c.sql', now(), 2, 'EXECUTED', '9:x')""",
}
PAIR = {"1_a": T, "2_b": T}
FILES = {
    "golang-migrate": {f"{n}.up.sql": T for n in PAIR},
    "goose": {f"{n}.sql": "-- +goose Up\n" + T for n in PAIR},
    "dbmate": {f"{n}.sql": "-- migrate:up\n" + T + "-- migrate:down\n" for n in PAIR},
    "sqlx": {f"{n}.sql": T for n in PAIR},
    "diesel": {f"{n}/up.sql": T for n in PAIR},
    "drizzle": {f"{n}.sql": T for n in PAIR}
    | {"meta/_journal.json": '{"entries": [{"tag": "1_a", "when": 1}, {"tag": "2_b", "when": 2}]}'},
    "node-pg-migrate": {f"{n}.sql": "-- Up Migration\n" + T for n in PAIR},
    "sql-migrate": {f"{n}.sql": "-- +migrate Up\n" + T for n in PAIR},
    "supabase": {f"{n}.sql": T for n in PAIR},
    "sqitch": {"sqitch.plan": f"%project=p\n\na {WHO}b {WHO}", "deploy/a.sql": T, "deploy/b.sql": T},
    "liquibase": {"c.sql": f"--liquibase formatted sql\n--changeset ann:1\n{T}--changeset ann:2\n{T}"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The DSN of a database of our own, without its name."""
    with Server(choose("", None)) as found:
        found.ready()
        made = found.template
        dsn = f"host={found._home} port=5432 user={made.superuser} password={made.password} dbname="
        with psycopg.connect(dsn + "lockgate", autocommit=True) as connection:
            connection.execute("CREATE ROLE nobody_much LOGIN PASSWORD 'very-secret'")
        yield dsn


def database(server: str, name: str, sql: str = "") -> str:
    """A database with this in it."""
    with psycopg.connect(server + "lockgate", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(server + name, autocommit=True) as connection:
        connection.execute(sql.encode())
    return server + name


def table_of(root: Path, layout: str = "auto", command: str = "") -> SlotTable:
    """The table of a folder, with the ledger of its runner in the database that LEDGER names: no table is
    configured."""
    config = Config(root=root, ledger=LedgerSettings(dsn_env="LEDGER"))
    return gather(config, load([root / "m"], layout, cwd=root, command=command), root)


def rules(table: SlotTable, root: Path) -> list[str]:
    return [f.name for fact in examine(table, root) for f in registry.of_fact(fact)]


def waiting(table: SlotTable) -> list[str]:
    return [p.claim.slot for p in pending(table)]


@pytest.mark.parametrize("layout", MADE)
def test_the_runner_s_own_table_is_found_and_agrees(
    server: str, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "m", FILES[layout])
    monkeypatch.setenv("LEDGER", database(server, layout, MADE[layout]))
    table = table_of(tmp_path, layout)
    assert (
        table.ledger is not None
        and table.ledger.kind.runner == layout
        and len(table.ledger.rows) == (1 if layout == "golang-migrate" else 2)
    )
    assert rules(table, tmp_path) == [] and waiting(table) == []
    last = sorted(n for n in FILES[layout] if n.endswith(".sql"))[-1]
    (tmp_path / "m" / last).write_text(
        (tmp_path / "m" / last).read_text().replace("(id int)", "(id bigint)").replace("ann:2", "ann:9")
    )
    found = (
        ["ledger-checksum-mismatch"]
        if layout in ("sqlx", "drizzle", "sqitch")
        else ["ledger-slot-missing"]
        if layout == "liquibase"
        else []
    )
    assert rules(table_of(tmp_path, layout), tmp_path) == found


def test_the_command_line_reads_it(lockgate: Run, server: str, tmp_path: Path) -> None:
    put(
        tmp_path,
        {"lockgate.toml": '[ledger]\ndsn_env = "LEDGER"\n'}
        | {f"m/{name}": text for name, text in FILES["dbmate"].items()},
    )
    done = lockgate("slots", "m", "--explain", LEDGER=database(server, "shown", MADE["dbmate"]))
    assert done.returncode == 0 and "ledger schema_migrations, 2 rows, kept by dbmate" in done.stdout, done.stderr
    assert lockgate("slots", "m", LEDGER="nonsense").returncode == 3 and lockgate("slots", "m").returncode == 2


def test_a_first_deploy_has_no_ledger_yet(lockgate: Run, server: str, tmp_path: Path) -> None:
    """The runner makes its table; a table that somebody named has to be there."""
    files = {f"m/{name}": text for name, text in FILES["dbmate"].items()}
    put(tmp_path, {"lockgate.toml": '[ledger]\ndsn_env = "LEDGER"\n'} | files)
    dsn = database(server, "first")
    done = lockgate("slots", "pending", "m", LEDGER=dsn)
    assert done.returncode == 0 and "2 migrations are pending" in done.stdout, done.stderr
    assert "the table is not there yet: nothing is applied" in done.stdout
    put(tmp_path, {"lockgate.toml": '[ledger]\ndsn_env = "LEDGER"\ntable = "public.schema_migrations"\n'})
    assert lockgate("slots", "pending", "m", LEDGER=dsn).returncode == 3


def test_alembic_itself(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = database(server, "alembic")
    monkeypatch.setenv("LEDGER", dsn)
    (tmp_path / "m/versions").mkdir(parents=True)
    put(
        tmp_path,
        {
            "alembic.ini": "[alembic]\nscript_location = m\n",
            "m/env.py": ENV.format(url="postgresql+psycopg://?" + "&".join(dsn.split())),
        },
    )
    for below, name in ((None, "aaa"), ("aaa", "bbb"), ("bbb", "ccc")):
        put(tmp_path / "m/versions", {f"{name}.py": REVISION.format(name=name, below=below)})
    ran(tmp_path, "-m", "alembic", "upgrade", "bbb")
    command = f"{sys.executable} -m alembic upgrade head --sql"
    table = table_of(tmp_path, command=command)
    assert table.ledger is not None and table.ledger.kind.runner == "alembic"
    assert rules(table, tmp_path) == [] and waiting(table) == ["ccc"]
    (tmp_path / "m/versions/ccc.py").unlink()
    (tmp_path / "m/versions/bbb.py").unlink()
    assert rules(table_of(tmp_path, command=command), tmp_path) == ["ledger-slot-missing"]


def test_django_itself(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = database(server, "django")
    monkeypatch.setenv("LEDGER", dsn)
    put(
        tmp_path,
        {
            "settings.py": SETTINGS.format(**dict(part.split("=", 1) for part in dsn.split())),
            "shop/__init__.py": "",
            "manage.py": MANAGE,
        },
    )
    put(tmp_path / "shop/migrations", {"__init__.py": "", "0001_first.py": DJANGO.format(n=1, needs="")})
    put(tmp_path / "shop/migrations", {"0002_more.py": DJANGO.format(n=2, needs="('shop', '0001_first')")})
    ran(tmp_path, "manage.py", "migrate", "shop", "0001_first")
    command = f"{sys.executable} manage.py sqlmigrate"
    table = table_of(tmp_path, command=command)
    assert table.ledger is not None and table.ledger.kind.runner == "django"
    assert rules(table, tmp_path) == [] and waiting(table) == ["shop.0002"]
    (tmp_path / "shop/migrations/0002_more.py").unlink()
    (tmp_path / "shop/migrations/0001_first.py").rename(tmp_path / "shop/migrations/0001_other.py")
    assert rules(table_of(tmp_path, command=command), tmp_path) == ["ledger-slot-missing"]


def ran(folder: Path, *words: str) -> None:
    import subprocess

    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("prepare", "table", "words"),
    [
        ("", "public.gone", "the ledger public.gone cannot be read .*there is no such table"),
        ("CREATE TABLE l (version int)", "l", "the role may not read it"),
        ("CREATE SEQUENCE s; CREATE VIEW l AS SELECT nextval('s') AS version", "l", "it would write"),
        ("CREATE VIEW l AS SELECT pg_sleep(5)::text AS version", "l", "no answer in time"),
    ],
)
def test_what_cannot_be_read_is_said(
    server: str, monkeypatch: pytest.MonkeyPatch, prepare: str, table: str, words: str
) -> None:
    dsn = database(server, f"x{abs(hash(words))}", prepare)
    if "may not" in words:
        dsn = " ".join(
            "user=nobody_much" if p.startswith("user=") else "password=very-secret" if p.startswith("password=") else p
            for p in dsn.split()
        )
    monkeypatch.setenv("LEDGER", dsn + " options='-c statement_timeout=500ms -c default_transaction_read_only=off'")
    with pytest.raises(CannotCheck, match=words) as caught:
        read_dsn("LEDGER", table)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("password=", "password=wrong"), "the server refuses the password"),
        (("dbname=", "dbname=nowhere"), "no such database"),
        (("host=", "host=/nowhere"), "no such socket"),
        (("host=", "host=127.0.0.1"), "nothing listens there"),
    ],
)
def test_why_there_is_no_connection(
    server: str, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], words: str
) -> None:
    start, new = change
    parts = [new if part.startswith(start) else part for part in (server + "lockgate").split()]
    monkeypatch.setenv("LEDGER", " ".join(p.replace("port=5432", "port=1") if "127.0.0.1" in new else p for p in parts))
    with pytest.raises(CannotCheck, match=words) as caught:
        read_dsn("LEDGER", "t")
    assert "wrong" not in str(caught.value) and f"(host {'127.0.0.1' if '127' in new else '/'}" in str(caught.value)


ENV = """
from alembic import context
from sqlalchemy import create_engine
if context.is_offline_mode():
    context.configure(url="{url}", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine("{url}").connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
REVISION = """
from alembic import op
revision = "{name}"
down_revision = {below!r}
def upgrade():
    op.execute("CREATE TABLE {name} (id int)")
"""
SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": "{dbname}", "HOST": "{host}", "PORT": "{port}", "USER": "{user}",
                         "PASSWORD": "{password}"}}}}
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
DJANGO = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [{needs}]
    operations = [migrations.RunSQL("CREATE TABLE shop_{n} (id int)")]
"""
