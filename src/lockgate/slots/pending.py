"""What will run at the next deploy, in order."""

from __future__ import annotations

from lockgate.slots.applied import match
from lockgate.slots.claim import Claim
from lockgate.slots.table import SlotTable
from lockgate.sources import Direction
from lockgate.values import dataclass


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that no row of the ledger has. ``note``: what the runner does with it, where it does not simply run."""

    claim: Claim
    note: str = ""


def pending(table: SlotTable) -> list[Pending]:
    """The migrations that the next deploy meets, in the runner's order; what only the base branch has comes with the merge."""
    assert table.ledger is not None
    found = match(table.folder, table.ledger)
    numbers = set(table.ledger.applied_numbers()) if not table.ledger.kind.by_name else set()
    ups = [*found.ups, *(c for c in table.base if c.direction is not Direction.DOWN)]
    ups.sort(key=lambda c: (c.number is None, c.number or ()))
    highest = max((c.number for c in found.ups if c.id in found.rows and c.number), default=None)
    out = []
    for claim in ups:
        if claim.id in found.rows:
            continue
        note = ""
        if claim.where:
            note = f"from {claim.where}, with the merge"
        if claim.number in numbers:
            note = "its slot is applied under another name: it will not run"
        elif highest is not None and claim.number is not None and claim.number < highest:
            note = table.ledger.kind.late
        out.append(Pending(claim, note))
    return out
