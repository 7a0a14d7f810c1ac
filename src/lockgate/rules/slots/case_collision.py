"""Two names that are one elsewhere: see rules/case-collision.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import CaseCollision


@on_fact(CaseCollision)
def check(fact: CaseCollision) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        f"{fact.second.path} and {fact.first} are one file on {fact.how}",
        Label(fact.second, Span(0, 0), f"collides with {fact.first}"),
        "rename one of them",
        object=fact.second.path,
    )
