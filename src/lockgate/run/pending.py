"""Which migrations the next deploy runs together, as far as anybody says: only what stood there before it has rows and
somebody who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.base.config import Config
from lockgate.rules.rulebook import PENDING
from lockgate.sources import Folder

HAZARDS = frozenset({"locks", "rows"})  # families of rules on what a deploy does to the running site
if TYPE_CHECKING:
    from lockgate.rules.registry import RuleEntry
    from lockgate.run.plan import Request


def is_hazard(entry: RuleEntry) -> bool:
    """Whether a rule is about what a deploy does to the running site, and no more so once it has run."""
    return entry.front.family in HAZARDS or entry.front.default == PENDING


def pending_ids(config: Config, request: Request, folder: Folder, applied: frozenset[str]) -> frozenset[str] | None:
    """The ids of the pending migrations; None where nobody says: each file is then a deploy of its own.

    ``applied`` is what is known to have run (a baseline's migrations, the owner's before the handover); beside it the
    ledger's snapshot tells, else ``--since``, the base of a pull request, or ``[git] base``.
    """
    every = frozenset(m.id for m in folder.migrations)
    if config.ledger.snapshot:
        from lockgate.slots import applied_ids, read_ledger

        ledger = read_ledger(config, request.cwd, folder)
        if ledger is not None:
            return every - applied_ids(folder, ledger) - applied
    if applied or config.migrations.baseline:
        return every - applied
    base = request.since or _base(config, request)
    if base:
        from lockgate.slots.git import changed_paths

        changed = changed_paths(base, request.cwd)
        return frozenset(m.id for m in folder.migrations if m.up.source.path in changed)
    return None


def _asks(entry: RuleEntry) -> bool:
    """Whether a check's hazards are a rule's business; facts are others' (``verify``'s)."""
    return is_hazard(entry) and not all(key.startswith("fact ") for key in entry.triggers)


def _base(config: Config, request: Request) -> str:
    """The branch that is deployed from, where there is one here and a rule asks what is new against it; else ""."""
    from lockgate.rules.plugins import rules_of

    if not request.deploys and not any(map(_asks, rules_of(config).speaking)):
        return ""
    here = request.cwd.resolve()
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return ""
    from lockgate.slots.branches import target_branch
    from lockgate.slots.git import commit_of

    base = f"origin/{branch}" if (branch := target_branch()) else config.git.base
    return base if commit_of(request.cwd, base) else ""
