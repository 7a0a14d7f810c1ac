"""Tables that belong together: a schema of a few is a group, a large one falls apart along its foreign keys.

The groups are those of Clauset, Newman and Moore (Finding community structure in very large networks, 2004): two groups
are joined where their modularity gains the most by it, until none does or a group is as large as a reader takes in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lockgate.walk.document import Life

READABLE = 28  # tables of one drawing
_TOO_MANY = 1_200  # tables of one schema: these are told apart by the beginnings of their names alone
_DRAWN = frozenset({"table", "foreign table", "view", "materialized view"})

Edges = Mapping[tuple[int, int], int]


def group(lives: Iterable[Life]) -> None:
    """Write the groups into the lives of tables and views."""
    found = list(lives)
    tables = {life.id: life for life in found if life.kind in _DRAWN and not life.num}
    edges = _edges(found, tables)
    by_schema: dict[str, list[int]] = {}
    for oid, life in tables.items():
        by_schema.setdefault(_last(life, "schema"), []).append(oid)
    for schema, oids in by_schema.items():
        if len(oids) <= READABLE:
            for oid in oids:
                tables[oid].group = schema
            continue
        within = {pair: weight for pair, weight in edges.items() if {*pair} <= {*oids}}
        groups = joined(oids, within) if len(oids) <= _TOO_MANY else [[oid] for oid in oids]
        for name, members in _named(groups, tables, within).items():
            for oid in members:
                tables[oid].group = f"{schema}: {name}" if len(by_schema) > 1 else name


def _last(life: Life, field: str) -> str:
    """What an object had last, before it was gone."""
    return next((str(getattr(v, field)) for v in reversed(life.versions) if not v.gone), "")


def _edges(lives: Iterable[Life], tables: Mapping[int, Life]) -> Counter[tuple[int, int]]:
    """How often tables refer to one another, by foreign keys and by what views read."""
    edges: Counter[tuple[int, int]] = Counter()
    for life in lives:
        pairs: set[tuple[int, int]] = set()
        if life.kind == "foreign key":
            pairs = {(life.of, version.target) for version in life.versions if version.target}
        elif life.id in tables and not life.num:
            pairs = {(life.id, oid) for version in life.versions for oid, _ in version.reads}
        for one, other in pairs:
            if one != other and one in tables and other in tables:
                edges[min(one, other), max(one, other)] += 1
    return edges


def joined(nodes: Iterable[int], edges: Edges, most: int = READABLE) -> list[list[int]]:
    """Groups of nodes of at most ``most``, joined as long as that gains modularity."""
    members = {node: [node] for node in nodes}
    total = sum(edges.values()) or 1
    degree: Counter[int] = Counter()
    between: dict[int, Counter[int]] = {node: Counter() for node in members}
    for (one, other), weight in edges.items():
        for a, b in ((one, other), (other, one)):
            degree[a] += weight
            between[a][b] += weight
    while True:
        gains = (
            (weight / total - degree[a] * degree[b] / (2 * total * total), -a, -b)
            for a in members
            for b, weight in between[a].items()
            if a < b and len(members[a]) + len(members[b]) <= most
        )
        gain, a, b = max(gains, default=(0.0, 0, 0))
        if gain <= 0:
            return list(members.values())
        _join(-a, -b, members, degree, between)


def _join(
    one: int, other: int, members: dict[int, list[int]], degree: Counter[int], between: dict[int, Counter[int]]
) -> None:
    members[one] += members.pop(other)
    degree[one] += degree.pop(other)
    for node, weight in between.pop(other).items():
        del between[node][other]
        if node != one:
            between[one][node] += weight
            between[node][one] += weight


def _named(groups: list[list[int]], tables: Mapping[int, Life], edges: Edges) -> dict[str, list[int]]:
    """A group is called after the table that most others refer to; what is left alone, by how its name begins."""
    degree: Counter[int] = Counter()
    for pair, weight in edges.items():
        degree.update(dict.fromkeys(pair, weight))
    out: dict[str, list[int]] = {}
    alone: dict[str, list[int]] = {}
    for members in groups:
        if len(members) < 3:
            for oid in members:
                alone.setdefault(_last(tables[oid], "name").lstrip("_").partition("_")[0], []).append(oid)
            continue
        first = max(members, key=lambda oid: (degree[oid], -oid))
        out.setdefault(_last(tables[first], "name"), []).extend(members)
    rest: list[int] = []
    for word, members in alone.items():
        if len(members) < 3:
            rest += members
        else:
            for start in range(0, len(members), READABLE):
                out.setdefault(f"{word}…" if not start else f"{word}… {start // READABLE + 1}", []).extend(
                    members[start : start + READABLE]
                )
    for start in range(0, len(rest), READABLE):
        out[f"others {start // READABLE + 1}" if len(rest) > READABLE else "others"] = rest[start : start + READABLE]
    return out


def place(lives: Iterable[Life]) -> None:
    """Write where tables stand: one that is made under the name of one that is gone takes its place."""
    free: dict[tuple[str, str], tuple[int, int]] = {}  # name -> place, and since when it is free
    for life in lives:
        if life.kind not in _DRAWN or life.num:
            continue
        first, last = life.versions[0], life.versions[-1]
        name = (first.schema, first.name)
        spot, since = free.get(name, (0, 0))
        life.place = spot if spot and since <= first.at else life.id
        if last.gone:
            free[name] = (life.place, last.at)
        else:
            free.pop(name, None)
