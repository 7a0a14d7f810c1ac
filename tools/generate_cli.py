"""Write docs/cli.md: every command with its options, as click knows them.

Run it after a change to a command: ``python tools/generate_cli.py``. tests/test_manual.py holds the file to what this
makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lockgate.cli.group import COMMANDS, cli

PAGE = Path(__file__).parents[1] / "docs/cli.md"


def page() -> str:
    """The whole page."""
    root = click.Context(cli, info_name="lockgate", max_content_width=100, terminal_width=100)
    each = [part for name in COMMANDS for part in _section(root, name, cli.get_command(root, name))]
    return "# Commands\n\n" + "\n\n".join(each) + "\n"


def _section(above: click.Context, name: str, command: click.Command | None) -> Iterator[str]:
    assert command is not None
    ctx = click.Context(command, info_name=name, parent=above, max_content_width=100, terminal_width=100)
    command._help_option = None  # click keeps the one of the context that asked first
    yield f"## {ctx.command_path}\n\n```\n{command.get_help(ctx).strip()}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            yield from _section(ctx, below, command.get_command(ctx, below))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
