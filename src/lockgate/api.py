"""Lockgate's public face: what the command line and the language server use, and your own scripts may.

    from pathlib import Path
    from lockgate.api import Request, check

    report = check(Request(paths=(Path("migrations"),)))
    for finding in report.findings:
        print(finding.at.source.path, finding.at.start.line, finding.rule, finding.message)
    raise SystemExit(report.exit_code)

Everything here is a frozen value or a function without side effects beyond the cache folder; what stops a run is raised as
``UsageError`` (exit 2) or ``CannotCheck`` (exit 3), each with a ``remedy``. Names that are not in ``__all__`` may change in
any release.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lockgate.base.config import Config, load
from lockgate.base.errors import CannotCheck, LockgateError, UsageError
from lockgate.base.findings import Edit, Evidence, Finding, Fix, Label, Severity, Verdict
from lockgate.base.text import Position, Source, Span
from lockgate.run.examine import Coverage, examine
from lockgate.run.plan import Progress, Request
from lockgate.run.settle import PostgresUsed, Report, settle, validate_rules
from lockgate.sources import SeveralHistories

__all__ = [
    "CannotCheck",
    "Config",
    "Coverage",
    "Edit",
    "Evidence",
    "Finding",
    "Fix",
    "Label",
    "LockgateError",
    "Position",
    "PostgresUsed",
    "Progress",
    "Report",
    "Request",
    "Severity",
    "Source",
    "Span",
    "UsageError",
    "Verdict",
    "check",
    "configuration",
    "verify",
]


def configuration(path: Path | None = None, cwd: Path | None = None) -> Config:
    """The configuration in ``path``; without it in the nearest ``lockgate.toml`` or ``pyproject.toml`` at or above ``cwd``
    (default: the working directory), or the defaults.

    Raises UsageError for a key, rule or value that does not exist.
    """
    config = load(path, cwd or Path.cwd())
    if config.rules.select or config.rules.extend_select or config.rules.ignore or config.rules.severity:
        validate_rules(config)
    return config


def check(request: Request | None = None, config: Config | None = None, *, progress: Progress | None = None) -> Report:
    """Replay the migrations over a simulated catalog and say what will fail, where and why, without a server.

    ``request`` says which migrations, as whom (default: those that the configuration names, else those found in the
    working directory); ``config`` is by default the one nearest to ``request.cwd``. ``progress`` is called as
    ``progress(done, total, migration)``. Raises UsageError, CannotCheck.
    """
    request = request or Request()
    config = config or configuration(None, request.cwd)
    return _judged(config, request, lambda own, asked: settle(examine(own, asked, progress)))


def _judged(config: Config, request: Request, judge: Callable[[Config, Request], Report]) -> Report:
    """The history, or each one of several."""
    if not config.histories:
        try:
            return judge(config, request)
        except SeveralHistories as several:
            from lockgate.run.histories import judge_found

            return judge_found(config, request, several, judge)
    from lockgate.run.histories import judge_configured

    return judge_configured(config, request, judge)


def verify(
    request: Request | None = None,
    config: Config | None = None,
    *,
    dsn: str = "",
    binaries: str = "",
    bodies: bool = True,
    downs: bool = True,
    audit: bool = False,
    rows: bool = True,
    restore: bool | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check, then apply the migrations on a real, ephemeral PostgreSQL as both roles, and stamp every finding.

    Each finding's ``evidence`` is then ``confirmed``, ``refuted`` or ``unproven``; what the server refuses and nobody
    foresaw is a finding too. ``dsn`` names a scratch server of yours, never production; ``binaries`` a directory of
    ``postgres`` and ``initdb``; without either the configured ones or the embedded server answer. ``bodies`` has routine
    bodies checked, ``downs`` down scripts run and rolled back, ``audit`` the simulated catalog compared with the server's
    after every migration; ``rows`` applies what is pending once more over tables filled with invented rows; ``restore`` has
    pg_dump's words for the end state restored (None: where it costs little). Raises UsageError, and CannotCheck where no server can be had.
    """
    from lockgate.run.verify import verify as verified

    request = request or Request()
    judge = partial(
        verified,
        dsn=dsn,
        binaries=binaries,
        bodies=bodies,
        downs=downs,
        audit=audit,
        rows=rows,
        restore=restore,
        progress=progress,
    )
    return _judged(config or configuration(None, request.cwd), request, judge)
