"""Everything that a deploy needs, looked at one by one: what is wrong, and what to do. Nothing is ordered or posted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from lockgate.base.errors import LockgateError
from lockgate.base.findings import Finding
from lockgate.deploy import git, preflight, probing, promote, require, rhythm
from lockgate.deploy.dokploy import Dokploy, DokployRefused, Unsettled
from lockgate.deploy.gitea import GiteaClient, GiteaError
from lockgate.deploy.health import HealthProbe
from lockgate.deploy.order import Order
from lockgate.deploy.records import Compose, Container
from lockgate.deploy.secret import Secret

GOOD, BAD, UNKNOWN, NOTE = "ok", "wrong", "unknown", "note"
_RIGHTS = (("deployment", "create"), ("deployment", "read"), ("service", "read"))


class Line(msgspec.Struct, frozen=True):
    """One line of the table."""

    what: str
    state: str  # ok, wrong, unknown, note
    told: str
    remedy: str = ""


class Ward(msgspec.Struct):
    """What is looked at. ``dokploy`` and ``forge`` are None where they cannot be asked, ``missing`` says why."""

    order: Order
    dokploy: Dokploy | None
    key: Secret | None
    missing: tuple[str, str]
    forge: GiteaClient | None
    probe: HealthProbe | None
    check_settings: Callable[[preflight.Settings, bool], Sequence[Finding]]
    server: Callable[[], str]  # the PostgreSQL that verify would start; raises LockgateError


def examine(ward: Ward) -> list[Line]:
    """Every line; no fault in one keeps the others from being written."""
    return [*_dokploy(ward), *_branch(ward), *_forge(ward), *_server(ward)]


def _dokploy(ward: Ward) -> Iterator[Line]:
    if ward.dokploy is None:
        yield Line("dokploy", BAD, *ward.missing)
        yield from _health(ward, None)
        return
    deploy = ward.order.config.deploy
    try:
        compose = ward.dokploy.compose(deploy.compose_id)
    except DokployRefused as error:
        what = {"permission": "rights", "not-found": "compose_id", "key": "key", "limit": "limit"}
        yield Line(what.get(error.kind, "dokploy"), BAD, error.message, error.remedy)
        yield from _health(ward, None)
        return
    except Unsettled as error:
        yield Line("dokploy", UNKNOWN, error.message, "see whether Dokploy is up, and dokploy_url")
        yield from _health(ward, None)
        return
    version = ward.dokploy.version()
    yield Line("dokploy", GOOD, f"{version or 'answers'} at {ward.dokploy.base}")
    yield Line("key", GOOD, "accepted")
    found = _containers(ward.dokploy, compose)
    yield from _rights(ward.dokploy, compose, found)
    yield _limit(ward)
    yield from _settings(ward, compose)
    yield from _health(ward, found)


def _containers(dokploy: Dokploy, compose: Compose) -> tuple[Container, ...] | None:
    try:
        return dokploy.containers(compose)
    except (DokployRefused, Unsettled):
        return None


def _rights(dokploy: Dokploy, compose: Compose, found: tuple[Container, ...] | None) -> Iterator[Line]:
    held, role = dokploy.permissions(), dokploy.role()
    lacking = [f"{thing}:{act}" for thing, act in _RIGHTS if held and held.get(thing, {}).get(act) is False]
    try:
        dokploy.deployments(compose.id)
    except DokployRefused as error:
        lacking += ["deployment:read"] if error.kind == "permission" else []
    except Unsettled as error:
        yield Line("rights", UNKNOWN, error.message, "ask again")
        return
    remedy = "Dokploy, Settings, Users: give the key's member this service, and the rights to deployments"
    if lacking:
        yield Line("rights", BAD, f"the key's user lacks {', '.join(dict.fromkeys(lacking))}", remedy)
    elif role in ("owner", "admin"):
        yield Line(
            "rights",
            NOTE,
            f"the key is the {role}'s: it may do everything",
            "better the key of a member with this service only",
        )
    else:
        yield Line(
            "rights",
            GOOD,
            f"{role or 'the key'} may deploy this service"
            if held
            else f"{role or 'the key'} may read this service; whether it may deploy only an order shows",
        )
    if not found:
        why = "Docker lists no container of it" if found is not None else "the key may not list them"
        yield Line(
            "containers",
            UNKNOWN,
            f"{why}: whether a release is replaced and stays up cannot be seen",
            "give the member the right service:read; health_field proves the release all the same",
        )
    else:
        running = sum(c.state == "running" for c in found)
        yield Line("containers", GOOD, f"{running} of {len(found)} run")


def _limit(ward: Ward) -> Line:
    assert ward.dokploy is not None
    remedy = "Dokploy, Settings, Profile, API/CLI: a key without rate limit (the form's default)"
    if ward.key is None:
        return Line("limit", UNKNOWN, "no key", remedy)
    try:
        allowed = rhythm.allowance(ward.dokploy.key_limits(), ward.key, ward.dokploy.left)
        rhythm.refuse(allowed)
    except (DokployRefused, Unsettled) as error:
        return Line("limit", BAD, error.message, error.remedy)
    if not allowed.known:
        return Line("limit", UNKNOWN, f"{allowed.words} (since v0.29.9); the gate asks as seldom as will do", remedy)
    words = allowed.words if allowed.calls is None else f"{allowed.words}: {allowed.calls} calls left"
    return Line("limit", GOOD if allowed.calls is None else NOTE, words, "" if allowed.calls is None else remedy)


def _settings(ward: Ward, compose: Compose) -> Iterator[Line]:
    assert ward.dokploy is not None
    deploy = ward.order.config.deploy
    settings = preflight.settings_of(ward.dokploy, compose, deploy.branch, allow_auto_deploy=True)
    foreign = preflight.foreign_projects(settings.command, compose.app_name)
    app = f'the command deploys "{compose.app_name}"'
    yield Line("app name", BAD, foreign[0], f"-p {compose.app_name}") if foreign else Line("app name", GOOD, app)
    yield from _command(ward, settings)
    advisory = ward.order.advisory
    on = f'autoDeploy is on for "{compose.name}": a push deploys around the gate'
    off = "Dokploy, the service, General: turn Autodeploy off, and remove the webhook"
    if compose.auto_deploy:
        yield Line("autoDeploy", NOTE if advisory else BAD, on, off + (" when gate-report says so" if advisory else ""))
    else:
        yield Line("autoDeploy", GOOD, "off")
    if compose.branch and compose.branch != deploy.branch:
        told = f"Dokploy deploys {compose.branch}, [deploy] branch is {deploy.branch}"
        yield Line("dokploy branch", BAD, told, "make both the same")
    elif compose.source_type == "raw":
        yield Line("dokploy branch", NOTE, "raw source: no commit can be compared", "let Dokploy clone the repository")
    else:
        yield Line("dokploy branch", GOOD, compose.branch or "not told")


def _command(ward: Ward, settings: preflight.Settings) -> Iterator[Line]:
    path = settings.compose.compose_path
    if settings.compose.source_type != "raw" and not (ward.order.head.top / path).is_file():
        yield Line("compose file", BAD, f"this commit has no {path}, which Dokploy deploys", "set its path in Dokploy")
        return
    try:
        findings = ward.check_settings(settings, True)
    except LockgateError as error:
        yield Line("command", UNKNOWN, error.message, error.remedy)
        return
    told = [f for f in findings if f.severity.value in ("error", "warning")]
    if not told:
        yield Line("command", GOOD, settings.command or "Dokploy's default")
    for found in told:
        state = BAD if found.severity.value == "error" else NOTE
        yield Line("command", state, f"[{found.rule}] {found.message}", found.help or "")


def _health(ward: Ward, found: Sequence[Container] | None) -> Iterator[Line]:
    probe, deploy = ward.probe, ward.order.config.deploy
    if probe is None:
        yield Line("health URL", NOTE, "none: only containers tell whether a release runs", "set [deploy] health_url")
        return
    seen = probing.before(probe, found, 1.0, new=False)
    if seen.reason:
        yield Line("health URL", BAD, seen.look.wrong, seen.reason.rpartition(" (")[2].rstrip(")"))
    elif not seen.good:
        yield Line("health URL", UNKNOWN, seen.look.wrong, "see whether the release that runs is up")
    else:
        yield Line("health URL", GOOD, deploy.health_url)
    if not probe.expectation.commit:
        remedy = 'let the app tell its commit, and set health_field = "commit=$commit": it is what makes green true'
        yield Line("health field", NOTE, "nothing proves which commit answers", remedy)
    elif seen.look.kind == "content" and "another commit" not in seen.look.wrong:
        yield Line("health field", BAD, seen.look.wrong, "let the app answer with its commit in that field")
    elif seen.good:
        yield Line("health field", GOOD, "the app tells its commit")


def _branch(ward: Ward) -> Iterator[Line]:
    head, deploy = ward.order.head, ward.order.config.deploy
    source = ward.order.sources[0]
    if not git.remote_tip(head.top, source):
        yield Line(
            "branch", UNKNOWN, f"origin does not tell where {source} is", "see the remote and the runner's network"
        )
    elif head.branch != source:
        yield Line("branch", NOTE, f"this is {head.branch or 'no branch'}; only {source} deploys")
    else:
        wrong = promote.reasons(head, source, deploy.branch)
        yield (
            Line("branch", NOTE, wrong[0], "push or pull first") if wrong else Line("branch", GOOD, f"{source} is here")
        )
    if source == deploy.branch:
        remedy = 'branch = "production" and promote_from = "main", and let Dokploy deploy production'
        yield Line(
            "moving branch",
            NOTE,
            f"people push to {deploy.branch}, and Dokploy deploys its tip, whatever was proven",
            remedy,
        )
    elif wrong := promote.diverged(head, deploy.branch):
        yield Line("moving branch", BAD, wrong[0], "let only the gate push to it")
    else:
        yield Line("moving branch", GOOD, f"the gate moves {deploy.branch} from {source}")


def _forge(ward: Ward) -> Iterator[Line]:
    required = ward.order.config.deploy.require
    if ward.forge is None:
        state = BAD if required else NOTE
        yield Line(
            "statuses",
            state,
            "no GITEA_TOKEN, or no repository: nothing is posted or read",
            "pass the job's token as GITEA_TOKEN",
        )
        return
    try:
        ward.forge.may_post()
        yield Line("statuses", GOOD, f"the token may post to {ward.forge.place.repository}")
    except GiteaError as error:
        yield Line("statuses", BAD, error.message, error.remedy)
    yield from _webhook(ward, ward.forge)
    if not required:
        yield Line(
            "required",
            NOTE,
            "none: only Lockgate's own result opens the gate",
            '[deploy] require = ["test / go (push)"]',
        )
        return
    try:
        states = ward.forge.latest(ward.order.head.commit)
    except GiteaError as error:
        yield Line("required", UNKNOWN, error.message, error.remedy)
        return
    now = require.standing(required, states)
    there = ", ".join(sorted(c for c in states if not c.startswith("lockgate/"))) or "none"
    for words in (*now.red, *now.open):
        absent = words.endswith(": not there")
        remedy = f"statuses of this commit: {there}" if absent else "see that job"
        yield Line("required", BAD if absent and states else NOTE, words, remedy)
    if not now.red and not now.open:
        yield Line("required", GOOD, f"{len(required)} green")


def _webhook(ward: Ward, forge: GiteaClient) -> Iterator[Line]:
    try:
        urls = forge.hooks()
    except GiteaError as error:
        yield Line(
            "webhook",
            UNKNOWN,
            f"the token may not list webhooks ({error.message})",
            "see the repository's settings, Webhooks",
        )
        return
    ours = [url for url in urls if "/api/deploy/" in url]
    if not ours:
        yield Line("webhook", GOOD, "none calls Dokploy")
        return
    state = NOTE if ward.order.advisory else BAD
    yield Line(
        "webhook",
        state,
        f"{len(ours)} of this repository's webhooks calls Dokploy: a way around the gate",
        "remove it (in advisory mode: when gate-report says so)",
    )


def _server(ward: Ward) -> Iterator[Line]:
    wanted = ward.order.config.database.version
    try:
        yield Line("verify", GOOD, f"{ward.server()}" + (f"; production runs {wanted}" if wanted else ""))
    except LockgateError as error:
        yield Line("verify", BAD, error.message, error.remedy)
