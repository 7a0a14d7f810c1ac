"""Migrations that a program prints: alembic's and Django's offline modes, or any other with lines ``-- migration:
SLOT_name``."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import limit
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.base.trust import without_secrets
from lockgate.sources.folder import Folder, Revision
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.sources.span import printed_span

_TIMEOUT = 600.0
# alembic's MigrationContext.run_migrations prints "-- Running upgrade A -> B"
_HEAD = pattern(
    r"^-- (?:Running upgrade (?P<below>.*?) -> (?P<rev>[^\s,]+)[^\n]*|migration: (?P<name>\S+))[ \t\r]*$", re.MULTILINE
)
_BLOCK = pattern(r"^(?:BEGIN|COMMIT);[ \t\r]*$", re.MULTILINE)
_SHELL = """
import io, re
from django.core.management import call_command
def asked(*words):
    out = io.StringIO()
    call_command(*words, stdout=out, no_color=True)
    return out.getvalue()
for app, name in re.findall(r"^\\[[ X]\\]\\s+(\\w+)\\.(\\w+)", asked("showmigrations", "--plan"), re.M):
    print("-- migration: " + app + "." + name)
    print(asked("sqlmigrate", app, name, *{options!r}))
"""


def from_command(command: str, cwd: Path) -> Folder:
    """The migrations that a command prints. Raises UsageError where there is none, CannotCheck where it fails."""
    if not command.strip():
        raise UsageError(
            "layout command: no command is configured", '[migrations] command = "alembic upgrade head --sql"'
        )
    import shlex

    words = shlex.split(command)
    try:
        text = _django(words, cwd) if "sqlmigrate" in words else _run(words, cwd)
    except CannotCheck as error:
        return _refused(command, cwd, error)
    source = Source(f"<{command}>", text)
    migrations = _cut(source)
    if not migrations:
        raise CannotCheck(
            f"{command}: no migration among {len(text)} characters of output",
            "it must print alembic's SQL, or lines `-- migration: 0001_name`",
        )
    explain = (f"command: {len(migrations)} migrations printed by {command}",)
    return Folder(
        "command", tuple(migrations), (), explain, revisions=_revisions(migrations, cwd), span=printed_span(migrations)
    )


def _revisions(migrations: list[Migration], cwd: Path) -> tuple[Revision, ...]:
    """The files of the runner that printed these: those of the same folders, or apps."""
    from lockgate.sources.revisions import revisions

    found, printed = revisions(cwd, cwd), {m.id for m in migrations}
    homes = {r.home for r in found if r.id in printed}
    return tuple(r for r in found if r.home in homes)


def _refused(command: str, cwd: Path, error: CannotCheck) -> Folder:
    """What the files themselves tell where the command fails: perhaps their runner refuses them, and their graph, or
    the ledger, tells why. Raises the command's own error where there are none."""
    from lockgate.sources.revisions import revisions, unprinted

    wanted = "django" if "sqlmigrate" in command else "alembic"
    found = tuple(r for r in revisions(cwd, cwd) if r.runner == wanted)
    if not found:
        raise error
    explain = (f"command: {error.message}; the files themselves were read",)
    return Folder("command", tuple(unprinted(found)), (), explain, revisions=found, failed=error)


def _cut(source: Source) -> list[Migration]:
    heads = list(_HEAD.finditer(source.text))
    out = []
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(source.text)
        slot, name = _named(head)
        # what stands before the first one (alembic makes its ledger there) runs with it
        pieces, wrapped = _within(source, head.end() if number else 0, end)
        # alembic prints one BEGIN for all revisions, Django one for every migration that is atomic
        wrap = Transaction.FILE if wrapped or head.group("rev") else Transaction.STATEMENT
        out.append(Migration(head.group("rev") or head.group("name"), slot, name, Script(source, pieces, wrap)))
    return out


def _within(source: Source, start: int, end: int) -> tuple[tuple[Span, ...], bool]:
    """The section without the BEGIN and COMMIT that the program prints around it, and whether it printed that BEGIN."""
    first = re.compile(r"\s*BEGIN;").match(source.text, start, end)
    start = first.end() if first else start
    last = list(_BLOCK.finditer(source.text, start, end))
    while last and not source.text[last[-1].end() : end].strip():
        end = last.pop().start()
    return (Span(start, end),), first is not None


def _named(head: re.Match[str]) -> tuple[str, str]:
    if head.group("rev"):
        return head.group("rev"), ""
    name = head.group("name")
    parts = re.match(r"(?:(?P<app>[A-Za-z_]\w*)\.)?(?P<slot>\d+)[_-]?(?P<name>.*)", name)
    if parts is None:
        return name, ""
    app = parts.group("app")
    return (f"{app}.{parts.group('slot')}" if app else parts.group("slot")), parts.group("name")


def _django(words: list[str], cwd: Path) -> str:
    """``manage.py sqlmigrate`` prints one migration: one shell of Django's asks for each in the order of
    ``showmigrations --plan``."""
    at = words.index("sqlmigrate")
    return _run(
        [*words[:at], "shell", "-v", "0", "-c", _SHELL.format(options=words[at + 1 :])], cwd, f"{' '.join(words)}"
    )


def _run(words: list[str], cwd: Path, shown: str = "") -> str:
    shown = shown or " ".join(words)
    try:
        code, out, err = _ended(words, cwd, shown)
    except (FileNotFoundError, PermissionError) as error:
        raise CannotCheck(
            f"{shown}: {words[0]}: {error.strerror}", "install it here, or mend migrations.command"
        ) from error
    if code:
        last = (err.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
        raise CannotCheck(f"{shown}: exit {code}: {last}", "run it by hand")
    try:
        return out.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotCheck(
            f"{shown}: its output is not UTF-8 at byte {error.start}", "set PYTHONIOENCODING=utf-8"
        ) from error


def _ended(words: list[str], cwd: Path, shown: str) -> tuple[int, bytes, bytes]:
    """How a program ended, and what it printed: as much as a run reads of files, and the end of its errors. It and what
    it started are killed where it prints more or does not end."""
    import selectors
    import signal
    import subprocess
    import time

    child = subprocess.Popen(
        words, cwd=cwd, env=without_secrets(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None and child.stderr is not None
    parts: dict[int, list[bytes]] = {child.stdout.fileno(): [], child.stderr.fileno(): []}
    out, err = parts
    until, most, got = time.monotonic() + _TIMEOUT, limit() * 2, 0
    try:
        with selectors.DefaultSelector() as selector:
            for stream in parts:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                if time.monotonic() > until:
                    raise CannotCheck(f"{shown}: no end after {_TIMEOUT:.0f} s", "see what it waits for")
                for key, _ in selector.select(1):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == out and (got := got + len(data)) > most:
                        raise CannotCheck(f"{shown}: prints more than {most >> 20} MB", "see what it prints")
                    parts[key.fd].append(data)
                    del parts[err][:-4]
        return child.wait(max(0.1, until - time.monotonic())), b"".join(parts[out]), b"".join(parts[err])
    except subprocess.TimeoutExpired as error:
        raise CannotCheck(f"{shown}: no end after {_TIMEOUT:.0f} s", "see what it waits for") from error
    finally:
        if child.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        child.stdout.close()
        child.stderr.close()
