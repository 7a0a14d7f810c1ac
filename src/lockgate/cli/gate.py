"""The parts of a gate, from the command line's words, the configuration and the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.base.errors import UsageError
from lockgate.base.trust import agreed, allowed_http, need

if TYPE_CHECKING:
    from lockgate.api import Report
    from lockgate.base.config import Config, Deploy
    from lockgate.base.findings import Finding
    from lockgate.deploy.ending import Pace
    from lockgate.deploy.gate import Gate
    from lockgate.deploy.health import HealthProbe
    from lockgate.deploy.order import Order
    from lockgate.deploy.preflight import Settings
    from lockgate.deploy.secret import Secret


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
    if deploy.promote_from:
        need(config, "deploy", "promote_from", "would say what is pushed")
    times = (deploy.queue_timeout, deploy.deploy_timeout, deploy.health_timeout, deploy.max_age, deploy.require_timeout)
    if min(times) <= 0 or min(deploy.settle, deploy.preflight_timeout) < 0:
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


def configured(config_path: Path | None) -> Config:
    """The configuration as the environment completes it. Raises UsageError."""
    from lockgate.cli.options import configuration

    return with_environment(configuration(config_path))


def pace(config: Config, poll: float, settle: float | None) -> Pace:
    """The rhythm of a run."""
    from lockgate.deploy.ending import Pace

    return Pace(
        poll=poll,
        settle=config.deploy.settle if settle is None else settle,
        grace=max(30.0, poll * 3),
        lookup=max(30.0, poll * 5),
        lost=max(30.0, poll * 5),
        restart=config.deploy.preflight_timeout,
    )


def order(config: Config, attestation_path: Path | None, **flags: bool) -> Order:
    """What is asked of the gate, with the tree at hand. Raises UsageError, CannotCheck."""
    from lockgate.deploy import attestation, git
    from lockgate.deploy.order import Order
    from lockgate.deploy.proof import checked_override
    from lockgate.run.histories import every_migration

    cwd = Path.cwd()
    head = git.head(cwd, os.environ)
    files: dict[str, list[attestation.Piece]] = {"migrations": [], "configuration": [], "baseline": []}
    if not flags.get("resume"):
        files = attestation.files_of(config, every_migration(config, cwd), cwd)
    attested = attestation.read(attestation_path) if attestation_path is not None else None
    return Order(config, head, files, attested, override=checked_override(os.environ), **flags)


def gate(order: Order, state_path: Path | None, pace: Pace, no_status: bool) -> Gate:
    """A gate with its hands. Raises UsageError for settings that are wrong or missing."""
    from lockgate.deploy import gitea, screen
    from lockgate.deploy.dokploy import Dokploy
    from lockgate.deploy.gate import Gate
    from lockgate.deploy.http import checked_url
    from lockgate.deploy.secret import Masker, Secret, from_environment
    from lockgate.deploy.state import Store, default_path

    deploy = order.config.deploy
    key = None if order.promote_only else from_environment("DOKPLOY_API_KEY", os.environ)
    missing, remedy = missing_of(deploy, key)
    if missing and not order.promote_only and (order.resume or order.dry_run or not order.advisory):
        raise UsageError(missing, remedy)
    masker = Masker([key])
    url = checked_url(deploy.dokploy_url, "dokploy_url", deploy.allow_http) if deploy.dokploy_url else ""
    probe_of(order.config, order.head.commit)  # a wrong setting is told before anything is done
    forge = gitea.connect(order.config, os.environ, masker)
    _readable(order, forge is not None)
    return Gate(
        order,
        _verifier(order.config),
        lambda: Dokploy(url, key or Secret(""), masker),
        key,
        lambda commit: probe_of(order.config, commit),
        Store(state_path or default_path(order.head.git_dir)),
        screen.screen(masker),
        masker,
        gitea=None if no_status or order.dry_run else forge,
        forge=forge,
        missing=missing,
        pace=pace,
        show=_show,
        check_settings=settings_check(order.config, order.head.top),
    )


def _readable(order: Order, token: bool) -> None:
    from lockgate.deploy.require import own

    required = order.config.deploy.require
    mine = own(required, os.environ)
    if mine:
        raise UsageError(f'[deploy] require: "{mine}" is this job\'s own status', "name the other jobs' statuses only")
    if required and not token and not order.resume:
        raise UsageError(
            "[deploy] require: commit statuses cannot be read", "set GITEA_TOKEN, and [gitea] url and repository"
        )


def probe_of(config: Config, commit: str) -> HealthProbe | None:
    """The health URL's probe for a commit; None without one. Raises UsageError."""
    from lockgate.deploy import health

    deploy = config.deploy
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
        deploy.health_header,
    )
    return health.HealthProbe(expected)


def missing_of(deploy: Deploy, key: Secret | None) -> tuple[str, str]:
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


def settings_check(config: Config, top: Path) -> Callable[[Settings, bool], list[Finding]]:
    """What the rules of family P say of Dokploy's own settings, and of the compose file that it deploys."""

    def check(settings: Settings, auto_deploy_allowed: bool) -> list[Finding]:
        from lockgate import surface
        from lockgate.run.settle import of_surface
        from lockgate.surface.service import ComposeFile
        from lockgate.surface.settings import from_dokploy

        compose = settings.compose
        path = top / compose.compose_path
        facts = surface.examine(top, [path], dokploy=True) if compose.source_type != "raw" and path.is_file() else ()
        file = next((fact for fact in facts if isinstance(fact, ComposeFile)), None)
        told = from_dokploy(settings.command, compose.auto_deploy and not auto_deploy_allowed, compose.name, file)
        unchecked = facts if path.resolve() not in [p.resolve() for p in surface.find(Path.cwd())] else ()
        return of_surface((told, *unchecked), config)

    return check
