"""Values of a type as text that its input function takes: typical ones, the smallest, the largest, as many different
ones as are asked for. The server has the last word on each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from lockgate.oracle.rows.tables import FillType, FillTypes

_LONG = 1000  # characters of the longest text where no length is declared: a btree's entry still takes it
_FAR = 900_000  # keys begin where the migrations' own seldom are


class Range(msgspec.Struct, frozen=True):
    """Values of one type, as text: ``many(n)`` gives the n-th of different ones."""

    typical: str
    small: str
    large: str
    many: Callable[[int], str]


def _whole(low: int, high: int, far: int) -> Range:
    return Range("1", str(low), str(high), lambda n: str(far + n))


_DAY = "2024-{:02}-{:02}"


def _day(n: int) -> str:
    return _DAY.format(1 + n // 28 % 12, 1 + n % 28)


_UUID = "00000000-0000-4000-8000-{:012x}"
_PLAIN: dict[str, Range] = {
    "int2": _whole(-32768, 32767, 30_000),
    "int4": _whole(-(2**31), 2**31 - 1, _FAR),
    "int8": _whole(-(2**63), 2**63 - 1, _FAR),
    "oid": _whole(0, 2**32 - 1, _FAR),
    "float4": Range("1.5", "-1e30", "1e30", lambda n: str(_FAR + n)),
    "float8": Range("1.5", "-1e300", "1e300", lambda n: str(_FAR + n)),
    "money": Range("1.50", "-90000000", "90000000", lambda n: str(_FAR + n)),
    "bool": Range("true", "false", "true", lambda n: "true" if n % 2 else "false"),
    "date": Range("2024-02-29", "1900-01-01", "9999-12-31", _day),
    "time": Range("12:30:00", "00:00:00", "23:59:59.999999", lambda n: f"{n // 60 % 24:02}:{n % 60:02}:00"),
    "timetz": Range(
        "12:30:00+00", "00:00:00+14", "23:59:59.999999-12", lambda n: f"{n // 60 % 24:02}:{n % 60:02}:00+00"
    ),
    "timestamp": Range("2024-02-29 12:30:00", "1900-01-01", "9999-12-31 23:59:59", _day),
    "timestamptz": Range(
        "2024-02-29 12:30:00+00", "1900-01-01 00:00:00+00", "9999-12-31 23:59:59+00", lambda n: _day(n) + "+00"
    ),
    "interval": Range("1 day", "-100 years", "100 years", lambda n: f"{n} minutes"),
    "uuid": Range(
        _UUID.format(1),
        "00000000-0000-0000-0000-000000000000",
        "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12,
        lambda n: _UUID.format(_FAR + n),
    ),
    "json": Range('{"a": 1}', "null", '{"a": [1, {"b": null}], "c": ""}', lambda n: f'{{"a": {n}}}'),
    "jsonb": Range('{"a": 1}', "{}", '{"a": [1, {"b": null}], "c": ""}', lambda n: f'{{"a": {n}}}'),
    "bytea": Range("\\x6c6f636b", "\\x", "\\x" + "ff" * 200, lambda n: f"\\x{_FAR + n:08x}"),
    "inet": Range("192.0.2.1", "0.0.0.0/0", "ffff::1", lambda n: f"198.51.{n // 250 % 250}.{n % 250 + 1}"),
    "cidr": Range("192.0.2.0/24", "0.0.0.0/0", "ffff::/16", lambda n: f"10.{n // 250 % 250}.{n % 250}.0/24"),
    "macaddr": Range(
        "02:00:00:00:00:01",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        lambda n: f"02:00:00:00:{n // 256 % 256:02x}:{n % 256:02x}",
    ),
    "macaddr8": Range(
        "02:00:00:00:00:00:00:01",
        "00:00:00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff:ff:ff",
        lambda n: f"02:00:00:00:00:00:{n // 256 % 256:02x}:{n % 256:02x}",
    ),
    "point": Range("(1,2)", "(0,0)", "(1e6,1e6)", lambda n: f"({n},{n})"),
    "line": Range("{1,2,3}", "{1,0,0}", "{1,1,1}", lambda n: f"{{1,{n},1}}"),
    "lseg": Range("[(0,0),(1,1)]", "[(0,0),(0,0)]", "[(0,0),(9,9)]", lambda n: f"[(0,0),({n},1)]"),
    "box": Range("(1,1),(0,0)", "(0,0),(0,0)", "(9,9),(0,0)", lambda n: f"({n + 1},{n + 1}),({n},{n})"),
    "path": Range("((0,0),(1,1))", "((0,0))", "((0,0),(9,9))", lambda n: f"((0,0),({n},1))"),
    "polygon": Range("((0,0),(1,1),(1,0))", "((0,0))", "((0,0),(9,9),(9,0))", lambda n: f"((0,0),({n},1),(1,0))"),
    "circle": Range("<(0,0),1>", "<(0,0),0>", "<(0,0),9>", lambda n: f"<({n},0),1>"),
    "tsvector": Range("'lock':1 'gate':2", "", "'a':1", lambda n: f"'w{n}':1"),
    "tsquery": Range("'lock' & 'gate'", "'a'", "'a' | 'b'", lambda n: f"'w{n}'"),
    "xml": Range("<a>1</a>", "<a/>", "<a><b/></a>", lambda n: f"<a>{n}</a>"),
    "pg_lsn": Range("0/1", "0/0", "FFFFFFFF/FFFFFFFF", lambda n: f"0/{n:X}"),
    "hstore": Range("a=>1", "", "a=>NULL", lambda n: f"a=>{n}"),
    "ltree": Range("a.b", "a", "a.b.c.d", lambda n: f"a.n{n}"),
    "geometry": Range("POINT(1 2)", "POINT(0 0)", "POINT(9 9)", lambda n: f"POINT({n} 0)"),
    "geography": Range("POINT(1 2)", "POINT(0 0)", "POINT(9 9)", lambda n: f"POINT({n % 90} 0)"),
    "regclass": Range(
        "pg_catalog.pg_class", "pg_catalog.pg_class", "pg_catalog.pg_type", lambda n: "pg_catalog.pg_class"
    ),
}
# what a column of that name holds: patterns of its CHECK, and code that reads it, may want it
_NAMED = (
    ("email", "ann@example.org", "ann{}@example.org"),
    ("mail", "ann@example.org", "ann{}@example.org"),
    ("url", "https://example.org/a", "https://example.org/{}"),
    ("link", "https://example.org/a", "https://example.org/{}"),
    ("phone", "+15550100", "+1555{:07}"),
    ("color", "#aabbcc", "#{:06x}"),
    ("country", "DE", ""),
    ("currency", "EUR", ""),
    ("lang", "en", ""),
    ("locale", "en", ""),
    ("slug", "a-word", "word-{}"),
    ("code", "ABC", "AB{}"),
)


class Values:
    """Values of the types of one database."""

    def __init__(self, types: FillTypes) -> None:
        self._types = types

    def of(self, oid: int, typmod: int = -1, name: str = "", depth: int = 0) -> Range:
        """Values of a type; ``name`` is the column's."""
        kind = self._types[oid]
        if depth > 4:
            return _anything()
        if kind.kind == "d":
            return self.of(kind.base, kind.typmod if kind.typmod >= 0 else typmod, name, depth + 1)
        if kind.kind == "e":
            return _labels(kind)
        if kind.kind in "rm":
            return self._ranges(kind, depth)
        if kind.kind == "c":
            return self._composite(kind, depth)
        if kind.elem:
            return self._array(kind, typmod, depth)
        return _base(kind.name, typmod, name)

    def _array(self, kind: FillType, typmod: int, depth: int) -> Range:
        of = self.of(kind.elem, typmod, "", depth + 1)

        def one(value: str) -> str:
            return "{" + _inside(value) + "}"

        return Range(one(of.typical), "{}", "{" + ",".join([_inside(of.large)] * 2) + "}", lambda n: one(of.many(n)))

    def _composite(self, kind: FillType, depth: int) -> Range:
        parts = [self.of(oid, typmod, part, depth + 1) for part, oid, typmod in kind.parts]

        def row(values: list[str]) -> str:
            return "(" + ",".join(map(_inside, values)) + ")"

        return Range(
            row([p.typical for p in parts]),
            "(" + "," * max(len(parts) - 1, 0) + ")",
            row([p.large for p in parts]),
            lambda n: row([p.many(n) for p in parts]),
        )

    def _ranges(self, kind: FillType, depth: int) -> Range:
        of = self.of(kind.subtype, -1, "", depth + 1)
        many = kind.kind == "m"

        def one(low: str, high: str) -> str:
            text = f"[{_inside(low)},{_inside(high)})"
            return f"{{{text}}}" if many else text

        return Range(
            one(of.many(0), of.many(1)),
            "{}" if many else "empty",
            "{(,)}" if many else "(,)",
            lambda n: one(of.many(2 * n), of.many(2 * n + 1)),
        )


