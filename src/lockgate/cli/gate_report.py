"""lockgate gate-report: when the webhook may go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.deploy.journal import JournalEntry


@click.command("gate-report")
@click.option(
    "--commits", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many commits to look back."
)
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)
@click.option("--mode", "mode_only", is_flag=True, help="Only print [deploy] mode: enforce or advisory.")
@config_options
def command(commits: int, output_format: str, mode_only: bool, config_path: Path | None) -> int:
    """Count the gate's green deploys, and say when the webhook beside it can be cut.

    Counts the commit statuses lockgate/deploy (with GITEA_TOKEN), else what this repository's own gate remembers. A
    deploy that failed or was overridden begins the row anew; a gate that stayed closed on red, or that a newer commit
    superseded, deployed nothing and leaves it as it is. Exit code 0: enough in a row; 1: not yet.
    """
    from lockgate.deploy.journal import ENOUGH, count

    config = configuration(config_path)
    if mode_only:
        say(config.deploy.mode)
        return 0
    entries, origin = _entries(config, commits)
    counted = count(entries)
    if output_format == "json":
        from lockgate.report.document import written
        from lockgate.report.tables import GateRuns, Run

        red = Run(counted.last_red.commit, counted.last_red.what) if counted.last_red else None
        document = GateRuns(
            1, origin, counted.runs, counted.green, counted.row, ENOUGH, counted.enough, config.deploy.mode, red
        )
        say(written(document, indent=1), nl=False)
        return 0 if counted.enough else 1
    say(f"{counted.runs} runs of the gate ({origin}): {counted.green} deployed and healthy, {counted.row} in a row")
    if counted.unproven:
        say(f"{counted.unproven} of them without the app's own proof of its commit: set [deploy] health_field")
    if counted.last_red is not None:
        say(f"the last that was not: {counted.last_red.commit[:12]}: {counted.last_red.what}")
    if not counted.enough:
        say(f"keep the webhook for now: {ENOUGH - counted.row} more green in a row")
    elif config.deploy.mode == "advisory":
        say(
            'cut the webhook now: set mode = "enforce", turn autoDeploy off in Dokploy, and remove the webhook from Gitea'
        )
    else:
        say("the gate enforces; see that the webhook is gone and autoDeploy is off")
    return 0 if counted.enough else 1


def _entries(config: Config, limit: int) -> tuple[list[JournalEntry], str]:
    from lockgate.deploy import git, gitea, journal
    from lockgate.deploy.secret import Masker

    forge = gitea.connect(config, os.environ, Masker())
    if forge is None:
        return journal.read(
            git.head(Path.cwd(), {}).git_dir / "lockgate" / "gate.jsonl"
        ), "this repository's own journal"
    try:
        found = [(commit, forge.statuses(commit)) for commit in forge.commits(config.deploy.branch, limit)]
    finally:
        forge.close()
    return journal.of_statuses(found), f"commit statuses of {forge.place.repository}"
