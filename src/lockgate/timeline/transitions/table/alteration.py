"""One subcommand of ALTER TABLE on one table, and the queue of them (AlteredTableInfo in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.objects import Relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner

_SHOWN = {
    "AT_AddColumn": "ADD COLUMN",
    "AT_DropColumn": "DROP COLUMN",
    "AT_ColumnDefault": "ALTER COLUMN ... SET DEFAULT",
    "AT_AddIdentity": "ALTER COLUMN ... ADD IDENTITY",
    "AT_SetIdentity": "ALTER COLUMN ... SET",
    "AT_DropIdentity": "ALTER COLUMN ... DROP IDENTITY",
    "AT_DropNotNull": "ALTER COLUMN ... DROP NOT NULL",
    "AT_SetNotNull": "ALTER COLUMN ... SET NOT NULL",
    "AT_AlterColumnType": "ALTER COLUMN ... SET DATA TYPE",
    "AT_AddConstraint": "ADD CONSTRAINT",
    "AT_DropConstraint": "DROP CONSTRAINT",
    "AT_AlterConstraint": "ALTER CONSTRAINT",
    "AT_ValidateConstraint": "VALIDATE CONSTRAINT",
    "AT_EnableRowSecurity": "ENABLE ROW SECURITY",
    "AT_DisableRowSecurity": "DISABLE ROW SECURITY",
    "AT_ForceRowSecurity": "FORCE ROW SECURITY",
    "AT_SetRelOptions": "SET",
    "AT_AttachPartition": "ATTACH PARTITION",
    "AT_DetachPartition": "DETACH PARTITION",
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_AddInherit": "INHERIT",
    "AT_ReplicaIdentity": "REPLICA IDENTITY",
    "AT_ClusterOn": "CLUSTER ON",
    "AT_EnableTrig": "ENABLE TRIGGER",
    "AT_DisableTrig": "DISABLE TRIGGER",
}
_KINDS = {
    "v": "views",
    "m": "materialized views",
    "f": "foreign tables",
    "S": "sequences",
    "i": "indexes",
    "I": "partitioned indexes",
    "c": "composite types",
    "r": "tables",
    "p": "partitioned tables",
}


class Pass(IntEnum):
    """AT_PASS_*: subcommands run in this order, whatever the order written."""

    DROP = 0
    ALTER_TYPE = 1
    ADD_COL = 4
    SET_EXPRESSION = 5
    ADD_CONSTR = 6
    COL_ATTRS = 7
    ADD_INDEXCONSTR = 8
    ADD_INDEX = 9
    ADD_OTHERCONSTR = 10
    MISC = 11


class Alteration(msgspec.Struct, frozen=True):
    """A subcommand for one table. ``recursing``: it comes from a parent's. ``action`` runs in place of the subtype's
    own."""

    relation: int
    node: Node
    span: Span
    recurse: bool
    recursing: bool = False
    action: Action | None = None

    @property
    def name(self) -> str:
        """What it names: a column, constraint, trigger, ..."""
        return str(self.node.get("name", ""))

    @property
    def missing_ok(self) -> bool:
        """IF EXISTS or IF NOT EXISTS."""
        return bool(self.node.get("missing_ok"))

    @property
    def cascade(self) -> bool:
        """CASCADE."""
        return self.node.get("behavior") == "DROP_CASCADE"

    def on(self, relation: int) -> Alteration:
        """The same for a child."""
        return replace(self, relation=relation, recurse=False, recursing=True)


class Queue(msgspec.Struct):
    """The work queue; executing a subcommand may add to the pass that runs or to a later one."""

    root: int
    passes: dict[Pass, list[Alteration]] = msgspec.field(default_factory=lambda: {p: [] for p in Pass})
    retyped: list[tuple[int, int, int, Span]] = msgspec.field(
        default_factory=list
    )  # columns whose type changed, what it was

    def add(self, step: Pass, item: Alteration) -> None:
        """Queue one."""
        self.passes[step].append(item)

    def take(self, step: Pass) -> Iterator[Alteration]:
        """The alterations of a pass: table by table in the order in which they came up, within a table in theirs."""
        done = 0
        while done < len(self.passes[step]):
            batch = self.passes[step][done:]
            done = len(self.passes[step])
            tables = list(dict.fromkeys(i.relation for i in batch))
            for table in tables:
                yield from (i for i in batch if i.relation == table)


Action = Callable[[Context, Queue, Alteration], object]  # what executing a subcommand does


def allow(ctx: Context, relation: Relation, kinds: str, item: Alteration) -> None:
    """ATSimplePermissions: 42809 for the wrong kind; children must be owned, too."""
    if relation.kind not in kinds:
        action = _SHOWN.get(item.node["subtype"], item.node["subtype"].removeprefix("AT_"))
        raise ctx.refuse(
            "42809",
            f'ALTER action {action} cannot be performed on relation "{relation.name}"',
            span=ctx.span(None, relation.name),
            kind="relation",
            object=ctx.catalog.qualified(relation),
            help=f"This operation is not supported for {_KINDS.get(relation.kind, 'it')}.",
        )
    if item.recursing:
        need_owner(ctx, relation)
