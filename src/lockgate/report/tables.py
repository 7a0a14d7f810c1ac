"""The shapes of the other commands' JSON documents (see ``shapes``)."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.base.findings import Severity
from lockgate.report import shapes
from lockgate.report.shapes import Step
from lockgate.walk.account import Account
from lockgate.walk.changes import ChangeRow

# --- timeline ---------------------------------------------------------------------------------------------------------


class Timeline(msgspec.Struct, frozen=True):
    """lockgate timeline --format json, version 1."""

    version: Literal[1]
    changes: list[ChangeRow]
    steps: list[Step]


class Owned(msgspec.Struct, frozen=True):
    """A schema."""

    name: str
    owner: str


class Installed(msgspec.Struct, frozen=True):
    """An extension."""

    name: str
    schema: str


class RelationRow(msgspec.Struct, frozen=True):
    """A table (``r``, ``p``, ``f``) or a view (``v``, ``m``)."""

    schema: str
    name: str
    relkind: Literal["r", "p", "f", "v", "m"]
    owner: str


class SequenceRow(msgspec.Struct, frozen=True):
    """A sequence."""

    schema: str
    name: str
    owner: str


class ColumnRow(msgspec.Struct, frozen=True):
    """A column of a table, a view or a composite type; ``type`` as format_type spells it."""

    schema: str
    table: str
    name: str
    type: str
    notnull: bool
    has_default: bool
    identity: Literal["a", "d", ""]


class ConstraintRow(msgspec.Struct, frozen=True):
    """A constraint of a table or a domain."""

    schema: str
    table: str
    name: str
    type: Literal["p", "u", "f", "c", "x"]


class IndexRow(msgspec.Struct, frozen=True):
    """An index."""

    schema: str
    name: str
    table: str
    unique: bool


class FunctionRow(msgspec.Struct, frozen=True):
    """A routine; ``args`` as pg_get_function_identity_arguments spells them."""

    schema: str
    name: str
    args: str
    kind: Literal["f", "p", "a", "w"]
    owner: str


class TriggerRow(msgspec.Struct, frozen=True):
    """A trigger."""

    schema: str
    table: str
    name: str


class PolicyRow(msgspec.Struct, frozen=True):
    """A policy of row security; ``cmd`` as pg_policy has it."""

    schema: str
    table: str
    name: str
    cmd: Literal["r", "a", "w", "d", "*"]


class EnumRow(msgspec.Struct, frozen=True):
    """An enum with its labels in order."""

    schema: str
    name: str
    labels: list[str]


class TypeRow(msgspec.Struct, frozen=True):
    """A domain, or a type of another kind."""

    schema: str
    name: str


class Objects(msgspec.Struct, frozen=True):
    """The user's objects, in the server's own spelling."""

    schemas: list[Owned]
    extensions: list[Installed]
    tables: list[RelationRow]
    columns: list[ColumnRow]
    constraints: list[ConstraintRow]
    indexes: list[IndexRow]
    views: list[RelationRow]
    sequences: list[SequenceRow]
    functions: list[FunctionRow]
    triggers: list[TriggerRow]
    policies: list[PolicyRow]
    enums: list[EnumRow]
    domains: list[TypeRow]
    types: list[TypeRow]


class Catalog(msgspec.Struct, frozen=True):
    """lockgate timeline --catalog, version 1."""

    version: Literal[1]
    catalog: Objects


# --- slots ------------------------------------------------------------------------------------------------------------


class LedgerOf(msgspec.Struct, frozen=True):
    """The ledger that was read."""

    path: str
    runner: str
    rows: int


class LedgerLine(msgspec.Struct, frozen=True):
    """A slot's row in the ledger."""

    version: str
    name: str
    applied_at: str
    dirty: bool


class Reserved(msgspec.Struct, frozen=True):
    """Who reserved a slot, and on which branch that is written."""

    name: str
    who: str
    branch: str


class Slot(msgspec.Struct, frozen=True):
    """Where one slot lives."""

    slot: str
    names: list[str]
    tree: list[str]
    base: bool
    branches: list[str]
    ledger: LedgerLine | None
    reserved: list[Reserved]


class SkippedFile(msgspec.Struct, frozen=True):
    """A file that is no migration."""

    path: str
    why: str


class Slots(msgspec.Struct, frozen=True):
    """lockgate slots --format json, version 1."""

    version: Literal[1]
    layout: str
    explain: list[str]
    roots: list[str]
    next: str
    base: str
    branches: list[str]
    ledger: LedgerOf | None
    slots: list[Slot]
    skipped: list[SkippedFile]
    findings: list[shapes.Finding]


class PendingMigration(msgspec.Struct, frozen=True):
    """A migration that will run at the next deploy."""

    slot: str
    name: str
    path: str
    note: str


class Pending(msgspec.Struct, frozen=True):
    """lockgate slots pending --format json, version 1. ``stops``: what the runner stops at, or passes over."""

    version: Literal[1]
    pending: list[PendingMigration]
    stops: list[str]


# --- rules, gate-report -----------------------------------------------------------------------------------------------


class RuleRow(msgspec.Struct, frozen=True):
    """A rule, and what proves its findings; ``plugin`` is the document of a rule of the user's own."""

    code: str
    name: str
    severity: Severity
    family: str
    title: str
    sqlstate: list[str]
    locks: list[str]
    work: list[str]
    default: bool
    url: str
    plugin: str | None


class Rules(msgspec.Struct, frozen=True):
    """lockgate rules --format json, version 1."""

    version: Literal[1]
    rules: list[RuleRow]


class Run(msgspec.Struct, frozen=True):
    """One run of the gate."""

    commit: str
    what: str


class GateRuns(msgspec.Struct, frozen=True):
    """lockgate gate-report --format json, version 1."""

    version: Literal[1]
    source: str
    runs: int
    green: int
    row: int
    enough: int
    cut_webhook: bool
    mode: str
    last_red: Run | None


DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "timeline-1": Timeline,
    "catalog-1": Catalog,
    "slots-1": Slots,
    "pending-1": Pending,
    "rules-1": Rules,
    "gate-report-1": GateRuns,
    "show-1": Account,
}
