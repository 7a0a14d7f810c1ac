"""lockgate timeline: the simulated catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import configuration, document_options, emit, folder_options, make_request

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.run.effects import Acted
    from lockgate.run.plan import Request
    from lockgate.timeline.plan import Leg
    from lockgate.timeline.replay import Replay
    from lockgate.walk.changes import ChangeRow


@click.command("timeline")
@folder_options
@click.option("--at", default="", metavar="SLOT", help="Stop after that slot.")
@click.option("--effects", is_flag=True, help="What each statement locks and does, in place of what it changes.")
@click.option("--catalog", "as_catalog", is_flag=True, help="Print the catalog as JSON (see the contract).")
@document_options("terminal", "json", "html")
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
    """What each migration does to the catalog, or (--catalog) the whole simulated catalog after the last one.

    --format html is one page to walk through the schema in: a slider over the slots, the tables as a diagram and as a
    list, locks, who may do what, findings in their files, and the life of every table and column.
    """
    config = configuration(config_path)
    request = make_request(paths, layout, transaction, role, superuser)
    if output_format == "html" and not as_catalog:
        emit(_page(config, request, at), output)
    elif as_catalog:
        emit(_catalog(_taken(config, request, at)), output)
    else:
        emit(_told(config, request, at, output_format, effects), output)
    return 0


def _taken(config: Config, request: Request, at: str) -> Replay:
    from lockgate.cache.replay import finished
    from lockgate.run.plan import read_folder, whole_plan
    from lockgate.timeline.replay import Replay

    plan = whole_plan(config, request, read_folder(config, request))
    if not at:
        return finished(plan)
    replay = Replay(plan)
    for leg in _legs(replay, at):
        for _ in replay.take(leg):
            pass
    return replay


def _told(config: Config, request: Request, at: str, output_format: str, effects: bool) -> str:
    from lockgate.report.effects import effects_text
    from lockgate.report.timeline import as_text
    from lockgate.run.effects import foreseen
    from lockgate.run.plan import read_folder, whole_plan
    from lockgate.timeline.replay import Replay
    from lockgate.timeline.step import Step
    from lockgate.walk.changes import rows_of

    rows: list[ChangeRow] = []
    told: list[Acted] = []

    def look(step: Step) -> None:
        rows.extend(rows_of(step))
        if output_format == "json":
            told.append(foreseen(step))

    replay = Replay(whole_plan(config, request, read_folder(config, request)), look)
    steps = [item for leg in _legs(replay, at) for item in replay.take(leg) if isinstance(item, Step)]
    if output_format == "json":
        return _document(rows, told)
    return effects_text(steps) if effects else as_text(rows)


def _page(config: Config, request: Request, at: str) -> str:
    from lockgate.report.page import as_html
    from lockgate.run.examine import examine
    from lockgate.run.settle import settle
    from lockgate.walk.build import walk_of

    if at:
        raise UsageError("--at: the page has every slot", "open it at one: page.html#at=SLOT")
    checked = examine(config, request)
    roots = [root if root.strip("./") else request.cwd.resolve().joinpath(root).name for root in checked.folder.roots]
    walk = walk_of(checked.plan, ", ".join(roots), checked.queries)
    return as_html(walk, settle(checked).findings)


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
