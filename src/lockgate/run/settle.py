"""What is told of a run: selection, severities, suppressions, ``--since``; sorted and counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import LockgateError, UsageError
from lockgate.base.findings import Finding, Label, Severity, Verdict
from lockgate.rules import registry
from lockgate.rules.plugins import rules_of
from lockgate.rules.registry import Ruleset
from lockgate.run import suppressions
from lockgate.run.examine import Checked, Coverage, of_facts, suppressions_of
from lockgate.run.folded import folded
from lockgate.run.told import of_the_deploy
from lockgate.run.unjudged import Unjudged
from lockgate.sources import Folder
from lockgate.timeline.plan import Plan

if TYPE_CHECKING:
    from lockgate.oracle.apply.plan import ApplyReport
    from lockgate.run.effects import Acted
    from lockgate.surface import Fact

_RELEASE = "compatibility"  # the family of rules whose findings in an old file are news where what they relate to is


class Unproven(msgspec.Struct, frozen=True):
    """A statement on which the server's word proves nothing, and why."""

    path: str
    line: int
    slot: str
    statement: int
    direction: str  # up, down
    reason: str


class PostgresUsed(msgspec.Struct, frozen=True):
    """The PostgreSQL that was simulated (``version`` is empty), or asked.

    ``source`` says where the server came from, ``stand_ins`` what stood for what only production has, ``isolation`` what
    kept the scratch server in (None: nobody asked).
    """

    major: int
    version: str = ""
    source: str = ""
    isolation: tuple[str, ...] | None = None
    stand_ins: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()


class OwnReport(msgspec.Struct, frozen=True):
    """What was said of one history of several: its report, or what stopped it. ``roots`` are its folders."""

    name: str
    layout: str = ""
    roots: tuple[str, ...] = ()
    report: Report | None = None
    error: LockgateError | None = None

    @property
    def exit_code(self) -> int:
        """Of the contract."""
        return self.report.exit_code if self.report is not None else self.error.exit_code if self.error else 0


class Report(msgspec.Struct, frozen=True):
    """What a check or a verification came to.

    ``findings`` are sorted by place, without what is suppressed. ``server`` tells which PostgreSQL was simulated or asked.
    ``live`` holds the server's own words, None after a check.
    """

    findings: tuple[Finding, ...]
    coverage: Coverage
    server: PostgresUsed
    suppressed: int = 0
    ran: int = 0  # hazards in migrations that have run: nothing is to be done about them any more
    fail_on: Severity = Severity.ERROR
    folder: Folder | None = None
    live: ApplyReport | None = None
    steps: tuple[Acted, ...] | None = None  # what each statement locks and does; None after a check
    rules: Ruleset = msgspec.field(default_factory=registry.ours)  # those that were asked
    unjudged: tuple[Unjudged, ...] = ()  # what was not looked at
    newest: str = ""  # where nobody says what is pending: the file of the last migration, the one that surely is
    known: int = 0  # findings that [rules] known names
    histories: tuple[OwnReport, ...] = ()  # where there are several: each for itself; all else is then their sum
    passed: tuple[str, ...] = ()  # folders that hold migrations and are no history of the project's, with the reason

    @property
    def exit_code(self) -> int:
        """0 where nothing is at or over the threshold, else 1; of several histories the worst."""
        if self.histories:
            return max(one.exit_code for one in self.histories)
        return int(any(f.severity.rank >= self.fail_on.rank for f in self.findings))


def settle(
    checked: Checked,
    server: PostgresUsed | None = None,
    live: ApplyReport | None = None,
    steps: tuple[Acted, ...] | None = None,
) -> Report:
    """Apply selection, severities, suppressions and ``--since``; sort; count."""
    config, request = checked.config, checked.request
    rules = checked.rules
    sized: Iterable[Finding] = checked.findings
    if config.database.statistics:
        from lockgate.run.sizes import by_size, counted, statistics

        sizes = statistics(config)
        sized = by_size(sized, config, sizes, checked.plan.pending is not None)
        steps = tuple(replace(one, effects=counted(one.effects, sizes)) for one in steps) if steps is not None else None
    kept, hushed = _unsuppressed(map(weighed, as_configured(sized, config, rules)), checked.suppressions, rules)
    for suppression in checked.suppressions:
        for fault in suppressions.faults(suppression, rules.words, whole=live is not None):
            kept += as_configured(rules.of_fact(fault), config, rules)
    if checked.asked:
        kept = [f for f in kept if f.at.source.path in checked.asked]
    if request.since:
        from lockgate.slots.git import changed_paths

        changed = changed_paths(request.since, request.cwd)
        kept = [f for f in kept if changed & _files_of(f, rules)]
    kept, ran, newest = (kept, 0, "") if request.all or checked.asked else of_the_deploy(kept, checked)
    kept = list(dict.fromkeys(sorted(map(_as_written, kept), key=_order)))
    if kept:
        from lockgate.run.recovery import with_recovery

        kept = with_recovery(kept, rules, config, checked.folder.migrations)
    kept, known = _new(kept, checked)
    return Report(
        tuple(kept),
        checked.coverage,
        server or _simulated(checked.plan),
        hushed,
        ran,
        request.fail_on,
        checked.folder,
        live,
        steps,
        rules,
        checked.unjudged,
        newest,
        known,
    )


