"""A file without a transaction that cannot be run again after it failed halfway: see rules/retry-refused.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, Step, at_step, on_scene, tree

_HELP = "put each statement into a file of its own, or make this one repeatable: IF NOT EXISTS, or DROP ... IF EXISTS before it"
_STATES = {"IndexStmt": "42P07", "CreateStmt": "42P07", "ViewStmt": "42P07", "CreateSeqStmt": "42P07"}
_MAKES = frozenset(
    {
        "CreateEnumStmt",
        "CreateTrigStmt",
        "CreatePolicyStmt",
        "CreateDomainStmt",
        "CreateFunctionStmt",
        "CompositeTypeStmt",
    }
)


@on_scene("concurrently")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each file: its first statement that the next attempt is refused at."""
    last = max((n for n, step in enumerate(scene.steps) if not step.session.in_block and _slow(step)), default=0)
    earlier = [step for step in scene.steps[:last] if not step.session.in_block and step.fails is None]
    for n, step in enumerate(earlier):
        if _once(step) and not _dropped_before(earlier[:n], step):
            state = _STATES.get(step.statement.tag)
            then = scene.steps[last]
            line = then.statement.script.source.position(then.statement.span.start).line
            words = f" ({state})" if state else ""
            message = f"runs outside of a transaction: where line {line} fails, the next attempt is refused here{words}"
            yield at_step(step, message, _HELP)
            return


def _slow(step: Step) -> bool:
    """What waits for others, and fails on rows or on time: CONCURRENTLY."""
    if step.statement.tag == "IndexStmt":
        return bool(tree(step).get("concurrent"))
    return step.statement.tag == "ReindexStmt" and "CONCURRENTLY" in step.statement.text.upper()


def _once(step: Step) -> bool:
    """Whether a statement is refused the second time: it makes something, and does not say what to do where it is
    there."""
    if step.statement.tag == "IndexStmt" and _slow(step):
        return False  # of its own failure another rule tells
    if step.statement.tag in _STATES or step.statement.tag in _MAKES:
        node = tree(step)
        return bool(step.changes) and not (node.get("if_not_exists") or node.get("replace"))
    if step.statement.tag == "AlterTableStmt":
        added = [c["AlterTableCmd"] for c in tree(step).get("cmds", ())]
        return any(
            (c["subtype"] == "AT_AddColumn" and not c.get("missing_ok")) or c["subtype"] == "AT_AddConstraint"
            for c in added
        )
    return step.statement.tag == "RenameStmt"


def _dropped_before(earlier: list[Step], step: Step) -> bool:
    """Whether the file drops what a statement makes, before it makes it."""
    names = {getattr(change.after, "name", "") for change in step.changes if change.before is None}
    drops = [one.statement.text for one in earlier if one.statement.tag == "DropStmt"]
    constraints = [
        one.statement.text
        for one in earlier
        if one.statement.tag == "AlterTableStmt" and " EXISTS " in one.statement.text.upper()
    ]
    return any(name and name in text for name in names for text in (*drops, *constraints))
