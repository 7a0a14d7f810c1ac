"""What each statement does to the catalog: one module per family, each with its ``HANDLERS`` by statement tag."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from lockgate.parse.statement import Node
from lockgate.timeline.context import Context

Handler = Callable[[Context, Node], None]


@cache
def handlers() -> dict[str, Handler]:
    """Every handler by the tag of its statement; two modules that claim one tag are a programming error."""
    found: dict[str, Handler] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        for tag, handler in getattr(importlib.import_module(f"{__name__}.{module}"), "HANDLERS", {}).items():
            if tag in found:
                raise RuntimeError(f"two handlers for {tag}: {found[tag].__module__} and {module}")
            found[tag] = handler
    return found


def execute(ctx: Context, tag: str, node: Node) -> None:
    """Run one statement on the context's draft: the entry for the replay, and for statements inside routines and schemas.

    Raises Refused or Unsure; the caller restores the draft.
    """
    handler = handlers().get(tag)
    if handler is None:
        raise ctx.unsure(f"{tag} is not modelled")
    handler(ctx, node)
