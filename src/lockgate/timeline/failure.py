"""How a step ends early: refused by PostgreSQL, or beyond what the simulator knows."""

from __future__ import annotations

import msgspec

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.catalog.catalog import NameKey


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
    breakage: str = ""  # of a latent one: what is broken, as ``Replay.mended`` knows it
    instead: str = ""  # the identifier that would mend it in place of the marked token, where there is exactly one


class Refused(Exception):
    """PostgreSQL refuses the statement."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Unsure(Exception):
    """The simulator cannot tell what the statement does; ``taints`` names all that it may touch (see Catalog.taint_of).

    The effects that the handler has written so far are undone, unless ``keep``.
    """

    def __init__(self, reason: str, *taints: NameKey, keep: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.taints = taints
        self.keep = keep
