"""The initdb template: made once per installation, kept as one file in the user's cache, written out again in about 25
ms.

A pack instead of a tar: reading it back needs neither ``tar`` nor the tarfile module, and costs the supervisor half the
time. It holds a superuser with a random name and a random password, so it is readable by its user only.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.cache.store import user_caches
from lockgate.oracle.server.binaries import Binaries

DATABASE = "lockgate"
_FORMAT = "2"  # raise it when what a template holds changes
# a clear password over our own 0700 socket: no hashing on the way, and peer would trust the server's own uid
_HBA = "local all all password\n"


class Template(msgspec.Struct, frozen=True):
    """A cached cluster: one database ``lockgate``, one superuser whose password only this user's cache knows."""

    pack: Path
    superuser: str
    password: str
    verifier: str  # the password as pg_authid holds it, for further roles


def template(binaries: Binaries, anew: bool = False) -> tuple[Template, BinaryIO]:
    """The template of an installation, made on first use (about a second) or ``anew``, and its file, open: another run
    may put a new one in its place."""
    pack = cache_dir() / f"cluster-{_key(binaries)}.pack"
    if not anew:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return _open(pack)
    _build(binaries, pack)
    return _open(pack)


def _open(pack: Path) -> tuple[Template, BinaryIO]:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(pack, "rb"))
        head = json.loads(file.read(int.from_bytes(file.read(8), "big")))
        meta = head[0][2]
        made = Template(pack, meta["superuser"], meta["password"], meta["verifier"])
        stack.pop_all()
        return made, file


def _key(binaries: Binaries) -> str:
    stat = os.stat(binaries.bindir / "postgres")
    facts = (_FORMAT, str(binaries.bindir.resolve()), binaries.version, stat.st_size, stat.st_mtime_ns, os.getuid())
    return f"{binaries.version}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"


def cache_dir() -> Path:
    """The user's cache directory for Lockgate, made private; a directory in the temporary one where there is no
    home."""
    home, spare = user_caches(), Path(tempfile.gettempdir()) / f"lockgate-cache-{os.getuid()}"
    for place in (Path(home) / "lockgate", spare) if home else (spare,):
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            stat = place.lstat()
            if stat.st_uid == os.getuid() and not stat.st_mode & 0o022 and os.access(place, os.W_OK):
                return place
    raise CannotCheck(
        "no directory to keep the server's template in", "Set XDG_CACHE_HOME to a writable directory of your own."
    )


def _build(binaries: Binaries, pack: Path) -> None:
    superuser, password = "lg_" + secrets.token_hex(8), secrets.token_hex(32)
    verifier = scram_verifier(password)
    with tempfile.TemporaryDirectory(prefix="lockgate-initdb-", ignore_cleanup_errors=True) as work:
        account = _account()
        if account is not None:
            os.chown(work, account, -1)
        data = os.path.join(work, "data")
        _initdb(binaries, work, superuser, verifier, account)
        _single_user(binaries, data, account)
        _write_pack(data, pack, {"superuser": superuser, "password": password, "verifier": verifier})


def scram_verifier(password: str) -> str:
    """A SCRAM-SHA-256 verifier with one iteration: our passwords are 256 random bits, stretching them would only cost
    time."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return "SCRAM-SHA-256$1:{}${}:{}".format(*(base64.b64encode(part).decode() for part in (salt, stored, server)))


def _account() -> int | None:
    """The uid to run initdb as (it needs a passwd entry and refuses root); None: as we are."""
    if os.getuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody").pw_uid
    others = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not others:
        raise CannotCheck(
            "initdb refuses to run as root, and there is no other account",
            "Add a user, or give --dsn of a scratch server.",
        )
    return others[-1]


def _initdb(binaries: Binaries, work: str, superuser: str, verifier: str, account: int | None) -> None:
    secret = os.path.join(work, "pw")
    Path(secret).write_text(verifier + "\n", encoding="ascii")
    if account is not None:
        os.chown(secret, account, -1)
    command = [str(binaries.bindir / "initdb"), "-N", "-U", superuser, "-A", "trust", "-E", "UTF8", "--wal-segsize=1"]
    command += [f"--pwfile={secret}", "-D", os.path.join(work, "data")]
    for locale in ("C.UTF-8", "C"):  # macOS knows no C.UTF-8
        done = _run([*command, f"--locale={locale}"], work, account)
        if done.returncode == 0:
            return
        shutil.rmtree(os.path.join(work, "data"), ignore_errors=True)
    raise CannotCheck(
        f"initdb of PostgreSQL {binaries.version} ({binaries.source}) failed: {(done.stderr or done.stdout).strip()[-600:]}",
        "Give other binaries, or --dsn of a scratch server.",
    )


def _single_user(binaries: Binaries, data: str, account: int | None) -> None:
    """Make the scratch database, drop what a run never needs (a third of the files)."""
    commands = (
        f"CREATE DATABASE {DATABASE};",
        "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';",
        "DROP DATABASE template0;",
        "DROP DATABASE postgres;",
    )
    command = [str(binaries.bindir / "postgres"), "--single", "-F", "-c", "wal_recycle=off", "-D", data, "template1"]
    done = _run(command, data, account, "\n".join(commands) + "\n")
    if done.returncode != 0 or "ERROR" in done.stderr:
        raise CannotCheck(
            f"PostgreSQL {binaries.version} does not run here: {done.stderr.strip()[-600:]}",
            "Give --dsn of a scratch server.",
        )
    Path(data, "pg_hba.conf").write_text(_HBA, encoding="ascii")
    Path(data, "pg_ident.conf").write_text("", encoding="ascii")


def _run(command: list[str], cwd: str, account: int | None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    user = {} if account is None else {"user": account, "group": pwd.getpwuid(account).pw_gid, "extra_groups": []}
    try:
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=120, **user
        )
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "Where a container drops CAP_SETUID, run as an ordinary user or give --dsn of a scratch server."
        raise CannotCheck(f"{command[0]} could not be run: {error}", remedy) from error


def _write_pack(data: str, pack: Path, meta: dict[str, str]) -> None:
    index: list[list[object]] = [["pg_hba.conf", len(_HBA), meta]]
    parts = [_HBA.encode()]
    for directory, _, names in os.walk(data):
        relative = os.path.relpath(directory, data)
        if relative != ".":
            index.append([relative, None])
        for name in names:
            path = os.path.normpath(os.path.join(relative, name))
            if path in ("pg_hba.conf", "postmaster.opts", "postmaster.pid"):
                continue
            content = Path(directory, name).read_bytes()
            index.append([path, len(content)])
            parts.append(content)
    head = json.dumps(index).encode()
    handle, temporary = tempfile.mkstemp(dir=pack.parent)  # 0600
    with os.fdopen(handle, "wb") as file:
        file.write(len(head).to_bytes(8, "big") + head)
        file.writelines(parts)
    os.replace(temporary, pack)
