"""What earlier runs found in the files, by their content: the parsers are asked about a text once."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.machinery import PathFinder

import msgspec

from lockgate.base.extras import told
from lockgate.cache import store
from lockgate.queries import source_code, sql_file
from lockgate.queries.fit import Fitted, fit
from lockgate.queries.known import Known
from lockgate.queries.passage import Passage
from lockgate.queries.query import Query

_Words = tuple[str, tuple[tuple[int, int], ...], int, str]  # a passage
_Fit = tuple[_Words, tuple[int, ...], bool, bool, bool, bool] | None
_Left = tuple[dict[bytes, tuple[_Words, ...]], dict[bytes, _Fit]]  # passages of texts, and what was fitted


class QueryMemory(msgspec.Struct):
    """The passages of texts and what was fitted. ``before`` is what the last run left, ``now`` what this one uses."""

    name: bytes = b""
    before: _Left = ({}, {})
    passages_now: dict[bytes, tuple[_Words, ...]] = msgspec.field(default_factory=dict)
    fits_now: dict[bytes, _Fit] = msgspec.field(default_factory=dict)
    new: bool = False
    whole: bool = True  # this run has asked about all that there is

    def passages(self, suffix: str, data: bytes, known: Known) -> list[Passage]:
        """What of a file may be SQL; nothing where it has no relation's name in it."""
        key = store.digest(suffix.encode(), data)
        words = self.before[0].get(key)
        if words is None:
            if not known.mentioned(data):
                return []  # which another schema may have
            found = (
                sql_file.passages(data.decode("utf-8", "replace"))
                if suffix == "sql"
                else source_code.passages(suffix, data)
            )
            words = tuple(_words(p) for p in found)
            self.new = True
        self.passages_now[key] = words
        return [Passage(*each) for each in words]

    def fit(self, passage: Passage, suffix: str) -> Fitted | None:
        """The query in a passage, as PostgreSQL's grammar takes it."""
        return self._fitted((suffix, _words(passage)), lambda: fit(passage, suffix))

    def certain(self, query: Query) -> Fitted | None:
        """What is certain of a query that is not known whole: see excerpt.py."""
        if query.fitted.excerpt:
            return query.fitted
        passage = query.fitted.passage.cut(query.statement.span.start, query.statement.span.end)

        def find() -> Fitted | None:
            with told():
                from lockgate.queries.excerpt import excerpt

            part = excerpt(passage, refused=False)
            return Fitted(part, frozenset(), True, excerpt=True, loose=query.fitted.loose) if part is not None else None

        return self._fitted(("loose" if query.fitted.loose else "", _words(passage)), find)

    def _fitted(self, of: tuple[str, _Words], find: Callable[[], Fitted | None]) -> Fitted | None:
        key = store.digest(msgspec.msgpack.encode(of))
        if key in self.before[1]:
            words = self.fits_now[key] = self.before[1][key]
            return None if words is None else Fitted(Passage(*words[0]), frozenset(words[1]), *words[2:])
        self.new = True
        fitted = find()
        self.fits_now[key] = (
            None
            if fitted is None
            else (
                _words(fitted.passage),
                tuple(sorted(fitted.holes)),
                fitted.open,
                fitted.shadows,
                fitted.excerpt,
                fitted.loose,
            )
        )
        return fitted

    def write(self) -> None:
        """Keep what this run used for the next one, and what it had no need to ask for."""
        if self.name and (self.new or (self.whole and len(self.passages_now) < len(self.before[0]))):
            before = ({}, {}) if self.whole else self.before
            store.write(self.name, msgspec.msgpack.encode((before[0] | self.passages_now, before[1] | self.fits_now)))


def _words(passage: Passage) -> _Words:
    return passage.text, passage.runs, passage.end, passage.receiver


def remembered(place: str) -> QueryMemory:
    """The memory of the project in a folder; an empty one where there is none."""
    if store.folder() is None:
        return QueryMemory()
    name = store.digest(b"queries", place.encode("utf-8", "surrogateescape"), *_grammars())
    data = store.read(name)
    try:
        return QueryMemory(name, msgspec.msgpack.decode(data, type=_Left)) if data is not None else QueryMemory(name)
    except msgspec.MsgspecError:  # bytes that do not fit
        return QueryMemory(name)


def _grammars() -> list[bytes]:
    """Where the grammars lie, and since when."""
    packages = ("sqlglot", "tree_sitter", *sorted({grammar[0] for grammar in source_code.GRAMMARS.values()}))
    found = [spec.origin for package in packages if (spec := PathFinder.find_spec(package)) is not None and spec.origin]
    return [f"{origin} {os.stat(origin).st_mtime_ns}".encode("utf-8", "surrogateescape") for origin in found]
