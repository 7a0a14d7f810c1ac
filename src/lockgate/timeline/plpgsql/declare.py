"""Declarations and parameters into variables (pl_comp.c: plpgsql_compile, plpgsql_parse_datatype)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.catalog.objects import Relation, Routine, Trigger
from lockgate.catalog.typename import BOOL, INT4, NAME, OID, RECORD, REFCURSOR, TEXT, array_of
from lockgate.parse.plpgsql.tree import Declaration, Fragment
from lockgate.parse.routine import GrammarError, parse_type
from lockgate.timeline.binder import find_relation_names, resolve_type
from lockgate.timeline.binder.coercion import POLYMORPHIC
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate.lookup import split_name
from lockgate.timeline.evaluate.value import UNKNOWN
from lockgate.timeline.failure import Refused, Unsure
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.scope import Frame, Var, VariableScope, columns_of, typed

TRIGGER, EVENT_TRIGGER, TEXT_ARRAY = 2279, 3838, 1009
_PERCENT = pattern(r"(.*?)%\s*(type|rowtype)\s*((?:\[\d*\]\s*|array\s*)*)$", re.IGNORECASE | re.DOTALL)
_PARAMETER = pattern(r"\$\d+")
_TRIGGER_VARS = (
    ("tg_name", NAME),
    ("tg_when", TEXT),
    ("tg_level", TEXT),
    ("tg_op", TEXT),
    ("tg_relid", OID),
    ("tg_relname", NAME),
    ("tg_table_name", NAME),
    ("tg_table_schema", NAME),
    ("tg_nargs", INT4),
    ("tg_argv", TEXT_ARRAY),
)
_WHEN = {"B": "BEFORE", "A": "AFTER", "O": "INSTEAD OF"}
_OPERATIONS = {"I": "INSERT", "U": "UPDATE", "D": "DELETE", "T": "TRUNCATE"}


def declare(ctx: Context, place: BodyPlace, scope: VariableScope, declaration: Declaration) -> Var:
    """The variable of a declaration, without its initial value. Refuses an unknown type (42704, 42P01, 42703)."""
    if declaration.kind == "alias":
        found = scope.resolve(declaration.aliased)
        if found is None:
            shown = ".".join(declaration.aliased)
            raise ctx.refuse(
                "42704",
                f'variable "{shown}" does not exist',
                span=place.span(declaration.start),
                name=shown,
                kind="other",
            )
        return found[0]
    if declaration.kind == "cursor":
        return Var(declaration.name, REFCURSOR, cursor=declaration, value=declaration.name)
    assert declaration.type is not None
    var = declared_type(ctx, place, scope, declaration.name, declaration.type)
    var.constant = declaration.constant
    var.value = None
    return var


def declared_type(ctx: Context, place: BodyPlace, scope: VariableScope, name: str, written: Fragment) -> Var:
    """A variable of a type as it is written."""
    text = written.text.strip()
    if text.lower() in ("record", "pg_catalog.record"):
        return Var(name, RECORD, fields=(), open=True, record=True)
    percent = _PERCENT.match(text)
    try:
        if percent is not None:
            return _percent(ctx, place, scope, name, written, percent)
        node = parse_type(written.text)
        with place.enter(ctx, written):
            found = resolve_type(ctx, node)
    except GrammarError as error:
        span = place.span(written.start + max(error.offset - 13, 0))
        raise ctx.refuse("42601", error.message, span=span, kind="other") from error
    except Unsure:
        return typed(ctx, name, 0)
    return typed(ctx, name, found.oid, found.typmod)


def _percent(
    ctx: Context, place: BodyPlace, scope: VariableScope, name: str, written: Fragment, match: re.Match[str]
) -> Var:
    word = match.group(1).strip()
    parts = (word,) if _PARAMETER.fullmatch(word) else split_name(word)  # the scanner takes $1 for a word
    if parts is None:
        raise GrammarError(f'invalid type name "{written.text}"', 13)
    array = bool(match.group(3))
    known = scope.resolve(parts)
    if match.group(2).lower() == "type":
        if known is not None and not known[1]:
            model = known[0]
            return Var(name, model.type, model.typmod, model.collation, model.fields, model.open, record=model.record)
        if len(parts) == 1 and ctx.catalog.major >= 17:  # plpgsql_parse_wordtype
            raise ctx.refuse(
                "42704", f'variable "{word}" does not exist', span=place.span(written.start), name=word, kind="other"
            )
        node = {"names": [{"String": {"sval": p}} for p in parts], "pct_type": True, "typemod": -1, "location": 13}
        try:
            with place.enter(ctx, written):
                found = resolve_type(ctx, node)
        except Refused as refused:
            if ctx.catalog.major >= 17:
                raise
            # before, what names no column was read again as the name of a type
            error = ctx.refuse(
                "42601",
                'syntax error at or near "%"',
                span=place.span(written.start + written.text.index("%")),
                kind="other",
            )
            error.failure = replace(refused.failure, sqlstate="42601", message='syntax error at or near "%"')
            raise error from refused
        return typed(ctx, name, array_of(ctx.catalog, found.oid) if array else found.oid, found.typmod)
    with place.enter(ctx, written):
        relation = find_relation_names(ctx, [{"String": {"sval": p}} for p in parts], 13)
    if not isinstance(relation, Relation):
        return typed(ctx, name, 0)
    if array:
        return typed(ctx, name, 0)
    doubtful = ctx.catalog.taint_of(("any",), ("object", relation.oid)) is not None
    return Var(name, relation.rowtype, fields=columns_of(relation), open=doubtful)


def is_polymorphic(oid: int) -> bool:
    """Whether a type is anyelement or one of its like."""
    return oid in POLYMORPHIC


# --- parameters -------------------------------------------------------------------------------------------------------


def outer_scope(ctx: Context, routine: Routine | None, conflict: str) -> VariableScope:
    """The variables that surround a body: FOUND and the routine's parameters; none but FOUND for DO."""
    names = {"found": Var("found", BOOL, value=False)}
    positional: list[Var] = []
    if routine is not None:
        types = routine.all_args or routine.args
        modes = routine.modes or "i" * len(types)
        given = routine.names or ("",) * len(types)
        for number, (oid, mode, word) in enumerate(zip(types, modes, given, strict=False), 1):
            var = typed(
                ctx, word or f"${number}", 0 if oid in POLYMORPHIC else oid, value=None if mode in "ot" else UNKNOWN
            )
            positional.append(var)
            if word:
                names[word] = var
    label = routine.name if routine is not None else "inline_code_block"
    return VariableScope([Frame(names, label)], tuple(positional), conflict)


