"""What a run could not judge, and what would let it: silence about it must not pass for approval."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from lockgate.base.config import Config, Deploy
from lockgate.base.lazy_imports import pattern
from lockgate.rules.registry import Ruleset

if TYPE_CHECKING:
    from lockgate.run.plan import Request


class Unjudged(msgspec.Struct, frozen=True):
    """One thing that was not looked at: ``what``, ``why`` not, and the ``remedy``."""

    what: str
    why: str
    remedy: str


def unjudged(
    config: Config, request: Request, unread: tuple[str, str] | None, *, deploys_off: bool, most: int = 0
) -> tuple[Unjudged, ...]:
    """All of them, the gravest first; nothing for editors' buffers. ``unread``: migrations
    that nobody reads, and the remedy; ``most``: after how many of the application's queries
    the run stopped; 0 where it did not."""
    if request.stdin is not None:
        return ()
    out = [Unjudged("single migrations", *unread)] if unread is not None else []
    if not (request.role or (config.roles.owner and config.roles.deployer)):
        remedy = "name owner and deployer in [roles]; lockgate snapshot reads them from production"
        out.append(Unjudged("ownership", "no [roles]", remedy))
    if not (config.ledger.snapshot or config.ledger.dsn_env):
        out.append(
            Unjudged("applied migrations", "no [ledger]", "lockgate snapshot writes the ledger's rows to a file")
        )
    if not config.database.statistics:
        remedy = "lockgate snapshot records estimates; name the file in [database] statistics"
        out.append(Unjudged("sizes of tables", "no statistics", remedy))
    if most:
        out.append(Unjudged("further queries", f"{most:,} were looked at", "name fewer files in [queries] paths"))
    if deploys_off:
        out.append(Unjudged("deploy files", "no [deploy]", "[deploy] in lockgate.toml switches these rules on"))
    return tuple(out)


_SIGHT = pattern(r"dokploy|dokdeploy|lockgate|/api/(?:trpc/)?(?:compose|application)[./]", re.IGNORECASE)


def deploys_in_sight(config: Config, rules: Ruleset, texts: Iterable[str]) -> bool:
    """Whether the rules about deploy files concern this repository: [deploy] is configured, such a rule is named in
    [rules], or a compose file or workflow (``texts``) speaks of Dokploy or of us."""
    named = (*config.rules.select, *config.rules.extend_select, *config.rules.severity)
    return config.deploy != Deploy() or any(_of_deploys(rules, w) for w in named) or any(map(_SIGHT.search, texts))


def _of_deploys(rules: Ruleset, word: str) -> bool:
    entry = rules.of_code(word)
    return word == "deploy" or word.startswith("P") or (entry is not None and entry.front.family == "deploy")
