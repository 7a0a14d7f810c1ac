"""lockgate lsp: the language server."""

from __future__ import annotations

import click

from lockgate.cli.options import trust_option


@click.command("lsp")
@trust_option
@click.option("--stdio", is_flag=True, help="Speak on standard input and output (the default, and the only way).")
def command(stdio: bool) -> int:
    """Language server for editors: the findings of `check` while you type."""
    from lockgate.editor.server import serve

    serve()
    return 0
