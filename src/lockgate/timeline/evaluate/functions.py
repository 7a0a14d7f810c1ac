"""Built-in functions that migrations' conditions call, over the evaluator's values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.base.sql import literal, quote, quote_identifier
from lockgate.catalog.objects import Relation
from lockgate.catalog.typename import type_name
from lockgate.timeline.budget import TEXT
from lockgate.timeline.evaluate.lookup import lookup, reg_name
from lockgate.timeline.evaluate.matching import replaced
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Reg, Unknown, Value, known, number, text_of, weigh
from lockgate.timeline.evaluate.world import World

_VERSIONS = {15: 150018, 16: 160014, 17: 170010, 18: 180004}


def call(world: World, name: str, args: list[Value]) -> Value:
    """A function of pg_catalog; UNKNOWN for what is not modelled."""
    if name in _WORLDLY:
        return _WORLDLY[name](world, args)
    if name in _NOT_NULL:
        return SOMETHING
    plain = _PLAIN.get(name)
    if plain is None:
        return _cast_by_name(world, name, args)
    if name not in _NULL_TAKING and any(a is None for a in args):
        return None
    shown = [reg_name(world, a) if isinstance(a, Reg) else a for a in args]
    if not known(*shown):
        return (
            SOMETHING
            if name in ("format", "quote_literal", "quote_ident", "concat") and _all_notnull(shown)
            else UNKNOWN
        )
    if not _fits(name, shown):
        return SOMETHING
    try:
        return plain(*shown)
    except (TypeError, ValueError, IndexError, AttributeError):
        return UNKNOWN


def _fits(name: str, args: list[Value]) -> bool:
    """Whether what a function joins its arguments with, once for each part, keeps it short enough to be known."""
    if name == "format":
        return weigh(args) + str(args[0] if args else "").count("$") * weigh(args) <= TEXT * 2
    if name in ("array_to_string", "concat_ws") and len(args) > 1:
        parts, joint = (args[0], args[1]) if name == "array_to_string" else (args[1:], args[0])
        return weigh(parts) + len(parts) * weigh(joint) <= TEXT * 2 if isinstance(parts, list) else True
    return True


def _cast_by_name(world: World, name: str, args: list[Value]) -> Value:
    """text(x) and the like: a type's name as a function casts (func_get_detail)."""
    from lockgate.timeline.evaluate.casts import scalar

    return (
        scalar(world, args[0], name)
        if len(args) == 1 and name in ("text", "varchar", "name", "int4", "int8", "int2", "bool")
        else UNKNOWN
    )


def _all_notnull(values: list[Value]) -> bool:
    return all(not isinstance(v, Unknown) or v.notnull for v in values)


# --- of the session and the catalog -----------------------------------------------------------------------------------


def _current_schema(world: World, args: list[Value]) -> Value:
    catalog = world.ctx.catalog
    for name in world.ctx.session.search_path:
        schema = catalog.role_name(world.ctx.session.role) if name == "$user" else name
        if catalog.namespace(schema) is not None:
            return schema
        if catalog.taint_of(("any",), ("name", "namespace", 0, schema)):
            return UNKNOWN
    return None


def _current_schemas(world: World, args: list[Value]) -> Value:
    if args and args[0] is True:
        return [world.ctx.catalog.namespace_name(oid) for oid in world.ctx.path()]
    names = [
        world.ctx.catalog.role_name(world.ctx.session.role) if n == "$user" else n
        for n in world.ctx.session.search_path
    ]
    return [n for n in names if world.ctx.catalog.namespace(n) is not None]


def _current_setting(world: World, args: list[Value]) -> Value:
    name = args[0].lower() if args and isinstance(args[0], str) else ""
    session, major = world.ctx.session, world.ctx.catalog.major
    if name == "server_version_num":
        # the minor release is not known, the last one of the major stands for all
        return str(_VERSIONS.get(major, major * 10000))
    if name == "search_path":
        return ", ".join('"$user"' if n == "$user" else quote_identifier(n) for n in session.search_path)
    if name in session.local and session.local[name] is not None:
        return session.settings.get(name, UNKNOWN)
    if name in session.settings:
        return session.settings[name]
    if name in ("role", "session_authorization", "is_superuser"):
        return UNKNOWN
    if "." in name and len(args) > 1 and args[1] is True:
        return UNKNOWN if world.ctx.catalog.settings else None
    return UNKNOWN


