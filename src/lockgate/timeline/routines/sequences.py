"""nextval(), currval() and setval(): what they need of the sequence that they name
(src/backend/commands/sequence.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import Unknown, Value, World
from lockgate.timeline.evaluate.lookup import lookup
from lockgate.timeline.evaluate.value import Reg
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.privileges.may import NO, has_privilege

# any one of these is enough; the last is the one to ask for
_NEEDS = {"nextval": ("UPDATE", "USAGE"), "currval": ("SELECT", "USAGE"), "setval": ("UPDATE",)}


def check_call(ctx: Context, name: str, args: list[Value], call: Node, world: World) -> None:
    """Refuse a certain call of the three on a sequence that the current role may not use. They are strict: a NULL calls
    nothing."""
    if (
        name not in _NEEDS
        or not args
        or any(value is None or (isinstance(value, Unknown) and not value.notnull) for value in args)
    ):
        return
    found = (
        args[0] if isinstance(args[0], Reg) else lookup(world, "class", args[0]) if isinstance(args[0], str) else None
    )
    sequence = ctx.catalog.find(Relation, int(found)) if isinstance(found, Reg) else None
    if sequence is None or sequence.kind != "S":
        return
    *others, wanted = _NEEDS[name]
    if all(has_privilege(ctx, sequence, other) == NO for other in others):
        need_privilege(ctx, sequence, wanted, call.get("location"), name=name)
