"""A "production" for tests: a server of its own with two roles, a ledger, and changes that somebody made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server

ROLES = """CREATE ROLE paliad_owner LOGIN CREATEROLE; CREATE ROLE paliad_app LOGIN PASSWORD 'very-secret'; CREATE ROLE somebody; CREATE ROLE team;
CREATE ROLE reader NOINHERIT; GRANT team TO paliad_app; GRANT reader TO team WITH ADMIN OPTION; ALTER ROLE paliad_app SET search_path = paliad, public"""
SCHEMA = """SET ROLE paliad_owner;
CREATE SCHEMA paliad;
CREATE TABLE paliad.rules (id int PRIMARY KEY, name text, secret text);
CREATE VIEW paliad.names AS SELECT name FROM paliad.rules;
CREATE SEQUENCE paliad.numbers;
CREATE FUNCTION paliad.answer() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE paliad.applied_migrations (version int PRIMARY KEY, name text, applied_at timestamptz DEFAULT now(), checksum text);
INSERT INTO paliad.applied_migrations VALUES (1, 'base'), (2, 'more');
GRANT USAGE, CREATE ON SCHEMA paliad TO paliad_app;
GRANT SELECT (id, name), UPDATE (name) ON paliad.rules TO paliad_app;
GRANT SELECT ON paliad.names TO team WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION paliad.answer() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA paliad GRANT SELECT ON TABLES TO paliad_app;
RESET ROLE;"""
BY_HAND = """CREATE TABLE paliad.choices (id int PRIMARY KEY);
ALTER TABLE paliad.choices OWNER TO somebody;
GRANT ALL ON paliad.choices TO paliad_app;"""
MIGRATIONS = {
    "001_base.up.sql": "CREATE SCHEMA paliad;\nCREATE TABLE paliad.rules (id int PRIMARY KEY, name text, secret text, gone int);\n",
    "002_more.up.sql": "CREATE VIEW paliad.names AS SELECT name FROM paliad.rules;\nCREATE SEQUENCE paliad.numbers;\nCREATE TABLE paliad.lost (id int);\n"
    "CREATE FUNCTION paliad.answer() RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
}
CONFIG = """[migrations]
paths = ["migrations"]
{baseline}
[roles]
owner = "paliad_owner"
deployer = "paliad_app"
handover = "ledger"
[ledger]
table = "paliad.applied_migrations"
{snapshot}
"""
BASELINE = {"baseline": 'baseline = "lockgate/baseline.sql"', "snapshot": 'snapshot = "lockgate/ledger.json"'}


@contextmanager
def production() -> Iterator[str]:
    """The DSN of a database that somebody has worked on."""
    with Server(choose("", None)) as server:
        server.ready()
        made = server.template
        dsn = f"host={server._home} port=5432 user={made.superuser} password={made.password} dbname=lockgate"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(ROLES)
            connection.execute("ALTER DATABASE lockgate OWNER TO paliad_owner")
            connection.execute(SCHEMA)
            connection.execute(BY_HAND)
        yield dsn


def project(folder: Path, pending: dict[str, str], *, baseline: bool) -> Path:
    """A project whose first two migrations production has, with more that it has not."""
    (folder / "migrations").mkdir(parents=True, exist_ok=True)
    for name, text in (MIGRATIONS | pending).items():
        (folder / "migrations" / name).write_text(text)
    (folder / "lockgate.toml").write_text(CONFIG.format(**(BASELINE if baseline else dict.fromkeys(BASELINE, ""))))
    return folder
