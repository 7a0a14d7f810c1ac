"""Indexes and constraints of a model's options (django/db/models/indexes.py, constraints.py)."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.sources.code.django.expressions import Unspelled, indexed, where
from lockgate.sources.code.django.names import quoted
from lockgate.sources.code.django.state import Model
from lockgate.sources.code.values import Passed

INDEXES = {
    "Index": "",
    "BTreeIndex": "btree",
    "GinIndex": "gin",
    "GistIndex": "gist",
    "HashIndex": "hash",
    "BrinIndex": "brin",
    "SpGistIndex": "spgist",
    "BloomIndex": "bloom",
    "HnswIndex": "hnsw",
    "IvfflatIndex": "ivfflat",
}
CONSTRAINTS = frozenset({"UniqueConstraint", "CheckConstraint", "ExclusionConstraint"})
_SETTINGS = (
    "fillfactor",
    "fastupdate",
    "gin_pending_list_limit",
    "pages_per_range",
    "autosummarize",
    "deduplicate_items",
)


class NamedOption(msgspec.Struct):
    """An index or a constraint as a migration gives it."""

    kind: str
    parts: list[Any]
    given: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name; "" where none is given."""
        said = self.given.get("name")
        return said if isinstance(said, str) else ""


def make(kind: str, passed: Passed) -> NamedOption:
    """An index or a constraint of this class."""
    return NamedOption(kind, list(passed.args), dict(passed.named))


def create_index(one: NamedOption, model: Model, concurrently: bool = False) -> str:
    """``CREATE INDEX``. Raises Unspelled."""
    fields = one.given.get("fields") or []
    opclasses = one.given.get("opclasses") or []
    if not one.parts and isinstance(fields, list | tuple):
        columns = [_plain(field, number, opclasses, model) for number, field in enumerate(fields)]
    else:
        columns = [indexed(part, model.column) for part in one.parts]
    if not columns:
        raise Unspelled("an index of nothing")
    using = INDEXES[one.kind]
    sql = (
        f"CREATE INDEX {'CONCURRENTLY ' if concurrently else ''}{quoted(name_of(one, model))} ON {quoted(model.table)}"
    )
    return sql + (f" USING {using}" if using else "") + f" ({', '.join(columns)})" + _tail(one, model)


def name_of(one: NamedOption, model: Model) -> str:
    """An index's name, which Django makes where none is given (``Index.set_name_with_model``)."""
    if one.name:
        return one.name
    from lockgate.sources.code.django.names import bare_table, digest

    fields = [f for f in one.given.get("fields") or [] if isinstance(f, str)]
    columns = [model.column(f.lstrip("-")) or f for f in fields]
    marked = [f"-{c}" if f.startswith("-") else c for f, c in zip(fields, columns, strict=True)]
    table = bare_table(model.table)
    parts = [table, *marked, "idx"]
    return f"{table[:11]}_{(columns or [''])[0][:7]}_{digest(*parts, length=6)}_idx"


def _plain(field: Any, number: int, opclasses: Any, model: Model) -> str:
    if not isinstance(field, str):
        raise Unspelled("a field of an index")
    column = model.column(field.lstrip("-"))
    if column is None:
        raise Unspelled(f"field {field} is not known")
    opclass = f" {opclasses[number]}" if isinstance(opclasses, list | tuple) and number < len(opclasses) else ""
    return quoted(column) + opclass + (" DESC" if field.startswith("-") else "")


def _tail(one: NamedOption, model: Model) -> str:
    sql = ""
    include = one.given.get("include")
    if isinstance(include, list | tuple) and include:
        sql += f" INCLUDE ({', '.join(quoted(model.column(str(f)) or str(f)) for f in include)})"
    if one.given.get("nulls_distinct") is False:
        sql += " NULLS NOT DISTINCT"
    settings = [f"{k} = {_setting(one.given[k])}" for k in _SETTINGS if one.given.get(k) is not None]
    settings += [
        f"{k} = {one.given[k]}" for k in ("m", "ef_construction", "lists") if isinstance(one.given.get(k), int)
    ]
    sql += f" WITH ({', '.join(settings)})" if settings else ""
    condition = one.given.get("condition")
    return sql + (f" WHERE {where(condition, model.column)}" if condition is not None else "")


