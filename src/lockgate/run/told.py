"""Which hazards of a deploy are told: those of what is pending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.base.findings import Finding, Severity
from lockgate.rules import registry
from lockgate.run.pending import is_hazard

if TYPE_CHECKING:
    from lockgate.rules.registry import Ruleset
    from lockgate.run.examine import Checked

_MANY = 20  # hazards of earlier migrations, of which nobody says whether they have run: more than these are one line


def of_the_deploy(findings: list[Finding], checked: Checked) -> tuple[list[Finding], int, str]:
    """Without the hazards of migrations that are known to have run, and how many those are. Where nobody knows, some
    rules speak of the newest migration alone, whose file is told."""
    pending, rules = checked.plan.pending, checked.rules
    if pending is None:
        newest = checked.plan.migrations[-1].up.source.path if checked.plan.migrations else ""
        asked = checked.config.rules.select, checked.config.rules.extend_select
        alone = {e.name for e in rules.speaking if registry.of_the_newest(e, *asked)}
        return [f for f in findings if f.name not in alone or f.at.source.path == newest], 0, newest
    ran = {(m.up.source.path, m.slot) for m in checked.plan.migrations if m.id not in pending}
    kept = [f for f in findings if not is_hazard(rules[f.name]) or (f.at.source.path, f.slot) not in ran]
    return kept, len(findings) - len(kept), ""


def for_a_person(findings: tuple[Finding, ...], rules: Ruleset, newest: str) -> tuple[tuple[Finding, ...], int]:
    """The findings that a person reads, and how many are left out: where nobody knows what is pending, the hazards of
    earlier migrations, if they are many."""

    def earlier(item: Finding) -> bool:
        hazard = item.severity is not Severity.ERROR and is_hazard(rules[item.name])
        return hazard and item.at.source.path != newest

    count = sum(map(earlier, findings)) if newest else 0
    return (findings, 0) if count <= _MANY else (tuple(f for f in findings if not earlier(f)), count)
