"""Which triggers a relation may have (src/backend/commands/trigger.c CreateTriggerFiringOn)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Refused

ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE, INSTEAD = 1, 2, 4, 8, 16, 32, 64  # src/include/catalog/pg_trigger.h


_EVENTS = ((INSERT, "I"), (UPDATE, "U"), (DELETE, "D"), (TRUNCATE, "T"))


_WORDS = {"r": "a table", "p": "a partitioned table", "v": "a view", "f": "a foreign table"}


def _number(node: Node, field: str) -> int:
    return int(node.get(field, 0))


def timing_of(node: Node) -> str:
    timing = _number(node, "timing")
    return "B" if timing & BEFORE else "O" if timing & INSTEAD else "A"


def events_of(node: Node) -> str:
    events = _number(node, "events")
    return "".join(letter for bit, letter in _EVENTS if events & bit)


def check_kind(ctx: Context, relation: Relation, node: Node, location: int) -> None:
    def wrong(detail: str) -> Exception:
        message = f'"{relation.name}" is {_WORDS[relation.kind]}'
        return ctx.refuse(
            "42809",
            message,
            location,
            name=relation.name,
            help=detail,
            kind="relation",
            object=ctx.catalog.qualified(relation),
        )

    timing, events, row = timing_of(node), events_of(node), bool(node.get("row"))
    if relation.kind in "rp":
        _check_table(ctx, relation, node, location)
    elif relation.kind == "v":
        if timing != "O" and row:
            raise wrong("Views cannot have row-level BEFORE or AFTER triggers.")
        if "T" in events:
            raise wrong("Views cannot have TRUNCATE triggers.")
    elif relation.kind == "f":
        if timing == "O":
            raise wrong("Foreign tables cannot have INSTEAD OF triggers.")
        if "T" in events and ctx.catalog.major < 16:
            raise wrong("Foreign tables cannot have TRUNCATE triggers.")
        if node.get("isconstraint"):
            raise wrong("Foreign tables cannot have constraint triggers.")
    else:
        raise _no_triggers(ctx, relation, location)


def _check_table(ctx: Context, relation: Relation, node: Node, location: int) -> None:
    if timing_of(node) == "O":
        raise ctx.refuse(
            "42809",
            f'"{relation.name}" is a table',
            location,
            name=relation.name,
            kind="relation",
            object=ctx.catalog.qualified(relation),
            help="Tables cannot have INSTEAD OF triggers.",
        )
    if relation.kind == "p" and node.get("row") and node.get("transitionRels"):
        raise ctx.refuse(
            "0A000",
            f'"{relation.name}" is a partitioned table',
            location,
            name=relation.name,
            kind="relation",
            help="ROW triggers with transition tables are not supported on partitioned tables.",
        )


def _no_triggers(ctx: Context, relation: Relation, location: int) -> Refused:
    if relation.kind in "iIc":  # table_openrv
        what = "a composite type" if relation.kind == "c" else "an index"
        message = (
            f'"{relation.name}" is {what}' if ctx.catalog.major < 16 else f'cannot open relation "{relation.name}"'
        )
        return ctx.refuse(
            "42809", message, location, name=relation.name, kind="relation", object=ctx.catalog.qualified(relation)
        )
    help = {"S": "sequences", "m": "materialized views"}.get(relation.kind, "it")
    return ctx.refuse(
        "42809",
        f'relation "{relation.name}" cannot have triggers',
        location,
        name=relation.name,
        kind="relation",
        object=ctx.catalog.qualified(relation),
        help=f"This operation is not supported for {help}.",
    )


def check_timing(ctx: Context, node: Node) -> None:
    row, events = bool(node.get("row")), events_of(node)
    if "T" in events and row:
        raise ctx.refuse("0A000", "TRUNCATE FOR EACH ROW triggers are not supported", None, kind="trigger")
    if timing_of(node) != "O":
        return
    if not row:
        raise ctx.refuse("0A000", "INSTEAD OF triggers must be FOR EACH ROW", None, kind="trigger")
    if "whenClause" in node:
        raise ctx.refuse("0A000", "INSTEAD OF triggers cannot have WHEN conditions", None, kind="trigger")
    if node.get("columns"):
        raise ctx.refuse("0A000", "INSTEAD OF triggers cannot have column lists", None, kind="trigger")


def check_transitions(ctx: Context, relation: Relation, node: Node) -> None:
    events = events_of(node)
    seen: dict[bool, str] = {}
    for item in node.get("transitionRels", []):
        tt = item["TriggerTransition"]
        name, new = tt.get("name", ""), bool(tt.get("isNew"))

        def refuse(state: str, message: str, help: str = "", name: str = name) -> Exception:
            return ctx.refuse(state, message, None, name=name, help=help, kind="trigger")

        if not tt.get("isTable"):
            raise refuse(
                "0A000", "ROW variable naming in the REFERENCING clause is not supported", "Use OLD TABLE or NEW TABLE."
            )
        if relation.kind in "fv":
            what = {"f": "foreign tables", "v": "views"}[relation.kind]
            raise refuse(
                "42809",
                f'"{relation.name}" is {_WORDS[relation.kind]}',
                f"Triggers on {what} cannot have transition tables.",
            )
        if node.get("row") and relation.parents:
            what = "partitions" if relation.is_partition else "inheritance children"
            raise refuse("0A000", f"ROW triggers with transition tables are not supported on {what}")
        if timing_of(node) != "A":
            raise refuse("42P17", "transition table name can only be specified for an AFTER trigger")
        if "T" in events:
            raise refuse("42P17", "TRUNCATE triggers with transition tables are not supported")
        if len(events) != 1:
            raise refuse("0A000", "transition tables cannot be specified for triggers with more than one event")
        if node.get("columns"):
            raise refuse("0A000", "transition tables cannot be specified for triggers with column lists")
        word = "NEW" if new else "OLD"
        if (new and events == "D") or (not new and events == "I"):
            raise refuse(
                "42P17",
                f"{word} TABLE can only be specified for {'an INSERT or UPDATE' if new else 'a DELETE or UPDATE'} trigger",
            )
        if new in seen:
            raise refuse("42P17", f"{word} TABLE cannot be specified multiple times")
        if name in seen.values():
            raise refuse("42P17", "OLD TABLE name and NEW TABLE name cannot be the same")
        seen[new] = name