def _new(findings: list[Finding], checked: Checked) -> tuple[list[Finding], int]:
    """Without those that are known, and how many these are; one remedy is told once."""
    if not checked.config.rules.known:
        return folded(findings), 0
    if not checked.request.known:
        return findings, 0  # all that is known is wanted, each for itself
    from lockgate.run.known import known_of, without_known

    left, known = without_known(findings, known_of(checked.config))
    return folded(left), known


def _as_written(item: Finding) -> Finding:
    """With its places in the program where the SQL was printed from one: nobody can edit what was printed."""
    if item.at.source.printed is None and not any(label.source.printed is not None for label in item.related):
        return item
    fix = item.fix
    if fix is not None and any(edit.source.printed is not None for edit in fix.edits):
        fix = replace(fix, edits=()) if fix.sql else None
    related = tuple(map(_label_as_written, item.related))
    return replace(item, at=_label_as_written(item.at), related=related, fix=fix)


def _label_as_written(label: Label) -> Label:
    source = label.source
    return label if source.printed is None else replace(label, source=source.written, span=source.where(label.span))


def _unsuppressed(
    findings: Iterable[Finding], directives: list[suppressions.Suppression], rules: Ruleset
) -> tuple[list[Finding], int]:
    """The findings that no directive silences, and how many are silenced. A directive that silences is marked used."""
    kept, hushed = list[Finding](), 0
    for item in findings:
        cover = suppressions.covering(directives, item.at.source.path, item.at.start.line, item.name, item.rule)
        if cover is None or not rules[item.name].front.suppressible:
            kept.append(item)
        else:
            cover.used.add(item.name)
            hushed += 1
    return kept, hushed


def _files_of(item: Finding, rules: Ruleset) -> set[str]:
    """The files whose change brings a finding about; what breaks a query of the application's stands in a migration."""
    return {
        item.at.source.path,
        *(r.source.path for r in item.related if rules[item.name].front.family == _RELEASE),
    }


def _simulated(plan: Plan) -> PostgresUsed:
    """What stands for the server where there is none."""
    return PostgresUsed(plan.major, stand_ins=plan.environment.stand_ins if plan.environment is not None else ())


def as_configured(findings: Iterable[Finding], config: Config, rules: Ruleset) -> list[Finding]:
    """The findings of selected rules, with the configured severities."""
    asked = config.rules.select, config.rules.ignore, config.rules.extend_select
    return [_with_severity(f, config) for f in findings if registry.wanted(rules[f.name], *asked)]


def _with_severity(item: Finding, config: Config) -> Finding:
    wanted = config.rules.severity.get(item.name) or config.rules.severity.get(item.rule)
    return replace(item, severity=Severity(wanted)) if wanted else item


def weighed(item: Finding) -> Finding:
    """As it counts after the server's word: what the server refutes is a mistake of ours, told as one, and closes no
    gate."""
    if item.evidence is None or item.evidence.verdict is not Verdict.REFUTED:
        return item
    return replace(
        item,
        severity=Severity.INFO,
        help="PostgreSQL takes it: Lockgate is wrong here. Please report it, with the statements before it.",
    )


def _order(item: Finding) -> tuple[str, int, str, str]:
    return (item.at.source.path, item.at.span.start, item.rule, item.message)


def of_surface(facts: Sequence[Fact], config: Config) -> list[Finding]:
    """What the rules say of these facts, as configured, without what is suppressed on its line."""
    rules = rules_of(config)
    hushed = suppressions_of(facts)
    found = as_configured(of_facts(facts, rules), config, rules)
    return [
        f for f in found if suppressions.covering(hushed, f.at.source.path, f.at.start.line, f.name, f.rule) is None
    ]


def validate_rules(config: Config) -> None:
    """Every rule that the configuration names must exist (a typo would silence the wrong thing). Raises UsageError."""
    import difflib

    rules = rules_of(config)
    for name in _named_rules(config):
        if not any(entry.answers_to(name) for entry in rules.entries.values()):
            near = difflib.get_close_matches(name, sorted(rules.words), 1)
            raise UsageError(
                f'{config.path}: [rules] names "{name}", which is no rule',
                f'did you mean "{near[0]}"?' if near else "see `lockgate rules`",
            )
    for name, severity in config.rules.severity.items():
        if severity not in ("info", "warning", "error"):
            raise UsageError(f"{config.path}: rules.severity.{name} must be info, warning or error", "mend the value")


def _named_rules(config: Config) -> Sequence[str]:
    return (*config.rules.select, *config.rules.extend_select, *config.rules.ignore, *config.rules.severity)
