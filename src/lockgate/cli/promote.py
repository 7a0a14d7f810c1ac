"""lockgate promote: move the branch that Dokploy deploys to the proven commit."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.base.errors import UsageError
from lockgate.base.trust import need
from lockgate.cli.deploy import ATTESTATION, NO_STATUS, REPORT, carried_out, refuse_pull_requests
from lockgate.cli.options import config_options


@click.command("promote")
@ATTESTATION
@click.option("--dry-run", is_flag=True, help="Everything but the push.")
@REPORT
@NO_STATUS
@config_options
def command(
    attestation_path: Path | None, dry_run: bool, output: Path | None, no_status: bool, config_path: Path | None
) -> int:
    """Prove the tree, wait for the required statuses, and move [deploy] branch to this commit: forward only, from where
    it was seen. Nothing is asked of Dokploy: `lockgate deploy` does this by itself before it orders, where [deploy]
    promote_from is set.
    """
    from msgspec.structs import replace

    from lockgate.cli import gate as making
    from lockgate.deploy import git

    refuse_pull_requests()
    config = making.configured(config_path)
    deploy = config.deploy
    source = deploy.promote_from or git.remote_default(Path.cwd())
    if not source or source == deploy.branch:
        raise UsageError(
            f"[deploy] branch is {deploy.branch}, the branch that people push to: there is nothing to move",
            'let Dokploy deploy a branch that only the gate moves: branch = "production", promote_from = "main"',
        )
    need(config, "deploy", "branch", "would say what is pushed")
    config = replace(config, deploy=replace(deploy, promote_from=source))
    order = making.order(config, attestation_path, dry_run=dry_run, promote_only=True)
    return carried_out(making.gate(order, None, making.pace(config, 1.0, None), no_status), output)
