"""RENAME (RenameRelation, renameatt, RenameConstraint in tablecmds.c; RenameType in typecmds.c;
AlterObjectRename_internal in alter.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.objects import (
    Constraint,
    Namespace,
    Policy,
    Relation,
    Rewrite,
    Trigger,
    Type,
)
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline import dependency
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import array_type_name
from lockgate.timeline.privileges.check import (
    need_create,
    need_owner,
)
from lockgate.timeline.transitions.constraint.constraint import constraint_named, ensure_name_free, find_constraint
from lockgate.timeline.transitions.object.address import RELATION_KINDS, find
from lockgate.timeline.transitions.object.finders import find_part
from lockgate.timeline.transitions.object.rename_other import (
    after_to,
    rename_database,
    rename_object,
    rename_role,
    rename_schema,
)
from lockgate.timeline.transitions.relation.new_name import created_here, doubt, ensure_free, identity_doubt
from lockgate.timeline.transitions.relation.relation import SYSTEM_COLUMNS, column_of, user_relation
from lockgate.timeline.transitions.table.alter_column import typed_tables
from lockgate.timeline.transitions.table.alter_table import check_alterable
from lockgate.timeline.transitions.table.inheritance import descendants


def rename(ctx: Context, node: Node) -> None:
    """ALTER ... RENAME of any kind."""
    kind = node["renameType"]
    if kind in RELATION_KINDS:
        _rename_relation(ctx, node)
        return
    handler = _BY_KIND.get(kind)
    if handler is not None:
        handler(ctx, node)
    else:
        rename_object(ctx, node)


def _rename_relation(ctx: Context, node: Node) -> None:
    relation = user_relation(ctx, node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    check_alterable(ctx, relation, node["renameType"], node["relation"].get("location", 0), rename=True)
    if relation.namespace != ctx.session.temp_namespace:
        need_create(ctx, ctx.catalog.the(Namespace, relation.namespace), None)
    rename_relation(ctx, relation, node["newname"])


def rename_relation(ctx: Context, relation: Relation, name: str) -> None:
    """RenameRelationInternal: with the row type, and the constraint that an index carries."""
    ensure_free_at(ctx, name, relation.namespace)
    ctx.catalog.put(replace(relation, name=name))
    ctx.catalog.untaint(("name", "relation", relation.namespace, name))
    if relation.rowtype:
        rename_type(ctx, ctx.catalog.the(Type, relation.rowtype), name)
    if relation.index is not None and relation.index.constraint:
        constraint = ctx.catalog.the(Constraint, relation.index.constraint)
        table = ctx.catalog.the(Relation, relation.index.relation)
        ensure_name_free(ctx, table, name, None)
        ctx.catalog.put(replace(constraint, name=name))


def ensure_free_at(ctx: Context, name: str, namespace: int) -> None:
    """42P07 at the new name's own token."""
    found = ctx.catalog.relation_named(namespace, name)
    if found is not None and identity_doubt(ctx, found) is None:
        raise ctx.refuse(
            "42P07",
            f'relation "{name}" already exists',
            span=after_to(ctx, name),
            object=ctx.catalog.qualified(found),
            kind="relation",
            related=created_here(ctx, found.oid),
        )
    ensure_free(ctx, name, namespace, None)


def rename_type(ctx: Context, found: Type, name: str) -> None:
    """RenameTypeInternal: an array type in the way moves; the own array type follows."""
    there = ctx.catalog.type_named(found.namespace, name)
    if there is not None:
        if there.category == "A" and there.elem and there.kind == "b":
            if there.oid != found.array:
                ctx.catalog.put(replace(there, name=array_type_name(ctx.catalog, name, found.namespace)))
        elif ctx.catalog.taint_of(("any",), ("object", there.oid)):
            dependency.erase(ctx.catalog, there.oid)
        else:
            raise ctx.refuse(
                "42710",
                f'type "{name}" already exists',
                span=after_to(ctx, name),
                kind="type",
                related=created_here(ctx, there.oid),
            )
    ctx.catalog.put(replace(ctx.catalog.the(Type, found.oid), name=name))
    array = ctx.catalog.find(Type, found.array)
    if array is not None:
        ctx.catalog.put(replace(array, name=array_type_name(ctx.catalog, name, found.namespace)))


# --- columns ----------------------------------------------------------------------------------------------------------


