"""lockgate check: what can be said without a server."""

from __future__ import annotations

import click

from lockgate.cli.options import CommandLine, asking, configuration


@click.command("check")
@asking
def command(asked: CommandLine) -> int:
    """Check migrations without a server: replay them over a simulated catalog and say what will fail, and where.

    PATH is a folder of migrations, single files, or - for standard input; by default the configuration's, else what is found here.
    """
    from lockgate.api import check
    from lockgate.cli.progress import progress

    config = configuration(asked.config_path)
    with progress("checking", quiet=asked.quiet) as bar:
        report = check(asked.request(), config, progress=bar)
    return asked.report(report, config)
