"""lockgate verify: check, then ask a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lockgate.api import Config, Report, UsageError
from lockgate.cli.options import CommandLine, asking, configuration


@click.command("verify")
@asking
@click.option(
    "--dsn", default="", metavar="DSN", help="A scratch server of yours in place of the embedded one. Never production."
)
@click.option("--binaries", default="", metavar="DIR", help="Directory of postgres and initdb.")
@click.option(
    "--bodies/--no-bodies", default=True, show_default=True, help="Check routine bodies after each migration."
)
@click.option(
    "--downs/--no-downs",
    default=True,
    show_default=True,
    help="Run each down script in a transaction that is rolled back.",
)
@click.option(
    "--rows/--no-rows",
    default=True,
    show_default=True,
    help="Apply what is pending once more over tables with invented rows.",
)
@click.option(
    "--restore/--no-restore",
    default=None,
    help="Restore pg_dump's dump of the end state, rows included. By default where the schema is small.",
)
@click.option("--audit", is_flag=True, help="Compare the simulated catalog with the server's after every migration.")
@click.option(
    "--attest", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write what was proven to a file."
)
def command(asked: CommandLine, attest: Path | None, **looked_at: Any) -> int:
    """Check, then apply the migrations on a real, ephemeral PostgreSQL: as owner up to the handover, as deployer from
    there on.

    Every finding is stamped with what the server said: confirmed, refuted or unproven. What the server refuses and
    nobody foresaw is a finding too.
    """
    from lockgate.api import verify
    from lockgate.cli.progress import progress
    from lockgate.cli.signals import ended_in_order

    if attest is not None:
        _must_be_whole(
            asked.partly or not (looked_at["bodies"] and looked_at["rows"] and looked_at["restore"] is not False)
        )
    config = configuration(asked.config_path)
    with ended_in_order(), progress("applying", quiet=asked.quiet) as bar:
        report = verify(asked.request(), config, progress=bar, **looked_at)
    code = asked.report(report, config)
    if attest is not None:
        _attest(attest, config, report)
    return code


def _must_be_whole(narrowed: bool) -> None:
    if narrowed:
        raise UsageError(
            "--attest proves the whole tree as configured: it takes no PATH, --layout, --transaction, --role, --superuser, --since, --exclude, --no-bodies, --no-rows, --no-restore",
            "put them into lockgate.toml, where the attestation covers them",
        )


def _attest(path: Path, config: Config, report: Report) -> None:
    import os

    from lockgate.deploy import attestation, git

    cwd = Path.cwd()
    migrations = report.folder.migrations if report.folder is not None else ()
    head = git.head(cwd, os.environ)
    files = attestation.files_of(config, migrations, cwd)
    at = attestation.tree(head.commit, files, head.top)
    uncommitted = git.dirty(head.top, attestation.paths_in(files))
    attestation.write(path, attestation.make(at, report.findings, report.exit_code, report.server, uncommitted))
