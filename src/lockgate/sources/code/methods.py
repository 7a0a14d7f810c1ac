"""What methods and functions of the languages themselves give for known values; all others give what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.sources.code.values import LONGEST, UNKNOWN, Host, NotKnown, Partial, Passed, is_known, text_of

Apply = Callable[[Any, list[Any]], Any]  # calls a function of the program's

_TEXT = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "upper",
        "lower",
        "title",
        "capitalize",
        "startswith",
        "endswith",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "replace",
        "find",
        "index",
        "count",
        "isdigit",
        "isalpha",
        "removeprefix",
        "removesuffix",
        "casefold",
        "swapcase",
        "encode",
    ]
)
_WIDE = re.compile(r"\d{4}|\{[^}]*\{")
_FIELD = re.compile(r"\{\{|\}\}|\{(\w*)\}")
_PERCENT = re.compile(r"%%|%\((\w+)\)[sdr]|%[sdr]")
_DEDENTED = frozenset({"dedent"})


def format_braces(text: str, passed: Passed) -> Any:
    """``str.format`` with plain fields."""
    if _FIELD.sub("", text).count("{") or _FIELD.sub("", text).count("}"):
        return UNKNOWN
    parts: list[Any] = []
    at = count = 0
    for found in _FIELD.finditer(text):
        parts.append(text[at : found.start()])
        at, word = found.end(), found.group(1)
        if word is None:
            parts.append(found.group()[0])
        elif word == "" or word.isdigit():
            place = int(word) if word else count
            count += not word
            parts.append(passed.args[place] if place < len(passed.args) else UNKNOWN)
        else:
            parts.append(passed.named.get(word, UNKNOWN))
    return text_of([*parts, text[at:]])


def format_percent(text: str, value: Any) -> Any:
    """``text % value`` with plain fields."""
    values = list(value) if isinstance(value, tuple) else [value]
    if _PERCENT.sub("", text).count("%"):
        return UNKNOWN
    parts: list[Any] = []
    at = 0
    for found in _PERCENT.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        if found.group() == "%%":
            parts.append("%")
        elif found.group(1):
            parts.append(value.get(found.group(1), UNKNOWN) if isinstance(value, dict) else UNKNOWN)
        else:
            parts.append(values.pop(0) if values else UNKNOWN)
    return text_of([*parts, text[at:]])


def python_method(value: Any, name: str, apply: Apply) -> Host | None:
    """A method of a known value of Python's."""
    if isinstance(value, Partial):
        if name in ("strip", "lstrip", "rstrip", "lower", "upper", "replace"):
            return Host(name, lambda passed: value)
        return Host(name, lambda passed: UNKNOWN)
    if isinstance(value, str):
        return _of_text(value, name)
    if isinstance(value, list):
        return _of_list(value, name)
    if isinstance(value, dict):
        return _of_dict(value, name)
    if isinstance(value, set):
        return _of_set(value, name)
    return None


def _of_text(value: str, name: str) -> Host | None:
    if name == "format":
        return Host(name, lambda passed: format_braces(value, passed))
    if name == "join":
        return Host(name, lambda passed: _join(value, passed.get(0, "")))
    if name in _TEXT:
        return Host(name, lambda passed: _bounded(lambda: getattr(value, name)(*passed.args), passed))
    return None


def _bounded(work: Callable[[], Any], passed: Passed) -> Any:
    if passed.named or not is_known(passed.args):
        return UNKNOWN
    if sum(len(a) for a in passed.args if isinstance(a, str)) > 10_000:
        return UNKNOWN
    try:
        out = work()
    except (TypeError, ValueError, AttributeError, LookupError):
        return UNKNOWN
    return UNKNOWN if isinstance(out, str | list) and len(out) > LONGEST else out


def _join(between: str, items: Any) -> Any:
    if not isinstance(items, list | tuple):
        return UNKNOWN
    parts: list[Any] = []
    for number, item in enumerate(items):
        parts += [between, item] if number else [item]
    return text_of(parts)


def _of_list(value: list[Any], name: str) -> Host | None:
    def change(passed: Passed) -> Any:
        if len(value) < LONGEST and passed.args:
            if name == "append":
                value.append(passed.args[0])
            elif name == "extend" and isinstance(passed.args[0], list | tuple):
                value.extend(passed.args[0])
            elif name == "insert" and len(passed.args) > 1 and isinstance(passed.args[0], int):
                value.insert(passed.args[0], passed.args[1])
        return None

    if name in ("append", "extend", "insert"):
        return Host(name, change)
    if name == "copy":
        return Host(name, lambda passed: list(value))
    if name == "pop":
        return Host(name, lambda passed: value.pop() if value and not passed.args else UNKNOWN)
    if name in ("sort", "reverse", "remove", "clear"):
        return Host(name, lambda passed: None)
    if name in ("index", "count"):
        return Host(name, lambda passed: _bounded(lambda: getattr(value, name)(*passed.args), passed))
    return None


