"""What JavaScript's own methods give for known values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.sources.code.values import LONGEST, UNKNOWN, Closure, Host, NotKnown, Partial, Passed, is_known, text_of

Apply = Callable[[Any, list[Any]], Any]
_SPACE = re.compile(r"\s+")


def attribute(of: Any, name: Any, apply: Apply) -> Any:
    """A property or a method of a known value; what an object lacks is undefined."""
    if isinstance(of, dict):
        return _of_object(of, name)
    if isinstance(of, str):
        return _of_text(of, name)
    if isinstance(of, list | tuple):
        return _of_list(of if isinstance(of, list) else list(of), name, apply)
    if isinstance(of, Partial):
        return Host(str(name), lambda passed: of if name in ("trim", "toString", "toLowerCase") else UNKNOWN)
    if isinstance(of, Closure) and name in ("bind", "call"):
        return Host(name, lambda passed: of if name == "bind" else apply(of, passed.args[1:]))
    return UNKNOWN


def _of_object(of: dict[Any, Any], name: Any) -> Any:
    if name in of:
        return of[name]
    return UNKNOWN if name in ("hasOwnProperty", "then", "catch") else None


_PLAIN: dict[str, Callable[[str], Any]] = {
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
    "trimStart": str.lstrip,
    "trimEnd": str.rstrip,
    "toString": str,
    "valueOf": str,
}


def _of_text(of: str, name: Any) -> Any:
    if name == "length":
        return len(of)
    if name in _PLAIN:
        return Host(name, lambda passed: _PLAIN[name](of))

    def work(passed: Passed) -> Any:
        args = passed.args
        if not is_known(args) or sum(len(a) for a in args if isinstance(a, str)) > 10_000:
            return UNKNOWN
        match name, args:
            case "split", [str(between), *_]:
                return of.split(between) if between else list(of)
            case "replace", [str(old), str(new)]:
                return of.replace(old, new, 1)
            case "replaceAll", [str(old), str(new)] if old:
                out = of.replace(old, new)
                return out if len(out) <= LONGEST else UNKNOWN
            case "startsWith", [str(head)]:
                return of.startswith(head)
            case "endsWith", [str(tail)]:
                return of.endswith(tail)
            case "includes", [str(part)]:
                return part in of
            case "concat", _:
                return text_of([of, *args], script=True)
            case (("slice" | "substring" | "substr"), [int(start), *rest]) if not rest or isinstance(rest[0], int):
                return of[start : rest[0] if rest else None]
        return UNKNOWN

    return Host(str(name), work)


def _of_list(of: list[Any], name: Any, apply: Apply) -> Any:
    if name == "length":
        return len(of)
    work = _LISTS.get(name)
    return Host(str(name), lambda passed: work(of, passed, apply)) if work is not None else UNKNOWN


def _map(of: list[Any], passed: Passed, apply: Apply) -> Any:
    return [apply(passed.get(0, ""), [item, number]) for number, item in enumerate(of)]


def _each(of: list[Any], passed: Passed, apply: Apply) -> None:
    _map(of, passed, apply)


def _filter(of: list[Any], passed: Passed, apply: Apply) -> Any:
    out = []
    for item in of:
        kept = apply(passed.get(0, ""), [item])
        if isinstance(kept, NotKnown | Partial):
            return UNKNOWN
        if kept:
            out.append(item)
    return out


def _found(of: list[Any], passed: Passed, apply: Apply) -> Any:
    kept = _filter(of, passed, apply)
    return kept if isinstance(kept, NotKnown) else kept[0] if kept else None


def _push(of: list[Any], passed: Passed, apply: Apply) -> Any:
    if len(of) < LONGEST:
        of.extend(passed.args)
    return len(of)


def _joined(of: list[Any], passed: Passed, apply: Apply) -> Any:
    between = passed.get(0, "", ",")
    parts: list[Any] = []
    for number, item in enumerate(of):
        parts += [between, item] if number else [item]
    return text_of(parts, script=True)


def _folded(of: list[Any], passed: Passed, apply: Apply) -> Any:
    value = passed.get(1, "", UNKNOWN)
    for item in of:
        value = apply(passed.get(0, ""), [value, item])
    return value


_LISTS: dict[str, Callable[[list[Any], Passed, Apply], Any]] = {
    "map": _map,
    "forEach": _each,
    "filter": _filter,
    "find": _found,
    "push": _push,
    "join": _joined,
    "reduce": _folded,
    "concat": lambda of, passed, apply: [*of, *(i for a in passed.args for i in (a if isinstance(a, list) else [a]))],
    "includes": lambda of, passed, apply: (
        passed.get(0, "") in of if is_known(of) and is_known(passed.args) else UNKNOWN
    ),
    "slice": lambda of, passed, apply: (
        of[:] if not passed.args else of[passed.args[0] :] if isinstance(passed.args[0], int) else UNKNOWN
    ),
    "some": lambda of, passed, apply: UNKNOWN,
    "every": lambda of, passed, apply: UNKNOWN,
    "reverse": lambda of, passed, apply: of[::-1],
    "sort": lambda of, passed, apply: of,
    "flat": lambda of, passed, apply: [i for a in of for i in (a if isinstance(a, list) else [a])],
    "keys": lambda of, passed, apply: list(range(len(of))),
    "entries": lambda of, passed, apply: [[n, i] for n, i in enumerate(of)],
    "values": lambda of, passed, apply: list(of),
}


def _of_each(passed: Passed, give: Callable[[dict[Any, Any]], Any]) -> Any:
    value = passed.get(0, "")
    if isinstance(value, list):
        value = dict(enumerate(value))
    return give(value) if isinstance(value, dict) else UNKNOWN


def _settled(passed: Passed) -> Any:
    return passed.get(0, "") if isinstance(passed.get(0, ""), list) else UNKNOWN


def _merged(passed: Passed) -> Any:
    out: dict[Any, Any] = {}
    for one in passed.args:
        if not isinstance(one, dict):
            return UNKNOWN
        out |= one
    return out


GLOBALS: dict[str, Any] = {
    "Object": Host(
        "Object",
        keys=Host("keys", lambda p: _of_each(p, lambda v: list(v))),
        values=Host("values", lambda p: _of_each(p, lambda v: list(v.values()))),
        entries=Host("entries", lambda p: _of_each(p, lambda v: [[k, e] for k, e in v.items()])),
        assign=Host("assign", _merged),
        freeze=Host("freeze", lambda p: p.get(0, "")),
        fromEntries=Host("fromEntries"),
        defineProperty=Host("defineProperty"),
    ),
    "Promise": Host(
        "Promise",
        all=Host("all", _settled),
        allSettled=Host("allSettled", _settled),
        resolve=Host("resolve", lambda p: p.get(0, "")),
    ),
    "JSON": Host("JSON", stringify=Host("stringify"), parse=Host("parse")),
    "String": Host("String", lambda p: text_of([p.get(0, "")], script=True), raw=Host("raw")),
    "Boolean": Host("Boolean", lambda p: p.get(0, "")),
    "console": Host("console", get=lambda name: Host(name, lambda p: None)),
    "undefined": None,
}
