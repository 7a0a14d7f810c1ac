"""What creating any object has in common: the schema it goes to, the name it takes, whose it is."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Taint
from lockgate.catalog.doubt import TaintKey
from lockgate.catalog.objects import Namespace, Other, Role
from lockgate.timeline import dependency
from lockgate.timeline.binder.names import did_you_mean, missing_namespace, words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_create
from lockgate.timeline.transitions.relation.new_name import created_here


def target_namespace(ctx: Context, names: list[Any], location: int | None = None) -> tuple[Namespace, str]:
    """The schema and bare name of a new object (QualifiedNameGetCreationNamespace). Refuses with 3F000.

    PostgreSQL asks no USAGE here; CREATE is the caller's to ask (``creation_target`` does).
    """
    parts = words(names)
    if len(parts) < 2:
        return ctx.creation_namespace(location), parts[-1]
    schema = parts[-2]
    if schema == "pg_temp":
        from lockgate.timeline.binder.names import temp_namespace

        return temp_namespace(ctx), parts[-1]
    found = ctx.catalog.namespace(schema)
    if found is None:
        if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, schema)):
            raise ctx.unsure(f"whether schema {schema} exists is not known")
        raise missing_namespace(ctx, schema, location)
    return found, parts[-1]


def new_name(ctx: Context, names: list[Any], location: int | None = None) -> tuple[Namespace, str]:
    """``target_namespace``, with CREATE on the schema."""
    space, name = target_namespace(ctx, names, location)
    need_create(ctx, space, location, name=space.name if len(names) > 1 else None)
    return space, name


def doubt(ctx: Context, kind: str, namespace: int, name: str, oid: int = 0) -> Taint | None:
    """Why it is not certain whether an object of that name exists, or (with ``oid``) whether the one we know does and
    what it is like."""
    if not ctx.catalog.taints:
        return None
    if not oid:
        return ctx.catalog.taint_of(("any",), ("namespace", namespace), ("name", kind, namespace, name))
    found = ctx.catalog.taint_of(("any",), ("namespace", namespace), ("object", oid))
    return found or ctx.catalog.taints.get(("name", kind, namespace, name))


def refuse_existing(
    ctx: Context,
    oid: int,
    kind: str,
    message: str,
    location: int | None = None,
    *,
    name: str,
    sqlstate: str = "42710",
    object: str = "",
) -> None:
    """The name is taken: refuse, unless that is in doubt; then what had it gives way."""
    obj = ctx.catalog.get(oid)
    space = getattr(obj, "namespace", 0)
    if (
        ctx.catalog.taint_of(("any",), ("namespace", space), ("identity", oid))
        or ("name", kind, space, name) in ctx.catalog.taints
    ):
        dependency.erase(ctx.catalog, oid)
        return
    shown = object or (ctx.catalog.qualified(obj) if obj is not None else name)
    raise ctx.refuse(sqlstate, message, location, name=name, object=shown, kind=kind, related=created_here(ctx, oid))


def spelled(names: list[Any]) -> str:
    """NameListToString."""
    return ".".join(words(names))


def owner(ctx: Context) -> int:
    """Who owns what the statement creates."""
    return ctx.session.role


def option(nodes: list[Node], name: str) -> Node | None:
    """The DefElem of that name."""
    return next((n["DefElem"] for n in nodes if n["DefElem"].get("defname") == name), None)


def once(ctx: Context, nodes: list[Node]) -> dict[str, Node]:
    """DefElems by name; 42601 where one comes twice."""
    found: dict[str, Node] = {}
    for item in nodes:
        node = item["DefElem"]
        name = node.get("defname", "")
        if name in found:
            raise ctx.refuse("42601", "conflicting or redundant options", node.get("location", 0), kind="other")
        found[name] = node
    return found


def text_of(node: Node | None) -> str:
    """The text of a DefElem's argument (defGetString)."""
    if node is None or "arg" not in node:
        return ""
    ((tag, body),) = node["arg"].items()
    match tag:
        case "String":
            return str(body.get("sval", ""))
        case "Integer":
            return str(body.get("ival", 0))
        case "Float":
            return str(body.get("fval", ""))
        case "Boolean":
            return "true" if body.get("boolval") else "false"
        case "TypeName":
            return ".".join(words(body.get("names", [])))
        case "List":
            return ".".join(i["String"].get("sval", "") if "String" in i else "" for i in body.get("items", []))
        case _:
            return ""


