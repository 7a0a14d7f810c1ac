"""lockgate check: what can be said without a server."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.cli.options import configuration, emit, folder_options, make_request, report_options


@click.command("check")
@folder_options
@report_options
def command(
    paths: tuple[Path, ...],
    layout: str | None,
    transaction: str | None,
    role: str,
    superuser: bool,
    config_path: Path | None,
    output_format: str,
    output: Path | None,
    since: str,
    everything: bool,
    release: str,
    fail_on: str,
    stdin_filename: str,
) -> int:
    """Check migrations without a server: replay them over a simulated catalog and say what will fail, and where.

    PATH is a folder of migrations, or single files; by default the configuration's, else what is found here.
    """
    from lockgate.api import check
    from lockgate.cli.progress import progress
    from lockgate.report import render

    config = configuration(config_path)
    request = make_request(
        paths, layout, transaction, role, superuser, since, release, fail_on, stdin_filename, everything
    )
    with progress("checking") as bar:
        report = check(request, config, progress=bar)
    text = render(report, output_format, to_terminal=output is None)
    emit(text, output)
    return report.exit_code
