"""Event triggers (src/backend/commands/event_trigger.c) and languages (proclang.c): mostly for superusers."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.details import EventTriggerCall, LanguageTrust
from lockgate.catalog.objects import Other
from lockgate.timeline.binder import find_function
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner, need_superuser
from lockgate.timeline.transitions.object.creation import doubt, find_other, refuse_existing, spelled
from lockgate.timeline.transitions.type.collation import put_other

EVENT_TRIGGER, LANGUAGE_HANDLER = 3838, 2280
_EVENTS = frozenset({"ddl_command_start", "ddl_command_end", "sql_drop", "table_rewrite"})


def create_event_trigger(ctx: Context, node: Node) -> None:
    """CreateEventTrigger."""
    name, event = node["trigname"], node["eventname"]
    need_superuser(
        ctx,
        f'permission denied to create event trigger "{name}"',
        name=name,
        help="Must be superuser to create an event trigger.",
    )
    if event not in _EVENTS | ({"login"} if ctx.catalog.major >= 17 else set()):
        raise ctx.refuse("42601", f'unrecognized event name "{event}"', None, name=event, kind="other")
    for item in node.get("whenclause", []):
        variable = item["DefElem"]["defname"]
        if variable != "tag":
            raise ctx.refuse(
                "42601", f'unrecognized filter variable "{variable}"', item["DefElem"].get("location"), kind="other"
            )
    found = ctx.catalog.one(Other, ("event_trigger", 0, name))
    if found is not None and not doubt(ctx, "event_trigger", 0, name, found.oid):
        refuse_existing(ctx, found.oid, "event_trigger", f'event trigger "{name}" already exists', name=name)
    function = _returning(ctx, node["funcname"], EVENT_TRIGGER, "event_trigger")
    put_other(
        ctx,
        "event_trigger",
        name,
        details=EventTriggerCall(function),
        refs=(function,),
    )


def _returning(ctx: Context, names: list[Node], result: int, word: str) -> int:
    """The oid of a function without arguments that must return a pseudo-type (42P17); 0 where it is not known."""
    function: Any = find_function(ctx, names, (), None)
    if getattr(function, "result", 0) not in (0, result):
        shown = spelled(names)
        name = shown.rpartition(".")[2]
        raise ctx.refuse("42P17", f"function {shown} must return type {word}", None, name=name, kind="function")
    return int(getattr(function, "oid", 0))


def alter_event_trigger(ctx: Context, node: Node) -> None:
    """AlterEventTrigger: enable and disable."""
    name = node["trigname"]
    found = find_other(ctx, "event_trigger", name, "event trigger")
    assert found is not None
    need_owner(ctx, found, name=name)
    call = found.details if isinstance(found.details, EventTriggerCall) else EventTriggerCall(0)
    ctx.catalog.put(replace(found, details=replace(call, enabled=node.get("tgenabled", "O"))))


def create_language(ctx: Context, node: Node) -> None:
    """CreateProceduralLanguage with its handler."""
    name = node["plname"]
    need_superuser(ctx, "must be superuser to create custom procedural language", name=name)
    refs = [_returning(ctx, node["plhandler"], LANGUAGE_HANDLER, "language_handler")]
    for key, args in (("plinline", (2281,)), ("plvalidator", (26,))):
        if node.get(key):
            refs.append(int(getattr(find_function(ctx, node[key], args, None), "oid", 0)))
    found = ctx.catalog.one(Other, ("language", 0, name))
    if found is not None and not node.get("replace"):
        refuse_existing(ctx, found.oid, "language", f'language "{name}" already exists', name=name)
    if found is not None and ctx.catalog.get(found.oid) is not None:
        return
    put_other(ctx, "language", name, details=LanguageTrust(bool(node.get("pltrusted"))), refs=tuple(refs))


HANDLERS = {
    "CreateEventTrigStmt": create_event_trigger,
    "AlterEventTrigStmt": alter_event_trigger,
    "CreatePLangStmt": create_language,
}
