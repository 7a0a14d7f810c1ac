"""Production against its own ledger: what it has that no applied migration made (done by hand), and what it lacks that one did make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.config import Config
from lockgate.live import plan as live
from lockgate.live import production
from lockgate.live import verify as observe
from lockgate.live.catalog import KEYS
from lockgate.live.taint import targets
from lockgate.parse import Statement, parse_script
from lockgate.request import Request, make_plan, read_folder
from lockgate.slots import applied_ids
from lockgate.slots.kinds import DBMATE, KINDS
from lockgate.slots.read import read_dsn
from lockgate.sources.migration import Migration
from lockgate.values import dataclass, replace

Key = tuple[str, ...]  # kind, then what names the object
_ONE = {"indexes": "index", "policies": "policy"}
_PARTS = ("columns", "constraints", "indexes", "triggers", "policies")  # of a table


@dataclass(frozen=True, slots=True)
class Difference:
    """Sentences without a full stop, one object each."""

    by_hand: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.by_hand or self.lacking or self.changed)

    def parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Title and lines of what is not empty."""
        for title, lines in (
            ("production has, and no applied migration made", self.by_hand), ("an applied migration made, and production lacks", self.lacking),
            ("not as the applied migrations made it", self.changed),
        ):  # fmt: skip
            if lines:
                yield title, lines


def difference(config: Config, request: Request, dsn: str, variable: str) -> Difference:
    """Apply on a scratch server what the ledger holds, and compare. Raises CannotCheck, UsageError."""
    config = replace(config, migrations=replace(config.migrations, baseline=""))
    folder = read_folder(config, request)
    applied = frozenset(m.id for m in folder.migrations)
    if config.ledger.table:
        applied = applied_ids(folder, read_dsn(variable, config.ledger.table, _columns(config), config.path))
    done = tuple(m for m in folder.migrations if m.id in applied)
    report = observe(_plan(config, request, replace(folder, migrations=done)))
    ours = config.ledger.table.replace('"', "").rpartition(".")[2]
    ledgers = {ours} if ours else {kind.table.rpartition(".")[2] for kind in (*KINDS, DBMATE)}
    made, has = (_rows(c, ledgers, bool(config.roles.owner or config.roles.deployer)) for c in (report.catalog_after, production.catalog(dsn)))
    coming = _coming(m for m in folder.migrations if m.id not in applied)
    return Difference(
        tuple(_lines(has, made, coming)), tuple(_lines(made, has, {})), tuple(_changed(made, has)), (*_refused(report), *report.notes)
    )


def _columns(config: Config) -> dict[str, str]:
    return {key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(config.ledger, key))}


def _plan(config: Config, request: Request, folder: Any) -> live.Plan:
    ledgers = config.roles.handover == "ledger"
    plan = make_plan(replace(config, roles=replace(config.roles, handover="")) if ledgers else config, request, folder)
    owned = frozenset(m.id for m in folder.migrations) if ledgers else plan.owned
    handover = plan.handover_sql.source if plan.handover_sql is not None else None
    roles = live.RolePlan(plan.deployer or plan.role, plan.owner, owned, handover, known=tuple(map(live.ScratchRole, config.roles.assumed)))
    path = plan.search_path if plan.search_path != ("$user", "public") else ()
    wish = live.ServerWish(bindir=config.database.binaries, major=config.database.version)
    return live.Plan(folder.migrations, server=wish, roles=roles, search_path=path, observe_locks=False)


def _refused(report: live.Report) -> Iterator[str]:
    for seen in report.observations:
        if seen.fails is not None and seen.repaired_as is None and seen.state is live.State.OBSERVED:
            yield f"statement {seen.index} of {seen.migration} fails on the scratch server, so what it makes counts as not made: {seen.fails.message}"


def _rows(catalog: live.LiveCatalog, ledgers: set[str], owners: bool) -> dict[Key, dict[str, Any]]:
    out: dict[Key, dict[str, Any]] = {}
    for kind, rows in catalog.items():
        for row in rows:
            table = str(row.get("table") or row["name"])
            if table in ledgers or (kind == "sequences" and any(table.startswith(f"{name}_") for name in ledgers)):
                continue
            shown = row if owners else {k: v for k, v in row.items() if k != "owner"}
            out[(kind, *(str(row[k]) for k in KEYS.get(kind, ("schema", "name"))))] = shown
    return out


def _lines(one: dict[Key, dict[str, Any]], other: dict[Key, dict[str, Any]], coming: dict[str, str]) -> Iterator[str]:
    """What the one has and the other lacks; a schema or table that is wholly new in one line."""
    new = [key for key in one if key not in other]
    schemas = {key[1] for key in new if key[0] == "schemas"}
    tables = {key[1:3] for key in new if key[0] in ("tables", "views", "types")}
    for key in sorted(new):
        kind, schema = key[0], key[1]
        if kind == "schemas":
            inside = sum(k[1] == schema and k[0] not in ("schemas", "extensions") for k in new)
            yield f"schema {schema}" + (f" and the {inside} objects in it" if inside else "")
        elif (schema in schemas and kind != "extensions") or (kind in _PARTS and (schema, str(one[key].get("table"))) in tables):
            continue
        else:
            owner = one[key].get("owner")
            yield _word(key) + (f", owned by {owner}" if owner else "") + (f" ({coming[key[-1]]})" if key[-1] in coming else "")


def _word(key: Key) -> str:
    kind, *names = key
    shown = ".".join(names[:-1]) + f"({names[-1]})" if kind == "functions" else ".".join(names)
    return f"{_ONE.get(kind, kind.removesuffix('s'))} {shown}"


def _changed(made: dict[Key, dict[str, Any]], has: dict[Key, dict[str, Any]]) -> Iterator[str]:
    for key in sorted(made.keys() & has.keys()):
        for name, value in made[key].items():
            if has[key].get(name) != value:
                yield f"{_word(key)}: {name} is {has[key].get(name)}, the migrations make it {value}"


def _coming(pending: Iterator[Migration]) -> dict[str, str]:
    """Names that pending migrations mean to make, and where."""
    out: dict[str, str] = {}
    for migration in pending:
        for statement in parse_script(migration.up):
            if isinstance(statement, Statement) and statement.tag.startswith(("Create", "View", "Index")):
                line = statement.script.source.position(statement.span.start).line
                for name in targets(statement.tag, statement.node):
                    out.setdefault(name, f"pending: {statement.script.source.path}:{line} means to make it")
    return out
