"""What Lockgate says: findings, their places and their evidence."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import msgspec

from lockgate.base.digest import sha256
from lockgate.base.effects import Effect
from lockgate.base.text import Position, Source, Span

RowsMatter = Literal["any", "some"]


class Severity(str, Enum):
    """How much a finding matters; the order is ``info < warning < error``."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return ("info", "warning", "error").index(self.value)


class Verdict(str, Enum):
    """What the server said of a finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNPROVEN = "unproven"


class Label(msgspec.Struct, frozen=True):
    """A place in a source with words about it."""

    source: Source
    span: Span
    message: str = ""

    @property
    def start(self) -> Position:
        """The place's first character: line and column 1-based."""
        return self.source.position(self.span.start)


class Evidence(msgspec.Struct, frozen=True):
    """An observation tied to a finding. ``message`` is the server's, or the reason why nothing was proven."""

    verdict: Verdict
    role: str = ""
    server: str = ""  # the server's full version, "16.9"
    sqlstate: str | None = None
    message: str = ""
    locks: tuple[str, ...] = ()  # "AccessExclusiveLock on public.t"
    work: tuple[str, ...] = ()  # the server's debug1 words
    by: str = ""  # what looked into a body: "plpgsql_check 2.3", "prepared queries", "validator"


class Edit(msgspec.Struct, frozen=True):
    """A replacement of one span of one source."""

    source: Source
    span: Span
    text: str


class Fix(msgspec.Struct, frozen=True):
    """A change that mends a finding; ``sql`` is for the operator's console where no file can be edited."""

    title: str
    edits: tuple[Edit, ...] = ()
    sql: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One thing said about one place."""

    rule: str  # code, "T201"
    name: str  # slug: dropped-column-reference
    severity: Severity
    message: str
    at: Label
    help: str = ""
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    sqlstate: str | None = None  # set exactly where PostgreSQL is predicted to refuse the statement
    slot: str = ""
    statement: int | None = None  # 1-based index in the script
    object: str = ""  # qualified name of what it is about
    evidence: Evidence | None = None
    url: str = ""  # of the rule's document
    effect: Effect | None = None  # the simulated lock and work that it speaks of
    # "any": the statement fails for any row; "some": it depends on the rows; None: on none
    rows: RowsMatter | None = None
    breakage: str = ""  # what a later migration may mend: then nothing is told

    @property
    def fingerprint(self) -> str:
        """Stable under moved lines: rule, file, object and the text of the marked token, not its place."""
        token = self.at.source.text[self.at.span.start : self.at.span.end]
        parts = (
            self.rule,
            self.at.source.path,
            self.slot,
            self.object,
            self.sqlstate or "",
            " ".join(token.split())[:200],
        )
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass"))[:24]
