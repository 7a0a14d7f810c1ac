"""lockgate deploy: the gate."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.text import to_json
from lockgate.base.trust import pull_request_event
from lockgate.cli.options import config_options

if TYPE_CHECKING:
    from lockgate.deploy.gate import Gate


# what `promote` takes, too
ATTESTATION = click.option(
    "--attestation",
    "attestation_path",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Believe `lockgate verify --attest FILE` in place of verifying again, if it fits the tree.",
)
REPORT = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the gate's report, as JSON."
)
NO_STATUS = click.option("--no-status", is_flag=True, help="Post no commit statuses.")


@click.command("deploy")
@ATTESTATION
@click.option("--dry-run", is_flag=True, help="Everything but the order: print what would be sent.")
@click.option("--resume", is_flag=True, help="Follow the last order of a gate that was stopped; order nothing.")
@click.option(
    "--doctor", is_flag=True, help="Look at everything that a deploy needs, say what is wrong; order nothing."
)
@click.option("--again", is_flag=True, help="Order, although Dokploy has deployed this commit already.")
@click.option("--new-health-url", is_flag=True, help="The release that runs does not answer the health URL yet.")
@click.option(
    "--allow-auto-deploy", is_flag=True, help="Deploy although Dokploy's autoDeploy is on: a way around the gate."
)
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Where the order is remembered (default: in the git directory).",
)
@REPORT
@NO_STATUS
@click.option(
    "--poll",
    type=click.FloatRange(0.01, 60),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to ask at first; Dokploy is asked more and more seldom, unless its key is known to have no limit.",
)
@click.option(
    "--settle",
    type=click.FloatRange(0, 3600),
    default=None,
    metavar="SECONDS",
    help="How long the release must have stayed up (default: [deploy] settle, 10).",
)
@config_options
def command(
    attestation_path: Path | None,
    dry_run: bool,
    resume: bool,
    doctor: bool,
    again: bool,
    new_health_url: bool,
    allow_auto_deploy: bool,
    state_path: Path | None,
    output: Path | None,
    no_status: bool,
    poll: float,
    settle: float | None,
    config_path: Path | None,
) -> int:
    """The gate: verify the tree, and only if it is green let Dokploy deploy it; then wait until the release is healthy.

    The key comes from DOKPLOY_API_KEY or DOKPLOY_API_KEY_FILE, the token for commit statuses from GITEA_TOKEN or
    GITEA_TOKEN_FILE. LOCKGATE_OVERRIDE="reason" deploys in spite of a red gate, loudly.
    """
    from lockgate.cli import gate as making

    refuse_pull_requests()
    if (resume or doctor) and (dry_run or attestation_path is not None or again or (resume and doctor)):
        raise UsageError(
            "--resume follows an order that was given, and --doctor orders nothing: neither takes --dry-run, --attestation or --again",
            "leave them out",
        )
    if doctor:
        from lockgate.cli.doctor import examine

        return examine(config_path, output)
    config = making.configured(config_path)
    flags = {
        "dry_run": dry_run,
        "resume": resume,
        "again": again,
        "new_health_url": new_health_url,
        "allow_auto_deploy": allow_auto_deploy,
    }
    order = making.order(config, attestation_path, **flags)
    gate = making.gate(order, state_path, making.pace(config, poll, settle), no_status)
    return carried_out(gate, output)


def refuse_pull_requests() -> None:
    """Raise UsageError in the workflow of a pull request."""
    event = pull_request_event(os.environ)
    if event:
        raise UsageError(
            f"a pull request does not deploy: it is no branch ({event})",
            "the gate runs on the branch that deploys; no key was read",
        )


def carried_out(gate: Gate, output: Path | None) -> int:
    """Run the gate, with its journal and its report; the exit code."""
    from lockgate.deploy import journal

    try:
        with stopped_by_signals():
            return gate.run()
    finally:
        told = gate.report.get("end") or gate.report.get("verdict")
        if not (gate.order.dry_run or gate.order.promote_only) and told:
            journal.append(gate.order.head.git_dir / "lockgate" / "gate.jsonl", gate.report)
        if output is not None:
            write_report(output, gate.report)


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write the gate's report. Raises CannotCheck."""
    from lockgate.deploy.state import write_whole

    try:
        write_whole(path, to_json(report, indent=1) + "\n")
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}", "give --output a writable path") from None


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """A cancelled job (SIGTERM) ends like an error, so that its status is posted and its order remembered."""

    def stop(number: int, frame: object) -> None:
        raise CannotCheck(
            "the gate was stopped; what it ordered goes on in Dokploy", "`lockgate deploy --resume` follows it"
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
