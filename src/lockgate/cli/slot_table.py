"""What the commands about slots share: which folder, and its table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lockgate.cli.options import LAYOUTS, config_options, configuration, history_option, make_request

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.slots.table import SlotTable
    from lockgate.sources import Folder

F = TypeVar("F", bound=Callable[..., Any])


def slot_options(function: F) -> F:
    """--layout --history --config: which folder of migrations."""
    return click.option(
        "--layout",
        type=click.Choice(LAYOUTS),
        default=None,
        metavar="NAME",
        help="The runner's layout (default: found by itself).",
    )(history_option(config_options(function)))


def open_table(
    paths: tuple[Path, ...], layout: str | None, config_path: Path | None
) -> tuple[Config, Folder, SlotTable]:
    """The configuration, the folder and its table."""
    from lockgate.run.plan import read_folder
    from lockgate.slots import gather

    config = configuration(config_path)
    folder = read_folder(config, make_request(paths, layout, None, "", False))
    return config, folder, gather(config, folder, Path.cwd())
