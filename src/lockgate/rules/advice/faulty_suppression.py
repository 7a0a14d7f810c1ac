"""A suppression that silences nothing, or for no reason: see rules/faulty-suppression.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.run.suppressions import Faulty


@on_fact(Faulty)
def check(fact: Faulty) -> Iterator[Remark]:
    """One finding, at the directive."""
    yield Remark(fact.why, Label(fact.source, fact.span, "this one"), fact.help)
