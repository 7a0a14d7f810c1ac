"""How a step ends early: refused by PostgreSQL, or beyond what the simulator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec

from lockgate.base.findings import Label
from lockgate.base.text import Span

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


class MissingColumn(msgspec.Struct, frozen=True):
    """No column of that name; ``of`` is the relation, the alias or the type that has none, as the statement says it."""

    name: str
    of: str = ""


class MissingField(msgspec.Struct, frozen=True):
    """A record variable of PL/pgSQL has no such field."""

    record: str
    name: str


class MissingRelation(msgspec.Struct, frozen=True):
    """No relation, or no entry of FROM, of that name; ``schema`` only where the statement names one."""

    name: str
    schema: str = ""


class MissingRoutine(msgspec.Struct, frozen=True):
    """No routine of that name; ``shape`` is what it was called with."""

    name: str
    schema: str = ""
    shape: str = ""


class MissingOperator(msgspec.Struct, frozen=True):
    """No operator for these types: ``integer + text``."""

    shape: str


class MissingType(msgspec.Struct, frozen=True):
    """No type of that name."""

    name: str
    schema: str = ""


class MissingSchema(msgspec.Struct, frozen=True):
    """No schema of that name."""

    name: str


class Ambiguous(msgspec.Struct, frozen=True):
    """A column's or a function's name that means more than one thing."""

    name: str


class NotOwner(msgspec.Struct, frozen=True):
    """The role does not own what only its owner may change (ACLCHECK_NOT_OWNER)."""


class NoPrivilege(msgspec.Struct, frozen=True):
    """The role lacks what a grant, a policy or an attribute would give (ACLCHECK_NO_PRIV)."""


Subject = (
    MissingColumn
    | MissingField
    | MissingRelation
    | MissingRoutine
    | MissingOperator
    | MissingType
    | MissingSchema
    | Ambiguous
    | NotOwner
    | NoPrivilege
)


class Failure(msgspec.Struct, frozen=True):
    """PostgreSQL's refusal of a statement, as ereport(ERROR) would word it."""

    sqlstate: str
    message: str
    span: Span  # in characters of the file: the narrowest token
    object: str = ""  # qualified name of what it is about
    help: str = ""  # "did you mean ..." or the SQL that mends it
    related: tuple[Label, ...] = ()
    kind: str = ""  # what is missing or in the way: column, relation, function, type, schema, role, constraint, ...
    cause: str = ""  # "dropped", "renamed" where the timeline saw it happen, else ""
    since: str = ""  # the slot in which it was dropped or renamed
    latent: bool = False
    caught: bool = False  # of a latent one: a handler WHEN OTHERS takes it, and the routine goes on without its work
    breakage: str = ""  # of a latent one: what is broken, as ``Replay.mended`` knows it
    subject: Subject | None = None  # what it is about, where something asks for that: a message is never read
    instead: str = ""  # the identifier that would mend it in place of the marked token, where there is exactly one

    @property
    def name(self) -> str:
        """The bare name that it is about; "" where it has none."""
        match self.subject:
            case (
                MissingColumn(name=name)
                | MissingField(name=name)
                | MissingRelation(name=name)
                | MissingRoutine(name=name)
                | MissingType(name=name)
                | MissingSchema(name=name)
                | Ambiguous(name=name)
            ):
                return name
            case MissingOperator() | NotOwner() | NoPrivilege():
                return ""
            case None:
                return self.object.rpartition(".")[2]
            case never:
                assert_never(never)


class Refused(Exception):
    """PostgreSQL refuses the statement."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Unsure(Exception):
    """The simulator cannot tell what the statement does; ``taints`` names all that it may touch (see Catalog.taint_of).

    The effects that the handler has written so far are undone, unless ``keep``.
    """

    def __init__(self, reason: str, *taints: TaintKey, keep: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.taints = taints
        self.keep = keep
