"""What will run at the next deploy, in order."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lockgate.slots.applied import match, renamed_ones, too_late
from lockgate.slots.claim import Claim
from lockgate.slots.ledger import Ledger
from lockgate.slots.table import SlotTable
from lockgate.sources import Direction


class Pending(msgspec.Struct, frozen=True):
    """A migration that no row of the ledger has. ``note``: what the runner does with it, where it does not simply
    run."""

    claim: Claim
    note: str = ""


def pending(table: SlotTable) -> list[Pending]:
    """The migrations that the next deploy meets, in the runner's order; what only the base branch has comes with the
    merge."""
    assert table.ledger is not None
    found = match(table.folder, table.ledger)
    # a new database starts from the last baseline
    here = {m.id for m in table.folder.migrations} if not table.ledger.rows else {c.id for c in found.ups}
    other = {fact.claim.id for fact in renamed_ones(found, table.ledger) if not fact.same}
    ups = [c for c in found.ups if (c.id not in found.rows or c.id in other) and c.id in here]
    coming = [c for c in table.base if c.direction is not Direction.DOWN]
    if coming:
        ups = sorted([*ups, *coming], key=lambda c: (c.number is None, c.number or ()))
    if table.ledger.kind.runner == "golang-migrate" and any(row.dirty for row in table.ledger.rows):
        return []  # it runs nothing until `migrate force` has cleared the row
    late = {fact.claim.id: fact.does for fact in too_late(found, table.ledger)}
    return [Pending(claim, _note(claim, table.ledger, late)) for claim in ups]


def _note(claim: Claim, ledger: Ledger, late: Mapping[str, str]) -> str:
    if claim.number is not None and not ledger.kind.by_name and claim.number in ledger.applied_numbers():
        return "its slot is applied under another name: it will not run"
    if claim.id in late:
        return late[claim.id]
    if claim.where:
        return f"from {claim.where}, with the merge"
    again = not claim.slot and claim.name.replace("_", " ") in {row.name for row in ledger.repeated}
    return "it was changed, and runs again" if again else ""
