"""What is worth telling of statements that PostgreSQL takes: facts about a migration as a whole, and about the end of
the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockgate.base.values import dataclass
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Policy, Relation
from lockgate.timeline.context import Warned
from lockgate.timeline.step import Step


@dataclass(frozen=True, slots=True)
class Undone:
    """A statement that the server takes with a WARNING, and without doing what it says (class 01)."""

    step: Step
    warned: Warned


@dataclass(frozen=True, slots=True)
class Unguarded:
    """A table whose row level security a migration switches on, and that has no policy at its end. A later one may
    still bring it."""

    step: Step
    oid: int
    object: str

    @property
    def message(self) -> str:
        """The words of the finding, by which a later migration takes it back (see ``Replay.mended``)."""
        return f"row level security is on for {self.object}, and no policy lets anybody see a row"


def of_migration(steps: Sequence[Step]) -> Iterator[object]:
    """Facts of one migration's statements, in order."""
    made = dropped = False
    for step in steps:
        if step.fails is None:
            yield from (Undone(step, warned) for warned in step.warnings if warned.level == "WARNING" and warned.help)
        for change in step.changes:
            made = made or change.before is None
            dropped = dropped or change.after is None
    yield from unguarded(steps)
    if made and dropped:
        from lockgate.timeline.remade import remade

        yield from remade(steps)
    if made and steps[-1].session.known:
        from lockgate.timeline.privileges.strangers import strangers

        yield from strangers(steps)


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
