"""What follows from the objects that a statement made, changed and dropped: the locks and the work that every command
has in common (src/backend/catalog/dependency.c, index.c, pg_constraint.c; ATRewriteTables in tablecmds.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Object, Other, Policy, Relation, Rewrite, Trigger
from lockgate.timeline.hazards.touches import Touches, family, partition_parents

Entry = tuple[Object | None, Object | None]


class Journal:
    """The changes of one statement, with the catalog before it and the one after it.

    ``nulls`` are the new columns whose own foreign keys are not held against the rows; ``filled`` tells whether a table has rows in the columns of a foreign key.
    """

    def __init__(
        self,
        touches: Touches,
        entries: Sequence[Entry],
        before: Catalog,
        after: Catalog,
        *,
        nulls: frozenset[str] = frozenset(),
        filled: Callable[[Relation, Constraint], bool] = lambda relation, constraint: True,
    ) -> None:
        self.touches = touches
        self.entries = entries
        self.before = before
        self.after = after
        self.nulls = nulls
        self.filled = filled
        self.made = {new.oid for old, new in entries if old is None and isinstance(new, Relation)}

    def relation(self, oid: int) -> Relation | None:
        """A relation as it is, or was."""
        return self.after.find(Relation, oid) or self.before.find(Relation, oid)

    def settle(self) -> None:
        """Take note of all."""
        for old, new in self.entries:
            if old is None and new is not None:
                self._made(new)
            elif new is None and old is not None:
                self._dropped(old)
            elif old is not None and new is not None:
                self._changed(old, new)

    # --- made ---------------------------------------------------------------------------------------------------------

    def _made(self, new: Object) -> None:
        match new:
            case Relation(index=index) if index is not None:
                if new.kind == "i":
                    self.touches.work(self.relation(index.relation), Work.BUILD, "index build")
            case Constraint(kind="f"):
                self._foreign_key(new)
            case Constraint(kind="c", validated=True) if new.relation and new.relation not in self.made:
                self.touches.work(self.relation(new.relation), Work.SCAN, f"check {new.name} verified")
            case _:
                pass

    def _foreign_key(self, new: Constraint) -> None:
        own, other = self.relation(new.relation), self.relation(new.foreign)
        for relation in (own, other):
            self.touches.lock(relation, Lock.SHARE_ROW_EXCLUSIVE)
        parts = self.after.find(Constraint, new.parent) if new.parent else None
        again = parts is not None and parts.relation == new.relation  # a part for one partition of the referenced table
        if new.validated and not self._null(new) and new.relation not in self.made and not again:
            self.validated(new)

    def _null(self, key: Constraint) -> bool:
        own = self.after.find(Relation, key.relation)
        names = {a.name for a in own.attributes if a.num in key.keys} if own is not None and self.nulls else set()
        return len(names) == 1 and names <= self.nulls

    def validated(self, key: Constraint) -> None:
        """RI_Initial_Check: both tables are read; the referenced one only where the other has values."""
        own, other = self.relation(key.relation), self.relation(key.foreign)
        self.touches.work(own, Work.SCAN, "foreign key validated")
        if own is None or own.kind == "p" or other is None or not self.filled(own, key):
            return
        parts = [other] if other.kind != "p" else self._leaves(other)
        for part in parts:
            self.touches.work(part, Work.SCAN, "foreign key validated")

    def _leaves(self, relation: Relation) -> list[Relation]:
        return family(self.after, relation)

    # --- dropped ------------------------------------------------------------------------------------------------------

    def _dropped(self, old: Object) -> None:
        match old:
            case Relation(index=index) if index is not None:
                self.touches.lock(old, Lock.ACCESS_EXCLUSIVE)
                self.touches.lock(self.relation(index.relation), Lock.ACCESS_EXCLUSIVE)
            case Relation():
                self.touches.lock(old, Lock.ACCESS_EXCLUSIVE)
                for relation in partition_parents(self.before, old):
                    self.touches.lock(relation, Lock.ACCESS_EXCLUSIVE)
            case Constraint():
                self.touches.lock(self.relation(old.relation), Lock.ACCESS_EXCLUSIVE)
                if old.foreign and not self._goes_on(old):
                    self.touches.lock(self.relation(old.foreign), Lock.ACCESS_EXCLUSIVE)
            case Trigger() | Policy() | Rewrite():
                self.touches.lock(self.relation(old.relation), Lock.ACCESS_EXCLUSIVE)
            case Other(kind="default"):
                self.touches.lock(self.relation(old.relation), Lock.ACCESS_EXCLUSIVE)
            case Other(kind="publication_rel") if self.after.get(int(old.name.partition(".")[0])) is None:
                pass  # it goes with its publication, which asks for nothing
            case Other(kind="statistics" | "publication_rel"):
                self.touches.lock(self.relation(old.relation), Lock.SHARE_UPDATE_EXCLUSIVE)
            case _:
                pass

    def _goes_on(self, old: Constraint) -> bool:
        """Whether a partition's part of a foreign key goes because the whole takes it in."""
        return bool(old.parent) and self.after.get(old.parent) is not None and self.after.get(old.relation) is None

    # --- changed ------------------------------------------------------------------------------------------------------

    def _changed(self, old: Object, new: Object) -> None:
        match old, new:
            case Relation(), Relation():
                self._relation(old, new)
            case Constraint(validated=False, kind="c" | "n"), Constraint(validated=True):
                word = "not null" if new.kind == "n" else f"check {new.name}"
                self.touches.work(self.relation(new.relation), Work.SCAN, f"{word} verified")
            case Constraint(validated=False, kind="f"), Constraint(validated=True):
                self.touches.lock(self.relation(new.foreign), Lock.ROW_SHARE)
                self.validated(new)
            case _:
                pass

    def _relation(self, old: Relation, new: Relation) -> None:
        if old.owner != new.owner or len(new.attributes) < len(old.attributes):
            self.touches.lock(new, Lock.ACCESS_EXCLUSIVE)
        if new.oid in self.made:
            return
        for was, column in zip(old.attributes, new.attributes, strict=False):
            if was is not column and was.num == column.num and column.notnull and not was.notnull:
                self._not_null(new, column.num, column.name)

    def _not_null(self, relation: Relation, number: int, name: str) -> None:
        """Every row is looked at for NULLs, unless a CHECK from before proves that there are none; not for one that is
        added NOT VALID (18)."""
        first = self.before.find(Relation, relation.oid)
        was = first.attribute_by_num(number) if first is not None else None
        if first is None or (was is not None and was.notnull):
            return
        own = self.after.of_relation(relation.oid, Constraint)
        if any(c.kind == "n" and not c.validated and number in c.keys for c in own):
            return
        from lockgate.timeline.hazards.implied import not_null_proof

        proof = not_null_proof(
            self.before, relation, was.name if was else "", (c for c in own if self.before.get(c.oid) is not None)
        )
        if proof:
            self.touches.note(relation, f"proven by check {proof}")
        else:
            self.touches.work(relation, Work.SCAN, f"{name} looked at for nulls")
