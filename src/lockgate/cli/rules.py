"""lockgate rules: the list of rules."""

from __future__ import annotations

import json

import click


@click.command("rules")
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)
def command(output_format: str) -> int:
    """List all rules: code, name, severity, what PostgreSQL says."""
    from lockgate.rules import rulebook

    rules = sorted((rulebook.rule(name) for name in rulebook.names()), key=lambda r: r.code)
    if output_format == "json":
        rows = [
            {
                "code": r.code,
                "name": r.name,
                "severity": r.severity.value,
                "family": r.family,
                "title": r.title,
                "sqlstate": list(r.sqlstate),
                "default": r.default,
                "url": r.url,
            }
            for r in rules
        ]
        click.echo(json.dumps({"version": 1, "rules": rows}, ensure_ascii=False))
        return 0
    width = max((len(r.name) for r in rules), default=0)
    for r in rules:
        off = "" if r.default else "  (off by default)"
        click.echo(f"{r.code:5} {r.name:{width}}  {r.severity.value:7}  {r.title}{off}")
    return 0
