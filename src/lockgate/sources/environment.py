"""What stands around a folder before its first migration: the schemas that a hosting service makes, and that no migration does."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lockgate.lean import pattern
from lockgate.sources.folder import Folder
from lockgate.sources.migration import Script, Transaction
from lockgate.text import Source
from lockgate.values import dataclass

# what only Supabase's users write, and what those write who make an ``auth`` schema of their own
_OF_SUPABASE = pattern(r"\bauth\.(?:uid|jwt|role|email)\s*\(|\bauth\"?\.\"?users\b|\bstorage\"?\.\"?(?:buckets|objects)\b", re.IGNORECASE)
_OWN = pattern(r"\bcreate\s+schema\s+(?:if\s+not\s+exists\s+)?\"?auth\b|\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?\"?auth\"?\.\"?users\b", re.IGNORECASE)
_SUPABASE = (
    "auth", "storage", "realtime", "vault", "graphql", "graphql_public", "cron", "net", "pgmq", "pgmq_public", "pgsodium", "pgbouncer",
    "supabase_functions", "supabase_migrations", "_realtime", "_analytics",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Environment:
    """A service's part of the database. ``schemas`` are the service's own: what they hold beside what ``sql`` makes is not known."""

    name: str
    sql: str
    schemas: tuple[str, ...]
    search_path: tuple[str, ...]

    @property
    def script(self) -> Script:
        """The stand-ins, statement by statement."""
        return Script.whole(Source(f"{self.name}.sql", self.sql), Transaction.STATEMENT)


def around(folder: Folder) -> Environment | None:
    """The service that a folder is written for, by its layout or by the names in it that nobody makes."""
    if folder.layout == "supabase":
        return supabase()
    texts = [m.up.source.text for m in folder.migrations]
    named = any(_OF_SUPABASE.search(text) for text in texts)
    return supabase() if named and not any(_OWN.search(text) for text in texts) else None


@cache
def supabase() -> Environment:
    """Supabase: sign-in, storage, realtime and the vault in schemas of their own, extensions in another that is searched last."""
    sql = Path(__file__).with_name("supabase.sql").read_text(encoding="utf-8")
    return Environment("supabase", sql, _SUPABASE, ("$user", "public", "extensions"))
