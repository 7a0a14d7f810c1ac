"""Healthcheck that cannot fail: see rules/healthcheck-cannot-fail.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile

_ALWAYS = pattern(
    r"(?:\|\|\s*(?:true|:|exit\s+0|echo\b[^|&;]*)|;\s*(?:true|:|exit\s+0))\s*$|^\s*(?:true|:|exit\s+0|/bin/true)\s*$"
)
# curl as the last command: in a pipe the next one decides
_CURL = pattern(r"(?:^|[\s;&|/])curl(?=\s)(?![^;&|]*\s(?:-[a-zA-Z]*f|--fail))(?![^;&]*\|(?!\|))")


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the test."""
    for service in fact.services:
        test = (
            service.healthcheck.test if service.healthcheck is not None and not service.healthcheck.disabled else None
        )
        if test is None:
            continue
        why = (
            "it always succeeds"
            if _ALWAYS.search(test.value)
            else "curl without -f succeeds on every status"
            if _CURL.search(test.value)
            else ""
        )
        if why:
            yield Remark(
                f"the healthcheck of {service.name} cannot fail: {why}",
                Label(fact.source, test.span, why),
                "let the command's own exit code decide (curl -f, wget --spider)",
                object=service.name,
            )
