"""Imports without ballast: compiled modules loaded past their packages' own ``__init__``, patterns compiled when they
are first used.

``import pglast`` builds 1,000 node classes and enums (25 ms) for its Python trees, which we never ask for; ``import
immutables`` a set of typing protocols (10 ms). Both come back whole to anybody who imports them afterwards.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lockgate.base.put_off import stand_in


def compiled(package: str, module: str, *unused: str, **given: str) -> Any:
    """``package.module``, where ``unused`` submodules are imported when something asks for them, and ``given`` names of
    the package come from its submodules.

    A package that is not laid out as expected is imported as usual.
    """
    name = f"{package}.{module}"
    if package in sys.modules or name in sys.modules:
        return import_module(name)
    try:
        return _past_init(package, name, unused, given)
    except (ImportError, AttributeError):
        for each in [m for m in sys.modules if m.partition(".")[0] == package]:
            del sys.modules[each]
        return import_module(name)


def _past_init(package: str, name: str, unused: tuple[str, ...], given: dict[str, str]) -> ModuleType:
    spec = PathFinder.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(package)
    bare = ModuleType(package)
    bare.__path__ = spec.submodule_search_locations
    sys.modules[package] = bare
    try:
        for empty in unused:
            setattr(bare, empty, stand_in(f"{package}.{empty}"))
            sys.modules[f"{package}.{empty}"] = getattr(bare, empty)
        for word, home in given.items():
            setattr(bare, word, getattr(import_module(f"{package}.{home}"), word))
        return import_module(name)
    finally:
        for each in (package, *(f"{package}.{empty}" for empty in unused)):
            sys.modules.pop(each, None)


if TYPE_CHECKING:
    from re import compile as pattern

    from immutables import Map as Map
else:

    class pattern:
        """``re.compile`` put off until somebody asks for something: of 150 patterns a run needs a dozen."""

        def __init__(self, text, flags=0):
            self._given = text, flags

        def __getattr__(self, name):
            import re

            real = re.compile(*self._given)
            for word in (
                "match",
                "search",
                "fullmatch",
                "finditer",
                "findall",
                "sub",
                "subn",
                "split",
                "scanner",
                "pattern",
                "flags",
                "groupindex",
            ):
                self.__dict__[word] = getattr(real, word)
            return getattr(real, name)

    try:
        Map = compiled("immutables", "_map").Map
    except ImportError:  # a build without its compiled half
        from immutables import Map

__all__ = ["Map", "compiled", "pattern"]