def trigger_variables(
    ctx: Context, relation: Relation | None, trigger: Trigger | None, event: str = ""
) -> dict[str, Var]:
    """NEW, OLD and TG_* for one firing; of unknown shape without a trigger."""
    names = {name: Var(name, oid) for name, oid in _TRIGGER_VARS}
    for word in ("new", "old"):
        names[word] = Var(word, RECORD, fields=(), open=True)
    if relation is None or trigger is None:
        return names
    known: dict[str, object] = {
        "tg_name": trigger.name,
        "tg_when": _WHEN[trigger.timing],
        "tg_level": "ROW" if trigger.row else "STATEMENT",
        "tg_relid": relation.oid,
        "tg_op": _OPERATIONS.get(event, UNKNOWN),
        "tg_relname": relation.name,
        "tg_table_name": relation.name,
        "tg_table_schema": ctx.catalog.namespace_name(relation.namespace),
    }
    for name, value in known.items():
        names[name].value = value
    if trigger.row:
        doubtful = ctx.catalog.taint_of(("any",), ("object", relation.oid)) is not None
        for word in ("new", "old"):
            names[word] = Var(word, relation.rowtype, fields=columns_of(relation), open=doubtful)
    return names


def event_trigger_variables() -> dict[str, Var]:
    """TG_EVENT and TG_TAG."""
    return {"tg_event": Var("tg_event", TEXT), "tg_tag": Var("tg_tag", TEXT)}
