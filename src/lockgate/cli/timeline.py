"""lockgate timeline: the simulated catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import configuration, emit, folder_options, make_request

if TYPE_CHECKING:
    from lockgate.report.changes import ChangeRow
    from lockgate.run.effects import Acted
    from lockgate.timeline.plan import Leg
    from lockgate.timeline.replay import Replay


@click.command("timeline")
@folder_options
@click.option("--at", default="", metavar="SLOT", help="Stop after that slot.")
@click.option("--effects", is_flag=True, help="What each statement locks and does, in place of what it changes.")
@click.option("--catalog", "as_catalog", is_flag=True, help="Print the catalog as JSON (see the contract).")
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json", "html")), default="terminal", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write to a file.")
def command(
    paths: tuple[Path, ...],
    layout: str | None,
    transaction: str | None,
    role: str,
    superuser: bool,
    config_path: Path | None,
    at: str,
    effects: bool,
    as_catalog: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """What each migration does to the catalog, or (--catalog) the whole simulated catalog after the last one."""
    from lockgate.cache.replay import finished
    from lockgate.report.changes import rows_of
    from lockgate.report.effects import effects_text
    from lockgate.report.timeline import as_html, as_text
    from lockgate.run.effects import foreseen
    from lockgate.run.plan import read_folder, whole_plan
    from lockgate.timeline.replay import Replay
    from lockgate.timeline.step import Step

    config = configuration(config_path)
    request = make_request(paths, layout, transaction, role, superuser)
    folder = read_folder(config, request)
    plan = whole_plan(config, request, folder)
    if as_catalog and not at:
        emit(_catalog(finished(plan)), output)
        return 0
    rows: list[ChangeRow] = []
    told: list[Acted] = []

    def look(step: Step) -> None:
        rows.extend(rows_of(step))
        if output_format == "json":
            told.append(foreseen(step))

    replay = Replay(plan, look if not as_catalog else None)
    steps = [item for leg in _legs(replay, at) for item in replay.take(leg) if isinstance(item, Step)]
    if as_catalog:
        emit(_catalog(replay), output)
    elif output_format == "json":
        emit(_document(rows, told), output)
    elif output_format == "html":
        emit(as_html(rows, ", ".join(folder.roots)), output)
    else:
        emit(effects_text(steps) if effects else as_text(rows), output)
    return 0


def _legs(replay: Replay, at: str) -> Iterator[Leg]:
    """The stretches up to a slot, all of them without one. Raises UsageError where no migration has it."""
    reached = False
    for leg in replay.legs():
        here = leg.migration is not None and at == (leg.migration.slot or leg.migration.id)
        if reached and not here:
            return
        reached = reached or (bool(at) and here)
        yield leg
    if at and not reached:
        raise UsageError(f"--at {at}: no migration has that slot", "see `lockgate slots`")


def _document(rows: list[ChangeRow], told: list[Acted]) -> str:
    from lockgate.report.document import step, written
    from lockgate.report.tables import Timeline

    return written(Timeline(1, rows, [step(one) for one in told]))


def _catalog(replay: Replay) -> str:
    from msgspec import convert

    from lockgate.report.document import written
    from lockgate.report.tables import Catalog, Objects
    from lockgate.timeline.export import export

    return written(Catalog(1, convert(export(replay.catalog, replay.provided), Objects)))