def _rename_column(ctx: Context, node: Node) -> None:
    relation = user_relation(ctx, node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    _check_renamable(ctx, relation)
    need_owner(ctx, relation, node["relation"].get("location", 0), name=relation.name)
    if node["renameType"] == "OBJECT_ATTRIBUTE" and relation.kind != "c":
        raise ctx.refuse("42809", f'"{relation.name}" is not a composite type', name=relation.name, kind="relation")
    rename_column(ctx, relation, node, recurse=bool(node["relation"].get("inh")), parents=0)


def _check_renamable(ctx: Context, relation: Relation) -> None:
    """renameatt_check."""
    if relation.of_type:
        raise ctx.refuse("42809", "cannot rename column of typed table", name=relation.name, kind="relation")
    if relation.kind not in "rvmciIfp":
        raise ctx.refuse(
            "42809", f'cannot rename columns of relation "{relation.name}"', name=relation.name, kind="relation"
        )


def _old_name(ctx: Context, node: Node) -> Span:
    start = ctx.span(node["relation"].get("location", 0), node["relation"].get("relname")).end
    bounds, text = ctx.bounds or ctx.statement.span, ctx.text_source.text
    at = find_name(text, node["subname"], start, bounds.end)
    return Span(at, token_end(text, at)) if at >= 0 else bounds


def rename_column(ctx: Context, relation: Relation, node: Node, *, recurse: bool, parents: int) -> None:
    """renameatt_internal: children first; refuses with 42703, 42701, 42P16."""
    old, new, span = node["subname"], node["newname"], _old_name(ctx, node)
    children = ctx.catalog.children(relation.oid) if relation.kind in "rpf" else ()
    if children and not recurse and parents == 0:
        raise ctx.refuse(
            "42P16", f'inherited column "{old}" must be renamed in child tables too', span=span, kind="column"
        )
    for oid in children:
        child = ctx.catalog.the(Relation, oid)
        if child.attribute(old) is not None:
            rename_column(
                ctx, child, node, recurse=True, parents=sum(1 for p in child.parents if p == relation.oid or parents)
            )
    for typed in typed_tables(ctx, relation):
        if node.get("behavior") != "DROP_CASCADE":
            shown = f'cannot alter type "{relation.name}" because it is the type of a typed table'
            raise ctx.refuse(
                "2BP01", shown, span=span, kind="dependent", help="Use ALTER ... CASCADE to alter the typed tables too."
            )
        _store_name(ctx, typed, old, new)
    if old in SYSTEM_COLUMNS and relation.attribute(old) is None:
        raise ctx.refuse("0A000", f'cannot rename system column "{old}"', span=span, kind="column")
    attribute = column_of(ctx, relation, old, span=span, message=f'column "{old}" does not exist')
    if attribute.inherited > parents and relation.kind in "rpf":
        raise ctx.refuse("42P16", f'cannot rename inherited column "{old}"', span=span, kind="column")
    _check_new_name(ctx, relation, new)
    _store_name(ctx, relation, old, new)


def _check_new_name(ctx: Context, relation: Relation, new: str) -> None:
    if new in SYSTEM_COLUMNS and relation.kind not in "vc":
        raise ctx.refuse(
            "42701", f'column name "{new}" conflicts with a system column name', span=after_to(ctx, new), kind="column"
        )
    existing = relation.attribute(new)
    if existing is None:
        ctx.catalog.untaint(("column", relation.oid, new))
        return
    if doubt(ctx, relation, new) is not None:
        raise ctx.unsure(f"whether column {new} exists already is not known")
    raise ctx.refuse(
        "42701",
        f'column "{new}" of relation "{relation.name}" already exists',
        span=after_to(ctx, new),
        kind="column",
        object=f"{ctx.catalog.qualified(relation)}.{new}",
        related=created_here(ctx, relation.oid, existing.num),
    )


def _store_name(ctx: Context, relation: Relation, old: str, new: str) -> None:
    current = ctx.catalog.the(Relation, relation.oid)
    attribute = current.attribute(old)
    if attribute is not None:
        ctx.catalog.replace_attribute(current, replace(attribute, name=new))


# --- parts of a relation ----------------------------------------------------------------------------------------------


def _rename_constraint(ctx: Context, node: Node) -> None:
    relation = user_relation(ctx, node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    _check_renamable(ctx, relation)
    need_owner(ctx, relation, node["relation"].get("location", 0), name=relation.name)
    found = find_part(ctx, Constraint, "constraint", "table", relation, node["subname"])
    assert found is not None
    _rename_own(ctx, relation, found.obj, node, recurse=bool(node["relation"].get("inh")), parents=0)


def _rename_own(
    ctx: Context, relation: Relation, constraint: Constraint, node: Node, *, recurse: bool, parents: int
) -> None:
    """rename_constraint_internal; ``parents``: how many of the tables that are renamed the relation inherits from."""
    new, span = node["newname"], ctx.span(None, node["subname"])
    if constraint.kind in "cn" and not constraint.no_inherit:
        tree = descendants(ctx.catalog, relation.oid)
        if len(tree) > 1 and not recurse and not parents:
            raise ctx.refuse(
                "42P16",
                f'inherited constraint "{constraint.name}" must be renamed in child tables too',
                span=span,
                kind="constraint",
            )
        for oid in tree[1:] if recurse else ():
            child = ctx.catalog.the(Relation, oid)
            copy = find_constraint(ctx, child, constraint.name, span=span)
            _rename_own(ctx, child, copy, node, recurse=False, parents=sum(p in tree for p in child.parents))
        if constraint.inherited > parents:
            raise ctx.refuse(
                "42P16", f'cannot rename inherited constraint "{constraint.name}"', span=span, kind="constraint"
            )
    index = ctx.catalog.find(Relation, constraint.index) if constraint.kind in "pux" else None
    if index is not None:
        rename_relation(ctx, index, new)
        return
    existing = constraint_named(ctx, relation, new)
    if existing is not None and doubt(ctx, relation) is None:
        raise ctx.refuse(
            "42710",
            f'constraint "{new}" for relation "{relation.name}" already exists',
            span=after_to(ctx, new),
            kind="constraint",
        )
    ctx.catalog.put(replace(constraint, name=new))


def _renamer(cls: Any, word: str, on: str) -> Callable[[Context, Node], None]:
    def run(ctx: Context, node: Node) -> None:
        relation = user_relation(ctx, node["relation"], missing_ok=bool(node.get("missing_ok")))
        if relation is None:
            return
        need_owner(ctx, relation, node["relation"].get("location", 0), name=relation.name)
        new = node["newname"]
        if cls is not Trigger:
            _ensure_part_free(ctx, cls, word, relation, new)
        found = find_part(ctx, cls, word, on, relation, node["subname"], missing_ok=bool(node.get("missing_ok")))
        if found is None:
            return
        _ensure_part_free(ctx, cls, word, relation, new)
        ctx.catalog.put(replace(found.obj, name=new))

    return run


def _ensure_part_free(ctx: Context, cls: Any, word: str, relation: Relation, new: str) -> None:
    key = "rule" if cls is Rewrite else cls.__name__.lower()
    if ctx.catalog.one(cls, (key, relation.oid, new)) is not None and doubt(ctx, relation) is None:
        on = "table" if cls is Policy else "relation"
        raise ctx.refuse(
            "42710", f'{word} "{new}" for {on} "{relation.name}" already exists', span=after_to(ctx, new), kind=word
        )


# --- everything else --------------------------------------------------------------------------------------------------


def _rename_type(ctx: Context, node: Node) -> None:
    found = find(ctx, node["renameType"], node["object"])
    obj = found.obj if found is not None else None
    if not isinstance(obj, Type):
        raise ctx.unsure("a type that is not known is renamed")
    need_owner(ctx, obj, name=obj.name)
    relation = ctx.catalog.find(Relation, obj.relation)
    if relation is not None and relation.kind != "c":
        raise ctx.refuse(
            "42809", f"{obj.name} is a table's row type", name=obj.name, kind="type", help="Use ALTER TABLE instead."
        )
    if obj.elem and obj.category == "A" and obj.kind == "b":
        raise ctx.refuse("42809", f"cannot alter array type {obj.name}", name=obj.name, kind="type")
    if relation is not None:
        rename_relation(ctx, relation, node["newname"])
    else:
        rename_type(ctx, obj, node["newname"])


def _rename_domain_constraint(ctx: Context, node: Node) -> None:
    name = {"TypeName": {"names": node["object"]["List"]["items"]}}
    holder = find(ctx, "OBJECT_DOMAIN", name)
    if holder is not None and isinstance(holder.obj, Type):
        need_owner(ctx, holder.obj, name=holder.obj.name)
    items = [name, {"String": {"sval": node["subname"]}}]
    found = find(ctx, "OBJECT_DOMCONSTRAINT", {"List": {"items": items}})
    if found is None or not isinstance(found.obj, Constraint):
        raise ctx.unsure("a constraint that is not known is renamed")
    domain = ctx.catalog.the(Type, found.obj.type)
    if ctx.catalog.one(Constraint, ("constraint", domain.oid, node["newname"])) is not None:
        raise ctx.refuse(
            "42710",
            f'constraint "{node["newname"]}" for domain {domain.name} already exists',
            name=node["newname"],
            kind="constraint",
        )
    ctx.catalog.put(replace(found.obj, name=node["newname"]))


_BY_KIND: dict[str, Callable[[Context, Node], None]] = {
    "OBJECT_COLUMN": _rename_column,
    "OBJECT_ATTRIBUTE": _rename_column,
    "OBJECT_TABCONSTRAINT": _rename_constraint,
    "OBJECT_TRIGGER": _renamer(Trigger, "trigger", "table"),
    "OBJECT_POLICY": _renamer(Policy, "policy", "table"),
    "OBJECT_RULE": _renamer(Rewrite, "rule", "relation"),
    "OBJECT_TYPE": _rename_type,
    "OBJECT_DOMAIN": _rename_type,
    "OBJECT_DOMCONSTRAINT": _rename_domain_constraint,
    "OBJECT_SCHEMA": rename_schema,
    "OBJECT_ROLE": rename_role,
    "OBJECT_DATABASE": rename_database,
}

HANDLERS = {"RenameStmt": rename}
