"""CREATE CAST and CREATE TRANSFORM (src/backend/commands/functioncmds.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Cast, Other
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import find_routine, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NotOwner
from lockgate.timeline.privileges.check import need_owner, need_superuser
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.transitions.object.creation import doubt
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.relation.relation import type_kind
from lockgate.timeline.transitions.routine.result import find_language
from lockgate.timeline.transitions.type.opclass import is_binary_coercible
from lockgate.timeline.transitions.type.user_type import need_type_usage

_CONTEXTS = {"COERCION_IMPLICIT": "i", "COERCION_ASSIGNMENT": "a", "COERCION_EXPLICIT": "e"}


def create_cast(ctx: Context, node: Node) -> None:
    """CreateCast: who owns one of the two types may."""
    source = resolve_type(ctx, node["sourcetype"]).oid
    target = resolve_type(ctx, node["targettype"]).oid
    location = node["sourcetype"].get("location", 0)
    path = ctx.path()
    for oid, word in ((source, "source"), (target, "target")):
        if type_kind(ctx, oid) == "p":
            shown = type_name(ctx.catalog, oid, None, path)
            raise ctx.refuse("42809", f"{word} data type {shown} is a pseudo-type", location, kind="type")
    _need_type(ctx, source, target, location)
    need_type_usage(ctx, source, location)
    need_type_usage(ctx, target, node["targettype"].get("location", 0))
    if "d" in (type_kind(ctx, source), type_kind(ctx, target)):
        word = "source" if type_kind(ctx, source) == "d" else "target"
        ctx.warn(f"cast will be ignored because the {word} data type is a domain", location, sqlstate="42809")
    method, function = "b", 0
    if "func" in node:
        method, function = "f", _function(ctx, node["func"], source, target)
    elif node.get("inout"):
        method = "i"
    else:
        need_superuser(ctx, "must be superuser to create a cast WITHOUT FUNCTION", location)
    if source == target and source and method != "f":
        raise ctx.refuse("42P17", "source data type and target data type are the same", location, kind="type")
    names = [type_name(ctx.catalog, oid, None, path) for oid in (source, target)]
    existing = ctx.catalog.oids(("cast", source, target))
    built_in = ctx.catalog.builtins.cast(source, target)
    if (existing or built_in is not None) and not doubt(
        ctx, "cast", 0, f"{source}.{target}", existing[0] if existing else 0
    ):
        raise ctx.refuse(
            "42710",
            f"cast from type {names[0]} to type {names[1]} already exists",
            location,
            kind="cast",
            related=created_here(ctx, existing[0]) if existing else (),
        )
    cast = Cast(
        ctx.catalog.new_oid(), source, target, _CONTEXTS[node.get("context", "COERCION_EXPLICIT")], method, function
    )
    ctx.catalog.put(cast)
    ctx.catalog.depend((cast.oid, 0), [(oid, 0) for oid in (source, target, function) if oid])
    ctx.created(cast)


def _need_type(ctx: Context, source: int, target: int, location: int) -> None:
    from lockgate.catalog.typename import type_of

    types: list[Any] = [type_of(ctx.catalog, oid) for oid in (source, target)]
    if all(found is not None and has_owner(ctx, found) == "no" for found in types):
        shown = [type_name(ctx.catalog, oid, None, ctx.path()) for oid in (source, target)]
        raise ctx.refuse(
            "42501", f"must be owner of type {shown[0]} or type {shown[1]}", location, kind="owner", subject=NotOwner()
        )


def _function(ctx: Context, node: Node, source: int, target: int) -> int:
    found: Any = find_routine(ctx, node, "f")
    args = tuple(found.args)
    if not 1 <= len(args) <= 3:
        raise ctx.refuse(
            "42P17", "cast function must take one to three arguments", None, name=found.name, kind="function"
        )
    if source and args[0] and not is_binary_coercible(ctx, source, args[0]):
        message = "argument of cast function must match or be binary-coercible from source data type"
        raise ctx.refuse("42P17", message, None, name=found.name, kind="function")
    for number, wanted, word in (
        (1, 23, "second argument of cast function must be type integer"),
        (2, 16, "third argument of cast function must be type boolean"),
    ):
        if len(args) > number and args[number] != wanted:
            raise ctx.refuse("42P17", word, None, name=found.name, kind="function")
    if target and found.result and not is_binary_coercible(ctx, found.result, target):
        message = "return data type of cast function must match or be binary-coercible to target data type"
        raise ctx.refuse("42P17", message, None, name=found.name, kind="function")
    if found.kind != "f":
        raise ctx.refuse("42P17", "cast function must be a normal function", None, name=found.name, kind="function")
    if found.retset:
        raise ctx.refuse("42P17", "cast function must not return a set", None, name=found.name, kind="function")
    return int(found.oid)


def _check_transform(ctx: Context, routine: Any, key: str, type_oid: int, node: Node) -> None:
    """check_transform_function, and what each of the two returns."""
    word = "FROM" if key == "fromsql" else "TO"
    result = (0, 2281) if key == "fromsql" else (0, type_oid)
    for wrong, message in (
        (routine.volatile == "v", "transform function must not be volatile"),
        (routine.kind != "f", "transform function must be a normal function"),
        (routine.retset, "transform function must not return a set"),
        (len(routine.args) != 1, "transform function must take one argument"),
        (
            len(routine.args) == 1 and routine.args[0] not in (0, 2281),
            "first argument of transform function must be type internal",
        ),
        (
            routine.result not in result and bool(result[1]),
            f"return data type of {word} SQL function must be {'internal' if word == 'FROM' else 'the transform data type'}",
        ),
    ):
        if wrong:
            raise ctx.refuse("42P17", message, None, name=routine.name, kind="function")


def create_transform(ctx: Context, node: Node) -> None:
    """CreateTransform."""
    ref = resolve_type(ctx, node["type_name"])
    found: Any = None
    from lockgate.catalog.typename import type_of

    found = type_of(ctx.catalog, ref.oid)
    if found is not None:
        need_owner(ctx, found, node["type_name"].get("location"), kind="type")
    language = find_language(ctx, node["lang"])
    refs = [ref.oid, language.object.oid if language.object else 0]
    for key in ("fromsql", "tosql"):
        if key in node:
            routine = find_routine(ctx, node[key], "f")
            _check_transform(ctx, routine, key, ref.oid, node[key])
            refs.append(int(getattr(routine, "oid", 0)))
    name = f"{ref.oid}.{language.name}"
    existing = ctx.catalog.one(Other, ("transform", 0, name))
    if existing is not None and not node.get("replace") and not doubt(ctx, "transform", 0, name, existing.oid):
        shown = type_name(ctx.catalog, ref.oid, None, ctx.path())
        message = f'transform for type {shown} language "{language.name}" already exists'
        raise ctx.refuse("42710", message, node["type_name"].get("location"), kind="transform")
    if existing is not None:
        ctx.catalog.undepend((existing.oid, 0), "n")
    transform = Other(existing.oid if existing else ctx.catalog.new_oid(), "transform", name, 0, ctx.session.role)
    ctx.catalog.put(transform)
    ctx.catalog.depend((transform.oid, 0), [(oid, 0) for oid in refs if oid])


HANDLERS = {"CreateCastStmt": create_cast, "CreateTransformStmt": create_transform}
