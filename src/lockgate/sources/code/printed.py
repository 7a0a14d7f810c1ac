"""What a program sends, put together as a script that knows where in the program each statement stands."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.base.text import Printed, Source, Span, Stretch
from lockgate.sources.migration import Script, Transaction, Unprinted

_SHORT = 8  # characters: what is shorter may stand in a program by chance


class Sent(msgspec.Struct, frozen=True):
    """Something that a program does: SQL that it sends, or, with ``why``, what nobody could print.

    ``at`` is its place in the program. ``touches``: see ``Gap``.
    """

    sql: str
    at: Span
    why: str = ""
    touches: tuple[str, ...] = ()
    column: str = ""


def script_of(code: Source, sent: Iterable[Sent], transaction: Transaction, how: str = "read") -> Script:
    """The script of one migration."""
    parts: list[str] = []
    stretches: list[Stretch] = []
    pieces: list[Span] = []
    gaps: list[Unprinted] = []
    at = 0
    for one in sent:
        text = f"-- {' '.join(one.why.split())}" if one.why else _ended(one.sql)
        if not text:
            continue
        span = Span(at, at + len(text))
        stretches.append(Stretch(span.start, span.end, one.at, -1 if one.why else _verbatim(code, one.at, text)))
        if one.why:
            gaps.append(Unprinted(span, one.why, one.touches, one.column))
        else:
            pieces.append(span)
        parts.append(f"{text}\n")
        at += len(text) + 1
    source = Source(code.path, "".join(parts), Printed(code, tuple(stretches), how))
    return Script(source, tuple(pieces) or (Span(0, 0),), transaction, gaps=tuple(gaps))


def _ended(sql: str) -> str:
    text = sql.strip()
    if not text:
        return ""
    last = text.rpartition("\n")[2]
    if text.endswith(";"):
        return text
    return f"{text}\n;" if "--" in last else f"{text};"


def _verbatim(code: Source, span: Span, text: str) -> int:
    """Where in a part of the program the text stands letter for letter, without its semicolon."""
    bare = text.rstrip(";").rstrip()
    return code.text.find(bare, span.start, span.end) if len(bare) >= _SHORT else -1