def _to_reg(kind: str) -> Callable[[World, list[Value]], Value]:
    def found(world: World, args: list[Value]) -> Value:
        value = args[0] if args else UNKNOWN
        return lookup(world, kind, value) if isinstance(value, str) else value if value is None else UNKNOWN

    return found


def _format_type(world: World, args: list[Value]) -> Value:
    if not args or args[0] is None or not known(*args) or not isinstance(args[0], int):
        return None if args and args[0] is None else UNKNOWN
    modifier = args[1] if len(args) > 1 and isinstance(args[1], int) else None
    return type_name(world.ctx.catalog, int(args[0]), modifier, world.ctx.path())


def _has_privilege(world: World, args: list[Value]) -> Value:
    role = world.ctx.catalog.get(world.ctx.session.role)
    return True if len(args) == 2 and world.ctx.session.known and getattr(role, "superuser", False) else UNKNOWN


def _serial_sequence(world: World, args: list[Value]) -> Value:
    """pg_get_serial_sequence: always schema-qualified."""
    if len(args) != 2 or not all(isinstance(a, str) for a in args):
        return UNKNOWN
    table = lookup(world, "class", args[0])
    found = world.ctx.catalog.find(Relation, int(table)) if isinstance(table, Reg) else None
    attribute = found.attribute(args[1]) if found is not None else None
    if found is None or attribute is None:
        return UNKNOWN
    for edge in world.ctx.catalog.dependents(found.oid):
        sequence = world.ctx.catalog.find(Relation, edge.dependent[0])
        if (
            sequence is not None
            and sequence.sequence is not None
            and sequence.sequence.owned == (found.oid, attribute.num)
        ):
            return f"{quote_identifier(world.ctx.catalog.namespace_name(sequence.namespace))}.{quote_identifier(sequence.name)}"
    return None


def _table_is_visible(world: World, args: list[Value]) -> Value:
    found = world.ctx.catalog.find(Relation, args[0]) if args and isinstance(args[0], int) else None
    if found is None:
        return UNKNOWN
    first = lookup(world, "class", quote(found.name))
    return first if isinstance(first, Unknown) else first == found.oid


def _user_by_id(world: World, args: list[Value]) -> Value:
    return world.ctx.catalog.role_name(args[0]) if args and isinstance(args[0], int) else UNKNOWN


def _set_config(world: World, args: list[Value]) -> Value:
    return args[1] if len(args) == 3 else UNKNOWN


def _session_user(world: World, args: list[Value]) -> Value:
    return world.ctx.catalog.role_name(world.ctx.session.role) if world.ctx.session.known else SOMETHING


_WORLDLY: dict[str, Callable[[World, list[Value]], Value]] = {
    "current_schema": _current_schema,
    "current_schemas": _current_schemas,
    "current_setting": _current_setting,
    "to_regclass": _to_reg("class"),
    "to_regtype": _to_reg("type"),
    "to_regproc": _to_reg("proc"),
    "to_regnamespace": _to_reg("namespace"),
    "to_regrole": _to_reg("role"),
    "format_type": _format_type,
    "has_table_privilege": _has_privilege,
    "has_schema_privilege": _has_privilege,
    "pg_get_userbyid": _user_by_id,
    "has_database_privilege": _has_privilege,
    "has_function_privilege": _has_privilege,
    "pg_has_role": _has_privilege,
    "set_config": _set_config,
    "pg_get_serial_sequence": _serial_sequence,
    "current_user": _session_user,
    "pg_table_is_visible": _table_is_visible,
}
_NOT_NULL = frozenset(
    """now clock_timestamp statement_timestamp transaction_timestamp timeofday random gen_random_uuid uuid_generate_v4 version
    current_database current_catalog pg_backend_pid txid_current pg_get_constraintdef pg_get_functiondef pg_get_viewdef pg_get_indexdef
    pg_get_triggerdef pg_current_xact_id""".split()  # noqa: SIM905
)


# --- of text, numbers and arrays --------------------------------------------------------------------------------------


def quote_literal(value: Value) -> str:
    """quote_literal(): doubled quotes, E'' where a backslash stands in it."""
    shown = str(text_of(value))
    return literal(shown)


