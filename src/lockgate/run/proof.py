"""Findings that locks and work prove: a rule's declaration against what the server was seen to hold and do."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.base.effects import Effect, Work
from lockgate.base.findings import Evidence, Finding, Verdict
from lockgate.oracle.apply.plan import ApplyReport, Observation
from lockgate.rules.registry import Ruleset
from lockgate.rules.rulebook import FrontMatter


def judged(item: Finding, front: FrontMatter, seen: Observation, effects: tuple[Effect, ...]) -> tuple[Verdict, str]:
    """The server's word on a finding whose rule declares locks or work; ``effects`` are those that it was seen to make,
    by the names that the statement says."""
    relation = item.effect.relation if item.effect is not None else item.object
    mine = [effect for effect in effects if effect.relation == relation]
    proof = next((effect for effect in mine if front.proven_by(effect)), None)
    if proof is not None:
        return Verdict.CONFIRMED, described(proof)
    if not seen.looked:
        return Verdict.UNPROVEN, "a statement that runs in no transaction block does not show its locks and work"
    said = "; ".join(map(described, mine)) or f"no lock on {relation}"
    return Verdict.REFUTED, f"the server applied the statement with {said}"


_WORDS = {
    Work.NONE: "no work on its rows",
    Work.SCAN: "read from end to end",
    Work.BUILD: "an index built anew",
    Work.REWRITE: "written anew",
}


def described(effect: Effect) -> str:
    """An observed effect in words, the server's own where it has any."""
    lock = f"{effect.held.mode} on {effect.relation}" if effect.held is not None else effect.relation
    return f"{lock}, {effect.proof or _WORDS[effect.work]}"


def by_policies(findings: list[Finding], report: ApplyReport, rules: Ruleset) -> list[Finding]:
    """Circles among policies, proven where EXPLAIN under row security tells of one."""
    server = report.server.version
    return [
        replace(f, evidence=Evidence(Verdict.CONFIRMED, "", server, said.sqlstate, said.message, by="EXPLAIN"))
        if rules[f.name].front.policies and (said := report.recursions.get(f.object)) is not None
        else f
        for f in findings
    ]
