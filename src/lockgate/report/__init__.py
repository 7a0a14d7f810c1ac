"""Reports: one report in the formats that people, CI systems and editors read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.base.text import unheard

if TYPE_CHECKING:
    from lockgate.api import Report


def render(report: Report, output_format: str, *, to_terminal: bool = True) -> str:
    """The report in one of the formats: terminal json sarif gitlab junit annotations."""
    from importlib import import_module

    module = import_module(f"lockgate.report.{'terminal' if output_format == 'terminal' else output_format + '_'}")
    if output_format == "terminal":
        return unheard(str(module.render(report, colors=to_terminal)))
    return str(module.render(report))
