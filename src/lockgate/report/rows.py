"""Questions to production and its answers: for people, and as a document (``schema/rows-1.json``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockgate.base.text import clean
from lockgate.questions.model import RowAnswer
from lockgate.report import shapes
from lockgate.report.document import TOOL, location


def document(
    pending: Sequence[str], answers: Sequence[RowAnswer], asked: bool, notes: Sequence[str]
) -> shapes.RowQuestions:
    """All questions, each with what production said."""
    return shapes.RowQuestions(
        1, TOOL, list(pending), asked, [_question(one, asked) for one in answers], list(notes), counts(answers, asked)
    )


def counts(answers: Sequence[RowAnswer], asked: bool) -> shapes.RowCounts:
    """How many there are of each kind."""
    put = [one for one in answers if one.question.sql]
    breaking = sum(one.breaks for one in answers)
    unanswered = sum(one.count is None and not one.breaks for one in put) if asked else 0
    return shapes.RowCounts(len(answers), len(put) if asked else 0, breaking, unanswered)


def _question(answer: RowAnswer, asked: bool) -> shapes.RowQuestion:
    one = answer.question
    failed = shapes.Refusal(answer.sqlstate, answer.failure) if asked and answer.count is None else None
    return shapes.RowQuestion(
        one.slot,
        location(one.at),
        one.statement,
        one.table,
        one.sqlstate,
        one.what,
        one.rows,
        one.sql,
        one.casts,
        one.note,
        answer.count,
        failed,
        answer.breaks,
        list(answer.rows),
    )


def as_text(answers: Sequence[RowAnswer], notes: Sequence[str]) -> str:
    """One line for each question, what breaks first."""
    lines = [line for one in sorted(answers, key=lambda a: not a.breaks) for line in _lines(one)]
    total = counts(answers, True)
    lines += [f"note: {clean(note)}" for note in notes]
    lines.append(
        f"{total.questions} questions: {total.breaking} statements would fail on rows of production now, {total.unanswered} without an answer"
    )
    return "\n".join(lines) + "\n"


def _lines(answer: RowAnswer) -> Iterator[str]:
    one = answer.question
    where = f"{clean(one.at.source.path)}:{one.at.start.line}"
    if answer.count:
        word = "groups of rows" if one.sqlstate == "23505" else "rows"
        said = f"{answer.count:,} {word} of {clean(one.table)} break it"
    elif answer.breaks:
        said = f"a row of {clean(one.table)} breaks it: {clean(answer.failure)} ({answer.sqlstate})"
    elif answer.count is None:
        state = f" ({answer.sqlstate})" if answer.sqlstate else ""
        said = f"not answered: {clean(answer.failure or one.note)}{state}"
    else:
        said = f"no row of {clean(one.table)} breaks it"
    note = f"; {clean(one.note)}" if one.note and answer.count is not None else ""
    yield f"{where}: {clean(one.what)} ({one.sqlstate}): {said}{note}"
    yield from (f"    {clean(row)}" for row in answer.rows)
