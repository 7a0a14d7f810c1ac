"""The commands and how each way in which they can end becomes an exit code. Their modules are imported only when they
run."""

from __future__ import annotations

import contextlib
from importlib import import_module
from io import StringIO

import click

from lockgate import __version__
from lockgate.base.errors import LockgateError
from lockgate.base.put_off import lightly

# command -> its one-line help: --help must not import what the commands need
COMMANDS = {
    "check": "Check migrations without a server.",
    "verify": "Check, then apply them on a real, ephemeral PostgreSQL as both roles.",
    "deploy": "The gate: verify, then deploy through Dokploy and wait for health.",
    "promote": "Move the branch that Dokploy deploys to the proven commit.",
    "slots": "The table of slots: tree, base, branches, ledger.",
    "new": "Make the next migration, in a slot that is free everywhere.",
    "rows": "Ask production which of its rows would break what is pending, or print the queries.",
    "snapshot": "Read a baseline from a database, without writing to it.",
    "timeline": "The simulated catalog, step by step or as it is at a slot.",
    "show": "One table, column, routine, type or role: definition, owner, grants, readers, history.",
    "explain": "What a rule catches, why it hurts, and what to do.",
    "rules": "List all rules.",
    "init": "Set Lockgate up in this repository.",
    "gate-report": "Count the gate's green deploys: when to cut the webhook.",
    "publish": "Post a report to Gitea: commit status and the comment on the pull request.",
    "docs": "The documents of this version, offline.",
    "lsp": "Language server for editors.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        lightly("msgspec")
        command = import_module(f"lockgate.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            raise click.UsageError(f"no such command: {args[0]}" + (f" (did you mean {near[0]}?)" if near else ""), ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lockgate")
def cli() -> None:
    """Lockgate: lints PostgreSQL migrations, proves its findings on a real server, and opens the gate to the deploy
    only when green.

    Exit codes: 0 nothing at or over the threshold; 1 findings; 2 usage or configuration; 3 could not check.
    """


def run() -> int:
    """Run the command that the arguments name; its exit code."""
    try:
        result = cli.main(standalone_mode=False, prog_name="lockgate")
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        return 3
    except click.ClickException as error:
        words = StringIO()
        error.show(words)
        complain(words.getvalue().rstrip("\n"))
        return 2
    except LockgateError as error:
        complain(f"lockgate: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 3
    except OSError as error:
        return _refused(error)
    except Exception as error:
        return _crashed(error)
    return result if isinstance(result, int) else 0


def complain(words: str) -> None:
    """Say something on standard error, if anybody can hear it: names in it may be a stranger's."""
    from lockgate.base.text import clean_text, unheard

    with contextlib.suppress(OSError):
        click.echo(unheard(clean_text(words)), err=True)


def _refused(error: OSError) -> int:
    """The system's own refusal: a full disk, a folder that is gone."""
    import os
    import traceback

    from lockgate.cli import Unwritten, words_of

    if os.environ.get("LOCKGATE_DEBUG"):
        traceback.print_exc()
    if isinstance(error, Unwritten):
        raise error  # told by the entry point, which drops what is left
    complain(f"lockgate: {words_of(error)}")
    return 3


def _crashed(error: Exception) -> int:
    import os
    import traceback

    if os.environ.get("LOCKGATE_DEBUG"):
        traceback.print_exc()
    where = traceback.extract_tb(error.__traceback__)[-1]
    complain(
        f"lockgate: internal error: {type(error).__name__} in {os.path.basename(where.filename)}:{where.lineno}\n"
        "  this is a bug of Lockgate, not of your migrations; please report it (LOCKGATE_DEBUG=1 shows the traceback)"
    )
    return 3
