"""What is asked of the gate."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lockgate.base.config import Config
from lockgate.deploy import attestation, git
from lockgate.deploy.ending import Limits


class Order(msgspec.Struct, frozen=True):
    """A tree that would be deployed, and how."""

    config: Config
    head: git.Head
    files: Mapping[str, list[attestation.Piece]]  # behind each digest of an attestation
    attested: attestation.Attestation | None = None
    allow_auto_deploy: bool = False
    dry_run: bool = False
    resume: bool = False
    override: str = ""
    again: bool = False  # order although this commit is deployed already
    new_health_url: bool = False  # the release that runs does not answer it yet
    promote_only: bool = False  # move the branch, and leave the deploy to others

    @property
    def advisory(self) -> bool:
        return self.config.deploy.mode == "advisory"

    @property
    def sources(self) -> tuple[str, ...]:
        """The branches from which may be deployed: where the gate moves the deployed branch, those from which it does."""
        deploy = self.config.deploy
        return (deploy.promote_from,) if deploy.promote_from else (deploy.branch,)

    @property
    def limits(self) -> Limits:
        """The phases' timeouts."""
        return Limits(
            self.config.deploy.queue_timeout, self.config.deploy.deploy_timeout, self.config.deploy.health_timeout
        )
