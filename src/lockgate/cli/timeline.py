"""lockgate timeline: the simulated catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import configuration, emit, folder_options, make_request

if TYPE_CHECKING:
    from lockgate.timeline.replay import Replay


@click.command("timeline")
@folder_options
@click.option("--at", default="", metavar="SLOT", help="Stop after that slot.")
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
    as_catalog: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """What each migration does to the catalog, or (--catalog) the whole simulated catalog after the last one."""
    from lockgate.cache.replay import finished
    from lockgate.report.changes import rows_of
    from lockgate.report.timeline import as_html, as_text
    from lockgate.run.plan import make_plan, read_folder
    from lockgate.timeline.replay import Broken, Replay

    config = configuration(config_path)
    request = make_request(paths, layout, transaction, role, superuser)
    folder = read_folder(config, request)
    plan = make_plan(config, request, folder)
    if as_catalog and not at:
        emit(_as_json(finished(plan)), output)
        return 0
    replay = Replay(plan)
    rows: list[dict[str, Any]] = []
    reached = last = ""
    for item in replay.steps():
        slot = item.migration.slot or item.migration.id
        if at and last == at and slot != at:
            break
        last = slot
        reached = at if slot == at else reached
        if not as_catalog and not isinstance(item, Broken):
            rows += rows_of(item)
    if at and reached != at:
        raise UsageError(f"--at {at}: no migration has that slot", "see `lockgate slots`")
    if as_catalog:
        emit(_as_json(replay), output)
    elif output_format == "json":
        emit(json.dumps({"version": 1, "changes": rows}, ensure_ascii=False) + "\n", output)
    else:
        emit(as_html(rows, ", ".join(folder.roots)) if output_format == "html" else as_text(rows), output)
    return 0


def _as_json(replay: Replay) -> str:
    from lockgate.timeline.export import export

    return json.dumps({"version": 1, "catalog": export(replay.catalog, replay.provided)}, ensure_ascii=False) + "\n"
