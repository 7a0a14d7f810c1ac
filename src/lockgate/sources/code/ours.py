"""Attributes of a program's own values: instances, classes, and the languages' plain ones."""

from __future__ import annotations

from typing import Any

from lockgate.sources.code import methods, script_methods
from lockgate.sources.code.methods import Apply
from lockgate.sources.code.values import UNKNOWN, ClassValue, Closure, Host, Instance, NotKnown, Partial

KINDS = (Partial, Closure, Instance, ClassValue, NotKnown)
_MISSING = object()


def attribute(of: Any, name: Any, apply: Apply, *, script: bool = False) -> Any:
    """An attribute of a value; a method knows what it belongs to."""
    if isinstance(of, Host):
        return of.get(name)
    if isinstance(of, Instance):
        found = of.members.get(name, _MISSING)
        found = member(of.of, name, apply) if found is _MISSING else found
        return Closure(found.function, found.scope, found.source, of) if isinstance(found, Closure) else found
    if isinstance(of, ClassValue):
        return member(of, name, apply)
    if isinstance(of, NotKnown):
        return of
    if script:
        return script_methods.attribute(of, name, apply)
    return methods.python_method(of, name, apply) or UNKNOWN


def member(of: ClassValue, name: str, apply: Apply) -> Any:
    """What a class has under a name, itself or by its bases."""
    if name in of.members:
        return of.members[name]
    for base in of.bases:
        found = attribute(base, name, apply)
        if not isinstance(found, NotKnown):
            return found
    return of.name if name == "__name__" else UNKNOWN
