"""The shapes of the JSON documents, from which ``tools/generate_schemas.py`` writes the schemas that ship
(``lockgate/schema``). A key may be added here; none is renamed, removed or made optional (the contract)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from lockgate.base.effects import Age
from lockgate.base.findings import Severity, Verdict

Sqlstate = Annotated[str, Meta(pattern="^[0-9A-Z]{5}$")]
Held = Literal["user", "files", "programs", "network", "memory"]  # what the scratch server was kept from
FromOne = Annotated[int, Meta(ge=1)]
FromZero = Annotated[int, Meta(ge=0)]


class Tool(msgspec.Struct, frozen=True):
    """What made the document."""

    name: Literal["lockgate"]
    version: str


class Unproven(msgspec.Struct, frozen=True):
    """A statement on which the server's word proves nothing."""

    path: str
    line: FromOne
    slot: str
    statement: int
    direction: Literal["up", "down"]
    reason: str


class Server(msgspec.Struct, frozen=True):
    """The PostgreSQL that was simulated, or asked."""

    major: int
    version: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    stand_ins: list[str] | UnsetType = UNSET
    isolation: list[Held] | UnsetType = UNSET
    notes: list[str] | UnsetType = UNSET
    unproven: list[Unproven] | UnsetType = UNSET


class Unmodelled(msgspec.Struct, frozen=True):
    """A kind of statement that is not followed, and how many there are."""

    reason: str
    count: int


class Queries(msgspec.Struct, frozen=True):
    """The application's queries."""

    found: int
    resolved: int
    partial: int


class Code(msgspec.Struct, frozen=True):
    """Migrations in code: read from their syntax trees, recorded when they ran, and the places in them that could not be
    printed as SQL."""

    read: int
    recorded: int
    unprinted: int


class Unfilled(msgspec.Struct, frozen=True):
    """A table that no invented row could be put into."""

    table: str
    reason: str


class Rows(msgspec.Struct, frozen=True):
    """The rows over which ``verify`` applied the pending migrations."""

    tables: int
    rows: int
    unfilled: list[Unfilled]


class NotJudged(msgspec.Struct, frozen=True):
    """What was not looked at, why not, and what would let it."""

    what: str
    why: str
    remedy: str


class Coverage(msgspec.Struct, frozen=True):
    """How much of the folder is known for certain."""

    migrations: int
    statements: int
    exact: int
    tainted: int
    unmodelled: list[Unmodelled]
    queries: Queries | UnsetType = UNSET
    rows: Rows | UnsetType = UNSET
    not_judged: list[NotJudged] | UnsetType = UNSET
    code: Code | UnsetType = UNSET


class Position(msgspec.Struct, frozen=True):
    """In characters."""

    line: FromOne
    column: FromOne
    offset: FromZero


class Location(msgspec.Struct, frozen=True):
    """A place in a file."""

    path: str
    start: Position
    end: Position


class Related(msgspec.Struct, frozen=True):
    """Another place that a finding speaks of."""

    message: str
    location: Location


class Edit(msgspec.Struct, frozen=True):
    """A replacement of one span."""

    location: Location
    text: str


class Fix(msgspec.Struct, frozen=True):
    """A change that mends a finding; ``sql`` is for the operator's console."""

    title: str
    edits: list[Edit]
    sql: str | UnsetType = UNSET


class Evidence(msgspec.Struct, frozen=True):
    """What the server said."""

    verdict: Verdict
    role: str
    server: str
    sqlstate: str | None
    message: str
    locks: list[str] | UnsetType = UNSET
    work: list[str] | UnsetType = UNSET
    by: str | UnsetType = UNSET


class Effect(msgspec.Struct, frozen=True):
    """A lock that is taken, and the work that is done under it."""

    relation: str
    kind: Literal["table", "index"]
    lock: str | None
    held: str | None
    work: Literal["none", "scan", "build", "rewrite"]
    age: Age
    rows: int | None
    why: str


class Finding(msgspec.Struct, frozen=True):
    """One thing said about one place."""

    rule: Annotated[str, Meta(pattern="^[A-Z][0-9]+$")]
    name: str
    severity: Severity
    message: str
    help: str
    url: str
    location: Location
    slot: str
    statement: int | None
    object: str
    sqlstate: Sqlstate | None
    related: list[Related]
    fix: Fix | None
    evidence: Evidence | None
    fingerprint: str
    effect: Effect | UnsetType = UNSET
    rows: Literal["any", "some", None] | UnsetType = UNSET


