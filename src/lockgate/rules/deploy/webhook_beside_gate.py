"""Push webhook beside the gate: see rules/webhook-beside-gate.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow, hooks


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at each address; it is a secret, and is not repeated."""
    for span in hooks(fact.source):
        yield Remark(
            "this calls Dokploy's push webhook: a deploy around the gate",
            Label(fact.source, span, "the address is a secret, too"),
            "remove it, make a new token in Dokploy, and let `lockgate deploy` be the only way",
        )
