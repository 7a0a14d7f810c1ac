"""What a replay is asked, and what it is taken in: frozen values."""

from __future__ import annotations

import msgspec

from lockgate.parse import SyntaxFailure
from lockgate.sources.environment import Environment
from lockgate.sources.migration import Migration, Script


class Broken(msgspec.Struct, frozen=True):
    """A statement that the grammar refuses: it is not on the timeline."""

    migration: Migration
    failure: SyntaxFailure


class Plan(msgspec.Struct, frozen=True):
    """What to replay, and as whom.

    Without ``role`` or ``owner`` privileges are unknown. With ``owner`` and ``deployer``, migrations in ``owned`` (ids)
    run as owner, then ``handover_sql`` as owner, the rest as deployer.
    """

    migrations: tuple[Migration, ...]
    major: int = 16
    role: str = ""
    superuser: bool = False
    owner: str = ""
    deployer: str = ""
    owned: frozenset[str] = frozenset()
    handover_sql: Script | None = None
    baseline: Script | None = None
    search_path: tuple[str, ...] = ("$user", "public")
    roles: tuple[str, ...] = ()  # that exist beside these
    guessed: tuple[str, ...] = ()  # roles that the SQL names and nobody makes: perhaps they exist
    environment: Environment | None = None  # what a hosting service has made before the first migration
    settings: tuple[tuple[str, str], ...] = ()  # what the runner's configuration sets for its sessions
    pending: frozenset[str] | None = None  # migrations (ids) that the next deploy runs together; None: nobody knows


class Leg(msgspec.Struct, frozen=True):
    """A stretch of a replay that is taken as a whole: ``kind`` is environment, baseline, handover or migration."""

    kind: str
    migration: Migration | None = None  # None for a handover without SQL
    pending: bool = False  # it is known to run at the next deploy
