"""Reports: one report in the formats that people, CI systems and editors read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.base.text import unheard

if TYPE_CHECKING:
    from lockgate.api import Report
    from lockgate.report.amount import Amount


def render(report: Report, output_format: str, amount: Amount | None = None, *, to_terminal: bool = True) -> str:
    """The report in one of the formats: terminal concise json sarif gitlab junit annotations; ``amount`` says how much of
    it people want to read (terminal, concise). Documents are whole."""
    from importlib import import_module

    if output_format not in ("terminal", "concise"):
        return str(import_module(f"lockgate.report.{output_format}_").render(report))
    from lockgate.report.amount import Amount

    module = import_module("lockgate.report." + ("terminal" if output_format == "terminal" else "concise_"))
    return unheard(str(module.render(report, amount or Amount(), colors=to_terminal)))
