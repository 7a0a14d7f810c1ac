"""The lock that each subcommand of ALTER TABLE takes on its table (AlterTableGetLockLevel and
AlterTableGetRelOptionsLockLevel in src/backend/commands/tablecmds.c and src/backend/access/common/reloptions.c), the
same from 14 to 18."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.effects import Lock
from lockgate.parse.statement import Node

_LEVELS = dict.fromkeys(
    (
        "AT_SetStatistics",
        "AT_ClusterOn",
        "AT_DropCluster",
        "AT_SetOptions",
        "AT_ResetOptions",
        "AT_ValidateConstraint",
        "AT_AttachPartition",
        "AT_DetachPartitionFinalize",
    ),
    Lock.SHARE_UPDATE_EXCLUSIVE,
) | dict.fromkeys(
    (
        "AT_EnableTrig",
        "AT_EnableAlwaysTrig",
        "AT_EnableReplicaTrig",
        "AT_EnableTrigAll",
        "AT_EnableTrigUser",
        "AT_DisableTrig",
        "AT_DisableTrigAll",
        "AT_DisableTrigUser",
    ),
    Lock.SHARE_ROW_EXCLUSIVE,
)
# storage parameters that take ACCESS EXCLUSIVE; the rest takes SHARE UPDATE EXCLUSIVE
_STRICT = frozenset(
    [
        "autosummarize",
        "buffering",
        "check_option",
        "fastupdate",
        "gin_pending_list_limit",
        "pages_per_range",
        "security_barrier",
        "security_invoker",
        "user_catalog_table",
    ]
)
# subcommands that go down to children and partitions by themselves
RECURSING = frozenset(
    {
        "AT_AddColumn",
        "AT_AlterColumnType",
        "AT_ColumnDefault",
        "AT_DropColumn",
        "AT_DropExpression",
        "AT_DropNotNull",
        "AT_SetExpression",
        "AT_SetNotNull",
        "AT_SetStatistics",
        "AT_SetStorage",
    }
)
# those that go down to partitions only
PARTITIONED = frozenset({"AT_AddIdentity", "AT_SetIdentity", "AT_DropIdentity", "AT_AlterConstraint"})


def subcommands(node: Node) -> Iterator[Node]:
    """The subcommands of a raw AlterTableStmt."""
    for item in node.get("cmds", ()):
        yield item["AlterTableCmd"]


def level(command: Node) -> Lock:
    """What one subcommand takes."""
    subtype = command["subtype"]
    if subtype == "AT_AddConstraint":
        foreign = command["def"]["Constraint"]["contype"] == "CONSTR_FOREIGN"
        return Lock.SHARE_ROW_EXCLUSIVE if foreign else Lock.ACCESS_EXCLUSIVE
    if subtype in ("AT_SetRelOptions", "AT_ResetRelOptions"):
        return _options(command.get("def"))
    if subtype == "AT_DetachPartition" and command["def"]["PartitionCmd"].get("concurrent"):
        return Lock.SHARE_UPDATE_EXCLUSIVE
    return _LEVELS.get(subtype, Lock.ACCESS_EXCLUSIVE)


def _options(definition: Node | None) -> Lock:
    items = (definition or {}).get("List", {}).get("items", ()) if isinstance(definition, dict) else definition or ()
    names = {str(item["DefElem"].get("defname", "")).lower() for item in items}
    return Lock.ACCESS_EXCLUSIVE if names & _STRICT else Lock.SHARE_UPDATE_EXCLUSIVE
