"""Values of configuration parameters (src/backend/utils/misc/guc.c)."""

from __future__ import annotations

import re

from lockgate.catalog.builtin_rows import BuiltinSetting

_BOOLEANS = ("true", "false", "yes", "no", "on", "off")
_SIZES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_TIMES = {"us": 1, "ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_BASES = {**_SIZES, "8kB": 8 << 10, "16MB": 16 << 20, **_TIMES}


def is_custom(name: str) -> bool:
    """Whether a name is a valid one for a custom parameter (valid_custom_variable_name)."""
    return re.fullmatch(r"[^\W\d][\w$]*(\.[^\W\d][\w$]*)+", name) is not None


def is_boolean(value: str) -> bool:
    """parse_bool: unique prefixes count."""
    word = value.lower()
    return word in ("0", "1") or (word not in ("", "o") and any(w.startswith(word) for w in _BOOLEANS))


def objection(found: BuiltinSetting, value: str) -> str:
    """Why a value is refused (22023), in the server's words; "" if it is taken or not known to be refused."""
    if found.vartype == "bool":
        return "" if is_boolean(value) else f'parameter "{found.name}" requires a Boolean value'
    if found.vartype == "enum":
        # some take hidden words beside those that pg_settings lists: true and false for on and off
        taken = f" {value.lower()} " in f" {' '.join(found.values)} " or is_boolean(value) or not found.values
        return "" if taken else f'invalid value for parameter "{found.name}": "{value}"'
    return _number(found, value) if found.vartype in ("integer", "real") else ""


def _number(found: BuiltinSetting, value: str) -> str:
    match = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|0x[0-9a-f]+))\s*([a-z]*)\s*", value, re.IGNORECASE)
    bad = f'invalid value for parameter "{found.name}": "{value}"'
    if match is None:
        return bad
    given, unit = match.groups()
    if given.lower().startswith("0x"):
        return ""
    number = float(given)
    if unit:
        family = _TIMES if found.unit in _TIMES else _SIZES
        if unit not in family or not found.unit:
            return bad
        number = number * family[unit] / _BASES.get(found.unit, 1)
    if not found.minimum or float(found.minimum) <= (round(number) if found.vartype == "integer" else number) <= float(
        found.maximum
    ):
        return ""
    tail = f" {found.unit}" if found.unit else ""
    shown = f"{int(number)}" if number == int(number) else f"{number:g}"
    return f'{shown}{tail} is outside the valid range for parameter "{found.name}" ({found.minimum}{tail} .. {found.maximum}{tail})'
