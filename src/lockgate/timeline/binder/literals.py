"""Constants read by their type's input function, as far as its refusal is certain (22P02 and the like), and names in
reg* literals."""

from __future__ import annotations

import re
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, PG_CATALOG, Other, Role
from lockgate.catalog.typename import element_of, type_name, type_of
from lockgate.timeline.binder.names import find_namespace, lookup_relation
from lockgate.timeline.binder.state import State
from lockgate.timeline.targets import HOLE

_RANGES = {21: 15, 23: 31, 20: 63}
_INTEGER = pattern(r"\s*[+-]?\d+\s*\Z")
_INTEGER_16 = pattern(r"\s*[+-]?(?:\d(?:_?\d)*|0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)\s*\Z")
_NUMBER = pattern(
    r"\s*(?:[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?|[+-]?(?:inf|infinity)|nan|[+-]?0[xXoObB][0-9a-fA-F_]+)\s*\Z",
    re.IGNORECASE,
)
_UUID = pattern(r"\s*\{?[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}\}?\s*\Z")
_PART = pattern(r'\s*(?:"((?:[^"]|"")*)"|([^\W\d][\w$]*))\s*')
REGCLASS, REGTYPE, REGROLE, REGNAMESPACE = 2205, 2206, 4096, 4089
REGPROC, REGPROCEDURE, REGCONFIG = 24, 2202, 3734
_VECTORS = (22, 30)  # int2vector and oidvector are written without braces


def check_literal(state: State, text: str, target: int, location: int) -> int:
    """Refuse a literal that the type's input function certainly refuses; the oid that a reg* literal resolves to, else
    0."""
    if HOLE in text:
        return 0
    if target >= FIRST_USER_OID:
        _check_user(state, text, target, location)
        return 0
    if target in (REGCLASS, REGTYPE, REGROLE, REGNAMESPACE, REGPROC, REGPROCEDURE, REGCONFIG):
        return _registered(state, text, target, location)
    if target == 2249:  # record
        raise state.ctx.refuse("0A000", "input of anonymous composite types is not implemented", location, kind="other")
    problem = _invalid(state.catalog, text, target)
    if problem:
        raise state.ctx.refuse(*problem, location, kind="other")
    element = element_of(state.catalog, target)
    if element and target not in _VECTORS:
        _check_array(state, text, element, location)
    return 0


def _invalid(catalog: Catalog, text: str, target: int) -> tuple[str, str] | None:
    name = type_name(catalog, target)
    if target in _RANGES:
        pattern = _INTEGER if catalog.major < 16 else _INTEGER_16
        if not pattern.match(text):
            return "22P02", f'invalid input syntax for type {name}: "{text}"'
        if _INTEGER.match(text) and not -(1 << _RANGES[target]) <= int(text) < 1 << _RANGES[target]:
            return "22003", f'value "{text}" is out of range for type {name}'
        return None
    if target == 16:
        word = text.strip().lower()
        ok = word and (
            word in ("on", "1", "0")
            or (word != "o" and any(w.startswith(word) for w in ("true", "false", "yes", "no", "off")))
        )
        return None if ok else ("22P02", f'invalid input syntax for type boolean: "{text}"')
    if target == 2950 and not _UUID.match(text):
        return "22P02", f'invalid input syntax for type uuid: "{text}"'
    if target in (700, 701, 1700) and not _NUMBER.match(text):
        return "22P02", f'invalid input syntax for type {name}: "{text}"'
    if target in (114, 3802):
        return None if _is_json(text) else ("22P02", "invalid input syntax for type json")
    return None


