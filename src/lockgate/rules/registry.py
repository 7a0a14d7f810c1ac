"""Registration of rules: a module per rule, named as its document, with functions under these decorators.

A rule function returns a ``Draft`` (or several): what is said and where. Code, severity and links come from the rulebook.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from lockgate import rulebook
from lockgate.catalog.typename import quote_identifier
from lockgate.findings import Edit, Finding, Fix, Label, Severity
from lockgate.text import Source, Span
from lockgate.timeline import review
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step
from lockgate.values import dataclass


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

# the rules that look at every step: the others are imported when there is something for them to say
EVERY_STEP: tuple[str, ...] = ()

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
    """Every step of the timeline. Name the rule in ``EVERY_STEP``."""
    if _rule_name(function) not in EVERY_STEP:
        raise RuntimeError(f"{_rule_name(function)} looks at every step: name it in EVERY_STEP of rules/registry.py")
    _steps.append((_rule_name(function), function))
    return function


def on_fact(*kinds: type) -> Callable[[F], F]:
    """A fact of other packages (slot conflicts, compose services, ...) of one of these types."""

    def register(function: F) -> F:
        for kind in kinds:
            _facts.setdefault(kind, []).append((_rule_name(function), function))
        return function

    return register


@cache
def load() -> None:
    """Import every rule module."""
    import pkgutil

    package = importlib.import_module("lockgate.rules")
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"lockgate.rules.{module}")


def finding(name: str, draft: Draft, severity: Severity | None = None) -> Finding:
    """A draft with its rule's code, severity and slug."""
    rule = rulebook.rule(name)
    return Finding(
        rule.code, name, severity or draft.severity or rule.severity, draft.message, draft.at, draft.help, draft.related, draft.fix, draft.sqlstate,
        draft.slot, draft.statement, draft.object,
    )  # fmt: skip


def of_step(step: Step) -> list[Finding]:
    """Everything that the rules say of one step."""
    out = []
    for failure in (*((step.fails,) if step.fails is not None else ()), *step.latent):
        found = _of_failure(step, failure)
        if found is not None:
            out.append(found)
    for name, check in _step_rules():
        out += [finding(name, draft) for draft in check(step)]
    return out


@cache
def _step_rules() -> list[tuple[str, StepCheck]]:
    for name in EVERY_STEP:
        importlib.import_module(f"lockgate.rules.{name.replace('-', '_')}")
    return _steps


def _of_failure(step: Step, failure: Failure) -> Finding | None:
    load()
    state = "latent" if failure.latent else failure.sqlstate
    for name, check in (*_failures.get(state, ()), *_failures.get("*", ())):
        draft = check(step, failure)
        if draft is not None:
            return finding(name, draft)
    return None


def of_fact(fact: object) -> list[Finding]:
    """Everything that the rules say of one fact."""
    load()
    return [finding(name, draft) for name, check in _facts.get(type(fact), ()) for draft in check(fact)]


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
