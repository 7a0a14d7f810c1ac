"""lockgate slots renumber: a migration moves to another slot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import UsageError
from lockgate.cli.say import say
from lockgate.cli.slot_table import open_table, slot_options

if TYPE_CHECKING:
    from lockgate.slots.claim import Claim
    from lockgate.slots.table import SlotTable


@click.command("renumber")
@click.argument("slot")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@slot_options
@click.option("--to", "target", default="", metavar="SLOT", help="That slot (default: the next free one).")
def command(slot: str, paths: tuple[Path, ...], layout: str | None, config_path: Path | None, target: str) -> int:
    """Move a migration, up and down, to the next free slot.

    SLOT is a slot, or the name where two claim it. Refused where the ledger says that it is applied. What git tracks is
    moved with `git mv`.
    """
    from lockgate.slots import atlas
    from lockgate.slots.move import chosen, move, moves

    _, folder, table = open_table(paths, layout, config_path)
    files = chosen(folder, slot)
    pairs = moves(folder, files, _target(table, files, target), Path.cwd())
    _refuse_applied(table, files)
    sound = atlas.stale(folder, Path.cwd()) is None
    move(Path.cwd(), pairs)
    for old, now in pairs.items():
        say(f"{old} -> {now}")
    if folder.layout == "atlas":
        say(atlas.renew(Path.cwd() / folder.roots[0], Path.cwd(), sound), err=True)
    if table.ledger is None:
        merged = table.git is not None and any(c.relative in table.git.base_files for c in files)
        where = f"it is on {table.git.base} already: " if merged and table.git is not None else ""
        say(f"no ledger is configured: {where}make sure that no environment has applied it", err=True)
    return 0


def _target(table: SlotTable, files: list[Claim], wanted: str) -> str:
    """The slot to move to, as the folder writes it. Raises UsageError."""
    from lockgate.slots import next_slot, slot_number
    from lockgate.slots.next import next_after

    old = files[0].slot
    if not wanted:
        return next_after(table, old) if files[0].number else next_slot(table)
    if slot_number(wanted) is None or slot_number(wanted) in {number for _, number in table.taken()}:
        raise UsageError(f"slot {wanted} is taken, or is none", f"the next free one is {next_slot(table)}")
    return wanted.zfill(len(old)) if old.startswith("0") and wanted.isdigit() else wanted


def _refuse_applied(table: SlotTable, files: list[Claim]) -> None:
    from lockgate.slots import applied_ids

    if table.ledger is None:
        return
    applied = applied_ids(table.folder, table.ledger)
    if files[0].id not in applied:
        return
    twin = next(
        (c.id for c in table.tree if c.number == files[0].number and c.id in applied and c.id != files[0].id), ""
    )
    if twin and not table.ledger.applied_numbers()[files[0].number or ()].name:
        remedy = "find out which of the two ran (what it made is there), and rename the other by hand"
        raise UsageError(
            f"{files[0].id} or {twin} is applied: {table.ledger.source.path} holds the slot without a name", remedy
        )
    raise UsageError(
        f"{files[0].id} is applied: {table.ledger.source.path} has it",
        "an applied migration keeps its number; move the other one",
    )
