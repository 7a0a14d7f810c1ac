"""How each kind of object is found by its address (src/backend/catalog/objectaddress.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate.catalog.catalog import Address
from lockgate.catalog.details import method_of
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    INFORMATION_SCHEMA,
    PG_CATALOG,
    Cast,
    Constraint,
    Extension,
    Object,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import (
    find_namespace,
    find_operator,
    find_relation_names,
    find_type,
    resolve_type,
    words,
)
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingType
from lockgate.timeline.transitions.object.creation import find_other, named_role
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.relation import column_of

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


class Found(msgspec.Struct, frozen=True):
    """What a name stands for: a user's object (or a column of one); ``obj`` is something built in, or None where
    nothing more is known."""

    obj: Any
    number: int = 0

    @property
    def address(self) -> Address | None:
        """Where it is in the catalog, None for what PostgreSQL ships."""
        return (self.obj.oid, self.number) if is_user(self.obj) else None


def is_user(obj: Any) -> bool:
    """Whether an object is one of the simulated catalog's own."""
    return isinstance(obj, Object) and obj.oid not in (0, PG_CATALOG, INFORMATION_SCHEMA)


def shipped(kind: str, name: str) -> Found:
    """Something built in of which the name is all that counts."""
    return Found(Other(0, kind, name, 0, BOOTSTRAP_SUPERUSER))


def name_items(node: Any) -> list[Any]:
    if isinstance(node, list):
        return node
    if "List" in node:
        return list(node["List"]["items"])
    if "TypeName" in node:
        return list(node["TypeName"].get("names", []))
    return [node]


