"""What is asked of a run, and its plan: what is replayed, as whom, over what stands there before the first migration.

Every command makes its plan here, so that ``check``, ``verify``, ``timeline``, ``snapshot --diff`` and the editor speak of
the same history. A history need not begin with an empty database: a framework made the first tables, an administrator
the schema, and the first migration already uses what no migration makes. Nothing is known of that, so nothing is said of
what rests on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_text
from lockgate.base.findings import Finding, Severity
from lockgate.base.sql import quote_identifier
from lockgate.base.text import Source
from lockgate.cache.replay import Missed, Recall, Tell, Told
from lockgate.catalog.catalog import Catalog
from lockgate.parse.named_roles import roles_named_in
from lockgate.run.from_disk import from_disk
from lockgate.run.pending import pending_ids
from lockgate.sources import Folder, Separate, home_of, shown, single
from lockgate.sources.environment import Environment, around, with_others
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.sources.runner_settings import runner_settings
from lockgate.sources.span import joined
from lockgate.timeline.budget import RUN
from lockgate.timeline.plan import Broken, Leg, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

if TYPE_CHECKING:
    from lockgate.cache.memory import ReplayMemory

DEFAULT_MAJOR = 16  # where nobody says which
NEWEST_MAJOR = 18
DEFAULT_PATH = ("$user", "public")
_ENOUGH = 2  # a single name, or a single migration, is rather a mistake than a history that begins in the middle

Progress = Callable[[int, int, str], None]  # migrations done, migrations in all, the one at hand


class Request(msgspec.Struct, frozen=True):
    """What is asked beside the configuration. Empty fields: as configured.

    ``paths`` are folders or single migrations, ``cwd`` is where findings' paths begin; ``layout`` and ``transaction`` as on
    the command line; ``role`` applies everything, ``superuser`` says that it is one. ``since`` is a commit: only findings in
    files changed since then. ``fail_on`` is the least severity that makes the exit code 1.
    """

    paths: tuple[Path, ...] = ()
    cwd: Path = msgspec.field(default_factory=Path.cwd)
    layout: str = ""
    transaction: str = ""
    role: str = ""
    superuser: bool = False
    since: str = ""
    fail_on: Severity = Severity.ERROR
    release: str = ""  # the commit that is running: its queries must survive the pending migrations
    all: bool = False  # hazards in migrations that have run, too
    stdin: Source | None = None  # the text of an editor's buffer, in place of the file of that path
    exclude: tuple[str, ...] = ()  # patterns of paths that are no migrations
    known: bool = True  # findings that [rules] known names are counted, not told
    alone: bool = False  # ``stdin`` is no file of a folder: it is checked alone
    deploys: bool = False  # what is pending matters, whatever the rules ask for
    history: str = ""  # of several histories the one of this name
    separate: Separate | None = None  # one that was found among several
    shared: tuple[str, ...] = ()  # schemas in which other histories of the same database make objects, too
    lacking: tuple[str, ...] = ()  # those of them that this history does not make
    beside: bool = True  # whether what stands beside the migrations is judged, too
    memory: ReplayMemory | None = None  # of a process that stays


def read_folder(config: Config, request: Request) -> Folder:
    """The migrations of the command line's paths, else of the configuration's, else of the layout found; a buffer that
    is no file of theirs alone."""
    buffer = request.stdin
    if buffer is None:
        return from_disk(config, request)
    try:
        folder = from_disk(config, request) if not request.alone else Folder("plain", ())
    except (UsageError, CannotCheck):
        if (request.cwd / buffer.path).exists():
            raise
        folder = Folder("plain", ())
    if buffer.path not in _paths(folder) and not (request.cwd / buffer.path).exists():
        return single(buffer)
    return replace(folder, migrations=tuple(_with_buffer(m, buffer) for m in folder.migrations))


def read_history(config: Config, request: Request) -> tuple[Folder, frozenset[str]]:
    """The migrations, and the files that are asked about where single ones are named: these stand in a history, which
    is read as a whole.

    Files that no known layout has beside each other are a history of their own, as they are where ``--layout plain``
    says so.
    """
    if not request.paths or request.layout == "plain" or not all(map(Path.is_file, request.paths)):
        return read_folder(config, request), frozenset()
    files = [Path(request.cwd, path) for path in request.paths]
    configured = [config.resolve(p) for p in config.migrations.paths]
    inside = bool(configured) and all(any(f.is_relative_to(place) for place in configured) for f in files)
    asked = frozenset(shown(f, request.cwd) for f in files)
    try:
        whole = read_folder(config, replace(request, paths=() if inside else tuple(dict.fromkeys(map(home_of, files)))))
    except (UsageError, CannotCheck):
        return read_folder(config, request), frozenset()
    return (whole, asked) if asked <= _paths(whole) else (read_folder(config, request), frozenset())


def _paths(folder: Folder) -> set[str]:
    return {f.source.path for f in folder.files} | {m.up.source.path for m in folder.migrations}


def _with_buffer(migration: Migration, buffer: Source) -> Migration:
    if migration.up.source.path != buffer.path or migration.up.source.printed is not None:
        return migration  # of a program the file is read, not the buffer: its text is no SQL
    return replace(migration, up=Script.whole(buffer, migration.up.transaction))


def make_plan(config: Config, request: Request, folder: Folder) -> Plan:
    """What is replayed and as whom, as the configuration says; ``replayed`` finds what stood there before."""
    roles = config.roles
    if roles.handover and not (roles.owner and roles.deployer):
        raise UsageError(
            f"{config.path}: roles.handover needs roles.owner and roles.deployer", "name both roles, or remove handover"
        )
    split = bool(roles.owner and roles.deployer) and not request.role
    inside = in_baseline(config, folder, request.cwd)
    environment = _environment(config, request, folder)
    if request.shared:
        environment = with_others(environment, request.shared, request.lacking)
    provided = roles_named_in([environment.script]) if environment is not None else set()
    named = set() if config.migrations.baseline else roles_named_in(m.up for m in folder.migrations)
    path = config.migrations.search_path
    owned = owned_ids(config, folder, request.cwd) - inside if split else frozenset[str]()
    pending = pending_ids(config, request, folder, inside | owned)
    return Plan(
        tuple(m for m in joined(folder, pending or frozenset()) if m.id not in inside),
        config.database.version or DEFAULT_MAJOR,
        request.role or ("" if split else roles.deployer or roles.owner),
        request.superuser or roles.superuser,
        roles.owner if split else "",
        roles.deployer if split else "",
        owned,
        read_script(config, roles.handover_sql, request) if split and roles.handover_sql else None,
        read_script(config, config.migrations.baseline, request) if config.migrations.baseline else None,
        (environment.search_path if environment is not None and path == DEFAULT_PATH else ()) or path,
        (*roles.assumed, *sorted(provided)),
        tuple(sorted(named - provided - {*roles.assumed, roles.owner, roles.deployer, request.role})),
        environment,
        runner_settings(config.root, request.cwd, folder.roots),
        pending,
    )


def is_plain(config: Config, request: Request) -> bool:
    """Whether somebody names the layout plain: then the folder is taken at its word, and nothing is supposed around
    it."""
    return (request.layout or config.migrations.layout) == "plain"


def _environment(config: Config, request: Request, folder: Folder) -> Environment | None:
    """What a hosting service provides; nothing beside a baseline, which holds it, nor where somebody names the layout
    plain."""
    if config.migrations.baseline or is_plain(config, request):
        return None
    return around(folder)


def in_baseline(config: Config, folder: Folder, cwd: Path) -> frozenset[str]:
    """The migrations whose work the baseline holds: what the ledger has. Without a ledger the tree holds only what
    comes after it."""
    from lockgate.slots import applied_ids, read_ledger

    if not config.migrations.baseline:
        return frozenset()
    ledger = read_ledger(config, cwd, folder)
    if ledger is not None:
        return applied_ids(folder, ledger)
    beside = config.resolve(config.migrations.baseline).with_name("ledger.json")
    if beside.is_file():
        shown = beside.relative_to(config.root) if beside.is_relative_to(config.root) else beside
        raise UsageError(
            f"{config.path}: the baseline has a ledger beside it that is not configured",
            f'add [ledger] snapshot = "{shown}"',
        )
    return frozenset()


def owned_ids(config: Config, folder: Folder, cwd: Path) -> frozenset[str]:
    """The migrations that the owner applied: up to the handover slot, or what the ledger holds."""
    handover = config.roles.handover
    if not handover:
        return frozenset()
    if handover == "ledger":
        from lockgate.slots import applied_ids, read_ledger

        ledger = read_ledger(config, cwd, folder)
        if ledger is None:
            raise UsageError(
                f'{config.path}: roles.handover = "ledger" needs [ledger] snapshot or dsn_env', "configure the ledger"
            )
        return applied_ids(folder, ledger)
    limit = _slot_key(handover)
    return frozenset(m.id for m in folder.migrations if _slot_key(m.slot) <= limit)


def _slot_key(slot: str) -> tuple[int, str]:
    digits = "".join(c for c in slot if c.isdecimal())
    return (int(digits) if digits else 0, "" if digits else slot)


def read_script(config: Config, relative: str, request: Request) -> Script:
    """A SQL file that the configuration names."""
    path = config.resolve(relative)
    try:
        text = read_text(path, config.root, name=relative)
    except FileNotFoundError as error:
        raise UsageError(f"{config.path}: {relative} does not exist", "mend the path in the configuration") from error
    import os

    if "\0" in text:
        raise CannotCheck(f"{relative}: is no SQL: it holds a NUL byte", "give a plain text file of SQL")
    shown = os.path.relpath(path, request.cwd).replace(os.sep, "/")
    return Script.whole(Source(shown, text), Transaction.STATEMENT)


# --- a history that begins in the middle ------------------------------------------------------------------------------


class Replayed(msgspec.Struct):
    """A plan, replayed: what each leg came to, without what a later migration took back."""

    plan: Plan
    recall: Recall
    told: list[Told]
    findings: list[Finding]


def replayed(
    config: Config, request: Request, folder: Folder, tell: Tell, progress: Progress | None = None, place: str = ""
) -> Replayed:
    """Plan and replay; again, where the first migrations miss what no migration makes, with that supposed before them.

    ``tell`` says what is kept of a leg, its ``missed`` among it. ``place`` tells apart in the cache who tells otherwise
    of the same folder. Raises UsageError, CannotCheck.
    """
    plan, memory = make_plan(config, request, folder), request.memory
    if memory is not None and memory.until and folder.roots in memory.before:
        plan = replace(plan, environment=memory.before[folder.roots])
        return replayed_once(request, plan, tell, progress, place)
    found = replayed_once(request, plan, tell, progress, place)
    while not is_plain(config, request) and (before := beginning(found)) is not None:
        plan, left = replace(found.plan, environment=before), found.recall.left
        found = replayed_once(request, plan, tell, progress, place, left)
    if memory is not None and not memory.until:
        memory.before[folder.roots] = found.plan.environment
    return found


def replayed_once(
    request: Request, plan: Plan, tell: Tell, progress: Progress | None = None, place: str = "", work: int = RUN
) -> Replayed:
    """Replay a plan as it is, within a budget of work."""
    if place and plan.pending is not None:  # whoever tells otherwise may tell of the deploy as a whole
        place += f"{sorted(plan.pending)}:"
    if place and plan.settings:
        place += f"{plan.settings}:"
    recall = _recall(request, plan, tell, place + str(request.cwd), work)
    told, mended = recall.told(_advance(progress, len(plan.migrations)))
    return Replayed(plan, recall, told, standing([f for one in told for f in one.findings], mended))


def _recall(request: Request, plan: Plan, tell: Tell, place: str, work: int) -> Recall:
    if request.memory is None:
        return Recall(plan, tell, place, brief=request.stdin is not None, work=work)
    from lockgate.cache.memory import Remembered

    return Remembered(plan, tell, place, request.memory, work)


def whole_plan(config: Config, request: Request, folder: Folder) -> Plan:
    """The plan with what stood there before its first migration, for whoever replays it otherwise than ``check``."""
    return replayed(config, request, folder, _only_missed, place="plan:").plan


def _only_missed(replay: Replay, leg: Leg) -> Told:
    return Told(missed=list(missed(replay.take(leg))))


def _advance(progress: Progress | None, total: int) -> Callable[[int, Leg], None]:
    def advance(done: int, leg: Leg) -> None:
        if progress is not None and leg.migration is not None:
            progress(min(done + 1, total), total, leg.migration.id)

    return advance


def standing(findings: list[Finding], mended: frozenset[str]) -> list[Finding]:
    """Without the latent breakage that a later migration took back (see ``Replay.mended``)."""
    return [f for f in findings if not f.breakage or f.breakage not in mended]


def missed(items: Iterable[Step | Broken]) -> Iterator[Missed]:
    """The relations and schemas for lack of which these statements are refused, and which nobody is seen to drop."""
    for item in items:
        fails = item.fails if isinstance(item, Step) else None
        if fails is not None and fails.sqlstate in ("42P01", "3F000") and fails.object and not fails.cause:
            assert isinstance(item, Step)
            yield fails.sqlstate, fails.object, item.statement.script.source.path


def beginning(found: Replayed) -> Environment | None:
    """What stands before the first migration, where that is more than the plan of this replay has: a schema that is
    supposed may show which tables are missing, too."""
    plan = found.plan
    missing = [each for one in found.told for each in one.missed]
    if not missing or plan.baseline is not None or not plan.migrations:
        return None
    relations, schemas = _from_the_start(plan, missing, "42P01"), _from_the_start(plan, missing, "3F000")
    if not relations and not schemas:
        return None
    after = found.recall.finished().catalog
    relations = [name for name in relations if _never_made(after, name)]
    schemas = [n for n in schemas if ("namespace", n) not in after.events and after.namespace(n) is None]
    known = plan.environment or Environment("history", "", (), ())
    public = ("public",) if len(relations) >= _ENOUGH and "public" not in known.beside else ()
    if not public and not schemas:
        return None
    sql = known.sql + "".join(f"create schema {quote_identifier(name)};\n" for name in schemas)
    return replace(known, sql=sql, beside=(*known.beside, *public, *schemas))


def _from_the_start(plan: Plan, missing: Iterable[Missed], sqlstate: str) -> list[str]:
    """The names that several migrations miss, the first one among them."""
    where: dict[str, set[str]] = {}
    for state, name, path in missing:
        if state == sqlstate:
            where.setdefault(name, set()).add(path)
    paths = set().union(*where.values())
    return sorted(where) if plan.migrations[0].up.source.path in paths and len(paths) >= _ENOUGH else []


def _never_made(after: Catalog, qualified: str) -> bool:
    schema, _, name = qualified.rpartition(".")
    space = after.namespace(schema)
    return (
        space is not None
        and after.relation_named(space.oid, name) is None
        and ("relation", schema, name) not in after.events
    )
