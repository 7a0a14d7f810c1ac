"""lockgate init: set Lockgate up in the repository at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import CannotCheck
from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.deploy.scaffold import FoundFile, Planned

_WORDS = {"create": "created", "change": "added to", "conflict": "overwritten"}


@click.command("init")
@click.option(
    "--ci",
    type=click.Choice(("gitea", "github")),
    default=None,
    help="For which forge (default: what the repository looks like).",
)
@click.option("--dry-run", is_flag=True, help="Show what was found and would be written; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that differ.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask on a terminal before files are written.")
def command(ci: str | None, dry_run: bool, force: bool, yes: bool) -> int:
    """Set Lockgate up here: configuration, workflow, deploy script, pre-commit entry, Makefile target, and the command
    for Dokploy.

    Shows what it found and would write, and asks on a terminal. Files that exist and differ are overwritten only with
    --force, or when you say yes.
    """
    from lockgate.deploy.scaffold import look, plan

    root = _root()
    found = look(root, ci or "")
    _show(found)
    planned = plan(found)
    asked = sys.stdin.isatty() and sys.stdout.isatty()
    if dry_run or (asked and not yes):
        for item in planned:
            say(f"  {_would(item, force)} {item.path}")
    if dry_run:
        say("\nnothing was written")
        return 0
    if asked and not yes and not click.confirm("\nwrite these files?", default=True):
        say("nothing was written")
        return 0
    for item in planned:
        _settle(
            root, item, force or (item.action == "conflict" and bool(item.text) and asked and _confirmed(item.path))
        )
    say("\nnext: fill in lockgate.toml ([roles], [deploy]), run `lockgate verify`, then follow lockgate/dokploy.md")
    say(
        "      the workflow stops until LOCKGATE_PACKAGE in it names where Lockgate comes from: a wheel or a commit, pinned"
    )
    return 0


def _root() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _show(found: FoundFile) -> None:
    where = ", ".join(found.folders) or "none found: name them in lockgate.toml"
    say(
        f"repository    {found.root}"
        + ("" if (found.root / ".git").exists() else " (no git repository: the gate ties its proof to a commit)")
    )
    say(
        f"migrations    {found.migrations} ({found.layout}) in {where}"
        if found.migrations
        else f"migrations    {found.command or where}"
    )
    if found.explain and (found.migrations or found.command):
        say(f"              {found.explain}")
    say(f"branch        {found.branch}")
    say(
        f"workflows     {'Gitea' if found.forge == 'gitea' else 'GitHub'}"
        + (f" (origin is at {found.remote})" if found.remote else "")
    )
    say(
        f"compose file  {found.compose_file or 'none found'}"
        + (f" (server: {found.server})" if found.compose_file else "")
    )
    say()


def _would(item: Planned, force: bool) -> str:
    if item.action == "keep":
        return f"{'unchanged':<20}"
    if item.action == "conflict" and not (force and item.text):
        return f"{'differs, would stay':<20}"
    return f"{'would be ' + _WORDS[item.action]:<20}"


def _settle(root: Path, item: Planned, overwrite: bool) -> None:
    if item.action == "keep":
        say(f"  unchanged   {item.path}")
        return
    if item.action == "conflict" and not (item.text and overwrite):
        say(f"  kept        {item.path} ({item.note})")
        return
    try:
        (root / item.path).parent.mkdir(parents=True, exist_ok=True)
        (root / item.path).write_text(item.text, encoding="utf-8")
        if item.executable:
            (root / item.path).chmod(0o755)
    except OSError as error:
        raise CannotCheck(f"{item.path}: {error.strerror}", "make the folder writable") from error
    say(f"  {_WORDS[item.action]:<11} {item.path}")


def _confirmed(path: str) -> bool:
    return click.confirm(f"  {path} differs: overwrite it?", default=False)
