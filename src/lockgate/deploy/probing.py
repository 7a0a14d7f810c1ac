"""The health URL before the order: the release that runs answers it, so a probe that is wrong shows while nothing has been
replaced."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from lockgate.deploy import containers as docker
from lockgate.deploy.health import HealthProbe, Look, host
from lockgate.deploy.records import Container

_DAY = 86400.0
_TRIES = 3


class Before(msgspec.Struct, frozen=True):
    """What the health URL came to before the order."""

    look: Look
    reason: str = ""  # closes the gate
    note: str = ""

    @property
    def good(self) -> bool:
        """Whether the probe is proven right: the running release answers it, be it with its own commit."""
        return self.look.kind in ("good", "content")


def before(probe: HealthProbe, found: Sequence[Container] | None, pause: float, *, new: bool) -> Before:
    """Ask it, a few times where no answer comes. ``new``: this release brings the URL."""
    look = probe.look()
    for _ in range(_TRIES - 1 if look.kind in ("unreachable", "down") else int(look.kind == "silent")):
        time.sleep(pause)
        look = probe.look()
        if look.kind not in ("unreachable", "down", "silent"):
            break
    return judge(look, host(probe.expectation.url), serving(found), new=new)


def judge(look: Look, where: str, runs: bool, *, new: bool = False) -> Before:
    """Whether an answer closes the gate. A release that is down must stay replaceable: where none runs, only what no
    release could mend closes."""
    if look.kind == "good":
        return Before(look)
    if look.kind == "content":
        return Before(look, note=f"the release that runs does not yet answer as the next one must: {look.wrong}")
    told = f"the health URL ({where}) is wrong before anything was ordered: {look.wrong}"
    if new or look.kind == "down" or (not runs and look.kind != "redirect"):
        return Before(look, note=f"the release that runs does not answer its health URL ({where}): {look.wrong}")
    return Before(look, reason=f"{told} ({_REMEDIES[look.kind]})")


def serving(found: Sequence[Container] | None) -> bool:
    """Whether a release runs that could answer. Where the containers are not listed, one is taken to."""
    if found is None:
        return True
    return any(c.state == "running" for c in found) and not any(map(_broken, found))


def _broken(container: Container) -> bool:
    """Whether it is a server that is down, and not what a one-shot left behind."""
    if container.state not in docker.ENDED:
        return bool(docker.trouble(container)) and container.state != "created"
    gone = docker.ended_since(container.status)
    recent = gone is None or gone < _DAY
    return bool(docker.trouble(container)) and recent and "-run-" not in container.name


_NEW = "if only this release brings it: --new-health-url"
_REMEDIES = {
    "redirect": "name the final address in [deploy] health_url: redirects are not followed",
    "certificate": "give the host a certificate that this machine trusts, or ask another address",
    "refused": f"mend [deploy] health_url or health_status; {_NEW}",
    "silent": f"it must answer within 10 s; {_NEW}",
    "unreachable": f"mend [deploy] health_url, or let this machine reach it; {_NEW}",
}
