"""The simulated catalog is not the server's: see rules/simulation-differs.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.run.evidence import Differs


@on_fact(Differs)
def check(fact: Differs) -> Iterator[Remark]:
    """One finding for each object."""
    yield Remark(
        f"a bug of Lockgate's: {fact.object} is simulated otherwise than the server has it: {fact.words}",
        fact.at,
        "nothing is wrong with the migration; please report this statement",
        object=fact.object.partition(" ")[2],
        slot=fact.migration.slot,
        statement=fact.statement,
    )
