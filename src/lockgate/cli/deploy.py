"""lockgate deploy: the gate."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.text import to_json
from lockgate.base.trust import agreed, allowed_http, need, pull_request_event
from lockgate.cli.options import config_options, configuration

if TYPE_CHECKING:
    from lockgate.api import Report
    from lockgate.base.config import Config, Deploy
    from lockgate.base.findings import Finding
    from lockgate.deploy.gate import Gate
    from lockgate.deploy.order import Order
    from lockgate.deploy.preflight import Settings
    from lockgate.deploy.secret import Secret


@click.command("deploy")
@click.option(
    "--attestation",
    "attestation_path",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Believe `lockgate verify --attest FILE` in place of verifying again, if it fits the tree.",
)
@click.option("--dry-run", is_flag=True, help="Everything but the order: print what would be sent.")
@click.option("--resume", is_flag=True, help="Follow the last order of a gate that was stopped; order nothing.")
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
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the gate's report, as JSON."
)
@click.option("--no-status", is_flag=True, help="Post no commit statuses.")
@click.option(
    "--poll",
    type=click.FloatRange(0.01, 60),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to ask.",
)
@click.option(
    "--settle",
    type=click.FloatRange(0, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the containers must have stayed up.",
)
@config_options
def command(
    attestation_path: Path | None,
    dry_run: bool,
    resume: bool,
    allow_auto_deploy: bool,
    state_path: Path | None,
    output: Path | None,
    no_status: bool,
    poll: float,
    settle: float,
    config_path: Path | None,
) -> int:
    """The gate: verify the tree, and only if it is green let Dokploy deploy it; then wait until the release is healthy.

    The key comes from DOKPLOY_API_KEY or DOKPLOY_API_KEY_FILE, the token for commit statuses from GITEA_TOKEN or
    GITEA_TOKEN_FILE. LOCKGATE_OVERRIDE="reason" deploys in spite of a red gate, loudly.
    """
    from lockgate.deploy import journal
    from lockgate.deploy.ending import Pace

    event = pull_request_event(os.environ)
    if event:
        raise UsageError(
            f"a pull request does not deploy: it is no branch ({event})",
            "the gate runs on the branch that deploys; no key was read",
        )
    if resume and (dry_run or attestation_path is not None):
        raise UsageError(
            "--resume follows an order that was given: it takes neither --dry-run nor --attestation", "leave them out"
        )
    config = with_environment(configuration(config_path))
    order = _order(config, attestation_path, dry_run, resume, allow_auto_deploy)
    pace = Pace(
        poll=poll, settle=settle, grace=max(30.0, poll * 3), lookup=max(30.0, poll * 5), lost=max(30.0, poll * 5)
    )
    gate = _gate(order, state_path or default_state(order), pace, no_status)
    try:
        with stopped_by_signals():
            return gate.run()
    finally:
        if not dry_run and (gate.report.get("end") or gate.report.get("verdict")):
            journal.append(order.head.git_dir / "lockgate" / "gate.jsonl", gate.report)
        if output is not None:
            write_report(output, gate.report)


def with_environment(config: Config) -> Config:
    """The configuration with LOCKGATE_DOKPLOY_URL, LOCKGATE_COMPOSE_ID, LOCKGATE_HEALTH_URL. Raises UsageError."""
    from msgspec.structs import replace

    deploy = replace(
        config.deploy,
        dokploy_url=_dokploy_url(config),
        compose_id=_given(config, "compose_id", "would say what is deployed"),
        health_url=_given(config, "health_url", "would say where a request goes"),
        allow_http=allowed_http(config, os.environ),
    )
    if min(deploy.queue_timeout, deploy.deploy_timeout, deploy.health_timeout, deploy.max_age) <= 0:
        raise UsageError("[deploy] a timeout is not positive", "timeouts are in seconds")
    return replace(config, deploy=deploy)


def _given(config: Config, key: str, what: str) -> str:
    """A setting as its variable says, else as the tree does, if it is trusted."""
    variable = f"LOCKGATE_{key.upper()}"
    ours, theirs = os.environ.get(variable, ""), str(getattr(config.deploy, key))
    if theirs and theirs != ours:
        need(config, "deploy", key, what, f"remove it and set {variable}")
    return ours or theirs


def _dokploy_url(config: Config) -> str:
    """Where DOKPLOY_API_KEY goes: as LOCKGATE_DOKPLOY_URL says, with which the tree must agree in a workflow."""
    if not os.environ.get("LOCKGATE_DOKPLOY_URL"):
        if config.untrusted and config.deploy.dokploy_url:
            need(config, "deploy", "dokploy_url", "would say where a key goes", "set LOCKGATE_DOKPLOY_URL")
        return config.deploy.dokploy_url
    return agreed(config, "deploy", "dokploy_url", os.environ, "LOCKGATE_DOKPLOY_URL")


def _order(
    config: Config, attestation_path: Path | None, dry_run: bool, resume: bool, allow_auto_deploy: bool
) -> Order:
    from lockgate.deploy import attestation, git
    from lockgate.deploy.order import Order
    from lockgate.deploy.proof import checked_override
    from lockgate.run.plan import Request, read_folder

    cwd = Path.cwd()
    head = git.head(cwd, os.environ)
    files: dict[str, list[attestation.Piece]] = {"migrations": [], "configuration": [], "baseline": []}
    if not resume:
        files = attestation.files_of(config, read_folder(config, Request(cwd=cwd)).migrations, cwd)
    attested = attestation.read(attestation_path) if attestation_path is not None else None
    return Order(config, head, files, attested, allow_auto_deploy, dry_run, resume, checked_override(os.environ))


def default_state(order: Order) -> Path:
    """Where the last order of this repository is remembered."""
    from lockgate.deploy import state

    return state.default_path(order.head.git_dir)


def _gate(order: Order, state_path: Path, pace: Any, no_status: bool) -> Gate:
    from lockgate.deploy import gitea, health, screen
    from lockgate.deploy.dokploy import Dokploy
    from lockgate.deploy.gate import Gate
    from lockgate.deploy.http import checked_url
    from lockgate.deploy.secret import Masker, Secret, from_environment
    from lockgate.deploy.state import Store

    deploy = order.config.deploy
    key = from_environment("DOKPLOY_API_KEY", os.environ)
    missing, remedy = _missing(deploy, key)
    if missing and (order.resume or order.dry_run or not order.advisory):
        raise UsageError(missing, remedy)
    masker = Masker([key])
    url = checked_url(deploy.dokploy_url, "dokploy_url", deploy.allow_http) if deploy.dokploy_url else ""

    def probe(commit: str) -> health.HealthProbe | None:
        if not deploy.health_url:
            return None
        expected = health.expectation(
            deploy.health_url,
            deploy.health_status,
            deploy.health_body,
            deploy.health_field,
            deploy.health_successes,
            commit,
            deploy.allow_http,
        )
        return health.HealthProbe(expected)

    probe(order.head.commit)  # a wrong setting is told before anything is done
    return Gate(
        order,
        _verifier(order.config),
        lambda: Dokploy(url, key or Secret(""), masker),
        key,
        probe,
        Store(state_path),
        screen.screen(masker),
        masker,
        None if no_status or order.dry_run else gitea.connect(order.config, os.environ, masker),
        missing,
        pace,
        _show,
        _settings_check(order),
    )


def _missing(deploy: Deploy, key: Secret | None) -> tuple[str, str]:
    """What is not set, and what to do; ("", "") where all is there."""
    for name in ("dokploy_url", "compose_id"):
        if not getattr(deploy, name):
            return f"[deploy] {name} is not set", f"set it in lockgate.toml, or LOCKGATE_{name.upper()}"
    if key is None:
        return (
            "DOKPLOY_API_KEY is not set",
            "set it from the workflow's secrets, or DOKPLOY_API_KEY_FILE to a file of mode 600",
        )
    return "", ""


def _verifier(config: Config) -> Callable[[], Report]:
    def verify() -> Report:
        from lockgate import api
        from lockgate.cli.progress import progress

        with progress("verifying") as bar:
            return api.verify(config=config, progress=bar)

    return verify


def _show(outcome: Any) -> None:
    from lockgate.report import render

    sys.stdout.write(render(outcome, "terminal", to_terminal=True))
    sys.stdout.flush()


def _settings_check(order: Order) -> Callable[[Settings, bool], list[Finding]]:
    """What the rules of family P say of Dokploy's own settings, and of the compose file that it deploys."""

    def check(settings: Settings, auto_deploy_allowed: bool) -> list[Finding]:
        from lockgate import surface
        from lockgate.run.settle import of_surface
        from lockgate.surface.service import ComposeFile
        from lockgate.surface.settings import from_dokploy

        compose, top = settings.compose, order.head.top
        path = top / compose.compose_path
        facts = surface.examine(top, [path], dokploy=True) if compose.source_type != "raw" and path.is_file() else ()
        file = next((fact for fact in facts if isinstance(fact, ComposeFile)), None)
        told = from_dokploy(settings.command, compose.auto_deploy and not auto_deploy_allowed, compose.name, file)
        unchecked = facts if path.resolve() not in [p.resolve() for p in surface.find(Path.cwd())] else ()
        return of_surface((told, *unchecked), order.config)

    return check


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
