"""lockgate snapshot: production as it is, read without writing to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.cli.options import configuration
from lockgate.config import Config

if TYPE_CHECKING:
    from lockgate.live.snapshot import Snapshot


@click.command("snapshot")
@click.option("--dsn-env", required=True, metavar="NAME", help="The environment variable that holds the database's DSN.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), default=None, help="Configuration file (default: the nearest).")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder to write to (default: lockgate/).")
@click.option("--pg-dump", default="", metavar="PATH", help="pg_dump of the server's major version (default: looked for).")
@click.option("--diff", is_flag=True, help="Write nothing: say what production has that no applied migration made, and what it lacks.")
def command(dsn_env: str, config_path: Path | None, output: Path | None, pg_dump: str, diff: bool) -> int:
    """Read a baseline from a database: roles, schema with owners and grants, extensions, and the ledger's rows.

    Writes baseline.sql and ledger.json. Everything is read in read-only transactions; the DSN is never printed. With --diff the migrations
    that the ledger holds are applied on a scratch server and compared with the database: exit code 1 where they differ.
    """
    from lockgate.live import snapshot

    config = configuration(config_path)
    dsn = snapshot.dsn_from(dsn_env)
    if diff:
        return _diff(config, dsn, dsn_env)
    return _write(config, snapshot.take(dsn, config.ledger.table, pg_dump), output or config.root / "lockgate")


def _write(config: Config, taken: Snapshot, folder: Path) -> int:
    from lockgate.live import snapshot

    snapshot.write(folder / "baseline.sql", taken.baseline)
    written = {"[migrations] baseline": folder / "baseline.sql"}
    if taken.ledger:
        snapshot.write(folder / "ledger.json", taken.ledger)
        written["[ledger] snapshot"] = folder / "ledger.json"
    else:
        click.echo("no ledger read: [ledger] table is not configured, so every migration of the tree counts as pending", err=True)
    for key, path in written.items():
        shown = os.path.relpath(path, config.root).replace(os.sep, "/")
        click.echo(f'wrote {os.path.relpath(path)}  (lockgate.toml: {key} = "{shown}")', err=True)
    return 0


def _diff(config: Config, dsn: str, variable: str) -> int:
    from lockgate.difference import difference
    from lockgate.request import Request

    found = difference(config, Request(), dsn, variable)
    for title, lines in found.parts():
        click.echo(f"{title}:")
        for line in lines:
            click.echo(f"  {line}")
    if not found:
        click.echo("production has what its applied migrations make, and nothing else")
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    return int(bool(found))
