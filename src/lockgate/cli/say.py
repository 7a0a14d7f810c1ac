"""What commands say. Names, paths and texts in it may be a stranger's, and steer nobody's terminal."""

from __future__ import annotations

import click

from lockgate.base.text import clean_text, unheard


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Text on standard output, or on standard error, with a line end."""
    click.echo(unheard(clean_text(text)), err=err, nl=nl)
