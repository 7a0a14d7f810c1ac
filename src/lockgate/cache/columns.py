"""Values as columns: frozen values of ours in msgpack's built-in types and back, with no code run on the way.

Values of one class become one column for each of their fields, so that msgspec decodes nearly all of it in C and
``map`` makes the instances. What a column may hold is listed here: plain values, tuples, lists, dicts, sets, our
persistent maps, some classes of the standard library by their spelling, and by name the structs, enums and named tuples
of this package's values. A name leads nowhere else, and nothing is called but the constructors of those classes.

Texts are left out: a source that the reader has at hand, too, is stored as its path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from importlib import import_module
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import msgspec

from lockgate.base.lazy_imports import Map
from lockgate.base.text import Offsets, Source
from lockgate.cache.store import Unfit
from lockgate.catalog.builtin import Builtins, builtins
from lockgate.catalog.catalog import Catalog

Column = list[Any]  # a word for how the values are stored, and what that needs

_PLAIN = frozenset({str, int, bool, bytes, float, type(None)})
_LAYERS = tuple(
    f"lockgate.{layer}." for layer in ("base", "sources", "parse", "catalog", "timeline", "queries", "rules")
)
_COLLECTIONS: dict[str, type] = {"tuple": tuple, "list": list, "set": set, "frozenset": frozenset}
_MAPPINGS: dict[str, type] = {"dict": dict, "map": Map}
_SLOTTED: dict[str, type] = {"catalog": Catalog, "offsets": Offsets}
_WORDS = {kind: word for word, kind in (_COLLECTIONS | _MAPPINGS | _SLOTTED).items()}


def dump(value: object, sources: Iterable[Source] = ()) -> bytes:
    """A value as bytes, without the texts of these sources. Raises Unfit."""
    known = frozenset(map(id, sources))
    for careful in (False, True):
        try:
            return msgspec.msgpack.encode(_Writer(known, careful).column([value]))
        except (OverflowError, UnicodeEncodeError):  # what msgpack has no room for, which is rare, is spelled out then
            continue
    raise Unfit("neither spelling can be stored")


def restore(data: bytes, sources: Mapping[str, Source]) -> Any:
    """The value that ``dump`` was given, with this run's sources in the places of the other's. Raises Unfit."""
    try:
        (value,) = _Reader(sources).column(msgspec.msgpack.decode(data))
    except (msgspec.MsgspecError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unfit(str(error)) from error
    except (ImportError, RuntimeError, StopIteration) as error:
        raise Unfit(str(error)) from error
    return value


class _Writer:
    def __init__(self, known: frozenset[int], careful: bool) -> None:
        self._known, self._careful = known, careful

    def column(self, values: list[Any]) -> Column:
        """The values, in order."""
        kinds = set(map(type, values))
        if not self._careful and kinds <= _PLAIN:
            return ["plain", values]
        groups: dict[object, list[Any]] = {}
        numbers: dict[object, int] = {}
        order = bytearray()
        for value in values if len(kinds) > 1 or self._careful or Source in kinds else ():
            kind = self._kind(value)
            groups.setdefault(kind, []).append(value)
            order.append(numbers.setdefault(kind, len(numbers)))
        if len(groups) > 1:
            return ["mixed", bytes(order), [self._same(kind, group) for kind, group in groups.items()]]
        return self._same(next(iter(groups or kinds), "plain"), values)

    def _kind(self, value: Any) -> object:
        """What values have in common that are stored alike: a class, or a word."""
        kind = type(value)
        if kind is Source and id(value) in self._known:
            return "source"
        if self._careful and kind is int and not -(1 << 63) <= value < 1 << 64:
            return "int"
        if self._careful and kind is str and not value.isascii() and _surrogates(value):
            return "text"
        return "plain" if kind in _PLAIN else kind

    def _same(self, kind: Any, values: list[Any]) -> Column:
        """Values that are stored alike."""
        if kind == "plain":
            return ["plain", values]
        if kind == "source":
            return ["source", [source.path for source in values]]
        if kind == "int":
            return ["int", list(map(str, values))]
        if kind == "text":
            return ["text", [value.encode("utf-8", "surrogatepass") for value in values]]
        if kind in _COLLECTIONS.values():
            return self._collections(kind, values)
        if kind in _MAPPINGS.values():
            return self._mappings(kind, values)
        if kind in _SLOTTED.values():
            return [_WORDS[kind], self._fields(kind.__slots__, values)]
        return self._ours(kind, values)

    def _collections(self, kind: type, values: list[Any]) -> Column:
        if kind is tuple and values[0] and len(lengths := set(map(len, values))) == 1:
            return ["rows", [self.column([value[at] for value in values]) for at in range(lengths.pop())]]
        if kind is list and not self._careful and all(map(_is_json, values)):
            return ["plain", values]
        return [_WORDS[kind], list(map(len, values)), self.column(list(chain.from_iterable(values)))]

    def _mappings(self, kind: type, values: list[Any]) -> Column:
        if kind is dict and not self._careful and all(map(_is_json, values)):
            return ["plain", values]
        held = [list(value.items()) for value in values]
        keys = self.column([key for items in held for key, _ in items])
        return [_WORDS[kind], list(map(len, held)), keys, self.column([each for items in held for _, each in items])]

    def _ours(self, kind: Any, values: list[Any]) -> Column:
        """Values of the package's classes, and of the standard library's that have a spelling."""
        name = f"{kind.__module__}:{kind.__qualname__}"
        if issubclass(kind, type):
            return ["class", [f"{value.__module__}:{value.__qualname__}" for value in values]]
        if issubclass(kind, msgspec.Struct):
            return ["struct", name, len(values), self._fields(kind.__struct_fields__, values)]
        if issubclass(kind, Enum):
            return ["enum", name, [value.value for value in values]]
        if issubclass(kind, tuple):
            return ["struct", name, len(values), self._fields(kind._fields, values)]
        if kind is Builtins:
            return ["builtins", [value.major for value in values]]
        return self._spelled(kind, values)

    def _spelled(self, kind: type, values: list[Any]) -> Column:
        match f"{kind.__module__}.{kind.__qualname__}":
            case "datetime.timedelta":
                return ["timedelta", [(value.days, value.seconds, value.microseconds) for value in values]]
            case "datetime.date" | "datetime.time" | "datetime.datetime":
                return [kind.__name__, [value.isoformat() for value in values]]
            case "decimal.Decimal":
                return ["decimal", list(map(str, values))]
            case "lockgate.timeline.evaluate.value.Reg":
                return ["reg", list(map(int, values)), [value.kind for value in values]]
            case name:
                raise Unfit(name)

    def _fields(self, names: Iterable[str], values: list[Any]) -> list[Column]:
        return [self.column(list(map(attrgetter(name), values))) for name in names]


class _Reader:
    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._classes: dict[str, type] = {}

    def column(self, column: Column) -> list[Any]:
        """The values that a column was made of."""
        word, *rest = column
        if word == "plain":
            return rest[0]  # type: ignore[no-any-return]
        if word in _COLLECTIONS:
            values = iter(self.column(rest[1]))
            return [_COLLECTIONS[word](islice(values, length)) for length in rest[0]]
        if word in _MAPPINGS:
            pairs = zip(self.column(rest[1]), self.column(rest[2]), strict=True)
            return [_MAPPINGS[word](islice(pairs, length)) for length in rest[0]]
        if word in _SLOTTED:
            return list(self._slotted(_SLOTTED[word], rest[0]))
        return _READERS[word](self, *rest)

    def _rows(self, columns: list[Column]) -> list[Any]:
        return list(zip(*map(self.column, columns), strict=True))

    def _mixed(self, order: bytes, columns: list[Column]) -> list[Any]:
        groups = [iter(self.column(column)) for column in columns]
        return [next(groups[group]) for group in order]

    def _struct(self, name: str, count: int, columns: list[Column]) -> list[Any]:
        made = self._class(name)
        if not issubclass(made, (msgspec.Struct, tuple)):
            raise Unfit(name)
        return list(map(made, *map(self.column, columns))) if columns else [made() for _ in range(count)]

    def _enum(self, name: str, values: list[Any]) -> list[Any]:
        made = self._class(name)
        if not issubclass(made, Enum):
            raise Unfit(name)
        return list(map(made, values))

    def _slotted(self, kind: Any, columns: list[Column]) -> Iterator[Any]:
        for row in zip(*map(self.column, columns), strict=True):
            value = kind.__new__(kind)
            for slot, each in zip(kind.__slots__, row, strict=True):
                setattr(value, slot, each)
            yield value

    def _class(self, name: str) -> type:
        """A class of the package's values, by its name."""
        found = self._classes.get(name)
        if found is None:
            module, _, word = name.partition(":")
            if not module.startswith(_LAYERS):
                raise Unfit(name)
            found = self._classes[name] = getattr(import_module(module), word)
            if not isinstance(found, type) or found.__module__ != module:
                raise Unfit(name)
        return found

    def _sources_of(self, paths: list[str]) -> list[Any]:
        return [self._sources[path] for path in paths]

    def _deltas(self, values: list[list[int]]) -> list[Any]:
        from datetime import timedelta

        return [timedelta(*value) for value in values]

    def _dates(self, texts: list[str]) -> list[Any]:
        from datetime import date

        return list(map(date.fromisoformat, texts))

    def _times(self, texts: list[str]) -> list[Any]:
        from datetime import time

        return list(map(time.fromisoformat, texts))

    def _datetimes(self, texts: list[str]) -> list[Any]:
        from datetime import datetime

        return list(map(datetime.fromisoformat, texts))

    def _decimals(self, texts: list[str]) -> list[Any]:
        from decimal import Decimal

        return list(map(Decimal, texts))

    def _regs(self, oids: list[int], kinds: list[str]) -> list[Any]:
        from lockgate.timeline.evaluate.value import Reg

        return list(map(Reg, oids, kinds))


_READERS: dict[str, Callable[..., list[Any]]] = {
    "rows": _Reader._rows,
    "mixed": _Reader._mixed,
    "struct": _Reader._struct,
    "enum": _Reader._enum,
    "source": _Reader._sources_of,
    "class": lambda reader, names: list(map(reader._class, names)),
    "builtins": lambda reader, majors: list(map(builtins, majors)),
    "int": lambda reader, texts: list(map(int, texts)),
    "text": lambda reader, values: [value.decode("utf-8", "surrogatepass") for value in values],
    "decimal": _Reader._decimals,
    "reg": _Reader._regs,
    "timedelta": _Reader._deltas,
    "date": _Reader._dates,
    "time": _Reader._times,
    "datetime": _Reader._datetimes,
}


def _is_json(value: Any) -> bool:
    """Whether msgpack gives a value back as it is: a parse tree."""
    stack = [value]
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind is dict:
            if any(type(key) is not str for key in value):
                return False
            stack.extend(value.values())
        elif kind is list:
            stack.extend(value)
        elif kind not in _PLAIN:
            return False
    return True


def _surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
