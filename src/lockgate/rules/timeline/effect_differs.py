"""The simulated effects are not the server's: see rules/effect-differs.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.run.evidence import EffectDiffers


@on_fact(EffectDiffers)
def check(fact: EffectDiffers) -> Iterator[Remark]:
    """One finding for each statement."""
    yield Remark(
        f"a bug of Lockgate's: the server locks or does something else than simulated: {fact.words}",
        fact.at,
        "nothing is wrong with the migration; please report this statement",
        object=fact.object,
        slot=fact.migration.slot,
        statement=fact.statement,
    )
