"""The hostile files of ``sql/``, and how each is played."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from lockgate.base.errors import CannotCheck
from lockgate.base.text import Source
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport, Baseline, ServerWish
from lockgate.oracle.apply.run import verify
from tests.live_kit import migration

HERE = Path(__file__).parent
FILES = sorted(path.stem for path in (HERE / "sql").glob("*.sql"))
PRELUDE = (HERE / "prelude.sql").read_text()
SLOW = frozenset(
    {"endless", "prepared_transactions", "bombs", "one_gigabyte"}
)  # what they wait for is the limit of a statement
# what the administrator has a hand in, on a server that others use, too
SHARED = ("baseline_", "database_", "extension_", "memberships", "own_", "owner_", "publication_", "role_", "shared_")


def sample(arrangement: int, of: int, always: tuple[str, ...] = ()) -> list[str]:
    """Which files are played in one of several arrangements (servers, users): each in one of them, and those that
    begin with one of these words in all. All of them in all with LOCKGATE_RANDOM=1, as ``python -m tests.siege --files``
    does."""
    every = bool(os.environ.get("LOCKGATE_RANDOM"))
    return [name for at, name in enumerate(FILES) if every or at % of == arrangement or name.startswith(always)]


# they may end the runner's session wherever it stands: the run is then void (exit 3), and nothing got out
ENDING = frozenset({"session_timeouts"})

PROOF = """SET statement_timeout = 0;
SET search_path = pg_catalog, pg_temp;
DO $$ BEGIN
  IF to_regclass('public.marker') IS NOT NULL THEN  -- a migration may drop it
    IF (SELECT is_called FROM public.marker) THEN RAISE EXCEPTION 'a superuser, or the reader, ran it'; END IF; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proowner <> 10 AND (oid < 16384 OR pronamespace = 11)) THEN RAISE EXCEPTION 'pg_catalog is taken over'; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog' AND (nspowner <> 10 OR EXISTS (
    SELECT FROM pg_catalog.aclexplode(nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> 10))) THEN RAISE EXCEPTION 'pg_catalog is open'; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d ON d.objid = p.oid AND d.deptype = 'e' WHERE p.proowner <> 10)
    THEN RAISE EXCEPTION 'an extension is taken over'; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolsuper AND oid >= 16384 OR rolreplication AND oid <> 10) THEN RAISE EXCEPTION 'a role has risen'; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members WHERE roleid IN (SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname IN
    ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_create_subscription', 'pg_signal_backend')))
    THEN RAISE EXCEPTION 'a role may rise'; END IF;
END $$;"""


# what the files mean by @MARKER@, which nobody may make, and @SECRET@, whose words nobody may say
PLACE = Path(tempfile.gettempdir()) / "lockgate_siege"
SECRET = "siege-secret-0815"


def place() -> tuple[Path, Path]:
    """Marker and secret of this process' own; both lie where the server's user could write and read."""
    folder = PLACE.with_name(f"{PLACE.name}_{os.getpid()}")
    if not folder.is_dir():
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "secret").write_text(SECRET)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "marker", folder / "secret"


def words(name: str) -> str:
    """A hostile file's text."""
    marker, secret = map(str, place())
    return (HERE / "sql" / f"{name}.sql").read_text().replace("@MARKER@", marker).replace("@SECRET@", secret)


def play(name: str, server: ServerWish) -> ApplyReport | None:
    """Verify one hostile file; what would have told of it comes after."""
    text = words(name)
    dump = Baseline(Source("baseline.sql", PRELUDE + text)) if name.startswith("baseline_") else None
    middle = migration("2_hostile", "SELECT 1;" if dump else text, "SELECT public.mark();")
    first = () if dump else (migration("1_prelude", PRELUDE),)
    migrations = (
        *first,
        middle,
        migration("3_next", "CREATE TABLE public.later (id int);", "DROP TABLE public.later;"),
    )
    options = {
        "bodies": True,
        "downs": True,
        "audit": True,
        "definitions": True,
        "statement_timeout": 1.0 if name in SLOW else 10.0,
    }
    plan = ApplyPlan((*migrations, migration("9_proof", PROOF)), server=server, baseline=dump, **options)  # type: ignore[arg-type]
    try:
        return verify(plan)
    except CannotCheck:
        if name not in ENDING:
            raise
        return None


def assert_held(report: ApplyReport | None) -> None:
    assert not place()[0].exists(), "a program was run, or a file written"
    if report is None:
        return
    proof = [seen for seen in report.observations if seen.migration == "9_proof"][-1]
    # where the hostile file took plpgsql's place or the proof's schema away, the proof cannot be run: none does
    assert proof.fails is None, proof.fails
    assert not place()[0].exists(), "a program was run, or a file written"
    assert SECRET not in repr(report), "a file was read"
