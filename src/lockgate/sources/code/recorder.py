"""What a followed program sends, noted as it is met: SQL, or what of it is not known."""

from __future__ import annotations

import re
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Span
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.printed import Sent
from lockgate.sources.code.values import NotKnown, Partial

ANYTHING = ("*",)
_LEAD = r"\A(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
_ROWS = pattern(
    _LEAD + r"(?:select|insert|update|delete|with|values|merge|copy|lock|show|explain|analyze|set|reset)\b",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK = pattern(r"\s*(?:begin|commit|(?:release\s+)?savepoint\s+\w+)\s*;?\s*", re.IGNORECASE)
_NAME = r"((?:\"[^\"]+\"|[\w$]+)(?:\.(?:\"[^\"]+\"|[\w$]+))?)"
_TABLE = pattern(
    _LEAD
    + r"(?:alter|create|drop|truncate|comment\s+on)\s+(?:(?:unlogged|temporary|temp|foreign|materialized)\s+)*(?:table|view|sequence)\s+"
    rf"(?:only\s+)?(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?{_NAME}(?=[\s(;]|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_INDEX = pattern(
    _LEAD + rf"create\s+(?:unique\s+)?index\s+.*?\bon\s+(?:only\s+)?{_NAME}[\s(]", re.IGNORECASE | re.DOTALL
)
_INDEX_NAME = pattern(
    _LEAD + rf"create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?{_NAME}\s+on\b",
    re.IGNORECASE | re.DOTALL,
)
_BESIDE = pattern(
    _LEAD + r"(?:drop\s+index|comment\s+on|grant|revoke|refresh|reindex|vacuum)\b", re.IGNORECASE | re.DOTALL
)
_GUARDS = tuple(
    (pattern(form, re.IGNORECASE), new)
    for form, new in (
        (r"\A(create\s+(?:unlogged\s+)?(?:table|sequence|schema|extension))\s+(?!if\b)", r"\1 IF NOT EXISTS "),
        (r"\A(create\s+(?:unique\s+)?index(?:\s+concurrently)?)\s+(?!if\b)", r"\1 IF NOT EXISTS "),
        (
            r"\A(drop\s+(?:table|index|view|materialized\s+view|sequence|type|schema|function))\s+(?!if\b)",
            r"\1 IF EXISTS ",
        ),
        (rf"\A(alter\s+table\s+(?:only\s+)?{_NAME}\s+add\s+column)\s+(?!if\b)", r"\1 IF NOT EXISTS "),
        (rf"\A(alter\s+table\s+(?:only\s+)?{_NAME}\s+drop\s+(?:column|constraint))\s+(?!if\b)", r"\1 IF EXISTS "),
    )
)
_MADE_TYPE = pattern(r"\bcreate\s+type\s+" + _NAME, re.IGNORECASE)
_GONE_TYPE = pattern(r"\bdrop\s+type\s+(?:if\s+exists\s+)?" + _NAME, re.IGNORECASE)


class KnownTypes:
    """What is known of a database while its migrations are followed in order: types that are there."""

    def __init__(self) -> None:
        self.types: set[str] = set()

    def heed(self, sql: str) -> None:
        """Learn from a statement."""
        if "type" in sql.lower():
            self.types |= {bare(name) for name in _MADE_TYPE.findall(sql)}
            self.types -= {bare(name) for name in _GONE_TYPE.findall(sql)}


def bare(name: str) -> str:
    """A name as the catalog has it, without its schema."""
    last = re.split(r'\.(?=(?:[^"]*"[^"]*")*[^"]*\Z)', name)[-1]
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()


def touched(sql: str) -> tuple[str, ...]:
    """What a statement may change of which perhaps only the beginning is known: relations, nothing, or "*"."""
    if _ROWS.match(sql):
        return ()
    found = _TABLE.match(sql) or _INDEX.match(sql)
    if found and "\N{REPLACEMENT CHARACTER}" not in found.group(1):
        return (found.group(1),)
    index = _INDEX_NAME.match(sql)
    if index and "\N{REPLACEMENT CHARACTER}" not in index.group(1):
        return (index.group(1),)
    return () if _BESIDE.match(sql) else ANYTHING


class SendLog:
    """Notes what one migration sends."""

    def __init__(self, world: KnownTypes) -> None:
        self.sent: list[Sent] = []
        self.world = world
        self.followed: Follower | None = None
        self.fixed: Span | None = None  # the operation at hand, where those are run after they were made

    def at(self) -> Span:
        """The place in the program of what is met now."""
        if self.fixed is not None:
            return self.fixed
        return self.followed.place() if self.followed is not None else Span(0, 0)

    def sent_at(self, sql: str, at: Span) -> None:
        """SQL that is sent now and comes from an earlier place."""
        self.world.heed(sql)
        self.sent.append(Sent(sql, at))

    def sql(self, sql: Any, what: str = "a statement") -> None:
        """SQL that is sent, or what of it is known."""
        followed = self.followed
        if isinstance(sql, list | tuple):
            for one in sql:
                self.sql(one, what)
            return None
        if isinstance(sql, Partial):
            known = str(sql)
            return self.gap(f"{what}: a part of it is worked out at run time", touched(known))
        if not isinstance(sql, str):
            return self.gap(f"{what}: it is worked out at run time", ANYTHING)
        if not sql.strip().strip(";") or (
            _BLOCK.fullmatch(sql) and followed is not None and followed.maybe + followed.guarded
        ):
            return None
        if followed is not None and followed.maybe:
            return self.gap(f"{what}: whether it runs is decided at run time", touched(sql))
        if followed is not None and followed.guarded:
            return self._guarded(sql, what)
        self.world.heed(sql)
        self.sent.append(Sent(sql, self.at()))
        return None

    def _guarded(self, sql: str, what: str) -> None:
        """A statement that runs if what it makes is not there, or what it drops is."""
        for form, new in _GUARDS:
            made, count = form.subn(new, sql.lstrip(), 1)
            if count:
                self.sent.append(Sent(made, self.at()))
                return
        self.gap(f"{what}: whether it runs is decided by what is in the database", touched(sql))

    def gap(self, why: str, touches: tuple[str, ...] = (), column: str = "") -> None:
        """What is not known: ``touches`` and ``column`` as ``Unprinted`` has them."""
        one = Sent("", self.at(), why, touches, column)
        if not self.sent or self.sent[-1] != one:  # a loop says it once
            self.sent.append(one)

    def rows(self, why: str = "rows are written at run time") -> None:
        """Rows are read or written, and no more."""
        self.gap(why)


def unknown_text(value: Any) -> bool:
    """Whether a value is no text that is known to its end."""
    return isinstance(value, NotKnown | Partial)
