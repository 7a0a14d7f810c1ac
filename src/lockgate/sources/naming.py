"""How each runner names its files: a path in the folder becomes slot, name and direction. Pure, so that it serves git's
trees as well."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.sources.folder import Direction, Named

_DIALECT = pattern(r"\.(mysql|mariadb|sqlite3?|cockroach(?:db)?|crdb|mssql|sqlserver|oracle)(?=\.)", re.IGNORECASE)
_ALIKE = pattern(r"^[VURB]?\d.*\.sql$|\.(?:up|down)\.sql$|^R__", re.IGNORECASE)
_SUFFIX = pattern(r"(?:/migration)?\.\w+$")


class Layout(msgspec.Struct, frozen=True):
    """A runner's way to name files.

    ``file`` matches a path relative to the folder; its groups are slot, name and, where set, ``down`` (the file is a
    down). ``code`` matches migrations in another language, which take a slot as well. ``by_name``: the ledger goes by
    the whole name, so two files may share a number. ``depth``: how deep the runner looks.
    """

    name: str
    file: re.Pattern[str]
    both: bool = False
    by_name: bool = False
    depth: int = 1
    afresh: bool = False  # sets its session back before every file: supabase's RESET ALL, flyway's restoreOriginalState
    order: str = "number"  # number, or "text": the order of the bare file names
    code: re.Pattern[str] | None = None


_NUMBERED = r"(?P<slot>\d+)_(?P<name>[^/]*)"
_WAY = r"\.(?:up|(?P<down>down))\."
_VERSION = r"\d+(?:[._]\d+)*"
_DATE = r"\d{4}-\d\d-\d\d(?:[-_]\d{2,6})*"
LAYOUTS: tuple[Layout, ...] = (
    # golang-migrate source/parse.go: ^([0-9]+)_(.*)\.(down|up)\.(.*)$
    Layout(
        "golang-migrate",
        pattern(rf"{_NUMBERED}{_WAY}(?:[^/]*\.)?sql"),
        code=pattern(rf"{_NUMBERED}{_WAY}(?!(?:[^/]*\.)?sql$)[^/]*"),
    ),
    # goose NumericComponent: digits up to the first underscore
    Layout("goose", pattern(_NUMBERED + r"\.sql"), both=True, code=pattern(_NUMBERED + r"(?<!_test)\.go")),
    # sql-migrate: the id is the file's name, ordered by the number in front of it
    Layout("sql-migrate", pattern(r"(?P<slot>\d*)[-_. ]?(?P<name>[^/]*)\.sql"), both=True, by_name=True),
    # dbmate: ^(\d+).*\.sql$
    Layout("dbmate", pattern(r"(?P<slot>\d+)(?P<name>[^/]*)\.sql"), both=True, order="text"),
    Layout(
        "flyway",
        pattern(rf"(?:.*/)?(?:(?:V|B|(?P<down>U))(?P<slot>{_VERSION})|R)(?:__(?P<name>[^/]*))?(?i:\.sql)"),
        afresh=True,
        depth=20,
        code=pattern(rf"(?:.*/)?V(?P<slot>{_VERSION})__(?P<name>[^/]*)\.(?:java|kt|groovy|scala)"),
    ),
    # sqlx-core migrate/source.rs: splitn(2, '_'), an i64, a description
    Layout("sqlx", pattern(_NUMBERED.replace("*)", "*?)") + r"(?:\.up|(?P<down>\.down))?\.sql")),
    # diesel: the folder's name up to its first underscore, without hyphens
    Layout(
        "diesel", pattern(r"(?P<slot>[^/_]+)(?:_(?P<name>[^/]*))?/(?:up|(?P<down>down))\.sql"), depth=2, order="text"
    ),
    Layout("prisma", pattern(r"(?P<slot>\d*)_?(?P<name>[^/]*)/migration\.sql"), by_name=True, depth=2, order="text"),
    Layout("drizzle", pattern(r"(?:(?P<slot>\d+)_)?(?P<name>[^/]*?)(?:/migration)?\.sql"), by_name=True, depth=2),
    Layout(
        "refinery",
        pattern(r"(?:.*/)?[VU](?P<slot>\d+(?:\.\d+)?)__(?P<name>\w+)\.sql"),
        depth=20,
        code=pattern(r"(?:.*/)?[VU](?P<slot>\d+(?:\.\d+)?)__(?P<name>\w+)\.rs"),
    ),
    Layout("supabase", pattern(_NUMBERED + r"\.sql"), afresh=True, order="text"),
    Layout("atlas", pattern(r"(?P<slot>[^_/]+?)(?:_(?P<name>[^/]*))?\.sql"), order="text"),
    Layout(
        "node-pg-migrate",
        pattern(r"(?P<slot>\d+)[_-](?P<name>[^/]*)\.sql"),
        both=True,
        by_name=True,
        code=pattern(r"(?P<slot>\d+)[_-](?P<name>[^/]*)(?<!\.d)\.[cm]?[jt]s"),
    ),
    Layout(
        "plain",
        pattern(
            rf"(?:.*/)?(?:(?P<slot>{_DATE}|\d+(?:\.\d+)*(?![A-Za-z\d])|\d\d+(?=[A-Za-z]))[_\-. ]*(?P<name>[^/]*?)|"
            r"(?P<bare>[^/]+?))(?:\.up|(?P<down>\.down))?\.sql"
        ),
        depth=20,
    ),
    # one folder for each version (yuniql's v0.01, temporal's v1.0, boundary's 0, 1, 2), all its files in order
    Layout(
        "versions",
        pattern(
            rf"(?:[vV]?(?P<slot>{_VERSION})|_(?:init|pre|draft|post))/(?:.*/)?(?P<name>[^/]*?)"
            r"(?:\.up|(?P<down>\.down))?\.sql"
        ),
        by_name=True,
        depth=20,
    ),
    # these two go by a plan or by marks inside the files, and command by what a program prints: no file names
    Layout("sqitch", pattern(r"(?:.*/)?deploy/(?P<name>.*)\.sql"), by_name=True, depth=20),
    Layout("liquibase", pattern(r"(?P<name>.*)\.sql"), by_name=True, depth=20),
    Layout("command", pattern(r"(?!)"), by_name=True),
    # migrations in code: their runners go by graphs, or by the names of files in other languages
    *(Layout(name, pattern(r"(?!)"), by_name=True) for name in ("alembic", "django", "knex", "typeorm", "sequelize")),
)
CODE = frozenset({"alembic", "django", "knex", "typeorm", "sequelize"})
BY_NAME = {layout.name: layout for layout in LAYOUTS}


def named(layout: Layout, relative: str) -> Named | None:
    """What the runner reads from a path in its folder; None where it passes the file over."""
    if layout.name == "plain" and _DIALECT.search(relative):
        return None
    return _named(layout, relative, layout.file.fullmatch(relative))


def coded(layout: Layout, relative: str) -> Named | None:
    """The same for a migration in another language than SQL."""
    return _named(layout, relative, layout.code.fullmatch(relative)) if layout.code is not None else None


def _named(layout: Layout, relative: str, match: re.Match[str] | None) -> Named | None:
    if match is None:
        return None
    groups = match.groupdict()
    raw = groups.get("slot") or ""
    if raw and layout.name == "goose" and int(raw) < 1:
        return None
    name = (
        (groups.get("name") or groups.get("bare") or "").lstrip("_-. ")
        if layout.name != "flyway"
        else (groups.get("name") or "")
    )
    slot = _SLOTS.get(layout.name, str)(raw)
    direction = Direction.BOTH if layout.both else Direction.DOWN if groups.get("down") else Direction.UP
    ident = _id(layout, relative)
    baseline = layout.name == "flyway" and relative.rpartition("/")[2].startswith("B")
    return Named(relative, slot, name, ident, direction, _key(layout, slot, ident), baseline)


_SLOTS: dict[str, Callable[[str], str]] = {
    "diesel": lambda slot: slot.replace("-", ""),
    "flyway": lambda slot: slot.replace("_", "."),
}


def _id(layout: Layout, relative: str) -> str:
    stem = _SUFFIX.sub("", relative)
    if layout.name == "diesel":
        return stem.rpartition("/")[0]
    if layout.name in ("golang-migrate", "sqlx", "plain", "versions"):
        stem = stem.removesuffix(".up") if stem.endswith(".up") else stem.removesuffix(".down")
    return re.sub(r"(^|/)U(?=\d)", r"\1V", stem) if layout.name == "flyway" else stem


def _key(layout: Layout, slot: str, ident: str) -> str:
    if layout.name == "sql-migrate":
        return f"{ident}.sql"
    return ident if layout.by_name or not slot else slot


def looks_like_migration(relative: str) -> bool:
    """Whether somebody may expect this file to run."""
    return _ALIKE.search(relative.rpartition("/")[2]) is not None


def other_database(relative: str) -> str:
    """The other database that a file's name declares (``x.mysql.up.sql``); "" where there is none."""
    match = _DIALECT.search(relative)
    return match.group(1) if match else ""


