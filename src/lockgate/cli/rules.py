"""lockgate rules: the list of rules; new ones of the user's own, and their tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say

if TYPE_CHECKING:
    from lockgate.base.config import Config
    from lockgate.report.tables import RuleRow
    from lockgate.rules.registry import RuleEntry, Ruleset


@click.group("rules", invoke_without_command=True)
@click.option(
    "--format", "output_format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)
@config_options
@click.pass_context
def command(ctx: click.Context, output_format: str, config_path: Path | None) -> int:
    """List all rules, those of plug-ins too: code, name, severity, what PostgreSQL says. Or make and test your own."""
    if ctx.invoked_subcommand is not None:
        return 0
    _, rules = _configured(config_path)
    entries = sorted(rules.entries.values(), key=lambda e: e.front.code)
    if output_format == "json":
        from lockgate.report.document import written
        from lockgate.report.tables import Rules

        say(written(Rules(1, [_row(e) for e in entries])), nl=False)
        return 0
    width = max((len(e.name) for e in entries), default=0)
    for e in entries:
        off = "" if e.front.default else "  (off by default)"
        say(f"{e.front.code:5} {e.name:{width}}  {e.front.severity.value:7}  {e.rule().title}{off}")
    return 0


def _configured(config_path: Path | None) -> tuple[Config, Ruleset]:
    from lockgate.rules.plugins import rules_of

    config = configuration(config_path)
    return config, rules_of(config)


def _row(entry: RuleEntry) -> RuleRow:
    from lockgate.report.tables import RuleRow

    front, rule = entry.front, entry.rule()
    return RuleRow(
        front.code,
        entry.name,
        front.severity,
        front.family,
        rule.title,
        list(front.sqlstate),
        list(front.locks),
        list(front.work),
        bool(front.default),
        rule.url,
        rule.path or None,
    )


@command.command("new")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where (default: the first of [rules] plugins, else lint/rules).",
)
@config_options
def new(name: str, folder: Path | None, config_path: Path | None) -> int:
    """Write a rule of your own: NAME.md, its document with an example that runs, and its module."""
    from lockgate.cli.new_rule import write

    config, rules = _so_far(config_path)
    configured = [config.resolve(p) for p in config.rules.plugins]
    place = folder or (configured[0] if configured else config.resolve("lint/rules"))
    for path in write(name, place, rules):
        say(f"wrote {path}")
    if place.resolve() not in [p.resolve() for p in configured]:
        shown = f"./{place.resolve().relative_to(config.root.resolve())}" if _below(place, config.root) else str(place)
        say(f'add to lockgate.toml: [rules] plugins = ["{shown}"]')
    say(f"then: lockgate rules test {name}")
    return 0


def _so_far(config_path: Path | None) -> tuple[Config, Ruleset]:
    """The configuration, and the rules that there are: its folder of plug-ins may still have to be made."""
    from msgspec.structs import replace

    from lockgate.base.config import load
    from lockgate.rules.plugins import rules_of

    config = load(config_path, Path.cwd())
    there = tuple(p for p in config.rules.plugins if any(config.resolve(p).glob("*.md")))
    return config, rules_of(replace(config, rules=replace(config.rules, plugins=there)))


def _below(place: Path, root: Path) -> bool:
    return place.resolve().is_relative_to(root.resolve())


@command.command("test")
@click.argument("name", required=False)
@click.option("--no-server", is_flag=True, help="Only simulated.")
@click.option("--dsn", default="", help="A scratch server of yours, never production.")
@click.option("--binaries", default="", metavar="DIR", help="The directory of postgres and initdb.")
@config_options
def test(name: str | None, no_server: bool, dsn: str, binaries: str, config_path: Path | None) -> int:
    """Run the examples of a rule's document, simulated and on a real server; without NAME those of all plug-ins.

    Exit 1 where an example is not as it is marked.
    """
    from lockgate.oracle.apply.plan import ServerWish

    config, rules = _configured(config_path)
    chosen = [e for e in rules.entries.values() if e.plugin] if name is None else [_named(rules, name)]
    if not chosen:
        raise UsageError("there are no rules of plug-ins", "`lockgate rules new NAME` writes one")
    wish = None if no_server else ServerWish(dsn, binaries or config.database.binaries, config.database.version)
    wrong = [entry.name for entry in chosen if _tested(entry, rules, wish)]
    return int(bool(wrong))


def _named(rules: Ruleset, name: str) -> RuleEntry:
    import difflib

    found = rules.of_code(name)
    if found is None:
        near = difflib.get_close_matches(name, sorted(rules.words), 1)
        raise UsageError(f"no such rule: {name}", f"did you mean {near[0]}?" if near else "see `lockgate rules`")
    return found


def _tested(entry: RuleEntry, every: Ruleset, wish: object) -> bool:
    """Run one rule's examples and say how it went; True where one is wrong."""
    from lockgate.oracle.apply.plan import ServerWish
    from lockgate.rules.registry import Ruleset
    from lockgate.rules.rulebook import SECTIONS, examples
    from lockgate.run.examples import live_faults, simulated_faults

    rule, rules = entry.rule(), Ruleset(every.entries.values())
    faults = [f"the document has no section {s}" for s in SECTIONS if not rule.section(s)]
    found = examples(rule)
    for example in found:
        wrong = simulated_faults(example, rules)
        if isinstance(wish, ServerWish):
            wrong += [f"on the server, {words}" for words in live_faults(example, rules, wish)]
        faults += [f"example {example.number}: {words}" for words in wrong]
    if not found:
        faults.append("the document has no example that runs (a fence of sql or yaml)")
    say(f"{entry.front.code} {entry.name}: {len(found)} examples, {'ok' if not faults else 'not as marked'}")
    for fault in faults:
        say(f"  {fault}")
    return bool(faults)
