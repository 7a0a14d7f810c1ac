"""What stands around a folder before its first migration, and no migration makes: a hosting service's schemas, the
runner's own ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.base.sql import quote_identifier
from lockgate.base.text import Source, Span
from lockgate.sources.extensions import assumed
from lockgate.sources.folder import Folder
from lockgate.sources.migration import Script, Transaction, Unprinted

# what only Supabase's users write, and what those write who make an ``auth`` schema of their own
_OF_SUPABASE = pattern(
    r"\bauth\.(?:uid|jwt|role|email)\s*\(|\bauth\"?\.\"?users\b|\bstorage\"?\.\"?(?:buckets|objects)\b", re.IGNORECASE
)
_OWN = pattern(
    r"\bcreate\s+schema\s+(?:if\s+not\s+exists\s+)?\"?auth\b|\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?\"?auth\"?\.\"?users\b",
    re.IGNORECASE,
)
_SUPABASE = (
    "auth",
    "storage",
    "realtime",
    "vault",
    "graphql",
    "graphql_public",
    "cron",
    "net",
    "pgmq",
    "pgmq_public",
    "pgsodium",
    "pgbouncer",
    "supabase_functions",
    "supabase_migrations",
    "_realtime",
    "_analytics",
)
# the tables that runners make before the first migration, as their sources have them; a few migrations read or mend
# them
_LEDGERS = {
    "sqlx": (
        "_sqlx_migrations",
        "version bigint primary key, description text not null, installed_on timestamptz not null default now(), "
        "success boolean not null, checksum bytea not null, execution_time bigint not null",
    ),
    "diesel": (
        "__diesel_schema_migrations",
        "version varchar(50) primary key, run_on timestamp not null default current_timestamp",
    ),
    "golang-migrate": ("schema_migrations", "version bigint primary key, dirty boolean not null"),
    "dbmate": ("schema_migrations", "version varchar(128) primary key"),
    "goose": (
        "goose_db_version",
        "id serial primary key, version_id bigint not null, is_applied boolean not null, tstamp timestamp not null default now()",
    ),
    "sql-migrate": ("gorp_migrations", "id text primary key, applied_at timestamptz"),
    "prisma": (
        "_prisma_migrations",
        "id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, "
        "migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), "
        "applied_steps_count integer not null default 0",
    ),
}


class Environment(msgspec.Struct, frozen=True):
    """A part of the database that is there first. ``schemas`` are a service's own: what they hold beside what ``sql``
    makes is not known.

    ``extensions`` are taken to be there because the folder uses them; in the schemas ``beside`` there is more than
    anybody here knows of.
    """

    name: str
    sql: str
    schemas: tuple[str, ...]
    search_path: tuple[str, ...]
    extensions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()  # tables of which no more is known than that they are there

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """What stands for something that is not known whole, for reports."""
        return (
            *(f"schema {name} of {self.name}" for name in self.schemas if f"create schema {name};" in self.sql),
            *(f"extension {name}" for name in self.extensions),
            *(f"schema {name} as it was before the first migration" for name in self.beside),
            *(f"table {name}" for name in self.strange),
        )

    @property
    def script(self) -> Script:
        """The stand-ins, statement by statement."""
        whole = Script.whole(Source(f"{self.name}.sql", self.sql), Transaction.STATEMENT)
        end = Span(len(self.sql), len(self.sql))
        gaps = [Unprinted(end, f"table {name} is another package's", (f'"{name}"',)) for name in self.strange]
        return replace(whole, gaps=tuple(gaps)) if gaps else whole


def with_others(environment: Environment | None, schemas: Sequence[str], lacking: Sequence[str]) -> Environment:
    """The environment of a history that stands on another one in the same database: in ``schemas`` there is more than its
    own migrations make; ``lacking`` are those that it does not make itself."""
    known = environment or Environment("history", "", (), ())
    sql = "".join(f"create schema {quote_identifier(name)};\n" for name in lacking if name not in known.schemas)
    return replace(known, sql=known.sql + sql, beside=tuple(dict.fromkeys((*known.beside, *schemas))))


def around(folder: Folder) -> Environment | None:
    """The service that a folder is written for, by its layout or by the names in it that nobody makes.

    Else the ledger, where the folder names it, and the extensions that it uses and nobody in it makes.
    """
    if folder.layout == "supabase":
        return supabase()
    if folder.before:
        texts = [m.up.source.text for m in folder.migrations]
        extensions = assumed(texts)
        sql = folder.before + "".join(f'create extension "{name}";\n' for name in extensions)
        return Environment(folder.layout, sql, (), (), extensions, strange=folder.strange)
    texts = [m.up.source.text for m in folder.migrations]
    if any(_OF_SUPABASE.search(text) for text in texts) and not any(_OWN.search(text) for text in texts):
        return supabase()
    extensions, schemas = assumed(texts), _made_up_schemas(folder, texts)
    sql = "".join(f"create schema {name};\n" for name in schemas) + _ledger(folder.layout, texts)
    sql += "".join(f'create extension "{name}";\n' for name in extensions)
    return Environment(folder.layout, sql, (), (), extensions, schemas) if sql else None


def _made_up_schemas(folder: Folder, texts: list[str]) -> tuple[str, ...]:
    """Placeholders that stand for schemas which no migration makes."""
    names = sorted({name for m in folder.migrations for name in m.up.made_up})
    used = [
        n
        for n in names
        if any(re.search(rf'\b{n}"?\s*\.|search_path\s*(?:=|to)\s*[\'"]*{n}\b', text, re.IGNORECASE) for text in texts)
    ]
    return tuple(
        n
        for n in used
        if not any(
            re.search(rf'\bcreate\s+schema\s+(?:if\s+not\s+exists\s+)?"?{n}\b', text, re.IGNORECASE) for text in texts
        )
    )


def _ledger(layout: str, texts: list[str]) -> str:
    name, columns = _LEDGERS.get(layout, ("", ""))
    if not name or not any(name in text for text in texts):
        return ""
    own = re.compile(rf"\bcreate\s+table\s[^(;]{{0,300}}\b{name}\b", re.IGNORECASE)
    return "" if any(own.search(text) for text in texts) else f"create table {name} ({columns});\n"


@cache
def supabase() -> Environment:
    """Supabase: sign-in, storage, realtime and the vault in schemas of their own, extensions in another that is
    searched last."""
    sql = Path(__file__).with_name("supabase.sql").read_text(encoding="utf-8")
    return Environment("supabase", sql, _SUPABASE, ("$user", "public", "extensions"))