def _column(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    items = name_items(node)
    if len(items) < 2:
        raise ctx.refuse("42601", "column name must be qualified", kind="column")
    relation = find_relation_names(ctx, items[:-1], missing_ok=missing_ok)
    if relation is None:
        return None
    name = words(items)[-1]
    if not isinstance(relation, Relation):
        return Found(relation)
    if missing_ok and relation.attribute(name) is None:
        return None
    start = ctx.span(None, relation.name).end
    from lockgate.base.text import Span
    from lockgate.parse.tokens import find_name, token_end

    at = find_name(ctx.text_source.text, name, start, (ctx.bounds or ctx.statement.span).end)
    span = Span(at, token_end(ctx.text_source.text, at)) if at >= 0 else ctx.span(None, name)
    return Found(relation, column_of(ctx, relation, name, span=span).num)


_Part = type[Constraint] | type[Trigger] | type[Policy] | type[Rewrite]


def _part(cls: _Part, word: str, on: str) -> Callable[[Context, Any, bool], Found | None]:
    """Objects that hang on a relation: constraint, trigger, policy, rule."""

    def finder(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
        items = name_items(node)
        name = words(items)[-1]
        relation = find_relation_names(ctx, items[:-1], missing_ok=missing_ok)
        if relation is None:
            return None
        if not isinstance(relation, Relation):
            return Found(None)
        if relation.kind in "iIc":  # table_openrv
            raise ctx.refuse(
                "42809",
                f'"{relation.name}" is {"a composite type" if relation.kind == "c" else "an index"}',
                name=relation.name,
                kind="relation",
            )
        return find_part(ctx, cls, word, on, relation, name, missing_ok=missing_ok)

    return finder


def find_part(
    ctx: Context, cls: _Part, word: str, on: str, relation: Relation, name: str, *, missing_ok: bool = False
) -> Found | None:
    """A constraint, trigger, policy or rule of a relation by name (42704)."""
    key = "rule" if cls is Rewrite else cls.__name__.lower()
    found = ctx.catalog.one(cls, (key, relation.oid, name))
    if found is not None:
        return Found(found)
    if doubt(ctx, relation) is not None or ctx.catalog.taint_of(("name", key, relation.oid, name)):
        raise ctx.unsure(
            f"whether {word} {name} of {relation.name} exists is not known", ("name", key, relation.oid, name)
        )
    if missing_ok:
        return None
    schema = ctx.catalog.namespace_name(relation.namespace)
    near = did_you_mean(name, [o.name for o in ctx.catalog.of_relation(relation.oid, cls)])
    raise ctx.refuse(
        "42704",
        f'{word} "{name}" for {on} "{relation.name}" does not exist',
        name=name,
        object=f"{schema}.{relation.name}.{name}",
        kind=word,
        help=near,
        event=ctx.catalog.events.get((key, schema, relation.name, name)),
    )


def _domain_constraint(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    items = name_items(node)
    domain = _type(ctx, items[0], missing_ok)
    name = items[1]["String"].get("sval", "")
    if domain is None or not isinstance(domain.obj, Type):
        return domain
    found = ctx.catalog.one(Constraint, ("constraint", domain.obj.oid, name))
    if found is not None:
        return Found(found)
    if missing_ok:
        return None
    raise ctx.refuse(
        "42704", f'constraint "{name}" for domain {domain.obj.name} does not exist', name=name, kind="constraint"
    )


def _schema(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    name = node["String"].get("sval", "") if "String" in node else words(name_items(node))[-1]
    found = ctx.catalog.namespace(name)
    if found is not None:
        return Found(found)
    if missing_ok:
        if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, name)):
            raise ctx.unsure(f"whether schema {name} exists is not known")
        return None
    return Found(find_namespace(ctx, name))


def _extension(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    name = node["String"].get("sval", "") if "String" in node else words(name_items(node))[-1]
    found = ctx.catalog.one(Extension, ("extension", name))
    if found is not None:
        return Found(found)
    if ctx.catalog.taint_of(("any",), ("name", "extension", 0, name)):
        raise ctx.unsure(f"whether extension {name} exists is not known")
    if missing_ok:
        return None
    raise ctx.refuse(
        "42704",
        f'extension "{name}" does not exist',
        name=name,
        object=name,
        kind="extension",
        event=ctx.catalog.events.get(("extension", name)),
    )


def _role(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    found: Role | None = named_role(ctx, node["String"].get("sval", ""), missing_ok=missing_ok)
    return Found(found) if found is not None else None


def _type(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    if "TypeName" in node:
        ref = resolve_type(ctx, node["TypeName"], missing_ok=missing_ok, shell_ok=True)
        if not ref.oid:
            return None
        found = ctx.catalog.get(ref.oid)
        return Found(found if found is not None else ctx.catalog.builtins.type_by_oid(ref.oid))
    found_type = find_type(ctx, name_items(node))
    if found_type is not None:
        return Found(found_type)
    if missing_ok:
        return None
    parts = words(name_items(node))
    raise ctx.refuse(
        "42704",
        f'type "{".".join(parts)}" does not exist',
        name=parts[-1],
        object=".".join(parts),
        kind="type",
        event=_type_event(ctx, parts),
        subject=MissingType(parts[-1], parts[-2] if len(parts) > 1 else ""),
    )


def _type_event(ctx: Context, parts: list[str]) -> Any:
    schemas = [parts[-2]] if len(parts) > 1 else [ctx.catalog.namespace_name(o) for o in ctx.path()]
    return next((e for s in schemas if (e := ctx.catalog.events.get(("type", s, parts[-1])))), None)


def _domain(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    found = _type(ctx, node, missing_ok)
    if found is not None and getattr(found.obj, "kind", getattr(found.obj, "typtype", "d")) != "d":
        raise ctx.refuse("42809", f'"{found.obj.name}" is not a domain', name=found.obj.name, kind="type")
    return found


def _operator(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    found = find_operator(ctx, node["ObjectWithArgs"], missing_ok=missing_ok)
    return Found(found) if found is not None else None


def _collation(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    parts = words(name_items(node))
    found = find_other_or_none(ctx, "collation", name_items(node), "collation", missing_ok=True)
    if found is not None:
        return Found(found)
    if parts[:-1] in ([], ["pg_catalog"]) and ctx.catalog.builtins.might_be_collation(parts[-1]):
        return Found(None)
    if missing_ok:
        return None
    raise ctx.refuse(
        "42704", f'collation "{".".join(parts)}" for encoding "UTF8" does not exist', name=parts[-1], kind="collation"
    )


def _opclass(kind: str, word: str) -> Callable[[Context, Any, bool], Found | None]:
    def finder(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
        items = name_items(node)
        method, names = items[0]["String"].get("sval", ""), items[1:]
        parts = words(names)
        spaces = ctx.path()
        if len(parts) > 1:
            space = find_namespace(ctx, parts[-2], missing_ok=missing_ok)
            spaces = (space.oid,) if space else ()
        for namespace in spaces:
            for oid in ctx.catalog.oids((kind, namespace, parts[-1])):
                found = ctx.catalog.the(Other, oid)
                if method_of(found.details) in ("", method):
                    return Found(found)
        if any(name == parts[-1] for name, *_ in ctx.catalog.builtins.opclasses(method)):
            return shipped(kind, parts[-1])
        if ctx.catalog.taint_of(
            ("any",), *(("name", kind, s, parts[-1]) for s in spaces), *(("namespace", s) for s in spaces)
        ):
            raise ctx.unsure(f"whether {word} {parts[-1]} exists is not known")
        if missing_ok:
            return None
        raise ctx.refuse(
            "42704",
            f'{word} "{".".join(parts)}" does not exist for access method "{method}"',
            name=parts[-1],
            kind="operator",
        )

    return finder


def _cast(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    source, target = (resolve_type(ctx, n["TypeName"], missing_ok=missing_ok).oid for n in name_items(node))
    found = ctx.catalog.one(Cast, ("cast", source, target))
    if found is not None:
        return Found(found)
    if ctx.catalog.builtins.cast(source, target) is not None:
        return Found(Cast(0, source, target, "e", "f"))
    named: TaintKey = ("name", "cast", 0, f"{source}.{target}")
    if not source or not target or ctx.catalog.taint_of(("any",), named):
        if missing_ok:
            return None
        raise ctx.unsure("whether a cast exists is not known", named)
    if missing_ok:
        return None
    shown = [type_name(ctx.catalog, t, None, ctx.path()) for t in (source, target)]
    raise ctx.refuse("42704", f"cast from type {shown[0]} to type {shown[1]} does not exist", kind="cast")


def _transform(ctx: Context, node: Any, missing_ok: bool) -> Found | None:
    names, language_node = name_items(node)
    ref = resolve_type(ctx, names["TypeName"], missing_ok=missing_ok)
    language = language_node["String"].get("sval", "")
    found = ctx.catalog.one(Other, ("transform", 0, f"{ref.oid}.{language}"))
    if found is not None:
        return Found(found)
    if missing_ok:
        return None
    if not ref.oid or ctx.catalog.taint_of(("any",), ("name", "transform", 0, f"{ref.oid}.{language}")):
        raise ctx.unsure("whether a transform exists is not known")
    shown = type_name(ctx.catalog, ref.oid, None, ctx.path())
    raise ctx.refuse("42704", f'transform for type {shown} language "{language}" does not exist', kind="transform")


def find_other_or_none(ctx: Context, kind: str, names: Any, word: str, *, missing_ok: bool) -> Other | None:
    """``find_other``, for names that may be built in as well."""
    return find_other(ctx, kind, names, word, missing_ok=missing_ok)


def _large_object(ctx: Context, node: Any, missing_ok: bool) -> Found:
    return Found(
        ctx.catalog.one(Other, ("large_object", 0, number_of(node)))
    )  # one that is missing here the application may have made


FINDERS: dict[str, Callable[[Context, Any, bool], Found | None]] = {
    "OBJECT_COLUMN": _column,
    "OBJECT_TABCONSTRAINT": _part(Constraint, "constraint", "table"),
    "OBJECT_TRIGGER": _part(Trigger, "trigger", "table"),
    "OBJECT_POLICY": _part(Policy, "policy", "table"),
    "OBJECT_RULE": _part(Rewrite, "rule", "relation"),
    "OBJECT_DOMCONSTRAINT": _domain_constraint,
    "OBJECT_SCHEMA": _schema,
    "OBJECT_EXTENSION": _extension,
    "OBJECT_ROLE": _role,
    "OBJECT_TYPE": _type,
    "OBJECT_DOMAIN": _domain,
    "OBJECT_OPERATOR": _operator,
    "OBJECT_COLLATION": _collation,
    "OBJECT_CAST": _cast,
    "OBJECT_OPCLASS": _opclass("opclass", "operator class"),
    "OBJECT_OPFAMILY": _opclass("opfamily", "operator family"),
    "OBJECT_TRANSFORM": _transform,
    "OBJECT_LARGEOBJECT": _large_object,
}


def number_of(node: Node) -> str:
    """The number of a large object, as the statement has it."""
    return str(node["Float"]["fval"] if "Float" in node else node["Integer"].get("ival", 0))