def flag_of(node: Node | None, default: bool = False) -> bool:
    """The truth of a DefElem (defGetBoolean): present without an argument is true."""
    if node is None:
        return default
    return text_of(node).lower() in ("", "true", "on", "1") if "arg" in node else True


def names_of(node: Node | None) -> list[Any]:
    """The list of names that a DefElem's argument spells (defGetQualifiedName)."""
    if node is None or "arg" not in node:
        return []
    ((tag, body),) = node["arg"].items()
    if tag == "TypeName":
        return list(body.get("names", []))
    if tag == "List":
        return list(body.get("items", []))
    return [{"String": {"sval": body.get("sval", "")}}]


def find_role(ctx: Context, spec: Node, *, missing_ok: bool = False) -> Role | None:
    """get_rolespec_tuple: 42704 ``role "x" does not exist``."""
    location = spec.get("location", 0)
    kind = spec.get("roletype", "ROLESPEC_CSTRING")
    if kind in ("ROLESPEC_CURRENT_USER", "ROLESPEC_CURRENT_ROLE"):
        return ctx.catalog.the(Role, ctx.session.role)
    if kind == "ROLESPEC_SESSION_USER":
        return ctx.catalog.the(Role, ctx.session.login)
    if kind == "ROLESPEC_PUBLIC":
        raise ctx.refuse("42704", 'role "public" does not exist', location, kind="role")
    return named_role(ctx, spec.get("rolename", ""), location, missing_ok=missing_ok)


def named_role(ctx: Context, name: str, location: int | None = None, *, missing_ok: bool = False) -> Role | None:
    """A role by name (get_role_oid)."""
    found = ctx.catalog.role(name)
    return found if found is not None or missing_ok else existing_role(ctx, name, location)


def existing_role(
    ctx: Context, name: str, location: int | None = None, sqlstate: str = "42704", doubts: tuple[TaintKey, ...] = ()
) -> Role:
    """A role that must exist; ``doubts`` is what is in doubt where it is not known whether it does."""
    found = ctx.catalog.role(name)
    if found is not None:
        return found
    if ctx.catalog.taint_of(("any",), ("name", "role", 0, name)):
        raise ctx.unsure(f"whether role {name} exists is not known", *doubts)
    near = did_you_mean(name, [r.name for r in ctx.catalog.objects(Role)])
    raise ctx.refuse(
        sqlstate,
        f'role "{name}" does not exist',
        location,
        name=name,
        object=name,
        help=near,
        kind="role",
        event=ctx.catalog.events.get(("role", name)),
    )


def role_oid(ctx: Context, spec: Node) -> int:
    """A grantee: a role's oid, 0 for PUBLIC (get_rolespec_oid)."""
    if spec.get("roletype") == "ROLESPEC_PUBLIC":
        return 0
    found = find_role(ctx, spec)
    assert found is not None
    return found.oid


def find_other(
    ctx: Context, kind: str, names: list[Any] | str, word: str, location: int | None = None, *, missing_ok: bool = False
) -> Other | None:
    """An object of one of the lesser kinds by name: along search_path where it has a schema. Refuses with 42704 (3F000
    for the schema)."""
    from lockgate.timeline.binder import find_namespace

    parts = [names] if isinstance(names, str) else words(names)
    if isinstance(names, str):
        spaces: tuple[int, ...] = (0,)
    elif len(parts) > 1:
        space = find_namespace(ctx, parts[-2], location, missing_ok=missing_ok)
        spaces = (space.oid,) if space else ()
    else:
        spaces = ctx.path()
    for oid in spaces:
        found = ctx.catalog.one(Other, (kind, oid, parts[-1]))
        if found is not None:
            return found
    if any(doubt(ctx, kind, oid, parts[-1]) for oid in (spaces or (0,))):
        raise ctx.unsure(f"whether {word} {parts[-1]} exists is not known")
    if missing_ok:
        return None
    shown = ".".join(parts)
    near = did_you_mean(parts[-1], [o.name for o in ctx.catalog.others(kind)])
    raise ctx.refuse(
        "42704", f'{word} "{shown}" does not exist', location, name=parts[-1], object=shown, help=near, kind=kind
    )
