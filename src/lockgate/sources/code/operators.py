"""Operators over values of which some are not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.sources.code.methods import format_percent
from lockgate.sources.code.values import LONGEST, UNKNOWN, Combining, Host, NotKnown, Partial, is_known, text_of

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_COUNTED: dict[str, Callable[[Any, Any], Any]] = {
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


_COMBINED = frozenset(["+", "-", "*", "/", "%", "&", "|"])


def truth(value: Any, *, script: bool = False) -> bool | NotKnown:
    """Whether a value counts as true."""
    if isinstance(value, NotKnown):
        return value
    if isinstance(value, Partial):
        return True if any(isinstance(p, str) and p for p in value.parts) else UNKNOWN
    if isinstance(value, list | dict | tuple | set):
        return True if script else bool(value)
    if value is None or isinstance(value, str | int | float | bool | bytes):
        return bool(value)
    return True


def unary(word: str, value: Any, *, script: bool = False) -> Any:
    """``not``, ``-``, ``+``, ``~``."""
    if word == "not":
        known = truth(value, script=script)
        return known if isinstance(known, NotKnown) else not known
    if isinstance(value, Combining):
        return value.combine(word, None)
    if isinstance(value, Host):
        return value.get(f"__{word}__")
    if isinstance(value, int | float) and word in "+-":
        return -value if word == "-" else value
    return value if isinstance(value, NotKnown) else UNKNOWN


def binary(word: str, left: Any, right: Any, *, script: bool = False) -> Any:
    """Arithmetic, concatenation, comparisons, ``in``, ``is``."""
    if isinstance(left, Combining) and word in _COMBINED:
        return left.combine(word, right)
    unknown = next((v for v in (left, right) if isinstance(v, NotKnown)), None)
    if word == "+" and (isinstance(left, str | Partial) or isinstance(right, str | Partial)):
        return text_of((left, right), script=script)
    if isinstance(left, Host) and word in ("+", "-", "|", "&"):
        return left
    if word == "%" and isinstance(left, str):
        return format_percent(left, right)
    if word in ("in", "not in"):
        return _contains(left, right, word == "not in")
    if word in ("==", "!=") and unknown is not None and (asked := _database(left, right)) is not None:
        return asked is (word == "==")
    if word in ("is", "is not") or word in ("==", "!="):
        if unknown is None and not isinstance(left, Partial) and not isinstance(right, Partial):
            return _same(word, left, right)
        return unknown or UNKNOWN
    if unknown is not None:
        return unknown
    return _counted(word, left, right)


_OURS = frozenset({"postgres", "postgresql", "pg", "postgis"})
_OTHERS = frozenset(
    ("mysql", "mysql2", "mariadb", "mssql", "sqlite", "sqlite3", "better-sqlite3", "oracle", "oracledb", "cockroachdb")
)


def _database(left: Any, right: Any) -> bool | None:
    """Whether a value that nobody knows is this name of a database: it is asked which one the migration runs on."""
    name = left if isinstance(left, str) else right
    if not isinstance(name, str) or name.lower() not in _OURS | _OTHERS:
        return None
    return name.lower() in _OURS


def _same(word: str, left: Any, right: Any) -> Any:
    if isinstance(left, Host) or isinstance(right, Host):
        known = left is right
        if not known and None not in (left, right):
            return UNKNOWN
    elif word.startswith("is"):
        known = left is right or (is_known(left) and is_known(right) and type(left) is type(right) and left == right)
    else:
        known = bool(left == right)
    return known if word in ("is", "==") else not known


def _counted(word: str, left: Any, right: Any) -> Any:
    if word == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return [*left, *right] if isinstance(left, list) else (*left, *right)
    if word == "+" and isinstance(left, int | float) and isinstance(right, int | float):
        return left + right
    if word in _COMPARED and is_known(left) and is_known(right):
        try:
            return _COMPARED[word](left, right)
        except TypeError:
            return UNKNOWN
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if word == "*" and isinstance(left, str) and isinstance(right, int) and len(left) * right <= LONGEST:
        return left * right
    if word == "|" and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    if word in _COUNTED and numbers and max(abs(left), abs(right)) < 1 << 62:
        try:
            return _COUNTED[word](left, right)
        except ArithmeticError:
            return UNKNOWN
    return UNKNOWN


def _contains(item: Any, held: Any, turned: bool) -> Any:
    if isinstance(held, NotKnown):
        return held
    if isinstance(item, NotKnown):
        return item
    if isinstance(held, str) and isinstance(item, str):
        return (item in held) is not turned
    if isinstance(held, list | tuple | set | dict) and is_known(item):
        if is_known(list(held)) or any(item == each for each in held if is_known(each)):
            return (item in list(held)) is not turned
        guard = any(isinstance(each, NotKnown) and each.guard for each in held)
        return NotKnown(guard=guard)
    return UNKNOWN


def items(value: Any, *, keys: bool = False, script: bool = False) -> list[Any] | NotKnown:
    """What a loop over a value goes through."""
    if isinstance(value, list | tuple | set):
        return list(range(len(value))) if keys else list(value)
    if isinstance(value, dict):
        return list(value) if keys or not script else UNKNOWN
    if isinstance(value, str):
        return list(value)
    return value if isinstance(value, NotKnown) else UNKNOWN


def item(of: Any, key: Any, attribute: Callable[[Any, Any], Any]) -> Any:
    """``of[key]``."""
    if isinstance(of, NotKnown):
        return of
    if isinstance(of, dict):
        return of.get(key, UNKNOWN) if isinstance(key, str | int) else UNKNOWN
    if isinstance(of, list | tuple | str) and isinstance(key, int):
        return of[key] if -len(of) <= key < len(of) else UNKNOWN
    if isinstance(key, str) and not isinstance(of, str | Partial):
        return attribute(of, key)
    if isinstance(of, Host) and of.members.get("is_field") is True:  # a generic class, as type checkers want it
        return of
    return UNKNOWN


def piece(of: Any, start: Any, stop: Any) -> Any:
    """``of[start:stop]``."""
    if isinstance(of, str | list | tuple) and all(n is None or isinstance(n, int) for n in (start, stop)):
        return of[start:stop]
    return UNKNOWN
