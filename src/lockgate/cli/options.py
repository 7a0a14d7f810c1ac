"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import checked_output
from lockgate.base.findings import Severity
from lockgate.base.text import Source
from lockgate.base.trust import VARIABLE
from lockgate.run.plan import Request

if TYPE_CHECKING:
    from lockgate.api import Report

F = TypeVar("F", bound=Callable[..., Any])
LAYOUTS = (
    "auto",
    "golang-migrate",
    "goose",
    "sql-migrate",
    "dbmate",
    "flyway",
    "sqlx",
    "diesel",
    "prisma",
    "drizzle",
    "refinery",
    "supabase",
    "atlas",
    "plain",
    "versions",
    "sqitch",
    "liquibase",
    "node-pg-migrate",
    "command",
    "alembic",
    "django",
    "knex",
    "typeorm",
    "sequelize",
)
FORMATS = ("terminal", "concise", "json", "sarif", "gitlab", "junit", "annotations")


def _without_cache(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    del ctx, parameter
    if value:
        os.environ["LOCKGATE_CACHE"] = "off"


def _trusted(ctx: click.Context, parameter: click.Parameter, value: bool | None) -> None:
    del ctx, parameter
    if value is not None:
        os.environ[VARIABLE] = "1" if value else "0"


def trust_option(function: F) -> F:
    """--trusted / --untrusted: whether programs and addresses of the tree may be followed."""
    return click.option(
        "--trusted/--untrusted",
        default=None,
        expose_value=False,
        is_eager=True,
        callback=_trusted,
        help="Whether lockgate.toml may run programs and name servers (default: not in a pull request's run).",
    )(function)


def config_options(function: F) -> F:
    """--config --trusted/--untrusted: every command that reads lockgate.toml says whose it is."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default=None,
        help="Configuration file (default: the nearest).",
    )(trust_option(function))


HISTORY = "lockgate.history"  # where click keeps --history for ``configuration`` and ``make_request``


def _history(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    del parameter
    ctx.meta[HISTORY] = value


def _named_history() -> str:
    ctx = click.get_current_context(silent=True)
    return str(ctx.meta.get(HISTORY, "")) if ctx is not None else ""


def history_option(function: F) -> F:
    """--history: of several histories the one of that name."""
    return click.option(
        "--history",
        default="",
        metavar="NAME",
        expose_value=False,
        callback=_history,
        help="Of several histories the one of that name, or in that folder.",
    )(function)


def folder_options(function: F) -> F:
    """PATH ... --layout --transaction --role --superuser --history --no-cache --config: which migrations, and as whom."""
    for option in reversed(
        (
            click.argument("paths", nargs=-1, type=click.Path(path_type=Path)),
            click.option(
                "--layout",
                type=click.Choice(LAYOUTS),
                default=None,
                help="The runner's layout (default: found by itself).",
            ),
            click.option(
                "--transaction",
                type=click.Choice(("file", "statement", "pending")),
                default=None,
                help="file: as the runner wraps a file; statement: each statement on its own, as psql does.",
            ),
            click.option("--role", default="", metavar="NAME", help="The role that applies everything."),
            click.option("--superuser", is_flag=True, help="That role is a superuser."),
            history_option,
            click.option(
                "--no-cache",
                is_flag=True,
                expose_value=False,
                callback=_without_cache,
                help="Neither use nor keep what earlier runs worked out.",
            ),
            config_options,
        )
    ):
        function = option(function)
    return function


def _not_negative(ctx: click.Context, parameter: click.Parameter, value: int) -> int:
    if value < 0:
        raise click.BadParameter("0 tells all; give a number of findings", ctx, parameter)
    return value


_AMOUNT = (
    click.option("--quiet", "-q", is_flag=True, help="Findings alone: no progress, no closing lines."),
    click.option("--verbose", "-v", is_flag=True, help="All that is not certain or not judged, each with its reason."),
    click.option("--statistics", is_flag=True, help="How many findings each rule has, after them."),
    click.option(
        "--max-findings",
        type=int,
        default=0,
        metavar="N",
        callback=_not_negative,
        help="Tell the first N findings, and how many more there are (default: all).",
    ),
    click.option("--update-known", is_flag=True, help="Write what is found into the file of [rules] known."),
    click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Leave out files whose path matches: they are no migrations here. May be repeated.",
    ),
)


def report_options(function: F) -> F:
    """--format --output --fail-on --since --release --stdin-filename --exclude, and how much is said: what is told,
    where, and from when it matters."""
    for option in reversed(
        (
            *_AMOUNT,
            click.option(
                "--format", "output_format", type=click.Choice(FORMATS), default="terminal", show_default=True
            ),
            click.option(
                "--output",
                type=click.Path(path_type=Path, dir_okay=False),
                default=None,
                help="Write the report to a file.",
            ),
            click.option(
                "--since", default="", metavar="GIT_REF", help="Only findings in files changed since that commit."
            ),
            click.option("--all", "everything", is_flag=True, help="Hazards in migrations that have run, too."),
            click.option(
                "--release",
                default="",
                metavar="GIT_REF",
                help="The release that is running: its queries must survive the pending migrations.",
            ),
            click.option(
                "--fail-on",
                type=click.Choice([s.value for s in Severity]),
                default="error",
                show_default=True,
                help="The least severity that makes the exit code 1.",
            ),
            click.option(
                "--stdin-filename",
                default="",
                metavar="PATH",
                help="Read standard input in place of that file (editors).",
            ),
        )
    ):
        function = option(function)
    return function


class CommandLine(msgspec.Struct, frozen=True):
    """What the options that ``check`` and ``verify`` share say, by their names."""

    paths: tuple[Path, ...]
    layout: str | None
    transaction: str | None
    role: str
    superuser: bool
    config_path: Path | None
    output_format: str
    output: Path | None
    since: str
    everything: bool
    release: str
    fail_on: str
    stdin_filename: str
    exclude: tuple[str, ...]
    quiet: bool
    verbose: bool
    statistics: bool
    max_findings: int
    update_known: bool

    @property
    def partly(self) -> bool:
        """Whether it is less than the whole tree, or another run than the configuration's."""
        buffer = self.stdin_filename
        return any(
            (self.paths, self.layout, self.transaction, self.role, self.superuser, self.since, buffer, self.exclude)
        )

    def request(self) -> Request:
        """The request that they make. Raises UsageError."""
        return make_request(
            self.paths,
            self.layout,
            self.transaction,
            self.role,
            self.superuser,
            self.since,
            self.release,
            self.fail_on,
            self.stdin_filename,
            self.everything,
            self.exclude,
            known=not self.update_known,
        )

    def report(self, report: Report, config: Config) -> int:
        """Write the report as they want it; the exit code."""
        if self.update_known:
            from lockgate.cli.say import say
            from lockgate.run.known import write

            name, count = write(config, report.findings)
            say(f"{name}: {count} finding{'s are' if count != 1 else ' is'} known now")
            return 0
        from lockgate.report import render
        from lockgate.report.amount import Amount

        amount = Amount(self.quiet, self.verbose, self.statistics, self.max_findings)
        emit(render(report, self.output_format, amount, to_terminal=self.output is None), self.output)
        return report.exit_code


def asking(function: Callable[..., int]) -> Callable[..., int]:
    """``folder_options`` and ``report_options`` as the command's first argument."""

    @wraps(function)
    def command(**given: Any) -> int:
        asked = CommandLine(**{name: given.pop(name) for name in CommandLine.__struct_fields__})
        return function(asked, **given)

    return folder_options(report_options(command))


def document_options(*formats: str) -> Callable[[F], F]:
    """--format --output of a command that writes one document."""

    def options(function: F) -> F:
        path = click.Path(path_type=Path, dir_okay=False)
        written = click.option("--output", type=path, default=None, help="Write to a file.")(function)
        choice = click.Choice(formats)
        return click.option("--format", "output_format", type=choice, default=formats[0], show_default=True)(written)

    return options


def configuration(config_path: Path | None) -> Config:
    """The configuration of --config, or the nearest one."""
    from lockgate import api

    config = api.configuration(config_path)
    name = _named_history()
    if not (name and config.histories):
        return config
    from lockgate.sources.passed import chosen

    return chosen(name, config.histories, [one.migrations.name for one in config.histories])


def make_request(
    paths: tuple[Path, ...],
    layout: str | None,
    transaction: str | None,
    role: str,
    superuser: bool,
    since: str = "",
    release: str = "",
    fail_on: str = "error",
    stdin_filename: str = "",
    everything: bool = False,
    exclude: tuple[str, ...] = (),
    known: bool = True,
) -> Request:
    """The request that the command line's options make."""
    if superuser and not role:
        raise UsageError("--superuser needs --role", "name the role: --role NAME --superuser")
    alone = Path("-") in paths
    if alone and len(paths) > 1:
        raise UsageError("-: standard input is read alone", "name either - or files and folders")
    stdin = _standard_input(stdin_filename or "<stdin>") if alone or stdin_filename else None
    return Request(
        () if alone else paths,
        Path.cwd(),
        layout or "",
        transaction or "",
        role,
        superuser,
        since,
        Severity(fail_on),
        release,
        everything,
        stdin,
        exclude=exclude,
        known=known,
        alone=alone and not stdin_filename,
        history=_named_history(),
    )


def _standard_input(name: str) -> Source:
    try:
        return Source(name.replace("\\", "/"), sys.stdin.buffer.read().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input: not UTF-8 at byte {error.start}", "send UTF-8") from error


def emit(text: str, output: Path | None) -> None:
    """Write a report to standard output, or to a file."""
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        checked_output(output, Path.cwd()).parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CannotCheck(f"{output}: {error.strerror}", "give --output a writable path") from error
