"""Finding an object of the walk by the name that somebody gives it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from lockgate.base.errors import UsageError
from lockgate.base.sql import quote_identifier
from lockgate.walk.document import Life, Version, Walk

ROUTINES = frozenset({"function", "procedure", "aggregate", "window function"})
_OWN_NAMES = frozenset({"sequence", "index"})  # that belong to a table and are called by their own name
_FIRST = ("table", "foreign table", "view", "materialized view", "column")  # what a name means before anything else


class Finder:
    """The lives of a walk by what belongs to what."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.lives: dict[int, Life] = {}
        self.columns: dict[int, list[Life]] = {}
        self.parts: dict[int, list[Life]] = {}
        self.readers: dict[int, list[Life]] = {}
        for life in walk.lives:
            if life.num:
                self.columns.setdefault(life.id, []).append(life)
            else:
                self.lives[life.id] = life
                if life.of and life.kind != "sequence":
                    self.parts.setdefault(life.of, []).append(life)
            for oid in {oid for version in life.versions for oid, _ in version.reads}:
                self.readers.setdefault(oid, []).append(life)

    def at(self, life: Life, moment: int) -> Version | None:
        """The version in force after a moment; None where it is not there."""
        found = next((v for v in reversed(life.versions) if v.at <= moment), None)
        return found if found is not None and not found.gone else None

    def last(self, life: Life, moment: int) -> Version:
        """The version in force, else its last before, else its first."""
        told = [v for v in life.versions if not v.gone]
        return next((v for v in reversed(told) if v.at <= moment), told[0])

    def holder(self, life: Life) -> Life | None:
        """The table of a column, key, trigger or policy; None for what stands alone."""
        if life.num:
            return self.lives.get(life.id)
        return self.lives.get(life.of) if life.of and life.kind not in _OWN_NAMES else None

    def address(self, life: Life, moment: int) -> str:
        """schema.table.column, schema.name(arguments): quoted where SQL needs it."""
        own, holder = self.last(life, moment), self.holder(life)
        name = quote_identifier(own.name)
        if holder is not None:
            return f"{self.address(holder, moment)}.{name}"
        schema = f"{quote_identifier(own.schema)}." if own.schema else ""
        return f"{schema}{name}({own.text})" if life.kind in ROUTINES else schema + name

    def name_of(self, oid: int, moment: int) -> str:
        """The address of an object by its id."""
        life = self.lives.get(oid)
        return self.address(life, moment) if life is not None else "?"

    def column_names(self, relation: int, keys: Sequence[int], moment: int) -> Iterator[str]:
        """Columns by number, quoted where SQL needs it; "(expression)" for 0."""
        columns = {life.num: life for life in self.columns.get(relation, ())}
        for num in keys:
            life = columns.get(num)
            yield quote_identifier(self.last(life, moment).name) if life is not None else "(expression)"

    def names(self, begin: str) -> list[str]:
        """What is there after the last moment and is called so, with its schema or without; columns where a table is
        named."""
        last = len(self.walk.moments) - 1
        found = set[str]()
        for life in self.walk.lives:
            if self.at(life, last) is not None:
                address = self.address(life, last)
                found |= {address, address.partition(".")[2] or address}
        return sorted(one for one in found if one.startswith(begin) and one.count(".") <= begin.count(".") + 1)

    def find(self, name: str, moment: int, path: Sequence[str] = ("public",)) -> Life:
        """The object that a name means after a moment: with its schema or without (those of ``path`` first), a routine
        with its arguments or without; one that is gone, or comes later, where none has the name then.

        Raises UsageError, with near names, where nothing or more than one thing is called so.
        """
        wanted = _plain(name)
        named = [life for life in self.walk.lives if any(v.name and v.name in wanted for v in life.versions)]
        there = [life for life in named if self.at(life, moment) and self._fits(life, wanted, moment)]
        ever = there or [
            life
            for life in reversed(named)
            if any(self._fits(life, wanted, version.at) for version in life.versions if not version.gone)
        ]
        best = self._best(ever, wanted, moment, path)
        if not best:
            raise self._unknown(name, wanted, moment)
        if there and len(best) > 1:
            raise UsageError(
                f"{name} may be {' or '.join(sorted(f'{life.kind} {self.address(life, moment)}' for life in best)[:6])}",
                "name its schema, or its arguments",
            )
        return best[0]

    def _fits(self, life: Life, wanted: str, moment: int) -> bool:
        address = _plain(self.address(life, moment))
        bare = address.partition("(")[0]
        return any(one == wanted or one.endswith(f".{wanted}") for one in (address, bare))

    def _best(self, found: list[Life], wanted: str, moment: int, path: Sequence[str]) -> list[Life]:
        """Those that the name means most exactly: whole, in a schema of the path, tables first."""

        def rank(life: Life) -> tuple[int, int, int]:
            address = _plain(self.address(life, moment)).partition("(")[0]
            schema = address.removesuffix(wanted.partition("(")[0]).rstrip(".")
            whole = 0 if not schema else 1 + path.index(schema) if schema in path else 1 + len(path)
            return len(schema.split(".")) if schema else 0, whole, 0 if life.kind in _FIRST else 1

        ranked = sorted(found, key=rank)
        return [life for life in ranked if rank(life) == rank(ranked[0])]

    def _unknown(self, name: str, wanted: str, moment: int) -> UsageError:
        depth = wanted.count(".")
        known: dict[str, str] = {}  # as many parts of an address as were given -> the whole of it
        for life in self.walk.lives:
            address = self.address(life, moment).partition("(")[0]
            if depth or self.holder(life) is None:
                known[".".join(_plain(address).split(".")[-depth - 1 :])] = address
        near = difflib.get_close_matches(wanted, sorted(known), 3, 0.7)
        remedy = (
            f"did you mean {' or '.join(known[one] for one in near)}?" if near else "see `lockgate timeline --catalog`"
        )
        return UsageError(f"{name}: no table, column, routine or type is ever called so", remedy)


def _plain(name: str) -> str:
    """A name as it is compared: without quotes, and with one space after each comma of the arguments."""
    head, bracket, rest = name.strip().partition("(")
    return head.replace('"', "") + bracket + ", ".join(part.strip() for part in rest.split(","))
