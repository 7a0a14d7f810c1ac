"""The ledgers of the known runners: their table, their columns and what they mean, and what the runner does with a late
slot."""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """A runner's ledger. It is recognised by the columns ``needs``; ``table`` is where the runner keeps it by
    default."""

    runner: str
    table: str
    needs: frozenset[str]
    version: str
    name: str = ""
    checksum: str = ""
    algorithm: str = ""  # how the checksum is made of the file, where that can be done again
    applied_at: str = ""
    dirty: str = ""  # true: half done
    success: str = ""  # false: failed
    by_name: bool = False  # ``version`` is the migration's whole name or id
    head_only: bool = False  # one row: everything up to it is applied
    late: str = ""  # what the runner does with a slot below the highest applied one
    runs_late: bool = False
    needs_files: bool = False  # the runner refuses to run where an applied one has no file
    edited: str = ""  # what the runner does where the checksum of an applied file is another one, "" where not known
    edits_stop: bool = True
    renamed: str = ""  # what the runner does with an applied file that has only another name now, if it goes on
    bytewise: bool = False  # the checksum is of the bytes as they lie, line ends and all


def _kind(runner: str, table: str, needs: str, version: str, **rest: object) -> Kind:
    return Kind(runner, table, frozenset(needs.split()), version, **rest)  # type: ignore[arg-type]


