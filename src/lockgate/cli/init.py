"""lockgate init: set Lockgate up in the repository at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.errors import CannotCheck

if TYPE_CHECKING:
    from lockgate.deploy.scaffold import Found, Planned


@click.command("init")
@click.option("--ci", type=click.Choice(("gitea", "github")), default=None, help="For which forge (default: what the repository looks like).")
@click.option("--dry-run", is_flag=True, help="Show what was found and would be written; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that differ.")
def command(ci: str | None, dry_run: bool, force: bool) -> int:
    """Set Lockgate up here: configuration, workflow, deploy script, pre-commit entry, Makefile target, and the command for Dokploy.

    Shows what it found first. Files that exist and differ are overwritten only with --force, or when you say yes on a terminal.
    """
    from lockgate.deploy.scaffold import look, plan

    root = _root()
    found = look(root, ci or "")
    _show(found)
    planned = plan(found)
    for item in planned:
        _settle(root, item, dry_run, force)
    if not dry_run:
        click.echo("\nnext: fill in lockgate.toml ([roles], [deploy]), run `lockgate verify`, then follow lockgate/dokploy.md")
    return 0


def _root() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _show(found: Found) -> None:
    where = ", ".join(found.folders) or "none found: name them in lockgate.toml"
    click.echo(f"repository    {found.root}")
    click.echo(f"migrations    {found.migrations} ({found.layout}) in {where}" if found.migrations else f"migrations    {where}")
    if found.explain:
        click.echo(f"              {found.explain}")
    click.echo(f"branch        {found.branch}")
    click.echo(f"workflows     {'Gitea' if found.forge == 'gitea' else 'GitHub'}")
    click.echo(f"compose file  {found.compose_file or 'none found'}" + (f" (server: {found.server})" if found.compose_file else ""))
    click.echo()


def _settle(root: Path, item: Planned, dry_run: bool, force: bool) -> None:
    if item.action == "keep":
        click.echo(f"  unchanged   {item.path}")
        return
    if item.action == "conflict" and not (item.text and (force or (not dry_run and _asked(item.path)))):
        click.echo(f"  kept        {item.path} (differs; --force overwrites it)" if item.text else f"  kept        {item.path} (unreadable)")
        return
    words = {"create": "created", "change": "added to", "conflict": "overwritten"}[item.action]
    if dry_run:
        click.echo(f"  would be {words:<11} {item.path}")
        return
    try:
        (root / item.path).parent.mkdir(parents=True, exist_ok=True)
        (root / item.path).write_text(item.text, encoding="utf-8")
        if item.executable:
            (root / item.path).chmod(0o755)
    except OSError as error:
        raise CannotCheck(f"{item.path}: {error.strerror}", "make the folder writable") from error
    click.echo(f"  {words:<11} {item.path}")


def _asked(path: str) -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and click.confirm(f"  {path} differs: overwrite it?", default=False)
