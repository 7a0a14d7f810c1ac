"""From the pending migrations to the questions: each statement that rows may break, over production's tables as they
will be by then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Constraint, Relation, Type
from lockgate.catalog.typename import type_name
from lockgate.parse.facts import CODE
from lockgate.parse.routine import GrammarError, parse_query
from lockgate.questions import fragments
from lockgate.questions.casts import condition
from lockgate.questions.model import Question
from lockgate.questions.tables import Tables, View
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Change, Step

_WRITES = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt", "SelectStmt"}) | CODE


def questions(plan: Plan, pending: frozenset[str], major: int) -> list[Question]:
    """The questions of the migrations of these ids, in their order."""
    asker: _Asker | None = None
    checks: dict[int, str] = {}
    out: list[Question] = []
    for step in Replay(plan).steps():
        if not isinstance(step, Step):
            continue
        node = _tree(step)
        for change in step.changes:
            if isinstance(change.after, Constraint) and change.before is None and change.after.kind == "c":
                checks[change.after.oid] = _check_text(step, node, change.after)
        if step.migration.id in pending and step.fails is None:
            asker = asker or _Asker(step.before, major, checks)
            out += asker.step(step, node)
    return out


def _tree(step: Step) -> dict[str, Any]:
    try:
        return parse_query(step.statement.text)[1]
    except GrammarError:
        return {}


def _check_text(step: Step, node: dict[str, Any], made: Constraint) -> str:
    """A CHECK's expression as it is written: the one of that name, else the only one."""
    text = step.statement.text
    found = []
    for item in _constraints(node):
        if item.get("contype") == "CONSTR_CHECK":
            found.append((item.get("conname", ""), fragments.parenthesized(text, "check", _character(text, item))))
    named = [expression for name, expression in found if name == made.name]
    return (named or [e for _, e in found if len(found) == 1] or [""])[0]


