"""Values assigned to columns, and the relations they go to (transformAssignedExpr in parse_target.c, setTargetTable in
parse_clause.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Attribute, Relation
from lockgate.catalog.typename import base_type, element_of
from lockgate.timeline.binder.coercion import ASSIGNMENT, coerce_to_target, shown
from lockgate.timeline.binder.containers import RAW_ELEMENTS
from lockgate.timeline.binder.from_clause import find_cte, open_relation, renamed
from lockgate.timeline.binder.from_item import SYSTEM_COLUMNS, Item, relation_cols, relation_item
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.binder.recurse import transform
from lockgate.timeline.binder.rows import composite_relation
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node
from lockgate.timeline.failure import MissingColumn

_VERBS = {"INSERT": "insert into", "UPDATE": "update", "DELETE": "delete from", "MERGE": "merge into"}


def target_item(state: State, body: Node, privilege: str) -> Item:
    """The item of the table that a statement writes. Refuses with 42P01, 42809; 55000 late."""
    name, at = body.get("relname", ""), body.get("location", 0)
    alias = body.get("alias", {})
    if not body.get("schemaname") and state.variables is not None and name in state.variables.tables:
        raise state.ctx.refuse(
            "0A000", f'relation "{name}" cannot be the target of a modifying statement', at, name=name
        )
    relation = open_relation(state, body)
    if relation is None:
        if find_cte(state, name) is not None and not body.get("schemaname"):
            pass
        item = Item("relation", alias.get("aliasname") or name, [], state, alias=bool(alias), open=True)
        item.rowtype = 0
    else:
        item = relation_item(state, relation, alias.get("aliasname") or name, at, alias=bool(alias))
        if item.use is not None:
            if privilege != "MERGE":
                item.use.privileges.add(privilege)
            state.gathered.uses.append(item.use)
        if relation.oid >= FIRST_USER_OID:
            state.gathered.depends.add((relation.oid, 0))
        _check_target(state, relation, privilege, at)
    renamed(state, item, alias, at)
    state.target = item
    state.range.append(item)
    return item


def _check_target(state: State, relation: Any, privilege: str, at: int) -> None:
    """What CheckValidResultRel and rewriteTargetView refuse, when the statement runs."""
    ctx, catalog = state.ctx, state.catalog
    if not isinstance(relation, Relation):
        return
    nouns = {"S": "sequence", "m": "materialized view", "t": "TOAST relation"}
    if relation.kind in nouns:
        message = f'cannot change {nouns[relation.kind]} "{relation.name}"'
        state.gathered.late.append(
            ctx.refuse("42809", message, at, name=relation.name, object=catalog.qualified(relation), kind="relation")
        )
    view: Relation | None = relation
    while view is not None and view.kind == "v" and not _handled(state, view, privilege):
        if not view.updatable:
            message = f'cannot {_VERBS[privilege]} view "{view.name}"'
            refusal = ctx.refuse(
                "55000", message, at, name=relation.name, object=catalog.qualified(view), kind="relation"
            )
            state.gathered.late.append(refusal)
            break
        view = catalog.find(Relation, view.updatable[0])


def _handled(state: State, view: Relation, privilege: str) -> bool:
    """Whether an INSTEAD OF trigger or rule takes the statement."""
    from lockgate.catalog.objects import Rewrite, Trigger

    if state.catalog.taint_of(("object", view.oid), ("any",)) is not None or view.extension:
        return True
    letter = privilege[0]
    triggers = state.catalog.of_relation(view.oid, Trigger)
    if any(t.timing == "O" and (letter in t.events or letter == "M") for t in triggers):
        return True
    return any(
        r.event == privilege.lower() or privilege == "MERGE" for r in state.catalog.of_relation(view.oid, Rewrite)
    )


# --- columns ----------------------------------------------------------------------------------------------------------


class Goal:
    """A column to be assigned: its name, type and place."""

    __slots__ = ("attribute", "indirection", "location", "name", "num", "type", "typmod")

    def __init__(
        self,
        name: str,
        num: int,
        type: int,
        typmod: int,
        attribute: Attribute | None,
        indirection: list[Any],
        location: int,
    ) -> None:
        self.name = name
        self.num = num
        self.type = type
        self.typmod = typmod
        self.attribute = attribute
        self.indirection = indirection
        self.location = location


def goal(state: State, item: Item, name: str, indirection: list[Any], location: int) -> Goal:
    """The column that an assignment names. Refuses with 42703, 0A000."""
    relation = item.rel
    columns = relation_cols(state.catalog, relation) if relation is not None else []
    for col in columns:
        if col.name == name:
            attribute = relation.attribute(name) if isinstance(relation, Relation) else None
            return Goal(name, col.num, col.type, col.typmod, attribute, indirection, location)
    if name in SYSTEM_COLUMNS:
        raise state.ctx.refuse("0A000", f'cannot assign to system column "{name}"', location, name=name)
    if (
        item.open
        or relation is None
        or state.catalog.taint_of(("any",), ("column", relation.oid, name), ("object", relation.oid))
    ):
        return Goal(name, 0, 0, -1, None, indirection, location)
    raise missing_target(state, relation, name, location)


def missing_target(state: State, relation: Any, name: str, location: int) -> Exception:
    """42703 column "x" of relation "t" does not exist."""
    schema = state.catalog.namespace_name(relation.namespace) if isinstance(relation, Relation) else relation.schema
    names = [c.name for c in relation_cols(state.catalog, relation)]
    return state.ctx.refuse(
        "42703",
        f'column "{name}" of relation "{relation.name}" does not exist',
        location,
        name=name,
        kind="column",
        object=f"{schema}.{relation.name}.{name}",
        help=did_you_mean(name, names),
        event=state.catalog.events.get(("column", schema, relation.name, name)),
        subject=MissingColumn(name, relation.name),
    )


def assign(state: State, term: Term, goal: Goal) -> Term:
    """Convert a value to its column's type (transformAssignedExpr). Refuses with 42804."""
    if term.op == "default":
        if goal.indirection:
            word = "an array element" if "A_Indices" in goal.indirection[0] else "a subfield"
            raise state.ctx.refuse("0A000", f"cannot set {word} to DEFAULT", goal.location)
        return term
    target, typmod = goal.type, goal.typmod
    if goal.indirection:
        found = _indirect(state, goal)
        if found is None:
            return term
        target, typmod = found
    if not target:
        return term
    result = coerce_to_target(state, term, target, typmod, ASSIGNMENT)
    if result is None:
        noun = "column"
        if goal.indirection:
            noun = "subscripted assignment to" if "A_Indices" in goal.indirection[-1] else "subfield"
            if noun == "subfield":
                field = goal.indirection[-1]["String"].get("sval", "")
                message = f'subfield "{field}" is of type {shown(state, target)} but expression is of type {shown(state, term.type)}'
            else:
                message = f'{noun} "{goal.name}" requires type {shown(state, target)} but expression is of type {shown(state, term.type)}'
        else:
            message = f'column "{goal.name}" is of type {shown(state, target)} but expression is of type {shown(state, term.type)}'
        raise state.ctx.refuse(
            "42804", message, term.loc if term.loc >= 0 else goal.location, object=goal.name, kind="column"
        )
    return result


