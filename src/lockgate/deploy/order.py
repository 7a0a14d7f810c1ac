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

    @property
    def advisory(self) -> bool:
        return self.config.deploy.mode == "advisory"

    @property
    def limits(self) -> Limits:
        """The phases' timeouts."""
        return Limits(
            self.config.deploy.queue_timeout, self.config.deploy.deploy_timeout, self.config.deploy.health_timeout
        )
