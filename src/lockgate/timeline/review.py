"""Tables that nobody sees a row of: row level security that a migration leaves on without a policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Policy, Relation
from lockgate.timeline.step import Step


class Unguarded(msgspec.Struct, frozen=True):
    """A table whose row level security a migration switches on, and that has no policy at its end. A later one may
    still bring it."""

    step: Step
    oid: int
    object: str

    @property
    def breakage(self) -> str:
        """By what a later migration takes it back (see ``Replay.mended``)."""
        return breakage_of_table(self.oid)


def breakage_of_table(oid: int) -> str:
    """The id of a table that row level security hides whole."""
    return f"unguarded {oid}"


def unguarded(steps: Sequence[Step]) -> Iterator[Unguarded]:
    """Tables that a migration leaves with row level security on and without a policy."""
    after = steps[-1].after
    for step in steps:
        for change in step.changes:
            new = change.after
            was = isinstance(change.before, Relation) and change.before.rls
            if isinstance(new, Relation) and new.rls and not was and bare(after, new.oid):
                yield Unguarded(step, new.oid, after.qualified(new))


def bare(catalog: Catalog, oid: int) -> bool:
    """Whether row level security is on for a table, and certainly nothing lets a row pass."""
    relation = catalog.find(Relation, oid)
    if relation is None or not relation.rls or catalog.taint_of(("any",), ("object", oid)) is not None:
        return False
    return not catalog.of_relation(oid, Policy)
