"""lockgate explain: a rule's document, a key of the configuration, an SQLSTATE, a word."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from lockgate.base.errors import UsageError
from lockgate.cli.options import config_options, configuration
from lockgate.cli.say import say

_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


@click.command("explain")
@click.argument("name")
@click.argument("key", required=False, default="")
@config_options
def command(name: str, key: str, config_path: Path | None) -> int:
    """What a rule catches, why it hurts, what to do, when to ignore it; or what a key, an SQLSTATE or a word means.

    NAME is a rule's code or name, a key of lockgate.toml (roles.owner), an environment variable, an SQLSTATE (42501), a
    word of the outputs (taint), or `configuration`, which shows every key, or the KEY after it.
    """
    text = _configuration(name, key) or _rule(name, config_path) or _sqlstate(name) or _word(name)
    if not text:
        raise _nothing(name, config_path)
    if not sys.stdout.isatty():
        say(text.strip())
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text.strip()))
    return 0


def _configuration(name: str, key: str) -> str:
    from lockgate.cli import reference

    if name == "configuration":
        return reference.explained(key) if key else reference.page()
    if key:
        raise UsageError(f"one name at a time: {name} {key}", "only `explain configuration` takes a second word")
    dot = "." in name
    variable = name.isupper() and "_" in name
    known = variable or name.startswith("[") or (dot and name in reference.all_keys())
    return reference.explained(name) if known else ""


def _rule(name: str, config_path: Path | None) -> str:
    from lockgate.rules.registry import ours

    entry = ours().of_code(name)
    if entry is None and not _SQLSTATE.fullmatch(name) and name.lower() not in _words():
        from lockgate.rules.plugins import rules_of

        entry = rules_of(configuration(config_path)).of_code(name)
    if entry is None:
        return ""
    found = entry.rule()
    states = f", {', '.join(found.sqlstate)}" if found.sqlstate else ""
    return f"{found.code} {found.name} ({found.severity.value}{states})\n\n{found.text.strip()}"


def _sqlstate(name: str) -> str:
    """The condition's name, and the rules that foresee it."""
    if not _SQLSTATE.fullmatch(name) or not any(c.isdigit() for c in name):
        return ""
    from lockgate.parse.plpgsql.conditions import name_of
    from lockgate.rules.registry import ours

    condition = name_of(name)
    if not condition:
        return ""
    rules = [e.rule() for e in ours().entries.values()]
    telling = [f"- {rule.code} {rule.name}: {rule.title}" for rule in rules if name in rule.sqlstate]
    lines = telling or ["none of its own: T216 statement-refused, or what `verify` sees"]
    return f"{name} {condition}\n\nRules that foresee it:\n\n" + "\n".join(lines)


def _words() -> dict[str, str]:
    from lockgate.cli.glossary import GLOSSARY

    return GLOSSARY


def _word(name: str) -> str:
    words = _words().get(name.lower())
    return f"{name.lower()}: {words}" if words else ""


def _nothing(name: str, config_path: Path | None) -> UsageError:
    import difflib

    from lockgate.cli.reference import all_keys
    from lockgate.rules.plugins import rules_of

    known = [*sorted(rules_of(configuration(config_path)).words), *all_keys(), *_words(), "configuration"]
    near = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(name.lower(), known, 1)
    remedy = f"did you mean {near[0]}?" if near else "see `lockgate rules` and `lockgate explain configuration`"
    return UsageError(f"nothing is known of {name}: no rule, key, SQLSTATE or word", remedy)