class Summary(msgspec.Struct, frozen=True):
    """How many findings there are of each severity, and how many were suppressed."""

    error: int
    warning: int
    info: int
    suppressed: int
    ran: int | UnsetType = UNSET  # hazards in migrations that have run
    known: int | UnsetType = UNSET  # findings that [rules] known names


class Step(msgspec.Struct, frozen=True):
    """What one statement locks and does. ``observed``: the server said it."""

    slot: str
    path: str
    line: FromOne
    statement: int
    role: str | None
    exact: bool
    observed: bool
    effects: list[Effect]


class Stopped(msgspec.Struct, frozen=True):
    """What stopped the run of one history, and what to do."""

    message: str
    remedy: str


class History(msgspec.Struct, frozen=True):
    """One history of several: where it lies, and what was said of it. ``fingerprints`` are those of its findings; the
    report's own counts are sums."""

    name: str
    layout: str
    roots: list[str]
    exit_code: Literal[0, 1, 2, 3]
    coverage: Coverage | UnsetType = UNSET
    summary: Summary | UnsetType = UNSET
    fingerprints: list[str] | UnsetType = UNSET
    error: Stopped | UnsetType = UNSET


class Report(msgspec.Struct, frozen=True):
    """Lockgate report, version 1."""

    version: Literal[1]
    tool: Tool
    server: Server
    coverage: Coverage
    findings: list[Finding]
    summary: Summary
    steps: list[Step] | UnsetType = UNSET
    histories: list[History] | UnsetType = UNSET
    passed_over: list[str] | UnsetType = UNSET


class Production(msgspec.Struct, frozen=True):
    """The database that was looked at."""

    major: int


class Applied(msgspec.Struct, frozen=True):
    """The server that applied the migrations."""

    version: str


class Sides(msgspec.Struct, frozen=True):
    """A property, as each side has it."""

    production: Any
    migrations: Any


class Touched(msgspec.Struct, frozen=True):
    """The statement that touched an object."""

    path: str
    line: FromOne


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``production`` and ``migrations``: its owner and its properties, as its server spells them. ``inside``: what goes
    with a whole schema, table, view or type. ``touch``: what the statement at ``location`` does with it. ``doubt``: why
    it may be no difference, and does not count in the exit code. ``undo`` is SQL for production, ``keep`` for a
    migration."""

    change: Literal["by-hand", "lacking", "changed"]
    kind: str
    name: str
    owner: str | None
    properties: dict[str, Sides]
    production: dict[str, Any] | None
    migrations: dict[str, Any] | None
    inside: list[str]
    slot: str | None
    location: Touched | None
    touch: Literal["touched", "dropped", "pending", None]
    doubt: str | None
    undo: list[str]
    keep: list[str]


class Counts(msgspec.Struct, frozen=True):
    """How many differences there are of each kind, and how many in doubt."""

    lacking: int
    changed: int
    doubtful: int
    by_hand: int = field(name="by-hand")


class Difference(msgspec.Struct, frozen=True):
    """lockgate snapshot --diff, version 1."""

    version: Literal[1]
    tool: Tool
    production: Production
    server: Applied
    differences: list[Deviation]
    notes: list[str]
    summary: Counts


class Refusal(msgspec.Struct, frozen=True):
    """Why production did not answer; ``sqlstate`` "" where it was not asked."""

    sqlstate: str
    message: str


class RowQuestion(msgspec.Struct, frozen=True):
    """How many rows of ``table`` make a statement fail: ``sql`` gives the number, or, of ``casts``, fails itself. "" where
    nothing can be asked: ``note`` says why. ``count`` is production's answer, null where it was not asked or refused."""

    slot: str
    location: Location
    statement: int
    table: str
    sqlstate: Sqlstate
    what: str
    rows: Literal["any", "some"]
    sql: str
    casts: bool
    note: str
    count: int | None
    failure: Refusal | None
    breaks: bool
    sample: list[str]


class RowCounts(msgspec.Struct, frozen=True):
    """``breaking`` statements would fail now; ``unanswered`` questions could not be put, or were refused."""

    questions: int
    asked: int
    breaking: int
    unanswered: int


class RowQuestions(msgspec.Struct, frozen=True):
    """lockgate rows, version 1. ``pending`` are the migrations that are asked about; ``asked``: whether production was."""

    version: Literal[1]
    tool: Tool
    pending: list[str]
    asked: bool
    questions: list[RowQuestion]
    notes: list[str]
    summary: RowCounts


DOCUMENTS: dict[str, type[msgspec.Struct]] = {"report-1": Report, "difference-1": Difference, "rows-1": RowQuestions}
