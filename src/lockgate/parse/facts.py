"""Facts of statements, by the tag of their parse tree (src/include/nodes/parsenodes.h): each is told here, and only here.

Simulator and oracle put these sets together where they ask something of their own.
"""

from __future__ import annotations

# what a WITH clause calls data-modifying
MODIFYING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
# what the planner takes (analyze.c transformOptionalSelectInto, utility.c)
QUERIES = MODIFYING | {"SelectStmt"}
# utility statements whose query is analysed with them (analyze.c transformStmt)
WITH_A_QUERY = frozenset({"CreateTableAsStmt", "ExplainStmt", "DeclareCursorStmt"})
# what changes rows, and no more than rows
CHANGING_ROWS = MODIFYING | {"TruncateStmt", "CopyStmt"}
# the event that fires triggers, as ``Trigger.events`` has it (src/include/catalog/pg_trigger.h)
TRIGGER_EVENT = {"InsertStmt": "I", "UpdateStmt": "U", "DeleteStmt": "D"}

# words about an object
REMARKS = frozenset({"CommentStmt", "SecLabelStmt"})
# the same rows in another order, and statistics
MAINTENANCE = frozenset({"VacuumStmt", "ClusterStmt", "ReindexStmt", "CheckPointStmt"})
# signals between sessions, and questions to one's own
SIGNALS = frozenset({"NotifyStmt", "ListenStmt", "VariableShowStmt"})
# who owns what, and who may what
PRIVILEGES = frozenset({"GrantStmt", "GrantRoleStmt", "AlterDefaultPrivilegesStmt", "AlterOwnerStmt"})
# what these make stands beside a table: without them the table is what it would be
BESIDE_A_TABLE = frozenset({"CreateTrigStmt", "CreatePolicyStmt", "AlterPolicyStmt", "RuleStmt"})
# code that may do anything
CODE = frozenset({"DoStmt", "CallStmt"})
# roles and databases: a cluster's, not one database's
OF_THE_CLUSTER = frozenset({"CreateRoleStmt", "AlterRoleStmt", "DropRoleStmt", "GrantRoleStmt", "CreatedbStmt"})


def makes(tag: str) -> bool:
    """Whether a statement makes an object, which belongs to the role that runs it."""
    return tag.startswith(("Create", "Define", "View", "CompositeType")) and tag not in OF_THE_CLUSTER


# statements that leave the catalog as it is, whatever they read
KEEPING_THE_CATALOG = (
    QUERIES
    | SIGNALS
    | frozenset({"CommentStmt", "CopyStmt", "ExplainStmt", "LockStmt", "VacuumStmt", "CheckPointStmt"})
)
# neither rows nor anything that a later statement can see
WITHOUT_EFFECT = REMARKS | MAINTENANCE | {"ExplainStmt", "LockStmt"}
# what PreventInTransactionBlock refuses always (utility.c standard_ProcessUtility)
NOT_IN_A_BLOCK = frozenset(
    {"VacuumStmt", "CreatedbStmt", "DropdbStmt", "AlterSystemStmt", "CreateTableSpaceStmt", "DropTableSpaceStmt"}
)
