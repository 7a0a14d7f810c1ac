"""What names stand for in a query: items of the namespace and their columns (src/backend/parser/parse_relation.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation
from lockgate.timeline.binder.from_item import SYSTEM_COLUMNS, WHOLE_ROW, Item
from lockgate.timeline.binder.names import did_you_mean, nearest, relation_in
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term, variables_of
from lockgate.timeline.failure import Ambiguous, MissingColumn, MissingRelation

# --- references -------------------------------------------------------------------------------------------------------


def column_term(state: State, item: Item, position: int, location: int) -> Term:
    """A reference to a column of an item (make_var, markVarForSelectPriv, and the dependency a Var makes)."""
    col = item.cols[position]
    if col.term is not None:
        mark(state, col.term)
        term = Term(col.term.op, col.term.type, col.term.typmod, col.term.args, col.term.data, location, col.term.coll)
        for one in (term,) if term.op == "var" else variables_of(term):
            _note_outer(state, one)
        return term
    term = Term("var", col.type, col.typmod, (), (item, position), location, col.coll)
    mark(state, term)
    _note_outer(state, term)
    return term


def whole_row(state: State, item: Item, location: int) -> Term:
    """A reference to an item as a whole (transformWholeRowRef); a scalar function's is its value."""
    if item.scalar:
        return column_term(state, item, 0, location)
    if item.kind == "join":
        for col in item.cols:
            if col.term is not None:
                mark(state, col.term)
    term = Term("var", item.rowtype, -1, (), (item, WHOLE_ROW), location)
    mark(state, term)
    _note_outer(state, term)
    return term


def _note_outer(state: State, term: Term) -> None:
    owner = term.data[0].state
    one: State | None = state
    while one is not None and one is not owner:
        one.outer_vars.append(term)
        one = one.parent


def mark(state: State, term: Term) -> None:
    """Note what reading a term's columns needs and depends on."""
    stack = [term]
    while stack:
        one = stack.pop()
        if one.op == "var":
            item, position = one.data
            if position < 0:
                _mark(state, item, 0 if position == WHOLE_ROW else position + 100)
                continue
            col = item.cols[position]
            if col.term is not None:
                stack.append(col.term)
            else:
                _mark(state, item, col.num)
        else:
            stack.extend(one.args)


def _mark(state: State, item: Item, num: int) -> None:
    if item.use is not None:
        item.use.selected.add(num)
    if num > 0:
        if item.kind == "relation" and item.rel is not None:
            state.gathered.depends.add((item.rel.oid, num))
        elif item.kind == "function" and item.composite:
            state.gathered.depends.add((item.composite, num))


def system_column(state: State, item: Item, name: str, location: int) -> Term | None:
    """A system column of a table (specialAttNum); refused in CHECK and generated columns."""
    special = SYSTEM_COLUMNS.get(name)
    if special is None or item.kind != "relation" or item.rel is None:
        return None
    kind = item.rel.kind if isinstance(item.rel, Relation) else item.rel.relkind
    if kind not in "rpmftS":
        return None
    if state.kind == "generated" and name != "tableoid":
        raise state.ctx.refuse(
            "42P10", f'cannot use system column "{name}" in column generation expression', location, name=name
        )
    if state.kind == "check" and name != "tableoid":
        raise state.ctx.refuse(
            "42P10", f'system column "{name}" reference in check constraint is invalid', location, name=name
        )
    if state.kind == "copy_where" and state.catalog.major >= 18:
        raise state.ctx.refuse(
            "42P10", f'system column "{name}" reference in COPY FROM WHERE is invalid', location, name=name
        )
    if item.use is not None:
        item.use.selected.add(special[0])
    term = Term("var", special[1], -1, (), (item, special[0] - 100), location)
    _note_outer(state, term)
    return term


def scan_item(state: State, item: Item, name: str, location: int) -> Term | None:
    """The column of that name in an item, or None (scanNSItemForColumn). Refuses with 42702."""
    places = item.positions(name)
    if len(places) > 1:
        raise state.ctx.refuse(
            "42702",
            f'column reference "{name}" is ambiguous',
            location,
            name=name,
            kind="column",
            subject=Ambiguous(name),
        )
    if places:
        return column_term(state, item, places[0], location)
    return system_column(state, item, name, location)


def find_column(state: State, name: str, location: int, *, local: bool = False) -> Term | None:
    """A column by its bare name, in the nearest level that has it (colNameToVar). Refuses with 42702, 42P01."""
    level: State | None = state
    open_item: Item | None = None
    while level is not None:
        found: Item | None = None
        for item in level.items:
            if not item.cols_visible or (item.lateral_only and not level.lateral_active):
                continue
            if not item.positions(name):
                if may_have(state, item, name):
                    open_item = open_item or item
                if name not in SYSTEM_COLUMNS:
                    continue
                if item.kind != "relation" or item.rel is None or getattr(item.rel, "kind", "r") == "v":
                    continue
            if found is not None:
                raise state.ctx.refuse(
                    "42702",
                    f'column reference "{name}" is ambiguous',
                    location,
                    name=name,
                    kind="column",
                    subject=Ambiguous(name),
                )
            check_lateral(state, level, item, location)
            found = item
        if found is not None:
            return scan_item(state, found, name, location)
        if open_item is not None:
            return Term("doubt", 0, -1, (), ("column", name, id(open_item)), location)
        if local:
            return None
        level = level.parent
    return None