def _setting(value: Any) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def create_constraint(one: NamedOption, model: Model) -> tuple[str, bool]:
    """A constraint's definition, and whether it is one: else the statement of a unique index. Raises Unspelled."""
    name = quoted(one.name)
    match one.kind:
        case "CheckConstraint":
            test = one.given.get("condition", one.given.get("check"))
            if test is None and one.parts:
                test = one.parts[0]
            return f"CONSTRAINT {name} CHECK ({where(test, model.column)})", True
        case "UniqueConstraint":
            return _unique(one, model, name)
        case _:
            return _exclusion(one, model, name), True


def _unique(one: NamedOption, model: Model, name: str) -> tuple[str, bool]:
    fields = one.given.get("fields") or []
    columns = [quoted(_known(f, model)) for f in fields]
    if one.parts or any(one.given.get(k) for k in ("condition", "include", "opclasses")):
        opclasses = one.given.get("opclasses") or []
        parts = [indexed(p, model.column) for p in one.parts] or [
            _plain(f, number, opclasses, model) for number, f in enumerate(fields)
        ]
        return f"CREATE UNIQUE INDEX {name} ON {quoted(model.table)} ({', '.join(parts)}){_tail(one, model)}", False
    if one.given.get("nulls_distinct") is False:
        columns_sql = f"UNIQUE NULLS NOT DISTINCT ({', '.join(columns)})"
    else:
        columns_sql = f"UNIQUE ({', '.join(columns)})"
    return f"CONSTRAINT {name} {columns_sql}{_deferrable(one.given.get('deferrable'))}", True


def _known(field: Any, model: Model) -> str:
    column = model.column(field) if isinstance(field, str) else None
    if column is None:
        raise Unspelled(f"field {field} is not known")
    return column


def _deferrable(value: Any) -> str:
    word = str(getattr(value, "name", value) or "").rpartition(".")[2].lower()
    return {"deferred": " DEFERRABLE INITIALLY DEFERRED", "immediate": " DEFERRABLE INITIALLY IMMEDIATE"}.get(word, "")


def _exclusion(one: NamedOption, model: Model, name: str) -> str:
    pairs = one.given.get("expressions") or []
    parts = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Unspelled("an exclusion")
        element = indexed(pair[0], model.column)
        operator = pair[1] if isinstance(pair[1], str) else _OPERATORS.get(str(getattr(pair[1], "name", "")), "")
        if not operator:
            raise Unspelled("an operator")
        parts.append(f"{element} WITH {operator}")
    using = one.given.get("index_type") or "GIST"
    condition = one.given.get("condition")
    tail = f" WHERE ({where(condition, model.column)})" if condition is not None else ""
    return (
        f"CONSTRAINT {name} EXCLUDE USING {using} ({', '.join(parts)}){tail}{_deferrable(one.given.get('deferrable'))}"
    )


_OPERATORS = {
    "EQUAL": "=",
    "NOT_EQUAL": "<>",
    "OVERLAPS": "&&",
    "CONTAINS": "@>",
    "CONTAINED_BY": "<@",
    "ADJACENT_TO": "-|-",
}


def inline(model: Model) -> tuple[list[str], list[str], list[str], list[str]]:
    """What a new table's options add: constraints in it, unique indexes and then other indexes after it, and what of them
    is not known."""
    within: list[str] = []
    after: list[str] = []
    indexes: list[str] = []
    lost: list[str] = []
    for one in model.options.get("constraints") or ():
        if isinstance(one, NamedOption):
            try:
                sql, is_constraint = create_constraint(one, model)
                (within if is_constraint else after).append(sql)
            except Unspelled as error:
                lost.append(f"{one.kind} {one.name}: {error}")
    for one in model.options.get("indexes") or ():
        if isinstance(one, NamedOption):
            try:
                indexes.append(create_index(one, model))
            except Unspelled as error:
                lost.append(f"index {one.name}: {error}")
    return within, after, indexes, lost