# the most telling columns first: the first whose needs are all there wins
KINDS: tuple[Kind, ...] = (
    _kind(
        "flyway",
        "flyway_schema_history",
        "installed_rank version script success",
        "version",
        name="description",
        checksum="checksum",
        algorithm="flyway-crc32",
        applied_at="installed_on",
        success="success",
        late="flyway will refuse to run, unless outOfOrder is set",
        needs_files=True,
        edited="flyway will refuse to run (validate)",
    ),
    _kind(
        "prisma",
        "_prisma_migrations",
        "migration_name finished_at rolled_back_at",
        "migration_name",
        checksum="checksum",
        algorithm="sha256",
        applied_at="finished_at",
        by_name=True,
        late="prisma migrate deploy will apply it out of order",
        runs_late=True,
        edited="prisma migrate deploy does not look, and goes on",
        edits_stop=False,
    ),
    _kind(
        "goose",
        "goose_db_version",
        "version_id is_applied",
        "version_id",
        applied_at="tstamp",
        late="goose will refuse to run, unless -allow-missing is given",
    ),
    _kind(
        "sqlx",
        "_sqlx_migrations",
        "version description success execution_time",
        "version",
        name="description",
        checksum="checksum",
        algorithm="sha384",
        applied_at="installed_on",
        success="success",
        late="sqlx will apply it out of order",
        runs_late=True,
        needs_files=True,
        edited="sqlx will refuse to run",
        renamed="sqlx goes by version and checksum, and goes on",
        bytewise=True,
    ),
    _kind(
        "atlas",
        "atlas_schema_revisions.atlas_schema_revisions",
        "version hash applied total",
        "version",
        name="description",
        checksum="hash",
        algorithm="atlas-sum",
        applied_at="executed_at",
        late="atlas will refuse to run, unless --exec-order is set",
    ),
    _kind(
        "liquibase",
        "databasechangelog",
        "id author filename orderexecuted",
        "id",
        name="filename",
        applied_at="dateexecuted",
        by_name=True,
        late="liquibase will apply it out of order",
        runs_late=True,
        checksum="md5sum",
        algorithm="liquibase",
        edited="liquibase will refuse to run (Validation Failed)",
    ),
    _kind(
        "sqitch",
        "sqitch.changes",
        "change_id change",
        "change",
        name="change",
        checksum="script_hash",
        algorithm="sha1",
        applied_at="committed_at",
        by_name=True,
        late="sqitch will refuse to run",
        needs_files=True,
        edited="sqitch deploy does not look, and goes on",
        edits_stop=False,
    ),
    _kind(
        "django",
        "django_migrations",
        "app name applied",
        "name",
        applied_at="applied",
        by_name=True,
        late="Django goes by its own graph",
        runs_late=True,
    ),
    _kind("alembic", "alembic_version", "version_num", "version_num", by_name=True, head_only=True, needs_files=True),
    _kind(
        "refinery",
        "refinery_schema_history",
        "version name applied_on checksum",
        "version",
        name="name",
        applied_at="applied_on",
        late="refinery will refuse to run",
        needs_files=True,
    ),
    _kind(
        "supabase",
        "supabase_migrations.schema_migrations",
        "version statements",
        "version",
        name="name",
        late="supabase db push will refuse to run, unless --include-all is given",
        needs_files=True,
        checksum="statements",
        algorithm="statements",
        edited="supabase db push does not look, and goes on",
        edits_stop=False,
        renamed="supabase goes by the version, and goes on",
    ),
    _kind(
        "golang-migrate",
        "schema_migrations",
        "version dirty",
        "version",
        dirty="dirty",
        head_only=True,
        late="golang-migrate will pass it over in silence",
        needs_files=True,
    ),
    _kind(
        "diesel",
        "__diesel_schema_migrations",
        "version run_on",
        "version",
        applied_at="run_on",
        late="diesel will apply it out of order",
        runs_late=True,
    ),
    _kind(
        "node-pg-migrate",
        "pgmigrations",
        "name run_on",
        "name",
        applied_at="run_on",
        by_name=True,
        late="node-pg-migrate will refuse to run (it checks the order)",
    ),
    # drizzle 1.0 goes by names, and runs what is late; before, by the journal's times
    _kind(
        "drizzle",
        "drizzle.__drizzle_migrations",
        "hash created_at name",
        "name",
        checksum="hash",
        algorithm="sha256",
        applied_at="applied_at",
        by_name=True,
        edited="drizzle does not look, and goes on",
        edits_stop=False,
        late="drizzle will apply it out of order",
        runs_late=True,
    ),
    _kind(
        "drizzle",
        "drizzle.__drizzle_migrations",
        "hash created_at",
        "created_at",
        checksum="hash",
        algorithm="sha256",
        by_name=True,
        edited="drizzle does not look, and goes on",
        edits_stop=False,
        late="drizzle will pass it over in silence",
    ),
    _kind(
        "sql-migrate",
        "gorp_migrations",
        "id applied_at",
        "id",
        applied_at="applied_at",
        by_name=True,
        late="sql-migrate will apply it out of order",
        runs_late=True,
        needs_files=True,
    ),
)
# dbmate keeps nothing but the version, as do Rails and others
DBMATE = Kind(
    "dbmate",
    "schema_migrations",
    frozenset(("version",)),
    "version",
    late="dbmate will apply it out of order",
    runs_late=True,
)
CUSTOM = Kind(
    "",
    "",
    frozenset(),
    "",
    late="whether the runner ever applies it is not known: many only look upward",
    runs_late=True,
)
# names under which teams keep each column of a table of their own
COLUMNS = {
    "version": ("version", "slot", "migration_id", "migration", "id", "number"),
    "name": ("name", "description", "filename", "file_name", "migration_name", "script"),
    "checksum": ("checksum", "hash", "sha256", "sum"),
    "applied_at": (
        "applied_at",
        "created_at",
        "tstamp",
        "installed_on",
        "run_on",
        "finished_at",
        "applied",
        "executed_at",
    ),
    "dirty": ("dirty",),
    "success": ("success", "is_applied"),
}


def recognise(columns: frozenset[str]) -> Kind:
    """The kind of a ledger with these columns; ``CUSTOM`` where no runner is known to keep such a table."""
    for kind in KINDS:
        if kind.needs <= columns:
            return kind
    return DBMATE if columns == {"version"} else CUSTOM


def of_layout(layout: str) -> Kind | None:
    """The ledger that a layout's runner keeps."""
    return next((k for k in (*KINDS, DBMATE) if k.runner == layout), None)