def _of_dict(value: dict[Any, Any], name: str) -> Host | None:
    def update(passed: Passed) -> None:
        for one in (*passed.args, passed.named):
            if isinstance(one, dict):
                value.update(one)

    match name:
        case "items":
            return Host(name, lambda passed: list(value.items()))
        case "keys":
            return Host(name, lambda passed: list(value))
        case "values":
            return Host(name, lambda passed: list(value.values()))
        case "copy":
            return Host(name, lambda passed: dict(value))
        case "update":
            return Host(name, update)
        case "get" | "pop" | "setdefault":
            return Host(name, lambda passed: _looked_up(value, passed))
    return None


def _looked_up(value: dict[Any, Any], passed: Passed) -> Any:
    key = passed.get(0, "key")
    if not is_known(key):
        return UNKNOWN
    try:
        return value.get(key, passed.get(1, "default"))
    except TypeError:
        return UNKNOWN


def _of_set(value: set[Any], name: str) -> Host | None:
    def add(passed: Passed) -> None:
        if passed.args and is_known(passed.args[0]) and isinstance(passed.args[0], str | int):
            value.add(passed.args[0])

    return Host(name, add) if name == "add" else None


# --- Python's functions -----------------------------------------------------------------------------------------------


def _len(passed: Passed) -> Any:
    value = passed.get(0, "")
    return len(value) if isinstance(value, str | list | tuple | dict | set) else UNKNOWN


def _range(passed: Passed) -> Any:
    if not is_known(passed.args) or not all(isinstance(a, int) and abs(a) <= 10_000 for a in passed.args):
        return UNKNOWN
    try:
        return list(range(*passed.args))
    except (TypeError, ValueError):
        return UNKNOWN


def _items(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, list | tuple | set | dict | str) else None


def _listed(make: Callable[[list[Any]], Any]) -> Callable[[Passed], Any]:
    def work(passed: Passed) -> Any:
        if not passed.args:
            return make([])
        items = _items(passed.args[0])
        try:
            return make(items) if items is not None else UNKNOWN
        except TypeError:
            return UNKNOWN

    return work


def _zipped(passed: Passed) -> Any:
    lists = [_items(a) for a in passed.args]
    if any(one is None for one in lists):
        return UNKNOWN
    return [tuple(row) for row in zip(*(one for one in lists if one is not None), strict=False)]


def _dict(passed: Passed) -> Any:
    out: dict[Any, Any] = {}
    for one in passed.args:
        if isinstance(one, dict):
            out.update(one)
        elif isinstance(one, list) and all(isinstance(p, list | tuple) and len(p) == 2 for p in one):
            out.update({k: v for k, v in one if is_known(k) and not isinstance(k, list | dict)})
        else:
            return UNKNOWN
    return out | passed.named


def _plain(kind: type) -> Callable[[Passed], Any]:
    def work(passed: Passed) -> Any:
        value = passed.get(0, "")
        if kind is str and isinstance(value, Partial):
            return value
        if isinstance(value, str) and len(value) > 100 and kind is not str:
            return UNKNOWN
        try:
            return kind(value) if is_known(value) and not isinstance(value, list | dict | tuple) else UNKNOWN
        except (TypeError, ValueError):
            return UNKNOWN

    return work


def _sorted(items: list[Any]) -> Any:
    return sorted(items) if is_known(items) else list(items)


BUILTINS: dict[str, Any] = {
    name: Host(name, work)
    for name, work in {
        "len": _len,
        "range": _range,
        "list": _listed(list),
        "tuple": _listed(tuple),
        "set": _listed(lambda items: set(items) if is_known(items) else items),
        "frozenset": _listed(lambda items: set(items) if is_known(items) else items),
        "sorted": _listed(_sorted),
        "reversed": _listed(lambda items: items[::-1]),
        "enumerate": _listed(lambda items: list(enumerate(items))),
        "any": _listed(lambda items: any(items) if is_known(items) else UNKNOWN),
        "all": _listed(lambda items: all(items) if is_known(items) else UNKNOWN),
        "zip": _zipped,
        "dict": _dict,
        "str": _plain(str),
        "int": _plain(int),
        "bool": _plain(bool),
        "float": _plain(float),
        "print": lambda passed: None,
    }.items()
}


def unknown_of(value: Any) -> NotKnown:
    """What is not known because this is not."""
    return value if isinstance(value, NotKnown) else UNKNOWN
