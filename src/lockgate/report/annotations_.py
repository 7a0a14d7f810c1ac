"""Workflow annotations (``::error file=...``), understood by GitHub's runners and folded into the log by Gitea's."""

from __future__ import annotations

from lockgate.api import Report
from lockgate.base.findings import Finding, Severity
from lockgate.base.text import clean_text

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """A line per finding."""
    stopped = (f"::error title={_property(h.name)}::{_data(str(h.error))}\n" for h in report.histories if h.error)
    return "".join((*(f"{_annotation(f)}\n" for f in report.findings), *stopped))


def _annotation(item: Finding) -> str:
    start, end = item.at.source.position(item.at.span.start), item.at.source.position(item.at.span.end)
    place = f"file={_property(item.at.source.path)},line={start.line},col={start.column},endLine={end.line},endColumn={end.column}"
    text = item.message + (f"\n{item.help}" if item.help else "")
    return f"::{_COMMAND[item.severity]} {place},title={_property(f'{item.rule} {item.name}')}::{_data(text)}"


def _data(text: str) -> str:
    return clean_text(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
