"""lockgate slots: the table of slots, and what is done with them."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from lockgate.base.errors import UsageError
from lockgate.base.findings import Finding
from lockgate.base.text import clean_text, unheard
from lockgate.cli import renumber
from lockgate.cli.options import emit
from lockgate.cli.say import say
from lockgate.cli.slot_table import open_table, slot_options

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.report.tables import Slot, Slots
    from lockgate.slots.table import SlotEntry, SlotTable


class _Table(click.Group):
    """A group whose own arguments are those of its first command: ``lockgate slots PATH`` shows the table."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and args[0] in (*self.commands, "-h", "--help")
        if not named and (args or not ctx.resilient_parsing):
            self._complain(args[:1])
            args = ["table", *args]
        return super().parse_args(ctx, args)

    def _complain(self, first: list[str]) -> None:
        """A word that is no path and nearly a command is a slip."""
        near = [
            n for word in first if not Path(word).exists() for n in difflib.get_close_matches(word, self.commands, 1)
        ]
        if near:
            raise UsageError(f"no such command, file or folder: {first[0]}", f"did you mean: lockgate slots {near[0]}")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        table = self.commands["table"]
        if incomplete.startswith("-"):
            return table.shell_complete(click.Context(table, parent=ctx), incomplete)
        return super().shell_complete(ctx, incomplete) or [CompletionItem(incomplete, type="file")]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        table = self.commands["table"]
        table.format_options(click.Context(table, parent=ctx), formatter)
        self.format_commands(ctx, formatter)


@click.group("slots", cls=_Table, subcommand_metavar="[PATHS]... | COMMAND [ARGS]...")
def command() -> None:
    """Where each slot lives (tree, base, branches, ledger), with the conflicts. Exit 1 where one of them is an error.

    `lockgate slots [PATHS]...` shows the table.
    """


@command.command("table")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@slot_options
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write to a file.")
@click.option("--explain", is_flag=True, help="Say how the layout was found, and what is compared.")
def table_command(
    paths: tuple[Path, ...],
    layout: str | None,
    config_path: Path | None,
    output_format: str,
    output: Path | None,
    explain: bool,
) -> int:
    """The table of slots, with the conflicts. Exit 1 where one of them is an error."""
    from lockgate.rules.plugins import rules_of
    from lockgate.slots import examine

    config, _, table = open_table(paths, layout, config_path)
    facts = examine(table, Path.cwd(), bool(config.migrations.baseline), config.migrations.command)
    rules = rules_of(config)
    findings = [f for fact in facts for f in rules.of_fact(fact)]
    if output_format == "json":
        from lockgate.report.document import written

        emit(written(_document(table, findings)), output)
    else:
        emit(unheard(clean_text("\n".join(_lines(table, findings, explain)) + "\n")), output)
    return int(any(f.severity.value == "error" for f in findings))


def _document(table: SlotTable, findings: list[Finding]) -> Slots:
    from lockgate.report.document import finding
    from lockgate.report.tables import LedgerOf, SkippedFile, Slots
    from lockgate.slots import next_slot
    from lockgate.slots.table import entries

    ledger = table.ledger
    return Slots(
        1,
        table.folder.layout,
        list(table.folder.explain),
        list(table.folder.roots),
        next_slot(table),
        table.git.base if table.git else "",
        [name for name, _ in table.git.refs] if table.git else [],
        LedgerOf(ledger.source.path, ledger.kind.runner, len(ledger.rows)) if ledger else None,
        [_entry(e) for e in entries(table)],
        [SkippedFile(s.path, s.why) for s in table.folder.skipped],
        [finding(f) for f in findings],
    )


def _entry(entry: SlotEntry) -> Slot:
    from lockgate.report.tables import LedgerLine, Reserved, Slot

    row = entry.ledger
    return Slot(
        entry.slot,
        entry.names,
        entry.tree,
        entry.base,
        entry.branches,
        LedgerLine(row.version, row.name, row.applied_at, row.dirty) if row else None,
        [Reserved(r.name, r.who, r.where) for r in entry.reserved],
    )


def _lines(table: SlotTable, findings: list[Finding], explain: bool) -> list[str]:
    from lockgate.slots import next_slot
    from lockgate.slots.table import entries

    out = [*_explained(table), ""] if explain else []
    rows = [("slot", "name", "tree", "base", "ledger", "elsewhere")]
    rows += [_cells(e, table) for e in entries(table)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    out += [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5]]).rstrip() for row in rows
    ]
    out += ["", *(f"{f.severity.value}[{f.rule}] {f.at.source.path}: {f.message}" for f in findings)]
    errors = sum(1 for f in findings if f.severity.value == "error")
    free = next_slot(table)
    said = f"{len(rows) - 1} slots ({table.folder.layout}), {errors} errors, {len(findings) - errors} others"
    return [*out, said + (f"; next free: {free}" if free else "")]


