"""lockgate show: one object, as the migrations make it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from lockgate.base.errors import UsageError
from lockgate.base.text import clean
from lockgate.cli.options import configuration, document_options, emit, folder_options, make_request

if TYPE_CHECKING:
    from lockgate.walk.document import Walk


def _names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the shell: what is there after the last migration, with its schema and without."""
    from lockgate.base.errors import LockgateError
    from lockgate.run.examine import examine
    from lockgate.walk.build import walk_of
    from lockgate.walk.lookup import Finder

    del ctx, parameter
    try:
        checked = examine(configuration(None), make_request((), None, None, "", False))
        walk = walk_of(checked.plan, "")
    except LockgateError:
        return []
    return [CompletionItem(clean(name)) for name in Finder(walk).names(incomplete)]


@click.command("show")
@click.argument("name", shell_complete=_names)
@folder_options
@click.option("--at", default="", metavar="SLOT", help="As it is after that slot (default: the last).")
@document_options("terminal", "json")
def command(
    name: str,
    paths: tuple[Path, ...],
    layout: str | None,
    transaction: str | None,
    role: str,
    superuser: bool,
    config_path: Path | None,
    at: str,
    output_format: str,
    output: Path | None,
) -> int:
    """One table, column, routine, type or role: what it is, whose, who may what with it, who reads it, and its history.

    NAME is TABLE, TABLE.COLUMN or the name of anything else, with its schema or without.
    """
    from lockgate.report.document import written
    from lockgate.report.show import as_text
    from lockgate.run.examine import examine
    from lockgate.walk.account import account
    from lockgate.walk.build import walk_of
    from lockgate.walk.lookup import Finder

    checked = examine(configuration(config_path), make_request(paths, layout, transaction, role, superuser))
    walk = walk_of(checked.plan, ", ".join(checked.folder.roots), checked.queries)
    finder, moment = Finder(walk), _moment(walk, at)
    found = account(walk, finder, finder.find(name, moment, checked.plan.search_path), moment)
    emit(written(found) if output_format == "json" else as_text(found), output)
    return 0


def _moment(walk: Walk, at: str) -> int:
    """The last moment of a slot. Raises UsageError where no migration has it."""
    if not at:
        return len(walk.moments) - 1
    found = [
        n for n, one in enumerate(walk.moments) if at in (one.slot, one.kind if one.kind != "migration" else one.name)
    ]
    if not found:
        import difflib

        near = difflib.get_close_matches(at, [one.slot or one.name for one in walk.moments], 1)
        raise UsageError(
            f"--at {at}: no migration has that slot", f"did you mean {near[0]}?" if near else "see `lockgate slots`"
        )
    return found[-1]
