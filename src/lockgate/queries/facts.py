"""What queries come to: facts for the rules."""

from __future__ import annotations

from lockgate.base.findings import Label
from lockgate.base.values import dataclass
from lockgate.timeline.failure import Failure


@dataclass(frozen=True, slots=True)
class QueryRefused:
    """A query of this tree that the schema after the migrations refuses."""

    at: Label
    failure: Failure


@dataclass(frozen=True, slots=True)
class ReleaseRefused:
    """A query of the release that is running, which the schema after the pending migrations refuses and the one before
    them does not."""

    at: Label
    failure: Failure
    release: str
