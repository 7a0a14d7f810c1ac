"""lockgate publish: a report to the forge."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lockgate.base.errors import LockgateError
from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say


@click.command("publish")
@click.argument("what", type=click.Choice(("check", "verify")))
@click.argument("report_path", type=click.Path(path_type=Path), metavar="REPORT.json")
@click.option(
    "--exit-code",
    type=click.IntRange(0, 255),
    default=None,
    help="With what the command ended (default: by the report).",
)
@click.option(
    "--pull-request",
    type=click.IntRange(1),
    default=None,
    metavar="N",
    help="Comment there (default: the workflow's own).",
)
@click.option(
    "--comment/--no-comment",
    "commented",
    default=True,
    show_default=True,
    help="Keep the pull request's comment up to date.",
)
@config_options
def command(
    what: str,
    report_path: Path,
    exit_code: int | None,
    pull_request: int | None,
    commented: bool,
    config_path: Path | None,
) -> int:
    """Post a report: the commit status lockgate/check or lockgate/verify, and the comment on the pull request.

    The token comes from GITEA_TOKEN or GITEA_TOKEN_FILE; without one the findings are printed instead.
    """
    from lockgate.deploy import comment, git, gitea
    from lockgate.deploy.secret import Masker

    config = configuration(config_path)
    masker = Masker()
    forge = gitea.connect(config, os.environ, masker)
    failed = exit_code not in (None, 0, 1)
    try:
        report = comment.read_report(report_path)
    except LockgateError:
        if not failed:
            raise
        report = {"findings": [], "summary": {}}  # a run that ended early wrote none
    code = exit_code if exit_code is not None else int(bool(report["summary"].get("error")))
    words = f"could not be carried out (exit {code})" if failed else comment.words(report)
    state: gitea.State = "success" if code == 0 else "failure" if code == 1 else "error"
    for line in comment.lines(report):
        say(masker.text(line))
    if forge is None:
        say(f"lockgate/{what}: {state}: {words} (not posted: no GITEA_TOKEN, or no repository)")
        return 0
    try:
        commit = gitea.pull_request_head(os.environ) or git.head(Path.cwd(), os.environ).commit
        forge.status(commit, f"lockgate/{what}", state, words)
        number = pull_request or gitea.pull_request(os.environ)
        if number is not None and commented:
            say(
                f"comment on #{number}: {forge.comment(number, comment.markdown(report, what, forge.place.run_url, commit))}"
            )
    finally:
        forge.close()
    say(f"lockgate/{what}: {state}: {words}")
    return 0
