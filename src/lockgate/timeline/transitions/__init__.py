"""What each statement does to the catalog: one module per family, each with its ``HANDLERS`` by statement tag."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache

from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused
from lockgate.timeline.hazards.watch import look
from lockgate.timeline.transitions.index import MODULES

Handler = Callable[[Context, Node], None]


@cache
def handler_of(tag: str) -> Handler | None:
    """The handler of a statement tag; None where it is not modelled. Its module is imported only now."""
    if tag not in MODULES:
        return None
    found: Handler = importlib.import_module(f"{__name__}.{MODULES[tag]}").HANDLERS[tag]
    return found


def execute(ctx: Context, tag: str, node: Node) -> None:
    """Run one statement on the context's draft: the entry for the replay, and for statements inside routines and
    schemas.

    Raises Refused or Unsure; the caller restores the draft.
    """
    handler = handler_of(tag)
    if handler is None:
        raise ctx.unsure(f"{tag} is not modelled")
    settle = look(ctx, ctx.touches, tag, node) if ctx.touches is not None else None
    outer, ctx.supposed = ctx.supposed, ""
    try:
        handler(ctx, node)
        if settle is not None:
            settle()
    except Refused as refused:
        if ctx.supposed:
            raise ctx.unsure(ctx.supposed) from refused
        raise
    finally:
        ctx.supposed = outer
