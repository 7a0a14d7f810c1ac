"""One remedy, told once: what several CREATEs in one schema lack."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.base.findings import Finding, Label


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """Refused CREATEs that lack the very same grant as one before them are related places of that one: the grant mends
    them all, and after it they may fail of something else."""
    out: list[Finding] = []
    first: dict[tuple[str, str, str], int] = {}
    for item in findings:
        if item.sqlstate != "42501" or not item.help.startswith("GRANT CREATE ON SCHEMA "):
            out.append(item)
            continue
        key = item.rule, item.object, item.help
        if key not in first:
            first[key] = len(out)
            out.append(item)
            continue
        told = out[first[key]]
        label = Label(item.at.source, item.at.span, "and here, for want of the same grant")
        out[first[key]] = replace(told, related=(*told.related, label))
    return out
