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
# what makes which of them speak: a SQLSTATE, "latent", or the name of a fact's class (a test holds this against their decorators; rules
# and facts that are not in here are imported as well, only sooner than need be)
_RULES = {
    "*": "statement_refused", "Suppression": "", "25001": "not_in_transaction", "2BP01": "dependents_remain", "3F000": "unknown_object",
    "42501": "ownership_required privilege_missing superuser_required", "42611": "invalid_definition", "42701": "already_exists",
    "42702": "ambiguous_reference", "42703": "dropped_column_reference unknown_column", "42704": "unknown_object", "42710": "already_exists",
    "42723": "already_exists", "42725": "ambiguous_reference", "42804": "type_mismatch", "42809": "wrong_object_type", "42830": "invalid_definition",
    "42846": "type_mismatch", "42883": "unknown_routine", "42P01": "dropped_relation_reference unknown_relation", "42P06": "already_exists",
    "42P07": "already_exists", "42P13": "invalid_definition", "42P16": "invalid_definition", "42P17": "invalid_definition", "55P04": "fresh_enum_value",
    "Below": "slot_below_highest_applied", "Broken": "syntax_error", "BrokenBody": "broken_routine", "CaseCollision": "case_collision",
    "Changed": "ledger_checksum_mismatch", "ComposeChange": "database_major_change renamed_volume",
    "ComposeFile": "database_not_awaited depends_on_migration_outage fixed_container_name healthcheck_cannot_fail healthcheck_cannot_pass host_path_mount "
    "migration_restart_loop migration_service_restarts migration_without_start_period missing_healthcheck missing_stop_grace_period "
    "obsolete_compose_version published_database_port several_migrators undeclared_volume unpinned_database_image unreachable_route wiped_bind_mount",
    "Differs": "simulation_differs", "Dirty": "ledger_dirty",
    "DokploySettings": "auto_deploy_beside_gate dokploy_command_refused dokploy_command_without_wait missing_healthcheck", "DownFails": "down_fails",
    "DownIncomplete": "down_incomplete", "DownWithoutUp": "down_without_up", "DuplicateSlot": "duplicate_slot", "Gap": "slot_gap",
    "Missing": "ledger_slot_missing", "MissingDown": "missing_down", "NameMismatch": "ledger_name_mismatch", "NotCompared": "branches_not_compared",
    "OutOfOrder": "slot_applied_out_of_order", "PairMismatch": "up_down_name_mismatch", "PassedOver": "skipped_by_runner",
    "QueryRefused": "query_reads_dropped_column query_reads_dropped_relation query_unknown_column", "ReleaseRefused": "running_release_breaks",
    "Remade": "owner_lost", "SharedNumber": "shared_slot", "StaleSums": "stale_sum_file", "Stranger": "created_for_the_wrong_owner",
    "TakenByReservation": "slot_reserved", "TakenOnBase": "slot_taken_on_base", "TakenOnBranch": "slot_taken_on_branch",
    "Undone": "grant_without_effect maintenance_skipped", "Unforeseen": "unforeseen_failure", "Unguarded": "rls_without_policy",
    "Unheeded": "grant_without_effect", "Unreadable": "unreadable_deploy_file",
    "Workflow": "cancelled_deploy commit_status_refused deploy_from_any_branch deploy_without_checks secret_in_pull_request service_on_localhost skip_ci_bypass "
    "webhook_beside_gate",
    "WrongDirection": "wrong_direction", "latent": "broken_routine",
}  # fmt: skip

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
    for module in _modules():
        importlib.import_module(f"lockgate.rules.{module}")
    known = {module for rules in _RULES.values() for module in rules.split()}
    for trigger, rules in held().items():
        missing = (rules - set(_RULES.get(trigger, "").split())) & known
        if missing and trigger in _RULES:
            raise RuntimeError(f'_RULES of rules/registry.py must say "{trigger}": "{" ".join(sorted(rules))}"')


def held() -> dict[str, set[str]]:
    """What makes which of the imported rules speak, as their decorators say."""
    out: dict[str, set[str]] = {}
    names = [(state, name) for state, rules in _failures.items() for name, _ in rules]
    names += [(kind.__name__, name) for kind, facts in _facts.items() for name, _ in facts]
    for trigger, name in names:
        out.setdefault(trigger, set()).add(name.replace("-", "_"))
    return out


@cache
def _load_for(trigger: str) -> None:
    """Import the rules that something makes speak, and those of which that is not known."""
    if trigger not in _RULES:
        load()
        return
    known = {module for rules in _RULES.values() for module in rules.split()}
    for module in sorted({*_RULES[trigger].split(), *(m for m in _modules() if m not in known)}):
        importlib.import_module(f"lockgate.rules.{module}")


@cache
def _modules() -> tuple[str, ...]:
    import pkgutil

    package = importlib.import_module("lockgate.rules")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__)))


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
    state = "latent" if failure.latent else failure.sqlstate
    for name, check in (*_failure_rules(state), *_failure_rules("*")):
        draft = check(step, failure)
        if draft is not None:
            return finding(name, draft)
    return None


@cache
def _failure_rules(state: str) -> list[tuple[str, FailureCheck]]:
    if state in _RULES:
        _load_for(state)
    else:
        _load_for("*")
    return sorted(_failures.get(state, ()), key=lambda rule: rule[0])


def of_fact(fact: object) -> list[Finding]:
    """Everything that the rules say of one fact."""
    _load_for(type(fact).__name__)
    return [finding(name, draft) for name, check in sorted(_facts.get(type(fact), ()), key=lambda rule: rule[0]) for draft in check(fact)]


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
