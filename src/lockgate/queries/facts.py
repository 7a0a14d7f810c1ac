"""What queries come to: facts for the rules."""

from __future__ import annotations

import msgspec

from lockgate.base.findings import Label
from lockgate.timeline.failure import Failure


class QueryRefused(msgspec.Struct, frozen=True):
    """A query of this tree that the schema after the migrations refuses."""

    at: Label
    failure: Failure


class ReleaseLacks(msgspec.Struct, frozen=True):
    """An INSERT of the release that is running, which gives no value for a column that needs one after the pending
    migrations and not before them."""

    at: Label
    table: str
    column: str
    release: str


class ReleaseRefused(msgspec.Struct, frozen=True):
    """A query of the release that is running, which the schema after the pending migrations refuses and the one before
    them does not."""

    at: Label
    failure: Failure
    release: str
