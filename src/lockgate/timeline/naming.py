"""Names that PostgreSQL makes up: constraints, indexes, sequences, array types.

Sources: makeObjectName, ChooseRelationName, ChooseIndexName (src/backend/commands/indexcmds.c), ChooseConstraintName
(src/backend/catalog/pg_constraint.c), makeArrayTypeName (src/backend/catalog/pg_type.c).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from lockgate.catalog.catalog import Catalog

NAMEDATALEN = 64


def clip(name: str, length: int) -> str:
    """The longest prefix of whole characters within ``length`` bytes (pg_mbcliplen, UTF-8)."""
    raw = name.encode("utf-8", "surrogatepass")
    return name if len(raw) <= length else raw[:length].decode("utf-8", "ignore")


def make_object_name(name1: str, name2: str | None, label: str | None) -> str:
    """``name1_name2_label`` within 63 bytes: the longer of the first two gives way."""
    room = NAMEDATALEN - 1 - (1 if name2 is not None else 0) - (len(label.encode()) + 1 if label is not None else 0)
    size1 = len(name1.encode("utf-8", "surrogatepass"))
    size2 = len(name2.encode("utf-8", "surrogatepass")) if name2 is not None else 0
    while size1 + size2 > room:
        if size1 > size2:
            size1 -= 1
        else:
            size2 -= 1
    parts = [clip(name1, size1)]
    if name2 is not None:
        parts.append(clip(name2, size2))
    if label is not None:
        parts.append(label)
    return "_".join(parts)


def constraint_name_exists(catalog: Catalog, name: str, namespace: int) -> bool:
    """Whether any constraint of that name lives in a schema (ConstraintNameExists)."""
    return bool(catalog.oids(("constraint name", namespace, name)))


def choose_relation_name(
    catalog: Catalog,
    name1: str,
    name2: str | None,
    label: str,
    namespace: int,
    *,
    constraint: bool = False,
    taken: Collection[str] = (),
) -> str:
    """A name that no relation (and for constraints no constraint) of the schema has; numbers follow the label."""
    number, modified = 0, label
    while True:
        name = make_object_name(name1, name2, modified)
        free = catalog.relation_named(namespace, name) is None and name not in taken
        if free and not (constraint and constraint_name_exists(catalog, name, namespace)):
            return name
        number += 1
        modified = f"{label}{number}"


def choose_constraint_name(
    catalog: Catalog, name1: str, name2: str | None, label: str, namespace: int, others: Collection[str] = ()
) -> str:
    """A name that no constraint of the schema has, nor any of ``others``; an empty label starts with its number."""
    number, modified = (0, label) if label else (1, "1")
    while True:
        name = make_object_name(name1, name2, modified)
        if name not in others and not constraint_name_exists(catalog, name, namespace):
            return name
        number += 1
        modified = f"{label}{number}"


def join_names(names: Iterable[str]) -> str:
    """Column names joined for a generated name (ChooseIndexNameAddition); what exceeds 63 bytes would be cut anyway."""
    joined = ""
    for name in names:
        joined = f"{joined}_{name}" if joined else name
        if len(joined.encode("utf-8", "surrogatepass")) >= NAMEDATALEN:
            break
    return joined


def choose_index_name(
    catalog: Catalog,
    table: str,
    namespace: int,
    columns: list[str],
    *,
    primary: bool = False,
    exclusion: bool = False,
    constraint: bool = False,
) -> str:
    """The name of an index that was given none (ChooseIndexName)."""
    if primary:
        return choose_relation_name(catalog, table, None, "pkey", namespace, constraint=True)
    addition = join_names(columns)
    if exclusion:
        return choose_relation_name(catalog, table, addition, "excl", namespace, constraint=True)
    if constraint:
        return choose_relation_name(catalog, table, addition, "key", namespace, constraint=True)
    return choose_relation_name(catalog, table, addition, "idx", namespace)


def index_column_names(elements: Iterable[dict[str, Any]]) -> list[str]:
    """The index's own column names (ChooseIndexColumnNames): doubles get a number, expressions the name of their
    function or "expr" (FigureIndexColname names them as a query's columns)."""
    from lockgate.timeline.binder.colname import figure

    names: list[str] = []
    for element in elements:
        origin = element.get("name") or figure(element.get("expr"))[1] or "expr"
        name, number = origin, 0
        while name in names:
            number += 1
            name = clip(origin, NAMEDATALEN - 1 - len(str(number))) + str(number)
        names.append(name)
    return names


def array_type_name(catalog: Catalog, name: str, namespace: int) -> str:
    """The name of a type's array type (makeArrayTypeName): ``_name``, numbered where that is taken; before 14, more
    underscores."""
    if catalog.major < 14:
        candidate = clip("_" + name, NAMEDATALEN - 1)
        while catalog.type_named(namespace, candidate) is not None:
            candidate = clip("_" + candidate, NAMEDATALEN - 1)
        return candidate
    number = 0
    while True:
        candidate = make_object_name("", name, str(number) if number else None)
        if catalog.type_named(namespace, candidate) is None:
            return candidate
        number += 1
