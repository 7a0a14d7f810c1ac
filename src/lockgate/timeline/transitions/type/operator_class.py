"""CREATE OPERATOR CLASS and FAMILY (src/backend/commands/opclasscmds.c): for superusers."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.details import OperatorClass, OperatorFamily, method_of
from lockgate.catalog.objects import Namespace, Other
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import find_operator, find_routine, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingOperator
from lockgate.timeline.privileges.check import need_superuser
from lockgate.timeline.transitions.object.creation import doubt, new_name, spelled
from lockgate.timeline.transitions.type.opclass import access_method, default_opclass, is_binary_coercible


def create_opclass(ctx: Context, node: Node) -> None:
    """DefineOpClass; a family of the same name is made where none is named."""
    space, name = new_name(ctx, node["opclassname"])
    method = node["amname"]
    access_method(ctx, method)
    need_superuser(ctx, "must be superuser to create an operator class")
    kind = resolve_type(ctx, node["datatype"]).oid
    refs = _items(ctx, node.get("items", []), kind)
    family = _family(ctx, node, space, name, method)
    if _find(ctx, "opclass", space, name, method):
        raise ctx.refuse(
            "42710",
            f'operator class "{name}" for access method "{method}" already exists',
            None,
            name=name,
            kind="opclass",
        )
    default = bool(node.get("isDefault"))
    taken = default_opclass(ctx, kind, method) if default and kind else None
    if taken is not None and _exact(ctx, taken, kind, method):
        shown = type_name(ctx.catalog, kind)
        message = f'could not make operator class "{name}" be default for type {shown}'
        raise ctx.refuse(
            "42710",
            message,
            None,
            name=name,
            kind="opclass",
            help=f'Operator class "{taken[0]}" already is the default.',
        )
    made = Other(
        ctx.catalog.new_oid(),
        "opclass",
        name,
        space.oid,
        ctx.session.role,
        details=OperatorClass(method, kind, default),
    )
    ctx.catalog.put(made)
    ctx.catalog.depend((made.oid, 0), [(oid, 0) for oid in (space.oid, kind, *refs) if oid])
    if family is not None:
        ctx.catalog.depend((made.oid, 0), [(family.oid, 0)], "a")
    ctx.created(made, name=name)


def _exact(ctx: Context, taken: tuple[str, int], kind: int, method: str) -> bool:
    own = ctx.catalog.find(Other, taken[1]) if taken[1] else None
    if own is not None:
        return isinstance(own.details, OperatorClass) and own.details.input == kind
    return any(
        name == taken[0] and oid == kind for name, oid, default, _ in ctx.catalog.builtins.opclasses(method) if default
    )


def _find(ctx: Context, kind: str, space: Namespace, name: str, method: str) -> Other | None:
    for oid in ctx.catalog.oids((kind, space.oid, name)):
        found = ctx.catalog.find(Other, oid)
        if found is not None and method_of(found.details) == method and not doubt(ctx, kind, space.oid, name, oid):
            return found
    return None


def _items(ctx: Context, items: list[Node], kind: int) -> list[int]:
    refs = []
    for wrapped in items:
        item = wrapped["CreateOpClassItem"]
        match int(item.get("itemtype", 0)):
            case 1 if item["name"].get("objargs"):
                refs.append(int(getattr(find_operator(ctx, item["name"]), "oid", 0)))
            case 1:
                refs.append(_operator(ctx, item["name"], kind))
            case 2:
                found: Any = find_routine(ctx, item["name"], "f")
                refs.append(int(getattr(found, "oid", 0)))
            case 3:
                resolve_type(ctx, item["storedtype"])
    return refs


def _operator(ctx: Context, name: Node, kind: int) -> int:
    """An operator named without its types: both are the class's own."""
    word = name["objname"][-1]["String"]["sval"]
    if not kind or any(
        is_binary_coercible(ctx, kind, o.left) and is_binary_coercible(ctx, kind, o.right)
        for o in ctx.catalog.builtins.operators(word)
    ):
        return 0
    from lockgate.catalog.objects import Operator

    for oid in ctx.path():
        for found in (ctx.catalog.find(Operator, o) for o in ctx.catalog.oids(("operator", oid, word))):
            if found is not None and found.left == kind and found.right == kind:
                return found.oid
    if len(name["objname"]) > 1 or doubt(ctx, "operator", 0, word):
        return 0
    shown = type_name(ctx.catalog, kind, None, ctx.path())
    raise ctx.refuse(
        "42883",
        f"operator does not exist: {shown} {word} {shown}",
        None,
        kind="operator",
        object=word,
        subject=MissingOperator(f"{shown} {word} {shown}"),
    )


def _family(ctx: Context, node: Node, space: Namespace, name: str, method: str) -> Other | None:
    if "opfamilyname" not in node:
        return _find(ctx, "opfamily", space, name, method) or _put_family(ctx, space, name, method)
    return find_family(ctx, node["opfamilyname"], method)


def find_family(ctx: Context, names: list[Any], method: str) -> Other | None:
    """A family by name (42704); None where it is built in or not known."""
    shown = spelled(names)
    name = shown.rpartition(".")[2]
    space = ctx.catalog.namespace(shown.split(".")[-2]) if len(names) > 1 else None
    for oid in (space.oid,) if space is not None else ctx.path():
        for found in (ctx.catalog.find(Other, o) for o in ctx.catalog.oids(("opfamily", oid, name))):
            if found is not None and method_of(found.details) == method:
                return found
    if f"{method}:{name}" in ctx.catalog.builtins.names("opfamilies") or doubt(ctx, "opfamily", 0, name):
        return None
    raise ctx.refuse(
        "42704",
        f'operator family "{shown}" does not exist for access method "{method}"',
        None,
        name=name,
        kind="opfamily",
    )


def _put_family(ctx: Context, space: Namespace, name: str, method: str) -> Other:
    made = Other(ctx.catalog.new_oid(), "opfamily", name, space.oid, ctx.session.role, details=OperatorFamily(method))
    ctx.catalog.put(made)
    ctx.catalog.depend((made.oid, 0), [(space.oid, 0)])
    ctx.created(made, name=name)
    return made


def create_family(ctx: Context, node: Node) -> None:
    """DefineOpFamily."""
    space, name = new_name(ctx, node["opfamilyname"])
    method = node["amname"]
    access_method(ctx, method)
    need_superuser(ctx, "must be superuser to create an operator family")
    if _find(ctx, "opfamily", space, name, method):
        raise ctx.refuse(
            "42710",
            f'operator family "{name}" for access method "{method}" already exists',
            None,
            name=name,
            kind="opfamily",
        )
    _put_family(ctx, space, name, method)


def alter_family(ctx: Context, node: Node) -> None:
    """AlterOpFamily: members are not kept apart, but must exist."""
    access_method(ctx, node["amname"])
    find_family(ctx, node["opfamilyname"], node["amname"])
    need_superuser(ctx, "must be superuser to alter an operator family")
    if not node.get("isDrop"):
        _items(ctx, node.get("items", []), 0)


HANDLERS = {"CreateOpClassStmt": create_opclass, "CreateOpFamilyStmt": create_family, "AlterOpFamilyStmt": alter_family}
