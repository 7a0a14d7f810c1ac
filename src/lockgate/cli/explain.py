"""lockgate explain: a rule's document."""

from __future__ import annotations

import sys

import click

from lockgate.base.errors import UsageError


@click.command("explain")
@click.argument("rule")
def command(rule: str) -> int:
    """What a rule catches, why it hurts, what to do, when to ignore it. RULE is a name or a code."""
    import difflib

    from lockgate.rules import registry

    entry = registry.ours().of_code(rule)
    if entry is None:
        near = difflib.get_close_matches(rule, sorted(registry.ours().words), 1)
        raise UsageError(f"no such rule: {rule}", f"did you mean {near[0]}?" if near else "see `lockgate rules`")
    found = entry.rule()
    states = f", {', '.join(found.sqlstate)}" if found.sqlstate else ""
    head = f"{found.code} {found.name} ({found.severity.value}{states})\n"
    if not sys.stdout.isatty():
        click.echo(head + found.text.strip())
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(head, style="bold")
    console.print(Markdown(found.text.strip()))
    return 0
