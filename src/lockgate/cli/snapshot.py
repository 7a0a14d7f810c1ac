"""lockgate snapshot: production as it is, read without writing to it."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.cli.options import configuration
from lockgate.errors import UsageError


@click.command("snapshot")
@click.option("--dsn-env", required=True, metavar="NAME", help="The environment variable that holds the database's DSN.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), default=None, help="Configuration file (default: the nearest).")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder to write to (default: lockgate/).")
@click.option("--pg-dump", default="", metavar="PATH", help="pg_dump of the server's major version.")
def command(dsn_env: str, config_path: Path | None, output: Path | None, pg_dump: str) -> int:
    """Read a baseline from a database: schema with owners and grants, roles, extensions, and the ledger's rows.

    Writes baseline.sql and ledger.json. Everything is read in read-only transactions; the DSN is never printed.
    """
    from lockgate.live import snapshot

    config = configuration(config_path)
    dsn = snapshot.dsn_from(dsn_env)
    folder = output or (config.root / "lockgate")
    roles, rows = snapshot.read(dsn, config.ledger.table)
    schema = snapshot.dump(dsn, pg_dump)
    snapshot.write(folder / "roles.sql", roles)
    snapshot.write(folder / "baseline.sql", schema)
    written = ["roles.sql", "baseline.sql"]
    if rows is not None:
        snapshot.write(folder / "ledger.json", snapshot.ledger_json(config.ledger.table, rows))
        written.append("ledger.json")
    elif not config.ledger.table:
        click.echo("no ledger read: [ledger] table is not configured", err=True)
    if not schema.strip():
        raise UsageError("the dump is empty", "does the role see the schema?")
    click.echo(f"wrote {', '.join(str(folder / name) for name in written)}", err=True)
    return 0
