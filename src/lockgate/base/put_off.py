"""Imports put off: what a package imports for a few of its functions comes when one of them asks."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType

_PUT_OFF = ("inspect", "ipaddress", "locale", "textwrap")
_HIDDEN = ("typing_extensions",)  # msgspec takes from it what typing has had since 3.11


def lightly(*packages: str) -> None:
    """Import packages, and put off what they import for a few of their functions (a quarter of what click and msgspec
    cost)."""
    put_off = {name: stand_in(name) for name in _PUT_OFF if name not in sys.modules}
    if "inspect" in put_off:
        vars(put_off["inspect"])["cleandoc"] = _cleandoc  # click asks for that alone, for every option
    for name, functions in _FUNCTIONS.items():  # somebody takes these at once
        if name not in sys.modules:
            put_off[name] = stand_in(name)
            vars(put_off[name]).update(functions)
    hidden = [name for name in _HIDDEN if name not in sys.modules]
    sys.modules.update(put_off)
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import fails
    try:
        for package in packages:
            import_module(package)
    finally:
        for name in (*hidden, *(name for name, module in put_off.items() if sys.modules.get(name) is module)):
            sys.modules.pop(name, None)


def _cleandoc(text: str) -> str:
    """``inspect.cleandoc``, which has little to do for a text of one line."""
    if "\n" not in text and "\t" not in text:
        return text.lstrip()
    import inspect

    return inspect.cleandoc(text)


def _gettext(message: str) -> str:
    """``gettext.gettext``, where nobody has bound a catalog of messages."""
    return message


def _ngettext(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _system() -> str:
    """``platform.system``, of which ``uuid`` asks one question."""
    return os.uname().sysname


def _quoted(data: bytes) -> str:
    """``urllib.parse.quote_from_bytes``, which pathlib takes for the URI of a path."""
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(data)


_FUNCTIONS: dict[str, dict[str, object]] = {
    "gettext": {"gettext": _gettext, "ngettext": _ngettext},
    "platform": {"system": _system},
    "urllib.parse": {"quote_from_bytes": _quoted},
}


def stand_in(name: str) -> ModuleType:
    """An empty module that turns to the real one where it is asked for anything."""
    module = ModuleType(name)

    def real(word: str) -> object:
        if word == "__path__":  # ``from ... import`` asks whether it is a package
            raise AttributeError(word)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), word)

    vars(module)["__getattr__"] = real
    return module
