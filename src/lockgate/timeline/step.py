"""A step: one statement on the timeline, with all that rules want to know of it."""

from __future__ import annotations

import msgspec

from lockgate.base.effects import Effect
from lockgate.base.lazy_imports import Map
from lockgate.catalog.acl import Items
from lockgate.catalog.catalog import Catalog, EventKey
from lockgate.catalog.objects import Namespace, Object, Relation, Routine, Type
from lockgate.parse.statement import Statement
from lockgate.sources.migration import Migration
from lockgate.timeline.context import Warned
from lockgate.timeline.failure import Failure
from lockgate.timeline.session import Session


class Change(msgspec.Struct, frozen=True):
    """One difference that a step made: an object before and after (None: it did not exist, or is gone)."""

    before: Object | None
    after: Object | None


class Dropped(msgspec.Struct, frozen=True):
    """What a step dropped of what was there before its migration, with what was said about it."""

    object: Namespace | Relation | Routine | Type
    key: EventKey | None  # where the fate of its name is remembered (see history.event_key)
    schema: str
    arguments: str = ""  # of a routine, as DROP names it
    grants: Items = ()
    policies: tuple[str, ...] = ()
    comment: str = ""


class Step(msgspec.Struct, frozen=True):
    """A statement (without its tree, which takes 150 times its text), the session before it, what it changes, and its failure.

    ``before`` and ``after`` are the catalogs around its whole migration: one for each statement would be as many as a
    file has statements. Whoever needs a statement's own gets them while it is taken (``Replay.look``).
    ``tainted`` holds the reasons why the simulator is not certain of this step; ``notes`` what it does not model.
    ``latent`` are failures that the apply does not show and the first call does (bodies broken by this step).
    """

    migration: Migration
    statement: Statement
    session: Session
    before: Catalog
    after: Catalog
    changes: tuple[Change, ...] = ()
    warnings: tuple[Warned, ...] = ()
    effects: tuple[Effect, ...] = ()
    fails: Failure | None = None
    latent: tuple[Failure, ...] = ()
    tainted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    kept: Map[int, Effect] = msgspec.field(default_factory=Map)  # locks that its transaction holds after it
    repaired: bool = False  # it fails, and the replay went on as if it had been applied by the role that may

    def untouched(self, most: int = 100) -> tuple[Effect, ...]:
        """The locks that its transaction took before, from SHARE UPDATE EXCLUSIVE on, and holds on what the statement
        leaves alone."""
        touched = {effect.oid for effect in self.effects}
        return tuple(self.kept[oid] for oid in sorted(set(self.kept) - touched)[:most])
