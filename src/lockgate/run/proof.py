"""Findings that locks and work prove: a rule's declaration against what the server was seen to hold and do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lockgate.base.effects import Effect, Lock, Work
from lockgate.base.findings import Finding, Verdict
from lockgate.base.lazy_imports import pattern
from lockgate.oracle.apply.plan import Observation
from lockgate.rules.rulebook import FrontMatter
from lockgate.sources.migration import Script, Transaction

_WORDS = pattern(
    r'(?P<rewrite>rewriting) table "(?P<t1>.+)"|(?P<scan>verifying) table "(?P<t2>.+)"'
    r'|(?P<build>building) index ".+" on table "(?P<t3>.+)"|(?P<key>validating) foreign key'
)
# Work of which debug1 says nothing: the rows of a table that is copied or emptied whole, and scans for a domain or a
# new partition.
_SILENT = pattern(
    r"\s*(?:cluster|vacuum|refresh|truncate|alter\s+domain|create\s.*partition\s+of|insert|update|delete|merge|select|with|copy)\b",
    re.IGNORECASE | re.DOTALL,
)

_LAST = pattern(r'"(?:[^"]|"")+"|[^".]+')  # the names of a qualified one
_APART = pattern(
    r"^\s*vacuum\b|\bconcurrently\b", re.IGNORECASE
)  # in no transaction that a look at its locks could join


def observed_effects(script: Script, observations: Sequence[Observation], seen: Observation) -> tuple[Effect, ...]:
    """What a statement held and did, from the words of the observations of its script, in order.

    Locks are told when they are taken, so those of the earlier statements of its transaction count, too. Relations have
    no OIDs here: work is told of a table's bare name, so it counts for every locked table of that name.
    """
    held: dict[str, Lock] = {}
    for one in (*_transaction(script, observations, seen), seen):
        for lock, relation in _locks(one):
            held[relation] = max(lock, held.get(relation, lock))
    taken = {relation: lock for lock, relation in sorted(_locks(seen))}
    return tuple(_effect(relation, taken.get(relation), lock, seen) for relation, lock in held.items())


def _transaction(script: Script, observations: Sequence[Observation], seen: Observation) -> list[Observation]:
    """The earlier statements of the transaction in which a statement ran."""
    out: list[Observation] = []
    inside = script.transaction is not Transaction.STATEMENT
    for one in observations:
        if one.index == seen.index:
            return out if inside else []
        word = script.source.text[one.span.start : one.span.end].split(None, 1)[:1]
        if word and word[0].rstrip(";").lower() in ("begin", "start", "commit", "end", "rollback", "abort"):
            inside, out = word[0].lower() in ("begin", "start", "begin;"), []
        else:
            out.append(one)
    return []


def _locks(seen: Observation) -> Iterator[tuple[Lock, str]]:
    for words in seen.locks:
        mode, _, relation = words.partition(" on ")
        yield Lock.of(mode), relation


def _effect(relation: str, lock: Lock | None, held: Lock, seen: Observation) -> Effect:
    name = _LAST.findall(relation)[-1].removeprefix('"').removesuffix('"').replace('""', '"')
    work, proof = Work.NONE, None
    for words in seen.work:
        found = _WORDS.match(words)
        if found is None:
            continue
        kind = Work.REWRITE if found["rewrite"] else Work.BUILD if found["build"] else Work.SCAN
        about = found["t1"] or found["t2"] or found["t3"]
        if (about == name or (about is None and lock is not None)) and kind > work:
            work, proof = kind, words
    return Effect(0, relation, lock, held, work, proof=proof)


def judged(item: Finding, front: FrontMatter, effects: Sequence[Effect], text: str) -> tuple[Verdict, str]:
    """The server's word on a finding whose rule declares locks or work: ``effects`` are those of its statement,
    ``text`` is that."""
    relation = item.effect.relation if item.effect is not None else item.object
    mine = [effect for effect in effects if effect.relation == relation]
    proof = next((effect for effect in mine if front.proven_by(effect)), None)
    if proof is not None:
        return Verdict.CONFIRMED, described(proof)
    if _APART.search(text) or (front.work and _SILENT.match(text)):
        return Verdict.UNPROVEN, "of such a statement the server does not tell all locks and work"
    said = "; ".join(map(described, mine)) or f"no lock on {relation}"
    return Verdict.REFUTED, f"the server applied the statement with {said}"


def described(effect: Effect) -> str:
    """An observed effect in the server's words."""
    lock = f"{effect.held.mode} on {effect.relation}" if effect.held is not None else effect.relation
    return f"{lock}, {effect.proof}" if effect.proof else f"{lock}, and no work that it tells of"
