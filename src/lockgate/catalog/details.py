"""What an object of a lesser kind (``Other`` in catalog/objects.py) has beside its name: one class for each kind that has
anything. Each names the column of PostgreSQL's catalog that it stands for."""

from __future__ import annotations

from typing import Any

import msgspec

Form = tuple[Any, ...]  # a partition's bound: ("default",), ("list", values), ("range", from, to), ("hash", m, r)


class ColumnDefault(msgspec.Struct, frozen=True):
    """A column's default or generation expression (pg_attrdef). ``node`` None: its expression is not at hand."""

    column: int
    node: dict[str, Any] | None = None
    volatility: str = "i"


class OperatorClass(msgspec.Struct, frozen=True):
    """pg_opclass: opcmethod by name, opcintype, opcdefault."""

    method: str
    input: int
    default: bool


class OperatorFamily(msgspec.Struct, frozen=True):
    """pg_opfamily: opfmethod by name."""

    method: str


class StatisticsColumns(msgspec.Struct, frozen=True):
    """pg_statistic_ext: stxkeys; 0 is a column that could not be carried over. Expressions are left out."""

    columns: tuple[int, ...]


class PublicationScope(msgspec.Struct, frozen=True):
    """pg_publication: puballtables, and the operations that are published (pubinsert, ...)."""

    every_table: bool
    published: tuple[str, ...]


class PublishedSchema(msgspec.Struct, frozen=True):
    """pg_publication_namespace: pnnspid."""

    namespace: int


class PublishedTable(msgspec.Struct, frozen=True):
    """pg_publication_rel: whether prattrs lists columns."""

    columns: bool


class PartitionBound(msgspec.Struct, frozen=True):
    """pg_class: relpartbound."""

    form: Form


class LanguageTrust(msgspec.Struct, frozen=True):
    """pg_language: lanpltrusted."""

    trusted: bool


class ForeignServerWrapper(msgspec.Struct, frozen=True):
    """pg_foreign_server: srvfdw."""

    wrapper: int


class EventTriggerCall(msgspec.Struct, frozen=True):
    """pg_event_trigger: evtfoid, evtenabled."""

    function: int
    enabled: str = "O"


class ShippedAs(msgspec.Struct, frozen=True):
    """How an object is called that PostgreSQL ships."""

    words: str


Details = (
    ColumnDefault
    | OperatorClass
    | OperatorFamily
    | StatisticsColumns
    | PublicationScope
    | PublishedSchema
    | PublishedTable
    | PartitionBound
    | LanguageTrust
    | ForeignServerWrapper
    | EventTriggerCall
    | ShippedAs
    | None
)


def method_of(details: Details) -> str:
    """The access method of an operator class or family; empty where that is not known."""
    return details.method if isinstance(details, OperatorClass | OperatorFamily) else ""


def is_trusted(details: Details) -> bool:
    """Whether a language's use may be granted to anybody."""
    return isinstance(details, LanguageTrust) and details.trusted
