"""What only somebody may run of whom nothing here tells: see rules/stranger-owns.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Namespace
from lockgate.rules.model import Remark, Scene, Step, at_step, on_scene, tree

_OWNER = "only a member of {0} may give anything to {0}: nothing here tells that who applies this is one"
_GRANT = "nothing here makes role {0}: where it does not exist yet, this fails"


_WORD = {"AlterTableStmt": "owner", "AlterOwnerStmt": "owner", "GrantStmt": "grant", "CommentStmt": "extension"}


def _node(step: Step) -> Any:
    """The tree of a statement that may be one of these."""
    word = _WORD.get(step.statement.tag)
    return tree(step) if word and word in step.statement.text.lower() else {}


@on_scene("AlterTableStmt")
@on_scene("AlterOwnerStmt")
@on_scene("GrantStmt")
def roles(scene: Scene) -> Iterator[Remark]:
    """One finding for each role."""
    told: set[str] = set()
    for step in scene.steps:
        for name, message in _named(step) if step.fails is None else ():
            if name not in told and _unknown(scene, step, name, message is _OWNER):
                told.add(name)
                yield at_step(step, message.format(name), object=name)


def _named(step: Step) -> Iterator[tuple[str, str]]:
    node = _node(step)
    specs: list[tuple[dict[str, Any], str]] = []
    match step.statement.tag:
        case "AlterTableStmt":
            commands = [c["AlterTableCmd"] for c in node.get("cmds", [])]
            specs = [(c.get("newowner", {}), _OWNER) for c in commands if c.get("subtype") == "AT_ChangeOwner"]
        case "AlterOwnerStmt":
            specs = [(node.get("newowner", {}), _OWNER)]
        case "GrantStmt" if node.get("is_grant"):
            specs = [(g["RoleSpec"], _GRANT) for g in node.get("grantees", [])]
    for spec, message in specs:
        if spec.get("rolename"):
            yield spec["rolename"], message


def _unknown(scene: Scene, step: Step, name: str, owning: bool) -> bool:
    role = step.before.role(name)
    if role is None:
        return False
    if role.oid == BOOTSTRAP_SUPERUSER:
        return owning and not step.session.known
    return scene.before.taint_of(("object", role.oid)) is not None


@on_scene("CommentStmt")
def comments(scene: Scene) -> Iterator[Remark]:
    """An extension that came with the database is the bootstrap superuser's."""
    for step in scene.steps:
        node = _node(step)
        if step.fails is None and step.statement.tag == "CommentStmt" and node.get("objtype") == "OBJECT_EXTENSION":
            name = node["object"]["String"].get("sval", "")
            if name == "plpgsql" and not step.session.known:
                message = f"only the owner of extension {name}, who is a superuser, may comment on it"
                yield at_step(step, message, "leave the comment out", object=name)


@on_scene("AlterTableStmt")
def services(scene: Scene) -> Iterator[Remark]:
    """A table in a schema that is a hosting service's own."""
    theirs = [n.name for n in scene.before.objects(Namespace) if scene.before.taint_of(("namespace", n.oid))]
    altered = (s for s in scene.steps if s.statement.tag == "AlterTableStmt" and s.fails is None) if theirs else ()
    for step in altered:
        rangevar: Any = tree(step).get("relation", {}) if any(name in step.statement.text for name in theirs) else {}
        space = step.before.namespace(rangevar.get("schemaname", ""))
        found = step.before.relation_named(space.oid, rangevar.get("relname", "")) if space is not None else None
        doubt = step.before.taint_of(("namespace", space.oid)) if space is not None and found is not None else None
        first = scene.before.relation_named(space.oid, found.name) if space is not None and found is not None else None
        if doubt is not None and first is not None and doubt.reason.startswith("schema ") and "'s" in doubt.reason:
            message = (
                f"{step.before.qualified(first)} belongs to the service: {doubt.reason}; only its owner may alter it"
            )
            yield at_step(step, message, object=step.before.qualified(first))
