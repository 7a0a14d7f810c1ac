"""Migrations in languages that nobody reads here: Rails, Ecto, EF Core, Laravel. What they make is known where their
dump of the schema lies beside them; else it is said what would make it known."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern


class Framework(msgspec.Struct, frozen=True):
    """Where a framework's migrations lie, where its dump does, and how the SQL is had."""

    name: str
    migrations: str
    dump: str
    remedy: str


_RAILS = (
    "config.active_record.schema_format = :sql writes db/structure.sql, which is checked; or check the SQL that "
    "`[migrations] command` prints"
)
_SCRIPT = '[migrations] command = "dotnet ef migrations script" in lockgate.toml prints their SQL'
_DUMP = "`mix ecto.dump` writes priv/repo/structure.sql, which is checked"
_PRETEND = '[migrations] command = "php artisan migrate --pretend ..." prints SQL; `artisan schema:dump` writes it'
FRAMEWORKS = (
    Framework("Rails", r"(?:^|/)db/migrate/\d{14}_\w+\.rb$", r"(?:^|/)db/structure\.sql$", _RAILS),
    Framework("Ecto", r"(?:^|/)priv/\w+/migrations/\d+_\w+\.exs$", r"(?:^|/)priv/\w+/structure\.sql$", _DUMP),
    Framework("EF Core", r"(?:^|/)Migrations/(?:\w+/)?\d{14}_\w+\.cs$", r"(?!)", _SCRIPT),
    Framework(
        "Laravel",
        r"(?:^|/)database/migrations/\d{4}_\d\d_\d\d_\d{6}_\w+\.php$",
        r"(?:^|/)database/schema/\w+-schema\.(?:sql|dump)$",
        _PRETEND,
    ),
)


class Foreign(msgspec.Struct, frozen=True):
    """Such migrations in a folder: how many, and the dump that tells what they make ("" where there is none)."""

    framework: Framework
    count: int
    dump: str

    @property
    def words(self) -> str:
        """What the coverage says of them."""
        return (
            f"{self.framework.name}: {self.count} migrations are code that is not read; {self.dump} is what they make"
        )


def foreign(files: Sequence[str]) -> Foreign | None:
    """The framework whose migrations these files hold, the one with the most; None where there is none."""
    found = []
    for one in FRAMEWORKS:
        count = sum(bool(_matcher(one.migrations).search(f)) for f in files)
        if count:
            dump = next((f for f in files if _matcher(one.dump).search(f)), "")
            found.append(Foreign(one, count, dump))
    return max(found, key=lambda each: each.count, default=None)


def not_read(label: str, found: Foreign) -> CannotCheck:
    """Why such a folder cannot be checked, and what would let it."""
    s = "s are" if found.count != 1 else " is"
    message = f"{label}: {found.count} migration{s} code of {found.framework.name}, which is not read"
    return CannotCheck(message, found.framework.remedy)


def _matcher(text: str) -> re.Pattern[str]:
    return pattern(text)