def format_text(pattern: str, *args: Value) -> Value:
    """format(): %s %I %L %%, positions and widths left out (UNKNOWN)."""
    used = 0

    def put(match: re.Match[str]) -> str:
        nonlocal used
        if match.group(3) == "%":
            return "%"
        index = int(match.group(1)[:-1]) - 1 if match.group(1) else used
        used = index + 1
        value = args[index]
        if match.group(3) == "s":
            return "" if value is None else str(text_of(value))
        if match.group(3) == "I":
            if value is None:
                raise ValueError("null values cannot be formatted as an SQL identifier")
            return quote_identifier(str(text_of(value)))
        return "NULL" if value is None else quote_literal(value).lstrip()

    if re.search(r"%(?!(?:\d+\$)?[sIL]|%)", re.sub(r"%%", "", pattern)):
        return UNKNOWN
    return re.sub(r"%(\d+\$)?()([sIL%])", put, pattern)


def _concat(*args: Value) -> Value:
    return "".join("" if a is None else ("t" if a else "f") if isinstance(a, bool) else str(text_of(a)) for a in args)


def _concat_ws(separator: str, *args: Value) -> str:
    return str(separator).join(str(text_of(a)) for a in args if a is not None)


def _substring(text: str, start: Any, length: int | None = None) -> Value:
    if not isinstance(start, int):
        return UNKNOWN
    first = start - 1
    last = len(text) if length is None else first + length
    return text[max(first, 0) : max(last, 0)]


def _split_part(text: str, separator: str, field: int) -> str:
    parts = text.split(separator) if separator else [text]
    index = field - 1 if field > 0 else len(parts) + field
    return parts[index] if 0 <= index < len(parts) else ""


def _array_length(array: list[Value], dimension: int) -> Value:
    return (len(array) or None) if dimension == 1 else UNKNOWN


def _to_string(array: list[Value], separator: str, null: str | None = None) -> str:
    return separator.join(
        str(text_of(v)) if v is not None else str(null) for v in array if v is not None or null is not None
    )


def _regexp_replace(text: str, pattern: str, replacement: str, flags: str = "") -> Value:
    return replaced(text, pattern, replacement, flags)


def _replace(text: str, old: str, new: str) -> Value:
    if not old:
        return text
    return text.replace(old, new) if len(text) + _text(text).count(old) * len(new) <= TEXT * 2 else SOMETHING


def _repeat(text: str, times: int) -> Value:
    return _text(text) * max(times, 0) if len(text) * times <= TEXT else SOMETHING


def _position(text: str, part: str) -> int:
    return text.find(part) + 1


def _abs(value: Value) -> Value:
    found = number(value)
    return abs(found) if found is not None else UNKNOWN


def _length(value: Value) -> int:
    return len(_text(value))


def _md5(value: Value) -> str:
    from hashlib import md5

    return md5(_text(value).encode(), usedforsecurity=False).hexdigest()


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_PLAIN: dict[str, Callable[..., Value]] = {
    "lower": lambda t: _text(t).lower(),
    "upper": lambda t: _text(t).upper(),
    "length": _length,
    "char_length": _length,
    "btrim": lambda t, c=" ": _text(t).strip(c),
    "ltrim": lambda t, c=" ": _text(t).lstrip(c),
    "rtrim": lambda t, c=" ": _text(t).rstrip(c),
    "replace": _replace,
    "substring": _substring,
    "substr": _substring,
    "left": lambda t, n: _text(t)[:n],
    "right": lambda t, n: _text(t)[-n:] if n else "",
    "strpos": _position,
    "position": _position,
    "regexp_replace": _regexp_replace,
    "split_part": _split_part,
    "starts_with": lambda t, p: _text(t).startswith(p),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "quote_ident": lambda t: quote_identifier(_text(t)),
    "quote_literal": quote_literal,
    "format": format_text,
    "quote_nullable": lambda t: "NULL" if t is None else quote_literal(t),
    "md5": _md5,
    "array_length": _array_length,
    "cardinality": len,
    "array_to_string": _to_string,
    "array_append": lambda a, v: [*(a or []), v],
    "string_to_array": lambda t, s: _text(t).split(s) if s else UNKNOWN,
    "array_position": lambda a, v: a.index(v) + 1 if v in a else None,
    "abs": _abs,
    "repeat": _repeat,
    "reverse": lambda t: _text(t)[::-1],
    "array_cat": lambda a, b: [*a, *b],
    "array_remove": lambda a, v: [x for x in a if x != v],
    "array_upper": _array_length,
    "array_lower": lambda a, d: 1 if a and d == 1 else UNKNOWN,
}
_NULL_TAKING = frozenset({"concat", "concat_ws", "format", "quote_nullable", "array_append"})
