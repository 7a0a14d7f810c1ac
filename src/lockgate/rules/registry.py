"""Registration of rules: a module per rule, named as its document, with functions under these decorators.

A rule function returns a ``Draft`` (or several): what is said and where. Code, severity and links come from the
rulebook.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from lockgate.base.findings import Edit, Finding, Fix, Label, Severity
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.base.values import dataclass
from lockgate.catalog.typename import quote_identifier
from lockgate.rules import rulebook
from lockgate.timeline import review
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding without its rule."""

    message: str
    at: Label
    help: str = ""
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    sqlstate: str | None = None
    object: str = ""
    slot: str = ""
    statement: int | None = None
    severity: Severity | None = None  # where it differs from the rule's


FailureCheck = Callable[[Step, Failure], Draft | None]
StepCheck = Callable[[Step], Iterable[Draft]]
FactCheck = Callable[[Any], Iterable[Draft]]
F = TypeVar("F", bound=Callable[..., Any])

_failures: dict[str, list[tuple[str, FailureCheck]]] = {}
_steps: list[tuple[str, StepCheck]] = []
_facts: dict[type, list[tuple[str, FactCheck]]] = {}


def _rule_name(function: Callable[..., Any]) -> str:
    return function.__module__.rpartition(".")[2].replace("_", "-")


def on_failure(*sqlstates: str) -> Callable[[F], F]:
    """A predicted refusal with one of these SQLSTATEs ("*": any that no other rule takes); None passes it on."""

    def register(function: F) -> F:
        for state in sqlstates:
            _failures.setdefault(state, []).append((_rule_name(function), function))
        return function

    return register


def on_step(function: F) -> F:
    """Every step of the timeline."""
    _steps.append((_rule_name(function), function))
    return function


def on_fact(*kinds: type) -> Callable[[F], F]:
    """A fact of other packages (slot conflicts, compose services, ...) of one of these types."""

    def register(function: F) -> F:
        for kind in kinds:
            _facts.setdefault(kind, []).append((_rule_name(function), function))
        return function

    return register


# --- which modules to import: there are many rules, and few have anything to say in a run -----------------------------

_DECORATOR = pattern(r"^@on_(?:(step)|(?:failure|fact)\((.*)\))$", re.MULTILINE)


@cache
def load() -> None:
    """Import every rule module."""
    for module in modules():
        importlib.import_module(f"lockgate.rules.{module}")


@cache
def modules() -> tuple[str, ...]:
    """The rule modules below this package: family.rule."""
    found = (f"{path.parent.name}.{path.stem}" for path in Path(__file__).parent.glob("*/*.py"))
    return tuple(sorted(name for name in found if not name.endswith(".__init__")))


@cache
def triggers() -> dict[str, tuple[str, ...]]:
    """What makes which modules speak, read from their decorators: a SQLSTATE, "latent", "*", the name of a fact's
    class, "step"."""
    out: dict[str, tuple[str, ...]] = {}
    for module in modules():
        text = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        for step, arguments in _DECORATOR.findall(text):
            for word in [step] if step else [w.strip(' "').rpartition(".")[2] for w in arguments.split(",")]:
                out[word] = (*out.get(word, ()), module)
    return out


@cache
def _load_for(trigger: str) -> None:
    """Import the rules that something makes speak."""
    for module in triggers().get(trigger, ()):
        importlib.import_module(f"lockgate.rules.{module}")


def finding(name: str, draft: Draft, severity: Severity | None = None) -> Finding:
    """A draft with its rule's code, severity and slug."""
    rule = rulebook.rule(name)
    return Finding(
        rule.code,
        name,
        severity or draft.severity or rule.severity,
        draft.message,
        draft.at,
        draft.help,
        draft.related,
        draft.fix,
        draft.sqlstate,
        draft.slot,
        draft.statement,
        draft.object,
    )


def of_step(step: Step) -> list[Finding]:
    """Everything that the rules say of one step."""
    out = []
    for failure in (*((step.fails,) if step.fails is not None else ()), *step.latent):
        found = _of_failure(step, failure)
        if found is not None:
            out.append(found)
    _load_for("step")
    for name, check in _steps:
        out += [finding(name, draft) for draft in check(step)]
    return out


def _of_failure(step: Step, failure: Failure) -> Finding | None:
    state = "latent" if failure.latent else failure.sqlstate
    for name, check in (*_failure_rules(state), *_failure_rules("*")):
        draft = check(step, failure)
        if draft is not None:
            return finding(name, draft)
    return None


@cache
def _failure_rules(state: str) -> list[tuple[str, FailureCheck]]:
    _load_for(state)
    return sorted(_failures.get(state, ()), key=lambda rule: rule[0])


def of_fact(fact: object) -> list[Finding]:
    """Everything that the rules say of one fact."""
    _load_for(type(fact).__name__)
    return [
        finding(name, draft)
        for name, check in sorted(_facts.get(type(fact), ()), key=lambda rule: rule[0])
        for draft in check(fact)
    ]


def refusal(step: Step, failure: Failure, message: str = "", help: str = "") -> Draft:
    """The draft of a predicted refusal: by default in the server's own words."""
    return Draft(
        message or failure.message,
        Label(step.statement.script.source, failure.span, failure.message),
        help or failure.help,
        failure.related,
        replacement(step.statement.script.source, failure.span, failure),
        failure.sqlstate,
        failure.object,
        step.migration.slot,
        step.statement.index,
    )


def replacement(source: Source, span: Span, failure: Failure) -> Fix | None:
    """The edit that puts the name that was meant, where the marked token is the name and nothing else."""
    wrong = failure.object.rpartition(".")[2]
    if not failure.instead or source.text[span.start : span.end].strip('"').lower() != wrong.lower():
        return None
    name = quote_identifier(failure.instead)
    return Fix(f"write {name}", (Edit(source, span, name),))


def of_query(at: Label, failure: Failure, message: str, help: str) -> Draft:
    """The draft of a refusal of a query of the application's."""
    fix = replacement(at.source, at.span, failure)
    return Draft(message, at, failure.help or help, failure.related, fix, failure.sqlstate, failure.object)


def of_migration(steps: Sequence[Step]) -> list[Finding]:
    """Everything that the rules say of one migration as a whole."""
    return [found for fact in review.of_migration(steps) for found in of_fact(fact)] if steps else []
