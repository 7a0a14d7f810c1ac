"""lockgate snapshot: production as it is, read without writing to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.config import Config
from lockgate.base.errors import UsageError
from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.oracle.read.snapshot import Snapshot


@click.command("snapshot")
@click.option(
    "--dsn-env", required=True, metavar="NAME", help="The environment variable that holds the database's DSN."
)
@config_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder to write to (default: lockgate/).",
)
@click.option(
    "--pg-dump", default="", metavar="PATH", help="pg_dump of the server's major version (default: looked for)."
)
@click.option(
    "--diff",
    is_flag=True,
    help="Write nothing: say what production has that no applied migration made, and what it lacks.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("terminal", "json")),
    default="terminal",
    show_default=True,
    help="Of --diff.",
)
def command(
    dsn_env: str, config_path: Path | None, output: Path | None, pg_dump: str, diff: bool, output_format: str
) -> int:
    """Read a baseline from a database: roles, schema with owners and grants, extensions, the ledger's rows, and how large
    its tables are.

    Writes baseline.sql, ledger.json and statistics.json (estimates, no data). Everything is read in read-only transactions; the DSN is never printed. With
    --diff the migrations that the ledger holds are applied on a scratch server and compared with the database: exit
    code 1 where they differ.
    """
    from lockgate.oracle.read import snapshot

    if output_format != "terminal" and not diff:
        raise UsageError("--format is of --diff: a snapshot is written to files", "add --diff, or leave --format away")
    config = configuration(config_path)
    dsn = snapshot.dsn_from(dsn_env)
    if diff:
        return _diff(config, dsn, dsn_env, output_format)
    table = _ledger(config)
    taken = snapshot.take(dsn, table, pg_dump, required=bool(config.ledger.table), variable=dsn_env)
    return _write(config, taken, table, output or config.root / "lockgate")


def _ledger(config: Config) -> str:
    """The configured ledger, else the one that the runner of the migrations keeps; "" where no migrations are found or
    their runner has none."""
    from lockgate.base.errors import LockgateError
    from lockgate.run.plan import Request, read_folder
    from lockgate.slots import ledger_table

    if config.ledger.table:
        return config.ledger.table
    try:
        return ledger_table(config, read_folder(config, Request()))
    except LockgateError:
        return ""


def _write(config: Config, taken: Snapshot, table: str, folder: Path) -> int:
    from lockgate.oracle.read import snapshot

    snapshot.write(folder / "baseline.sql", taken.baseline)
    written = {"[migrations] baseline": folder / "baseline.sql"}
    if taken.ledger:
        snapshot.write(folder / "ledger.json", taken.ledger)
        written["[ledger] snapshot"] = folder / "ledger.json"
    else:
        why = (
            f"there is no table {table}, where this runner keeps it (another: [ledger] table)"
            if table
            else "[ledger] table is not configured"
        )
        say(f"no ledger read: {why}; without one every migration of the tree counts as pending", err=True)
    snapshot.write(folder / "statistics.json", taken.statistics)
    written["[database] statistics"] = folder / "statistics.json"
    for key, path in written.items():
        shown = os.path.relpath(path, config.root).replace(os.sep, "/")
        say(f'wrote {os.path.relpath(path)}  (lockgate.toml: {key} = "{shown}")', err=True)
    return 0


def _diff(config: Config, dsn: str, variable: str, output_format: str) -> int:
    from lockgate.difference import difference
    from lockgate.report.difference import as_json, as_text
    from lockgate.run.plan import Request

    found = difference(config, Request(), dsn, variable)
    say(as_json(found) if output_format == "json" else as_text(found), nl=False)
    for note in found.notes:
        say(f"note: {note}", err=True)
    return int(bool(found))