def _inside(value: str) -> str:
    """A value within an array, a composite or a range."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _labels(kind: FillType) -> Range:
    labels = kind.labels or ("",)
    return Range(labels[0], labels[0], labels[-1], lambda n: labels[n % len(labels)])


def _anything() -> Range:
    return Range("1", "", "1", str)


def _base(kind: str, typmod: int, name: str) -> Range:
    if kind in ("text", "varchar", "bpchar", "citext", "name", "char"):
        return _texts(kind, typmod, name)
    if kind == "numeric":
        return _numbers(typmod)
    if kind in ("bit", "varbit"):
        bits = typmod if typmod > 0 else 8
        return Range("0" * bits, "0" * bits, "1" * bits, lambda n: format(n % 2**bits, f"0{bits}b"))
    if kind in ("vector", "halfvec"):
        size = max(typmod, 1)
        return Range(_vector("1", size), _vector("0", size), _vector("9", size), lambda n: _vector(str(n), size))
    return _PLAIN.get(kind) or _anything()


def _vector(value: str, size: int) -> str:
    return f"[{','.join([value] * size)}]"


def _texts(kind: str, typmod: int, name: str) -> Range:
    size = typmod - 4 if typmod > 4 else 63 if kind == "name" else 1 if kind == "char" else _LONG
    low = name.lower()
    for word, typical, many in _NAMED:
        if word in low and len(typical) <= size:
            return Range(typical, "", "x" * size, partial(_numbered, many or "w{}", size))
    return Range("word"[:size], "", "x" * size, partial(_numbered, "w{}", size))


def _numbered(form: str, size: int, n: int) -> str:
    return form.format(n)[-size:]


def _numbers(typmod: int) -> Range:
    if typmod < 4:
        return Range("1", "-" + "9" * 20 + ".99", "9" * 20 + ".99", lambda n: str(_FAR + n))
    precision, scale = (typmod - 4) >> 16 & 0xFFFF, (typmod - 4) & 0x7FF
    scale = scale - 0x800 if scale & 0x400 else scale  # numeric_typmod_scale in src/backend/utils/adt/numeric.c
    whole = max(precision - max(scale, 0), 0)
    most = ("9" * whole or "0") + ("." + "9" * scale if scale > 0 else "")
    return Range("1" if whole else "0", "-" + most, most, lambda n: str(n % 10**whole if whole else 0))
