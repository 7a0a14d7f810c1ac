"""lockgate rows: which of production's rows would break what is pending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.config import Config
from lockgate.base.errors import UsageError
from lockgate.base.trust import need
from lockgate.cli.options import configuration, document_options, emit, folder_options, make_request
from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.questions.model import Question, RowAnswer
    from lockgate.run.plan import Request


@click.command("rows")
@folder_options
@click.option(
    "--run", "asks", is_flag=True, help="Ask production, in a read-only transaction, in place of printing SQL."
)
@click.option(
    "--dsn-env", default="", metavar="NAME", help="The variable with production's DSN (default: [ledger] dsn_env)."
)
@click.option("--since", default="", metavar="GIT_REF", help="What changed since that commit is pending.")
@click.option(
    "--timeout", type=click.FloatRange(1, 3600), default=60, show_default=True, help="Seconds for each question."
)
@click.option(
    "--show",
    type=click.IntRange(0, 100),
    default=0,
    metavar="N",
    help="Show N rows that break it, too: data of production.",
)
@document_options("terminal", "json")
def command(
    paths: tuple[Path, ...],
    layout: str | None,
    transaction: str | None,
    role: str,
    superuser: bool,
    config_path: Path | None,
    asks: bool,
    dsn_env: str,
    since: str,
    timeout: float,
    show: int,
    output_format: str,
    output: Path | None,
) -> int:
    """The rows that only production has: for each pending statement that rows may break (NOT NULL, CHECK, unique,
    foreign key, casts) a query that counts those, as the tables will be by then.

    Prints them as a script for psql; with --run asks production and tells the counts, and no data unless --show.

    Exit codes: 0 nothing would fail (or nothing was asked); 1 rows of production would break a statement; 2 usage;
    3 production could not be asked, or left a question unanswered.
    """
    from lockgate.report.document import written
    from lockgate.report.rows import as_text, counts, document

    config = configuration(config_path)
    request = make_request(paths, layout, transaction, role, superuser, since)
    pending, asked, path, notes = _asked(config, request)
    found = _answered(config, asked, path, dsn_env, timeout, show) if asks else _unasked(asked)
    if output_format == "json":
        emit(written(document(pending, found, asks, notes), 2), output)
    elif asks:
        emit(as_text(found, notes), output)
    else:
        _print(asked, path, notes, output)
    total = counts(found, asks)
    return 1 if total.breaking else 3 if total.unanswered else 0


def _print(asked: list[Question], path: tuple[str, ...], notes: list[str], output: Path | None) -> None:
    from lockgate.base.text import clean_text
    from lockgate.questions.answer import printed

    for note in notes:
        say(f"note: {note}", err=True)
    if not asked:
        say("no pending statement depends on rows", err=True)
    emit(clean_text("".join(printed(asked, path))) if asked else "", output)


def _asked(config: Config, request: Request) -> tuple[list[str], list[Question], tuple[str, ...], list[str]]:
    """The pending migrations, the questions, the runner's search_path, and what there is to say of it."""
    from msgspec.structs import replace

    from lockgate.questions.ask import questions
    from lockgate.run.plan import read_history, whole_plan

    request = replace(request, deploys=True)
    folder, files = read_history(config, request)
    plan = whole_plan(config, request, folder)
    notes = []
    pending = plan.pending
    if files:
        pending = frozenset(m.id for m in plan.migrations if m.up.source.path in files)
    elif pending is None:
        newest = plan.migrations[-1:]
        pending = frozenset(m.id for m in newest)
        notes += [
            f"nobody says what is pending (--since, [ledger], [git] base): taken is the newest, {m.id}" for m in newest
        ]
    major = config.database.version or plan.major
    ids = [m.id for m in plan.migrations if m.id in pending]
    return ids, questions(plan, pending, major), plan.search_path, notes


def _unasked(asked: list[Question]) -> list[RowAnswer]:
    from lockgate.questions.model import RowAnswer

    return [RowAnswer(one) for one in asked]


def _answered(
    config: Config, asked: list[Question], path: tuple[str, ...], variable: str, timeout: float, show: int
) -> list[RowAnswer]:
    from lockgate.oracle.read.snapshot import dsn_from
    from lockgate.questions.answer import answers

    if config.untrusted:
        raise UsageError(
            f"--run sends expressions of the migrations to production, and this tree is not trusted ({config.untrusted})",
            "run it where the tree is trusted, or say so: --trusted",
        )
    if not variable and config.ledger.dsn_env:
        need(config, "ledger", "dsn_env", "names a variable with a server to reach", "give --dsn-env")
    variable = variable or config.ledger.dsn_env
    if not variable:
        raise UsageError("--run needs production's DSN", "give --dsn-env NAME, or configure [ledger] dsn_env")
    if not asked:
        return []
    return list(answers(dsn_from(variable), asked, variable, path, seconds=timeout, show=show))