def _cells(entry: SlotEntry, table: SlotTable) -> tuple[str, str, str, str, str, str]:
    elsewhere = [*entry.branches[:3], *([f"and {len(entry.branches) - 3} more"] if len(entry.branches) > 3 else [])]
    elsewhere += [
        f"reserved: {r.name}" + (f" ({r.who or r.where})" if r.who or r.where else "") for r in entry.reserved
    ]
    row = entry.ledger
    ledger = (
        "" if row is None else "dirty" if row.dirty else f"as {row.name}" if _other(entry, row.name, table) else "yes"
    )
    tree = "twice" if len(entry.tree) > 1 else "yes" if entry.tree else ""
    return (
        entry.slot,
        ", ".join(entry.names),
        tree,
        "yes" if entry.base else "",
        ledger if table.ledger else "?",
        ", ".join(elsewhere),
    )


def _other(entry: SlotEntry, name: str, table: SlotTable) -> bool:
    from lockgate.slots.ledger import plain_name

    if not name or table.ledger is None or table.ledger.kind.by_name:
        return False
    return bool(entry.tree) and plain_name(name) not in {plain_name(n) for n in entry.names} and name != entry.slot


def _explained(table: SlotTable) -> list[str]:
    out = list(table.folder.explain)
    view, ledger = table.git, table.ledger
    if view is None:
        out.append("git: not a repository")
    else:
        out.append(
            f"git: base {view.base or 'none'}, {max(0, len(view.refs) - bool(view.base))} branches that are not merged"
        )
        out += [f"git: {note.why} ({note.remedy})" for note in view.notes]
    if ledger is None:
        out.append("ledger: none configured ([ledger] snapshot or dsn_env)")
    else:
        out.append(
            f"ledger: {ledger.source.path}, {len(ledger.rows)} rows, kept by {ledger.kind.runner or 'a runner of your own'}"
            + (
                ""
                if ledger.rows or not ledger.source.path.startswith("ledger ")
                else f" ({ledger.source.text or 'empty'})"
            )
        )
    out += [f"reservations: {len(table.reserved)}"] if table.reserved else []
    return out + [f"skipped: {s.path}: {s.why}" for s in table.folder.skipped]


@command.command("pending")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@slot_options
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)
def pending_command(paths: tuple[Path, ...], layout: str | None, config_path: Path | None, output_format: str) -> int:
    """What will run at the next deploy, in order."""
    from lockgate.slots.pending import pending

    config, _, table = open_table(paths, layout, config_path)
    if table.ledger is None:
        raise UsageError(
            f"{config.path or 'lockgate.toml'}: no ledger is configured", "set [ledger] snapshot or dsn_env"
        )
    found, stops = pending(table), _in_the_way(config, table)
    if output_format == "json":
        from lockgate.report.document import written
        from lockgate.report.tables import Pending, PendingMigration

        rows = [PendingMigration(p.claim.slot, p.claim.name, p.claim.source.path, p.note) for p in found]
        emit(written(Pending(1, rows, [f.message for f in stops])), None)
        return 0
    for number, item in enumerate(found, 1):
        say(f"{number:3}  {item.claim.slot or '-'}  {item.claim.name}" + (f"   ({item.note})" if item.note else ""))
    say(f"{len(found)} migrations are pending" if len(found) != 1 else "1 migration is pending")
    if not table.ledger.rows and table.ledger.source.path.startswith("ledger "):
        say(f"{table.ledger.source.path}: {table.ledger.source.text or 'it is empty'}")
    for one in stops:
        say(f"error[{one.rule}] {one.at.source.path}: {one.message}")
    return 0


def _in_the_way(config: Config, table: SlotTable) -> list[Finding]:
    """What the runner stops at or passes over beside the pending files: dirty rows, missing files, what was changed."""
    from lockgate.rules.plugins import rules_of
    from lockgate.slots import examine
    from lockgate.slots.conflicts import AT_DEPLOY

    rules = rules_of(config)
    facts = examine(table, Path.cwd(), bool(config.migrations.baseline), config.migrations.command)
    found = [f for fact in facts if isinstance(fact, AT_DEPLOY) for f in rules.of_fact(fact)]
    return [f for f in found if f.severity.value == "error"]


@command.command("reserve")
@click.argument("name")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@slot_options
@click.option("--slot", default="", metavar="SLOT", help="That slot (default: the next free one).")
def reserve_command(name: str, paths: tuple[Path, ...], layout: str | None, config_path: Path | None, slot: str) -> int:
    """Record that a slot is taken.

    In a small file in lockgate/reserved/ that others see once it is pushed, and that merges without conflicts.
    """
    from lockgate.base.git import attempt
    from lockgate.slots import next_slot, slot_number
    from lockgate.slots.author import plain_words
    from lockgate.slots.reserve import write

    config, _, table = open_table(paths, layout, config_path)
    wanted, words = slot or next_slot(table), plain_words(name)
    if not wanted:
        raise UsageError(f"{table.folder.layout} has no numbers to reserve", "its own tool keeps the order")
    if slot_number(wanted) is None:
        raise UsageError(f"{wanted} is no slot", "give a number")
    if slot_number(wanted) in {number for _, number in table.taken()}:
        raise UsageError(f"slot {wanted} is taken", f"the next free one is {next_slot(table)}")
    path = write(config, wanted, words, attempt(Path.cwd(), "config", "user.name") if table.git else "")
    say(f"slot {wanted} is reserved for {words}: commit and push {_near(path)}, so that others see it")
    return 0


def _near(path: Path) -> str:
    from lockgate.sources.folder import shown

    return shown(path.resolve(), Path.cwd().resolve())


command.add_command(renumber.command)
