"""What each statement does to the catalog: one module per family, each with its ``HANDLERS`` by statement tag."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import cache

from lockgate.catalog.objects import Object, Relation
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


def _weight(journal: Iterable[tuple[Object | None, Object | None]]) -> int:
    """What objects made, less what was dropped, take of ``budget.OBJECTS``."""
    found = 0
    for before, after in journal:
        if before is None:
            found += 4
        elif after is None:
            found -= 4
        if isinstance(after, Relation):
            found += len(after.attributes)
        if isinstance(before, Relation):
            found -= len(before.attributes)
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
    budget, journal = ctx.budget, ctx.catalog.journal
    budget.keep(0)
    try:
        handler(ctx, node)
        budget.keep(_weight(journal[budget.counted :]))
        budget.counted = len(journal)
        if settle is not None:
            settle()
    except Refused as refused:
        if ctx.supposed:
            raise ctx.unsure(ctx.supposed) from refused
        raise
    finally:
        ctx.supposed = outer
