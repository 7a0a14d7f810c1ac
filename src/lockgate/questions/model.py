"""A question to production: frozen values."""

from __future__ import annotations

import msgspec

from lockgate.base.findings import Label, RowsMatter


class Question(msgspec.Struct, frozen=True):
    """How many rows of a table make one statement fail.

    ``sql`` gives one number, 0 where none does; of ``casts`` it fails itself where one does, with the SQLSTATE that the
    migration would fail with. "" where nothing can be asked, with the reason in ``note``.
    """

    slot: str
    statement: int
    at: Label
    table: str  # qualified, as production has it
    sqlstate: str
    what: str  # in a few words
    sql: str = ""
    casts: bool = False
    rows: RowsMatter = "some"  # "any": whatever its rows are
    note: str = ""
    sample: str = ""  # a query for such rows, without its LIMIT


class RowAnswer(msgspec.Struct, frozen=True):
    """What production says: ``count`` rows break it, None where it refused the question (``failure``)."""

    question: Question
    count: int | None = None
    sqlstate: str = ""
    failure: str = ""
    rows: tuple[str, ...] = ()  # some of them, where they were asked for

    @property
    def breaks(self) -> bool:
        """Whether the migration would fail now, for all that is known."""
        if self.count is not None:
            return self.count > 0
        return self.question.casts and self.sqlstate.startswith(("22", "23", "42"))
