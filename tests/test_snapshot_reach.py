"""When production cannot be reached or read: where, why and what to do, told by real servers and sockets; never a
secret of the DSN."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Run
from tests.production_kit import production, project

SECRET = "hidden-word"
NO_SUCH_HOST = f"postgresql://me:{SECRET}@no-such-host.invalid:5999/shop"
# DSN -> words of the message
DEAD = {
    NO_SUCH_HOST: ("host no-such-host.invalid, port 5999, database shop, role me): there is no such host",),
    f"host=127.0.0.1 port=1 user=me dbname=shop password={SECRET}": (
        "host 127.0.0.1, port 1, database shop, role me): nothing listens there",
    ),
    f"host=/nowhere user=me password={SECRET}": (
        "host /nowhere, port 5432, database me, role me): there is no such socket",
    ),
    f"host=127.0.0.1 sslmode={SECRET}": ("the DSN has a value that libpq does not take",),
    f"postgresql://me:{SECRET}@x@db.example.org/shop": ("holds a character that a URI must not", "write @ as %40"),
    f"postgresql://me:{SECRET}/1@db.example.org/shop": ("holds a character that a URI must not",),
    f"password={SECRET} {SECRET}": ("holds no DSN that libpq understands",),
    SECRET: ("holds no DSN that libpq understands",),
}
Answer = Callable[[socket.socket], None]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def refuse(sqlstate: str, words: str) -> Answer:
    """The server's FATAL in answer to the startup packet."""
    fields = b"".join(
        code + value.encode() + b"\0"
        for code, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", words))
    )

    def answer(client: socket.socket) -> None:
        startup(client)
        client.sendall(message(b"E", fields + b"\0"))

    return answer


def startup(client: socket.socket) -> None:
    """Take the startup packet; no TLS."""
    while client.recv(4096)[4:8] == struct.pack("!i", 80877103):
        client.sendall(b"N")


def old(client: socket.socket) -> None:
    startup(client)
    status = b"server_version\x009.6.24\x00"
    client.sendall(message(b"R", struct.pack("!i", 0)) + message(b"S", status) + message(b"Z", b"I"))
    client.recv(4096)


