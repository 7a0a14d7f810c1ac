"""The hostile files of ``sql/``, and how each is played."""

from __future__ import annotations

from pathlib import Path

from lockgate.base.text import Source
from lockgate.oracle.apply.plan import Baseline, Plan, Report, ServerWish
from lockgate.oracle.apply.run import verify
from tests.live_kit import migration

HERE = Path(__file__).parent
FILES = sorted(path.stem for path in (HERE / "sql").glob("*.sql"))
PRELUDE = (HERE / "prelude.sql").read_text()
PROOF = """SET search_path = pg_catalog, pg_temp;
DO $$ BEGIN
  IF (SELECT is_called FROM public.marker) THEN RAISE EXCEPTION 'a superuser, or the reader, ran it'; END IF;
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


def play(name: str, server: ServerWish) -> Report:
    """Verify one hostile file; what would have told of it comes after."""
    text = (HERE / "sql" / f"{name}.sql").read_text()
    dump = Baseline(Source("baseline.sql", PRELUDE + text)) if name.startswith("baseline_") else None
    middle = migration("2_hostile", "SELECT 1;" if dump else text, "SELECT public.mark();")
    first = () if dump else (migration("1_prelude", PRELUDE),)
    migrations = (
        *first,
        middle,
        migration("3_next", "CREATE TABLE public.later (id int);", "DROP TABLE public.later;"),
    )
    options = {"bodies": True, "downs": True, "audit": True, "definitions": True, "statement_timeout": 10.0}
    return verify(Plan((*migrations, migration("9_proof", PROOF)), server=server, baseline=dump, **options))  # type: ignore[arg-type]


def assert_held(report: Report) -> None:
    proof = [seen for seen in report.observations if seen.migration == "9_proof"][-1]
    # where the hostile file took plpgsql's place or the proof's schema away, the proof cannot be run: none does
    assert proof.fails is None, proof.fails