def may_have(state: State, item: Item, name: str) -> bool:
    """Whether an item may have a column that we do not see."""
    if item.open:
        return True
    if not state.catalog.taints or item.kind == "join":
        return False
    if item.rel is None:
        return item.kind != "values" and state.catalog.taint_of(("any",)) is not None
    return state.catalog.taint_of(("any",), ("object", item.rel.oid), ("column", item.rel.oid, name)) is not None


def check_lateral(state: State, level: State, item: Item, location: int) -> None:
    """check_lateral_ref_ok."""
    if item.lateral_only and not item.lateral_ok:
        raise state.ctx.refuse(
            "42P10", f'invalid reference to FROM-clause entry for table "{item.name}"', location, name=item.name
        )


def find_item(state: State, schema: str | None, name: str, location: int) -> Item | None:
    """The item a qualifier names (refnameNamespaceItem). Refuses with 42P09."""
    relation = None
    if schema is not None:
        space = state.catalog.namespace(schema)
        if schema == "pg_temp":
            relation = state.catalog.relation_named(state.ctx.session.temp_namespace, name)
        elif space is not None:
            relation = relation_in(state.ctx, space.oid, name)
        if relation is None:
            return _open_item(state, schema, name)
    level: State | None = state
    while level is not None:
        found: Item | None = None
        for item in level.items:
            if not item.rel_visible or (item.lateral_only and not level.lateral_active):
                continue
            if schema is not None:
                if item.alias or item.rel is None or item.rel.oid != relation.oid:  # type: ignore[union-attr]
                    continue
            elif item.name != name:
                continue
            if found is not None:
                raise state.ctx.refuse("42P09", f'table reference "{name}" is ambiguous', location, name=name)
            check_lateral(state, level, item, location)
            found = item
        if found is not None:
            return found
        level = level.parent
    return None


def _open_item(state: State, schema: str, name: str) -> Item | None:
    level: State | None = state
    while level is not None:
        for item in level.items:
            one: Item = item
            if one.open and one.rel is None and one.kind == "relation" and one.name == name:
                return one
        level = level.parent
    return None


# --- refusals ---------------------------------------------------------------------------------------------------------


def missing_column(state: State, qualifier: str | None, name: str, location: int) -> Exception:
    """42703 (errorMissingColumn), with what the timeline knows of the column."""
    shown = f"{qualifier}.{name}" if qualifier else f'"{name}"'
    candidates: list[str] = []
    event = None
    about = name
    level: State | None = state
    while level is not None:
        for item in level.range:
            if qualifier and item.name != qualifier:
                continue
            candidates += [c.name for c in item.cols]
            if isinstance(item.rel, Relation):
                schema = state.catalog.namespace_name(item.rel.namespace)
                fate = state.catalog.events.get(("column", schema, item.rel.name, name))
                if event is None and (fate is not None or about == name):
                    event, about = fate, f"{schema}.{item.rel.name}.{name}"
        level = level.parent
    return state.ctx.refuse(
        "42703",
        f"column {shown} does not exist",
        location,
        name=name,
        object=about,
        kind="column",
        event=event,
        help=did_you_mean(name, candidates),
        instead=nearest(name, candidates),
        subject=MissingColumn(name, qualifier or ""),
    )


def missing_item(state: State, schema: str | None, name: str, location: int) -> Exception:
    """42P01 (errorMissingRTE)."""
    level: State | None = state
    bad = None
    while level is not None and bad is None:
        for item in level.range:
            same = item.rel is not None and item.rel.name == name
            if (item.name == name and not schema) or (same and (not schema or _schema_of(state, item) == schema)):
                bad = item
                break
        level = level.parent
    subject = MissingRelation(name, schema or "")
    if bad is not None:
        message = f'invalid reference to FROM-clause entry for table "{name}"'
        help = f'the table is called "{bad.name}" here' if bad.name != name else ""
        return state.ctx.refuse(
            "42P01", message, location, name=name, object=name, help=help, kind="relation", subject=subject
        )
    candidates = [i.name for i in state.range]
    return state.ctx.refuse(
        "42P01",
        f'missing FROM-clause entry for table "{name}"',
        location,
        name=name,
        object=name,
        help=did_you_mean(name, candidates),
        kind="relation",
        subject=subject,
    )


def _schema_of(state: State, item: Item) -> str:
    if isinstance(item.rel, Relation):
        return state.catalog.namespace_name(item.rel.namespace)
    return str(item.rel.schema)


def check_conflicts(state: State, ours: list[Item], theirs: list[Item], location: int = -1) -> None:
    """42712 (checkNameSpaceConflicts)."""
    for one in ours:
        if not one.rel_visible:
            continue
        for other in theirs:
            if not other.rel_visible or one.name != other.name:
                continue
            plain = one.rel is not None and other.rel is not None and not one.alias and not other.alias
            if plain and one.rel.oid != other.rel.oid:
                continue
            raise state.ctx.refuse(
                "42712", f'table name "{one.name}" specified more than once', location, name=other.name
            )
