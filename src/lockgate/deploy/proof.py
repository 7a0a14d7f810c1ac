"""What opens the gate: a verification made now, or an attestation of one; and the loud way around both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.findings import Finding
from lockgate.deploy import attestation

if TYPE_CHECKING:
    from lockgate.api import PostgresUsed


class Outcome(Protocol):
    """What a verification came to (``lockgate.api.Report``)."""

    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def server(self) -> PostgresUsed: ...


class GateVerdict(msgspec.Struct, frozen=True):
    """Whether the proof opens the gate, and why not."""

    green: bool
    reasons: tuple[str, ...]
    exit_code: int
    words: str = ""


def of_outcome(outcome: Outcome) -> GateVerdict:
    """The verdict of a verification."""
    words = count_words(outcome.findings)
    return GateVerdict(outcome.exit_code == 0, () if outcome.exit_code == 0 else (words,), outcome.exit_code, words)


def of_attestation(attested: attestation.Attestation, at: attestation.Tree, max_age: float) -> GateVerdict:
    """The verdict of an attestation for the tree at hand."""
    reasons = attestation.match(attested, datetime.now(UTC), at, max_age)
    if reasons:
        return GateVerdict(False, tuple(f"attestation: {r}" for r in reasons), 1)
    return GateVerdict(True, (), 0, f"attested, PostgreSQL {attested.server}")


def count_words(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning; 3 confirmed`` for a status."""
    severities = [f.severity.value for f in findings]
    proven = sum(1 for f in findings if f.evidence is not None and f.evidence.verdict.value == "confirmed")
    counts = [(severities.count(s), s) for s in ("error", "warning", "info")]
    parts = [f"{count} {name}{'s' if count != 1 and name != 'info' else ''}" for count, name in counts if count]
    return (", ".join(parts) or "no findings") + (f"; {proven} confirmed by the server" if proven else "")


def checked_override(environ: Mapping[str, str]) -> str:
    """The reason in LOCKGATE_OVERRIDE; "" where it is not set. Raises UsageError for a reason that is none."""
    reason = " ".join(environ.get("LOCKGATE_OVERRIDE", "").split())
    if reason and (len(reason) < 10 or " " not in reason):
        raise UsageError(
            "LOCKGATE_OVERRIDE: no reason given",
            'say why in words: LOCKGATE_OVERRIDE="hotfix for the login outage, ticket 42"',
        )
    return reason
