"""lockgate explain: a rule's document."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say


@click.command("explain")
@click.argument("rule")
@config_options
def command(rule: str, config_path: Path | None) -> int:
    """What a rule catches, why it hurts, what to do, when to ignore it. RULE is a name or a code."""
    import difflib

    from lockgate.rules.registry import ours

    rules = ours()
    entry = rules.of_code(rule)
    if entry is None:
        from lockgate.rules.plugins import rules_of

        rules = rules_of(configuration(config_path))
        entry = rules.of_code(rule)
    if entry is None:
        near = difflib.get_close_matches(rule, sorted(rules.words), 1)
        raise UsageError(f"no such rule: {rule}", f"did you mean {near[0]}?" if near else "see `lockgate rules`")
    found = entry.rule()
    states = f", {', '.join(found.sqlstate)}" if found.sqlstate else ""
    head = f"{found.code} {found.name} ({found.severity.value}{states})\n"
    if not sys.stdout.isatty():
        say(head + found.text.strip())
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(head, style="bold")
    console.print(Markdown(found.text.strip()))
    return 0