@lru_cache(maxsize=65_536)
def slot_number(slot: str) -> tuple[int, ...] | None:
    """A slot as its runner compares it: numbers, so that 7, 007 and 7.0 are one; None where it is no number."""
    parts = [part for part in re.split(r"[._\-]", slot) if part]
    if not parts or not all(_is_number(part) for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which numbers count as numbers."""
    return tuple((0, int(p), p) if _is_number(p) else (1, 0, p) for p in re.split(r"(\d+)", text) if p)


_PHASE = 2  # the versions' own, between the folders that yuniql runs before and after them
_PHASES = {"_init": 0, "_pre": 1, "_draft": 3, "_post": 4}


def position(layout: Layout, item: Named) -> tuple[object, ...]:
    """The sort key of a migration in its runner's order: repeatable ones last, then the number, then the name."""
    number = slot_number(item.slot)
    file = item.relative.rpartition("/")[2] if layout.depth != 2 else item.relative
    if layout.order == "text":
        return (False, (), ((1, 0, item.slot if layout.name == "diesel" else ""),), file)
    if layout.name == "versions":
        return (_PHASES.get(item.relative.partition("/")[0], _PHASE), number or (), natural(item.relative), "")
    # flyway runs repeatable ones in the order of their descriptions; people number plain files without zeros
    within = (
        natural(file)
        if layout.name == "plain"
        else ((1, 0, item.name.replace("_", " ") if layout.name == "flyway" else file),)
    )
    return (number is None, number or (), within, item.relative)


def _is_number(digits: str) -> bool:
    """Whether these are digits that int() takes: a ledger's text may be of any length."""
    return digits.isascii() and digits.isdigit() and len(digits) < 1000
