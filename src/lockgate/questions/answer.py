"""The questions, asked of production: one read-only transaction, each question with a limit of time, and no data but
counts, unless rows are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.base.sql import literal, quote
from lockgate.base.text import clean
from lockgate.oracle.read.production import reading
from lockgate.questions.model import Question, RowAnswer
from lockgate.questions.safe import unsafe

_LONGEST = 500  # characters of a row that is shown


def answers(
    dsn: str, asked: Iterable[Question], variable: str, path: tuple[str, ...], *, seconds: float, show: int = 0
) -> Iterator[RowAnswer]:
    """What production says to each question, in order; ``show`` rows of those that would break it. Raises CannotCheck,
    UsageError where it cannot be reached; no error shows a secret of the DSN."""
    with reading(dsn, variable) as reader:
        reader.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        reader.execute(f"SET LOCAL search_path = {', '.join(map(quote, path))}")
        for one in asked:
            why = unsafe(one.sql, reader.major) if one.sql else one.note
            yield RowAnswer(one, failure=why) if why or not one.sql else _answer(reader, one, show)


def _answer(reader: Any, one: Question, show: int) -> RowAnswer:
    rows, state, said = reader.attempt(one.sql)
    if rows is None:
        return RowAnswer(one, None, state, said)
    count = 0 if one.casts else int(rows[0][0])
    shown: tuple[str, ...] = ()
    if count and show and one.sample and not unsafe(one.sample, reader.major):
        found, _, _ = reader.attempt(
            f"SELECT pg_catalog.left(sample::text, {_LONGEST}) FROM ({one.sample} LIMIT {show}) AS sample"
        )
        shown = tuple(text for (text,) in found or ())
    return RowAnswer(one, count, rows=shown)


def printed(asked: Iterable[Question], path: tuple[str, ...]) -> Iterator[str]:
    """The questions as a script for psql, which changes nothing."""
    yield "BEGIN TRANSACTION READ ONLY;\nSET LOCAL statement_timeout = '60s';\n"
    yield f"SET LOCAL search_path = {', '.join(map(quote, path))};\n"
    for one in asked:
        where = f"{one.at.source.path}:{one.at.start.line}"
        words = f"{where}: {one.what} ({one.sqlstate})" + (f"; {one.note}" if one.note else "")
        yield f"\n-- {clean(words)}\n"
        if one.casts:
            yield f"-- fails with {one.sqlstate}, or the like, where a row cannot become that\n"
        if one.sql:
            select = one.sql.removeprefix("SELECT ")
            yield f"SELECT {literal(clean(where))} AS at, {select};\n"
    yield "\nROLLBACK;\n"