def _is_json(text: str) -> bool:
    import json

    def refuse(_: str) -> Any:
        raise ValueError

    try:
        json.loads(text, parse_constant=refuse, parse_int=str, parse_float=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _check_user(state: State, text: str, target: int, location: int) -> None:
    found = type_of(state.catalog, target)
    if found is None or state.catalog.taint_of(("object", target)):
        return
    if found.kind == "e":
        check_enum(state, text, target, location)
    elif found.kind == "b" and found.elem and found.category == "A":
        _check_array(state, text, found.elem, location)


def check_enum(state: State, text: str, target: int, location: int) -> None:
    """enum_in: 22P02, and 55P04 for a label that the open transaction added."""
    found = type_of(state.catalog, target)
    if found is None:
        return
    if text not in found.labels:
        from lockgate.timeline.binder.names import did_you_mean

        shown = type_name(state.catalog, target, None, state.ctx.path())
        raise state.ctx.refuse(
            "22P02",
            f'invalid input value for enum {shown}: "{text}"',
            location,
            object=state.catalog.qualified(found),
            help=did_you_mean(text, found.labels),
            kind="enum-value",
        )
    if text in found.fresh_labels:
        shown = type_name(state.catalog, target, None, state.ctx.path())
        raise state.ctx.refuse(
            "55P04",
            f'unsafe use of new value "{text}" of enum type {shown}',
            location,
            object=state.catalog.qualified(found),
            help="new enum values must be committed before they can be used",
            kind="enum-value",
        )


def _check_array(state: State, text: str, element: int, location: int) -> None:
    body = text.strip()
    if not body.startswith(("{", "[")):
        raise state.ctx.refuse("22P02", f'malformed array literal: "{text}"', location, kind="other")
    inner = body[1:-1]
    if not (body.startswith("{") and body.endswith("}")) or not inner.strip() or any(c in inner for c in '{}"\\'):
        return
    for word in inner.split(","):
        value = word.strip()
        if value and value.lower() != "null":
            check_literal(state, value, element, location)


# --- names in literals ------------------------------------------------------------------------------------------------


def split_name(text: str) -> list[str] | None:
    """The identifiers of a dotted name (stringToQualifiedNameList); None where it is not one."""
    out, at = [], 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            return None
        out.append(match.group(1).replace('""', '"') if match.group(1) is not None else match.group(2).lower())
        at = match.end()
        if at >= len(text):
            return out
        if text[at] != ".":
            return None
        at += 1


def _registered(state: State, text: str, target: int, location: int) -> int:
    ctx = state.ctx
    if text.isdigit() or text == "-":
        return int(text) if text.isdigit() else 0
    if target == REGTYPE:
        return _regtype(state, text)
    if target == REGPROCEDURE:
        return 0
    names = split_name(text)
    if names is None:
        raise ctx.refuse("42602", "invalid name syntax", location)
    if target == REGCLASS:
        relation = lookup_relation(ctx, names[-2] if len(names) > 1 else None, names[-1], location)
        return relation.oid if relation is not None else 0
    if target == REGNAMESPACE:
        space = find_namespace(ctx, names[-1], location)
        return space.oid if space else 0
    if target == REGROLE:
        role = ctx.catalog.role(names[-1])
        if role is None and not ctx.catalog.taint_of(("any",), ("name", "role", 0, names[-1])) and ctx.session.known:
            raise ctx.refuse("42704", f'role "{names[-1]}" does not exist', location, object=names[-1], kind="role")
        return role.oid if isinstance(role, Role) else 0
    if target == REGCONFIG:
        return _regconfig(state, names, location)
    return 0


def _regconfig(state: State, names: list[str], location: int) -> int:
    ctx = state.ctx
    for oid in ctx.path() if len(names) == 1 else [n.oid for n in (ctx.catalog.namespace(names[-2]),) if n is not None]:
        found = ctx.catalog.one(Other, ("ts_config", oid, names[-1]))
        if found is not None:
            return found.oid
        if oid == PG_CATALOG and names[-1] in ctx.catalog.builtins.names("ts_configs"):
            return 0
    if not ctx.catalog.taints:
        shown = ".".join(names)
        raise ctx.refuse(
            "42704", f'text search configuration "{shown}" does not exist', location, object=shown, kind="other"
        )
    return 0


def _regtype(state: State, text: str) -> int:
    from lockgate.parse import parse_expression
    from lockgate.parse.grammar import GrammarError
    from lockgate.timeline.binder.types import resolve_type

    try:
        tree = parse_expression(f"NULL::{text}")
        cast = tree["SelectStmt"]["targetList"][0]["ResTarget"]["val"]["TypeCast"]
    except (GrammarError, KeyError):
        return 0
    return resolve_type(state.ctx, {**cast["typeName"], "location": -1}).oid