def web(client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def silent(client: socket.socket) -> None:
    client.recv(4096)
    client.settimeout(20)
    client.recv(4096)  # until the other end goes away


ANSWERS: dict[str, tuple[Answer, str, tuple[str, ...]]] = {
    "silence": (silent, "connect_timeout=2", ("no answer in time", "firewall")),
    "a web server": (web, "", ("what listens there is no PostgreSQL",)),
    "no TLS": (startup, "sslmode=require", ("the server speaks no TLS, and the DSN wants it", "sslmode")),
    "an old server": (old, "", ("the database's server is PostgreSQL 9", "needs PostgreSQL 14 or later")),
    "a pooler": (
        refuse("08P01", "unsupported startup parameter: options"),
        "",
        ("a pooler such as PgBouncer", "give the DSN of the server itself"),
    ),
    "a server that starts": (
        refuse("57P03", "the database system is starting up"),
        "",
        ("the server is starting", "try again in a moment"),
    ),
    "no line in pg_hba.conf": (
        refuse("28000", 'no pg_hba.conf entry for host "::1", user "me", database "shop", SSL off'),
        "",
        ("pg_hba.conf lets neither",),
    ),
    "a full server": (refuse("53300", "sorry, too many clients already"), "", ("has no connection left",)),
    "a server that speaks German": (
        refuse("28P01", f"Passwort-Authentifizierung für Benutzer »me« fehlgeschlagen ({SECRET})"),
        "",
        ("Passwort-Authentifizierung für Benutzer »me«", "****"),
    ),
}


@contextmanager
def listening(answer: Answer) -> Iterator[int]:
    """A socket that answers every connection in that way; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    try:
                        answer(client)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def failed(lockgate: Run, dsn: str, *options: str, **env: str) -> str:
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", *options, PRODUCTION=dsn, LC_ALL="C", **env)
    said = done.stdout + done.stderr
    assert done.returncode == 3 and done.stdout == "", said
    assert SECRET not in said and "Traceback" not in said and "internal error" not in said, said
    assert len(done.stderr.splitlines()) == 2, f"what and why in one line, the remedy in the next: {said}"
    return done.stderr


@pytest.mark.parametrize(("dsn", "options"), [*((dsn, ()) for dsn in DEAD), (NO_SUCH_HOST, ("--diff",))])
def test_a_dsn_that_leads_nowhere(lockgate: Run, tmp_path: Path, dsn: str, options: tuple[str, ...]) -> None:
    project(tmp_path, {}, baseline=False)
    said = failed(lockgate, dsn, *options, PGPASSWORD=SECRET)
    assert all(words in said for words in DEAD[dsn]), said


@pytest.mark.parametrize("what", ANSWERS)
def test_whatever_listens_there(lockgate: Run, tmp_path: Path, what: str) -> None:
    answer, options, wanted = ANSWERS[what]
    project(tmp_path, {}, baseline=False)
    with listening(answer) as port:
        said = failed(lockgate, f"host=127.0.0.1 port={port} user=me dbname=shop password={SECRET} {options}")
    assert all(words in said for words in wanted), said
    assert f"host 127.0.0.1, port {port}, database shop, role me" in said or "old" in what


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with production() as found:
        with psycopg.connect(found, autocommit=True) as connection:
            connection.execute(b"""CREATE ROLE pauper LOGIN PASSWORD 'hidden-word'; CREATE ROLE asleep PASSWORD 'hidden-word';
                CREATE ROLE reads_all LOGIN PASSWORD 'hidden-word' IN ROLE pg_read_all_data;
                CREATE ROLE reads_some LOGIN PASSWORD 'hidden-word'; GRANT USAGE ON SCHEMA paliad TO reads_some;
                GRANT SELECT ON ALL TABLES IN SCHEMA paliad TO reads_some""")
        yield found


def as_role(dsn: str, role: str, password: str = SECRET) -> str:
    kept = [part for part in dsn.split() if not part.startswith(("user=", "password="))]
    return " ".join([*kept, f"user={role}", f"password={password}"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dsn: as_role(dsn, "pauper", "wrong"), "the server refuses the password"),
        (
            lambda dsn: as_role(dsn, "nobody_at_all"),
            "the server refuses the password",
        ),  # the server does not say that there is no such role
        (lambda dsn: as_role(dsn, "asleep"), "the role may not log in"),
        (
            lambda dsn: as_role(dsn, "pauper").replace("dbname=lockgate", "dbname=nowhere"),
            "the server has no such database",
        ),
        (
            lambda dsn: " ".join(p for p in as_role(dsn, "pauper").split() if not p.startswith("password=")),
            "wants a password, and there is none",
        ),
    ],
)
def test_why_the_server_says_no(
    lockgate: Run, dsn: str, tmp_path: Path, change: Callable[[str], str], words: str
) -> None:
    project(tmp_path, {}, baseline=False)
    assert words in failed(lockgate, change(dsn))


def test_a_role_that_may_not_read_everything(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    project(tmp_path, {}, baseline=False)
    (tmp_path / "lockgate.toml").write_text(
        (tmp_path / "lockgate.toml")
        .read_text()
        .replace("[ledger]", "")
        .replace('table = "paliad.applied_migrations"', "")
    )
    said = failed(lockgate, as_role(dsn, "pauper"))
    assert (
        "It may not read schema paliad, table paliad.applied_migrations, table paliad.choices, table paliad.rules"
        in said
    )
    assert 'GRANT pg_read_all_data TO "pauper"' in said


@pytest.mark.parametrize("role", ["reads_all", "reads_some"])
def test_a_reader_gets_what_a_superuser_gets(lockgate: Run, dsn: str, tmp_path: Path, role: str) -> None:
    """Beside a session that holds the strongest lock with which ACCESS SHARE, and nothing above it, agrees."""
    project(tmp_path, {}, baseline=False)
    assert lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=dsn).returncode == 0
    wanted = {path.name: path.read_text() for path in (tmp_path / "lockgate").iterdir()}
    with psycopg.connect(dsn) as busy:
        busy.execute("LOCK TABLE paliad.rules, paliad.choices, paliad.applied_migrations IN EXCLUSIVE MODE")
        done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--output", "again", PRODUCTION=as_role(dsn, role))
        difference = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", PRODUCTION=as_role(dsn, role))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in (tmp_path / "again").iterdir()} == wanted
    assert difference.returncode == 1 and "table paliad.choices, owned by somebody" in difference.stdout, (
        difference.stderr
    )


def test_a_locked_table_holds_up_nobody(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    project(tmp_path, {}, baseline=False)
    with psycopg.connect(dsn) as busy:
        busy.execute("LOCK TABLE paliad.rules IN ACCESS EXCLUSIVE MODE")
        assert "a table is locked" in failed(lockgate, as_role(dsn, "reads_all"))
