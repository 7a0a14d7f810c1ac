"""Two files, one slot: see rules/duplicate-slot.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import DeclaredTwice, DuplicateSlot, SeveralHeads


@on_fact(DuplicateSlot)
def check(fact: DuplicateSlot) -> Iterator[Remark]:
    """One finding."""
    first, second = fact.first, fact.second
    applied = (
        f"; the ledger has it as {fact.applied}"
        if fact.applied
        else f"; one of them is applied: {fact.does}"
        if fact.does
        else ""
    )
    why = f" ({fact.why})" if fact.why else ""
    free = f", {fact.next_free}" if fact.next_free else ""
    yield Remark(
        f"slot {second.slot} is claimed by {first.id} and by {second.id}{applied}",
        second.label(f"claims slot {second.slot}, too"),
        f"move {second.id}{why} to the next free slot{free}: lockgate slots renumber {second.id}",
        (first.label(f"slot {first.slot} is taken here"),),
        slot=second.slot,
        object=second.id,
    )


@on_fact(DeclaredTwice)
def declared(fact: DeclaredTwice) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        f"{fact.name} is declared twice: {fact.does}",
        fact.second,
        "remove one of the two (a merge that kept both sides?), or give the newer one a name of its own",
        (fact.first,),
        object=fact.name,
    )


@on_fact(SeveralHeads)
def heads(fact: SeveralHeads) -> Iterator[Remark]:
    """One finding, at the last of them."""
    (ident, source) = fact.heads[-1]
    others = fact.heads[:-1]
    yield Remark(
        f"{' and '.join(name for name, _ in fact.heads)} both stand at the top: {fact.does}",
        Label(source, Span(0, 0), f"{ident} is a head"),
        fact.remedy,
        tuple(Label(other, Span(0, 0), f"{name} is another") for name, other in others),
        object=ident,
    )