def _constraints(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "Constraint" in node:
            yield node["Constraint"]
        for value in node.values():
            yield from _constraints(value)
    elif isinstance(node, list):
        for value in node:
            yield from _constraints(value)


def _character(text: str, node: dict[str, Any]) -> int:
    """Where a node begins, in characters: the parser counts bytes."""
    return len(text.encode()[: max(node.get("location", 0), 0)].decode(errors="ignore"))


class _Asker:
    """The tables as they are by now, and what each statement asks of them."""

    def __init__(self, catalog: Catalog, major: int, checks: dict[int, str]) -> None:
        self.tables, self.catalog, self.major, self.checks = Tables(catalog), catalog, major, checks

    def step(self, step: Step, node: dict[str, Any]) -> list[Question]:
        """A statement's questions; the tables are as it leaves them, afterwards."""
        out: list[Question] = []
        for change in step.changes:  # its own new columns stand there before what looks at them
            if isinstance(change.before, Relation) and isinstance(change.after, Relation):
                out += self._altered(step, node, change.before, change.after)
        for change in step.changes:
            out += self._made(step, node, change)
        self._written(step, node)
        return out

    # --- columns ------------------------------------------------------------------------------------------------------

    def _altered(self, step: Step, node: dict[str, Any], old: Relation, new: Relation) -> Iterator[Question]:
        view = self.tables.of(old.oid)
        if view is None:
            return
        before, values = {a.num: a for a in old.attributes}, dict[int, str]()
        retyped = [n for n in new.attributes if (o := before.get(n.num)) is not None and _type(o) != _type(n)]
        for column in retyped:
            using = self._using(step, node, column.name)
            yield from self._retyped(step, view, before[column.num], column, using)
            if using:
                values[column.num] = f"({using})"
        for column in new.attributes:
            if column.num not in before:
                values[column.num] = self._default(step, node, column)
                if column.notnull and values[column.num].startswith("NULL"):
                    yield self._question(
                        step, view, "23502", f"column {column.name} has no value for any row", view.named, "", "any"
                    )
        after = view.reshaped(new, values)
        self.tables.put(after)
        for column in new.attributes:
            was = before.get(column.num)
            if column.notnull and was is not None and not was.notnull:
                name = quote_identifier(column.name)
                what = f"column {column.name} becomes NOT NULL"
                yield self._question(step, after, "23502", what, after.named, f"{name} IS NULL")

    def _retyped(self, step: Step, view: View, old: Attribute, new: Attribute, using: str) -> Iterator[Question]:
        name, wanted = quote_identifier(old.name), type_name(step.after, new.type, new.typmod)
        what = f"column {old.name} becomes {wanted}"
        if not using:
            found = condition(step.after, old, new, name, self.major)
            if found is None:
                return
            if found[0]:
                yield self._question(step, view, found[1], what, view.named, found[0])
                return
        if step.before.find(Type, new.type) is None and self.catalog.find(Type, new.type) is None and new.type >= 16384:
            yield replace(self._question(step, view, "22P02", what, "", ""), note=f"type {wanted} is not there yet")
            return
        sql = f"SELECT pg_catalog.count(({using or name})::{wanted}) FROM {view.named}"
        yield replace(self._question(step, view, "22P02", what, "", ""), sql=sql, casts=True)

    @staticmethod
    def _using(step: Step, node: dict[str, Any], name: str) -> str:
        number = 0
        for item in node.get("cmds", ()):
            command = item.get("AlterTableCmd", {})
            if command.get("subtype") == "AT_AlterColumnType" and "raw_default" in command.get("def", {}).get(
                "ColumnDef", {}
            ):
                if command.get("name") == name:
                    return fragments.clause(step.statement.text, "using", frozenset({","}), number)
                number += 1
        return ""

    def _default(self, step: Step, node: dict[str, Any], column: Attribute) -> str:
        """What a new column holds in the rows that are there."""
        wanted = type_name(step.after, column.type, column.typmod)
        known = column.type < 16384 or self.catalog.find(Type, column.type) is not None
        cast = f"::{wanted}" if known else ""
        if column.identity or column.generated:
            return "pg_catalog.row_number() OVER ()"
        text = step.statement.text
        for item in _column_constraints(node, column.name):
            if item.get("contype") == "CONSTR_DEFAULT":
                expression = fragments.default(text, _character(text, item))
                if "nextval" in expression.lower():
                    return "pg_catalog.row_number() OVER ()"
                return f"({expression}){cast}"
        return "pg_catalog.row_number() OVER ()" if column.has_default else f"NULL{cast}"

    # --- constraints and indexes --------------------------------------------------------------------------------------

    def _made(self, step: Step, node: dict[str, Any], change: Change) -> Iterator[Question]:
        old, new = change.before, change.after
        if isinstance(new, Constraint) and new.validated and new.enforced and (old is None or not _valid(old)):
            if new.kind == "c":
                yield from self._checked(step, new)
            elif new.kind == "f":
                yield from self._referring(step, new)
            elif new.kind == "x":
                view = self.tables.of(new.relation)
                if view is not None:
                    what = f"exclusion constraint {new.name}"
                    yield replace(
                        self._question(step, view, "23P01", what, "", ""), note="no query tells which rows overlap"
                    )
        if isinstance(new, Relation) and old is None and new.index is not None and new.index.unique:
            yield from self._unique(step, node, new)

    def _checked(self, step: Step, made: Constraint) -> Iterator[Question]:
        expression = self.checks.get(made.oid, "")
        if made.relation:
            view = self.tables.of(made.relation)
            if view is not None:
                yield self._question(
                    step,
                    view,
                    "23514",
                    f"CHECK {made.name}",
                    view.named,
                    f"({expression}) IS FALSE" if expression else "",
                )
            return
        for relation in step.after.objects(Relation) if made.type else ():
            view = self.tables.of(relation.oid)
            for column in relation.attributes if view is not None else ():
                if view is not None and column.type == made.type and expression:
                    source = f"(SELECT {quote_identifier(column.name)} AS value FROM {view.named}) AS of_domain"
                    yield self._question(step, view, "23514", f"CHECK {made.name}", source, f"({expression}) IS FALSE")

    def _referring(self, step: Step, made: Constraint) -> Iterator[Question]:
        view, other = self.tables.of(made.relation), self.tables.of(made.foreign)
        if view is None:
            return
        what, names = f"foreign key {made.name}", dict(view.columns)
        keys = [quote_identifier(names.get(n, "")) for n in made.keys]
        there = " AND ".join(f"referring.{key} IS NOT NULL" for key in keys)
        if other is None:
            question = self._question(step, view, "23503", what, "", "")
            yield replace(question, note="the table that it refers to is made by the migrations")
            return
        foreign = dict(other.columns)
        pairs = zip(keys, made.foreign_keys, strict=False)
        same = " AND ".join(f"referred.{quote_identifier(foreign.get(n, ''))} = referring.{key}" for key, n in pairs)
        where = f"{there} AND NOT EXISTS (SELECT FROM {other.source} AS referred WHERE {same})"
        yield self._question(step, view, "23503", what, f"{view.source} AS referring", where)

    def _unique(self, step: Step, node: dict[str, Any], index: Relation) -> Iterator[Question]:
        assert index.index is not None
        made, view = index.index, self.tables.of(index.index.relation)
        if view is None:
            return
        names, what = dict(view.columns), f"unique index {index.name}"
        keys = [quote_identifier(names[n]) for n in made.keys if n in names]
        if len(keys) < len(made.keys) - len(made.included):
            keys = [fragments.key_expression(one) for one in self._elements(step.statement.text)]
        text = step.statement.text
        where = f"({fragments.clause(text, 'where')})" if made.partial else "true"
        nulls = "" if made.nulls_not_distinct else "".join(f" AND {key} IS NOT NULL" for key in keys)
        if not keys or (made.partial and where == "()"):
            yield replace(self._question(step, view, "23505", what, "", ""), note="its expressions cannot be told")
            return
        groups = f"(SELECT {', '.join(keys)} FROM {view.named} WHERE {where}{nulls} GROUP BY {', '.join(keys)} HAVING pg_catalog.count(*) > 1) AS repeated"
        yield self._question(step, view, "23505", what, groups, "")

    @staticmethod
    def _elements(text: str) -> list[str]:
        """The elements of CREATE INDEX ... ON TABLE (...)."""
        after = fragments.clause(text, "on", frozenset({"where", "with", "tablespace", "include", "nulls"}))
        return fragments.listed(fragments.first_list(after))

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _written(self, step: Step, node: dict[str, Any]) -> None:
        """What UPDATE, DELETE and TRUNCATE leave; whatever else writes makes the rows doubtful."""
        tag, text = step.statement.tag, step.statement.text
        if tag == "TruncateStmt":
            for item in node.get("relations", ()):
                self._kept(item.get("RangeVar", {}), " WHERE false")
            return
        if tag not in _WRITES:
            return
        target = node.get("relation", {})
        view = self.tables.called(target.get("schemaname", ""), target.get("relname", ""))
        simple = not (set(node) & {"fromClause", "usingClause", "withClause", "sourceRelation"})
        where = fragments.clause(text, "where")
        if view is not None and simple and tag == "DeleteStmt":
            self._kept(target, f" WHERE ({where}) IS NOT TRUE" if where else " WHERE false")
        elif view is not None and simple and tag == "UpdateStmt" and not self.tables.fires(view):
            self._updated(view, target, fragments.assignments(text), where, step)
        elif tag != "SelectStmt" or "FuncCall" in str(node):
            why = f"{step.statement.script.source.path}:{_line(step)} may write them before"
            self.tables.doubt(set(re.findall(r"\w+", text)), why)

    def _kept(self, target: dict[str, Any], where: str) -> None:
        view = self.tables.called(target.get("schemaname", ""), target.get("relname", ""))
        if view is not None:
            self.tables.put(view.layer({}, where, target.get("alias", {}).get("aliasname", "")))

    def _updated(
        self, view: View, target: dict[str, Any], given: dict[str, str] | None, where: str, step: Step
    ) -> None:
        columns = {name: num for num, name in view.columns}
        if given is None or not given.keys() <= columns.keys() or any(v.lower() == "default" for v in given.values()):
            why = f"{step.statement.script.source.path}:{_line(step)} may write them before"
            self.tables.put(replace(view, doubt=view.doubt or why))
            return
        items = {
            columns[name]: f"CASE WHEN {where} THEN {value} ELSE {quote_identifier(name)} END"
            if where
            else f"({value})"
            for name, value in given.items()
        }
        self.tables.put(view.layer(items, "", target.get("alias", {}).get("aliasname", "")))

    # --- the question -------------------------------------------------------------------------------------------------

    def _question(
        self, step: Step, view: View, sqlstate: str, what: str, source: str, where: str, rows: str = "some"
    ) -> Question:
        script = step.statement.script
        condition_ = f" WHERE {where}" if where else ""
        asked = bool(source) and (bool(where) or rows == "any" or source.endswith(" AS repeated"))
        return Question(
            step.migration.slot,
            step.statement.index,
            Label(script.source, step.statement.span),
            view.base,
            sqlstate,
            what,
            f"SELECT pg_catalog.count(*) FROM {source}{condition_}" if asked else "",
            rows="any" if rows == "any" else "some",
            note=view.doubt or ("" if asked or not source else "its expression cannot be told"),
            sample=f"SELECT * FROM {source}{condition_}" if asked else "",
        )


def _column_constraints(node: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The constraints of ADD COLUMN of that name."""
    for item in node.get("cmds", ()):
        made = item.get("AlterTableCmd", {}).get("def", {}).get("ColumnDef", {})
        if made.get("colname") == name:
            yield from (one.get("Constraint", {}) for one in made.get("constraints", ()))


def _type(column: Attribute) -> tuple[int, int]:
    return column.type, column.typmod


def _valid(old: object) -> bool:
    return isinstance(old, Constraint) and old.validated and old.enforced


def _line(step: Step) -> int:
    return step.statement.script.source.position(step.statement.span.start).line
