"""A partition that goes or comes locks the whole table: see rules/partitioned-table-locked.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Relation, Remark, Scene, Severity, Step, at_effect, on_effect, tree


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each partitioned table."""
    table = scene.before.find(Relation, effect.oid)
    if table is None or table.kind != "p" or effect.lock is None or not effect.lock.blocks_reads:
        return
    how = _how(scene, step, table)
    if how is not None:
        what, remedy, severity = how
        message = (
            f"{what} locks all of {effect.relation}: nobody can read or write any partition until the transaction ends"
        )
        yield at_effect(step, effect, message, remedy, severity=severity)


def _how(scene: Scene, step: Step, table: Relation) -> tuple[str, str, Severity] | None:
    children = [r for oid in scene.before.children(table.oid) if (r := scene.before.find(Relation, oid)) is not None]
    default = any(child.default_partition for child in children)
    match step.statement.tag:
        case "AlterTableStmt":
            kinds = {c["AlterTableCmd"].get("subtype") for c in tree(step).get("cmds", ())}
            if "AT_DetachPartition" not in kinds:
                return None
            remedy = "DETACH PARTITION ... CONCURRENTLY, in a file that its runner does not put into a transaction"
            no = "with a default partition CONCURRENTLY is refused (55000): set a lock_timeout, and try again where it ends"
            return "DETACH PARTITION", no if default else remedy, Severity.WARNING
        case "DropStmt" if any(change.after is None and change.before in children for change in step.changes):
            remedy = "DETACH PARTITION ... CONCURRENTLY first, then drop the table that is left"
            return "dropping a partition", remedy, Severity.WARNING
        case "CreateStmt":
            remedy = "CREATE TABLE (LIKE ...), then ATTACH PARTITION, which lets reads and writes go on"
            return "CREATE TABLE ... PARTITION OF", remedy, Severity.INFO
    return None