def _indirect(state: State, goal: Goal) -> tuple[int, int] | None:
    """The type that a[1] = ... or a.b = ... wants; None where it is not known."""
    oid, typmod = goal.type, goal.typmod
    slices = False
    for step in goal.indirection:
        base, base_typmod = base_type(state.catalog, oid, typmod)
        if "A_Indices" in step:
            for field in ("lidx", "uidx"):
                if step["A_Indices"].get(field):
                    transform(state, step["A_Indices"][field], "update")
            if base == 3802:
                return 3802, -1
            slices = slices or bool(step["A_Indices"].get("is_slice"))
            inner = element_of(state.catalog, base) or RAW_ELEMENTS.get(base, 0)
            if not inner:
                if not base or base >= FIRST_USER_OID:
                    return None
                message = f"cannot subscript type {shown(state, oid)} because it does not support subscripting"
                raise state.ctx.refuse("42804", message, goal.location)
            if slices:
                return base, base_typmod
            oid, typmod = inner, base_typmod
        elif "String" in step:
            name = step["String"].get("sval", "")
            relation = composite_relation(state.catalog, base)
            if relation is None:
                if not base:
                    return None
                message = f'cannot assign to field "{name}" of column "{goal.name}" because its type {shown(state, oid)} is not a composite type'
                raise state.ctx.refuse("42804", message, goal.location)
            col = next((c for c in relation_cols(state.catalog, relation) if c.name == name), None)
            if col is None:
                if state.catalog.taint_of(("object", relation.oid)):
                    return None
                message = f'cannot assign to field "{name}" of column "{goal.name}" because there is no such column in data type {shown(state, oid)}'
                raise state.ctx.refuse(
                    "42703",
                    message,
                    goal.location,
                    name=name,
                    object=name,
                    kind="column",
                    subject=MissingColumn(name, shown(state, oid)),
                )
            oid, typmod = col.type, col.typmod
    return oid, typmod


def check_generated(state: State, goal: Goal, term: Term, override: str, *, update: bool) -> None:
    """428C9 (rewriteTargetListIU), raised when the statement is rewritten."""
    attribute = goal.attribute
    if attribute is None or term.op == "default":
        return
    if update:
        if attribute.identity == "a" or attribute.generated:
            message = f'column "{goal.name}" can only be updated to DEFAULT'
            state.gathered.late.append(
                state.ctx.refuse("428C9", message, goal.location, name=goal.name, object=goal.name, kind="column")
            )
        return
    if (
        attribute.identity == "a" and override not in ("OVERRIDING_SYSTEM_VALUE", "OVERRIDING_USER_VALUE")
    ) or attribute.generated:
        message = f'cannot insert a non-DEFAULT value into column "{goal.name}"'
        state.gathered.late.append(
            state.ctx.refuse("428C9", message, goal.location, name=goal.name, object=goal.name, kind="column")
        )
