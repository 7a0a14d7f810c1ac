"""Other databases: what SQL beside the migrations makes, in other folders of migrations, in scripts that set something
up, in strings of the program.

A query with a name that the schema lacks may be meant for one of them. That is looked at only where there would be a
finding: a name that no migration ever made is left alone where anything else makes it; one that a migration took away,
where what makes it lies nearer to the query than the migrations do, or is not just a copy of their schema (a dump, the
same tables for another server).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation
from lockgate.queries.query import Query, columns
from lockgate.queries.servers import Meant
from lockgate.timeline.failure import Failure

Texts = Callable[[], Iterable[tuple[str, bytes]]]  # path and content

_NAME = r"""(?:[^\s.(),;]+\s*\.\s*)*["'`\[:]?(?P<{0}>[\w$]+)"""
_DEFINES = re.compile(
    rf"""\bcreate\s+(?:or\s+replace\s+)?(?:(?:global|local|temp|temporary|unlogged|external|virtual|foreign|materialized|recursive)\s+)*(?P<kind>table|view)\s+
         (?:if\s+not\s+exists\s+)?{_NAME.format("made")}
      | \bcreate_?(?:table|view)(?:ifnotexists)?\s*\(?\s*[:"'`](?P<called>\w+)
      | \balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?{_NAME.format("altered")}
      | \bdrop\s+(?:table|view|materialized\s+view)\s+(?:if\s+exists\s+)?{_NAME.format("dropped")}""",
    re.IGNORECASE | re.VERBOSE,
)
_RENAMES = re.compile(r"\s*rename\s+to\s+[\"`]?(\w+)")
_FURTHER = re.compile(r",\s*(?:[^\s.(),;]+\s*\.\s*)*[\"`\[]?([\w$]+)")  # DROP TABLE a, b
_LOSES = re.compile(r"\b(?:drop|rename)\s+(?:column\s+)?(?:if\s+exists\s+)?[\"`]?(\w+)")
_FILLED = re.compile(r"%[sv]|\{\{?|\$\w|^\s*as\b")  # what it has is put in from elsewhere
_MARK = re.compile(r"""[();`]|\"\"\"|'''""")
_BACK = re.compile(r"(?:^|[/_.-])(?:down|rollback|undo|revert|downgrade)(?:[/_.-]|$)", re.IGNORECASE)
_DOWN = re.compile(
    r"^--\s*(?:\+goose|\+migrate|migrate:|//@)\s*(?:down|undo)\b", re.IGNORECASE | re.MULTILINE
)  # goose, sql-migrate, dbmate
_TRIED = re.compile(
    r"(?:^|[/_.-])(?:tests?|testdata|testing|__tests__|spec|fixtures|e2e|conftest)(?:[/_.-]|$)|(?:Test|IT|Spec)\.\w+$"
)
_REACH = 20_000  # characters that a definition may go on for


class Made(msgspec.Struct):
    """What one folder makes: relations by their names in lower case, each with the texts of its definition. ``added``:
    those that it only adds to."""

    relations: dict[str, list[str]] = msgspec.field(default_factory=dict)
    added: set[str] = msgspec.field(default_factory=set)

    def read(self, text: str, program: bool = False) -> None:
        """Take the definitions of one file; what a program drops it has made at another time."""
        for match in _DEFINES.finditer(_DOWN.split(text, maxsplit=1)[0]):
            if not (program and match["dropped"] is not None):
                self._take(match, _body(text, match.end(), match["called"] is not None).lower())

    def _take(self, match: re.Match[str], body: str) -> None:
        name = next(
            match[group] for group in ("made", "called", "altered", "dropped") if match[group] is not None
        ).lower()
        if match["dropped"] is not None:
            for gone in (name, *_FURTHER.findall(body)):
                self.relations.pop(gone, None)
        elif match["altered"] is not None and (renamed := _RENAMES.match(body)):
            self.relations[renamed[1]] = self.relations.pop(name, [])
        else:
            self._define(name, match, body)

    def _define(self, name: str, match: re.Match[str], body: str) -> None:
        if match["altered"] is not None and name not in self.relations:
            self.added.add(name)
        bodies = self.relations.setdefault(name, [])
        for lost in _LOSES.findall(body) if match["altered"] is not None else ():
            bodies[:] = [re.sub(rf"\b{lost}\b", "", earlier) for earlier in bodies]
        known = (match["kind"] or "table").lower() == "table" and not _FILLED.search(body)
        bodies.append(_LOSES.sub("", body) if known else "*")

    def makes(self, relations: Iterable[str], column: str) -> str:
        """Which of some relations it makes, with that column where one is named; "" if none."""
        return next(
            (r for r in map(str.lower, relations) if r in self.relations and (not column or self.has(r, column))), ""
        )

    def has(self, relation: str, column: str) -> bool:
        """Whether a relation that it makes may have a column."""
        word = re.compile(rf"(?<![\w$]){re.escape(column.lower())}(?![\w$])")
        return any(body == "*" or word.search(body) for body in self.relations.get(relation, ()))


class Others:
    """What the texts beside the migrations make; they are read at the first question. ``ours``: the folders of the
    migrations."""

    def __init__(self, texts: Texts, ours: Iterable[str], catalog: Callable[[], Catalog]) -> None:
        self._texts, self._ours, self._catalog = texts, frozenset(map(_whole, ours)), catalog
        self._made: dict[tuple[str, bool], Made] | None = None  # by folder, and whether it is a test that makes them

    def meant(self, query: Query, failure: Failure) -> bool:
        """Whether a query that the schema refuses for a name may be meant for another database."""
        relations, column = _missing(query, failure)
        return any(
            (not failure.cause or self._other(folder, tried, made, query))
            and (found in made.added or self._fits(made, query))
            for (folder, tried), made in self._read().items()
            if (found := made.makes(relations, column))
        )

    def _other(self, folder: str, tried: bool, made: Made, query: Query) -> bool:
        """Whether a folder stands for another database than ours even for a name that a migration took away."""
        path = query.source.path
        near = max((_near(path, own) for own in self._ours), default=0)
        far = _near(path, folder) - near
        return not tried and far >= 0 and (far > 0 or query.meant is Meant.ANY or not self._copy(made))

    def _copy(self, made: Made) -> bool:
        return 2 * sum(name in self._there for name in made.relations) >= len(made.relations)

    @cached_property
    def _there(self) -> dict[str, Relation]:
        return {r.name.lower(): r for r in self._catalog().objects(Relation) if r.kind in "rpvmf"}

    def _fits(self, made: Made, query: Query) -> bool:
        """Whether every column of a query is one that is made there, or one of a relation that is ours alone."""
        there, names = self._there, [name.lower() for _, name in query.relations]
        own = {a.name for name in names if name not in made.relations and name in there for a in there[name].attributes}
        return all(
            column in own or any(made.has(name, column) for name in names) for column in columns(query.statement.node)
        )

    def _read(self) -> dict[tuple[str, bool], Made]:
        if self._made is None:
            self._made = defaultdict(Made)
            for path, data in self._texts():
                folder, low = _whole(posixpath.dirname(path)), data.lower()
                if (
                    folder not in self._ours
                    and not _BACK.search(path)
                    and any(word in low for word in (b"create", b"alter", b"drop"))
                ):
                    self._made[folder, bool(_TRIED.search(path))].read(
                        data.decode("utf-8", "replace"), not path.endswith("sql")
                    )
        return self._made


def _body(text: str, start: int, inside: bool) -> str:
    """What follows a relation's name: its bracket (``inside`` of which the name stands already), else the rest of the
    statement."""
    depth = int(inside)
    for match in _MARK.finditer(text, start, start + _REACH):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth <= 0:
            return text[start : match.start()]
    return text[start : start + _REACH]


def _whole(folder: str) -> str:
    """The folder of all migrations, for one that holds a single one."""
    parent, name = posixpath.split(folder)
    return parent if name[:1].isdigit() else folder


def _near(path: str, folder: str) -> int:
    """How many folders two paths have in common."""
    common = 0
    for one, other in zip(path.split("/"), folder.split("/"), strict=False):
        if one != other:
            break
        common += 1
    return common


def _missing(query: Query, failure: Failure) -> tuple[Iterable[str], str]:
    """The relations that a missing column ("": it is the relation itself) may be one of."""
    parts = failure.object.split(".")
    if failure.sqlstate == "42P01":
        return parts[-1:], ""
    return (parts[-2:-1] or [name for _, name in query.relations]), parts[-1]
