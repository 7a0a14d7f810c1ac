"""lockgate new: the next migration, in a slot that is free everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import UsageError
from lockgate.cli.say import say
from lockgate.cli.slot_table import slot_options

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.sources import Folder


@click.command("new")
@click.argument("name")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@slot_options
@click.option("--no-down", is_flag=True, help="Only the up.")
def command(name: str, paths: tuple[Path, ...], layout: str | None, config_path: Path | None, no_down: bool) -> int:
    """Make the next migration, with up and down, in a slot that is free in the tree, on every branch and in the
    ledger."""
    from lockgate.cli.options import configuration
    from lockgate.slots import atlas, gather, next_slot, slot_number
    from lockgate.slots.author import new_files, plain_words, write
    from lockgate.slots.ledger import plain_name
    from lockgate.sources.folder import shown

    config = configuration(config_path)
    folder = _folder(config, paths, layout)
    if not folder.roots:
        raise UsageError("these migrations come from a command, not from files", "let that tool make the next one")
    table, words = gather(config, folder, Path.cwd()), plain_words(name)
    # whoever reserved a slot under this name gets it
    mine = next((r.slot for r in table.reserved if not r.where and plain_name(r.name) == plain_name(words)), "")
    free = mine if mine and all(c.number != slot_number(mine) for c in table.tree) else next_slot(table)
    root, sound = Path.cwd() / folder.roots[0], atlas.stale(folder, Path.cwd()) is None
    for path in write(root, new_files(folder, free, words, not no_down)):
        say(shown(path, Path.cwd()))
    if folder.layout == "atlas":
        say(atlas.renew(root, Path.cwd(), sound), err=True)
    return 0


def _folder(config: Config, paths: tuple[Path, ...], layout: str | None) -> Folder:
    """The folder; an empty one where the layout is named, for its first migration."""
    from lockgate.base.errors import CannotCheck
    from lockgate.cli.options import make_request
    from lockgate.run.plan import read_folder
    from lockgate.sources import Folder
    from lockgate.sources.folder import shown

    wanted = layout or config.migrations.layout
    try:
        return read_folder(config, make_request(paths, layout, None, "", False))
    except CannotCheck:
        root = paths[0] if paths else config.resolve(config.migrations.paths[0]) if config.migrations.paths else None
        if wanted == "auto" or root is None or not root.is_dir() or any(root.rglob("*.sql")):
            raise
        return Folder(wanted, (), roots=(shown(root, Path.cwd()),))
