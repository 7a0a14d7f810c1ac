"""CREATE TYPE and ALTER TYPE (src/backend/commands/typecmds.c, src/backend/catalog/pg_enum.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.base.sql import literal
from lockgate.base.text import Span
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Attribute, Namespace, Relation, Routine, Type
from lockgate.catalog.typename import TEXT, type_name
from lockgate.timeline.binder import find_collation, find_function, resolve_type
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import initial_acl, need_owner, need_privilege, need_superuser
from lockgate.timeline.transitions.object.creation import doubt, names_of, new_name, once, text_of
from lockgate.timeline.transitions.relation.new_name import creation_place, ensure_type_free
from lockgate.timeline.transitions.relation.relation import (
    check_column_type,
    column_collation,
    create_relation,
    type_kind,
)
from lockgate.timeline.transitions.type.user_type import ensure_fresh, need_type_usage, put_type, user_type

_MAX_LABEL = 63


# --- enums ------------------------------------------------------------------------------------------------------------


def create_enum(ctx: Context, node: Node) -> None:
    """DefineEnum."""
    space, name = new_name(ctx, node["typeName"])
    ensure_type_free(ctx, name, space.oid, None, relation=False)
    labels: list[str] = []
    for item in node.get("vals", []):
        label = item["String"].get("sval", "")
        _check_label(ctx, label)
        if label in labels:
            raise ctx.refuse(
                "23505", 'duplicate key value violates unique constraint "pg_enum_typid_label_index"', kind="enum-value"
            )
        labels.append(label)
    put_type(ctx, replace(ensure_fresh(ctx, space, name, "e", "E"), length=4, labels=tuple(labels)))


def _check_label(ctx: Context, label: str) -> None:
    if len(label.encode("utf-8", "surrogatepass")) > _MAX_LABEL:
        raise ctx.refuse(
            "42602",
            f'invalid enum label "{label}"',
            kind="enum-value",
            help=f"Labels must be {_MAX_LABEL} bytes or less.",
        )


def alter_enum(ctx: Context, node: Node) -> None:
    """AlterEnum: ADD VALUE (a label fresh in this transaction until it commits) and RENAME VALUE."""
    found = user_type(ctx, node, kinds="e")
    need_owner(ctx, found, kind="type", name=found.name)
    label = node.get("newVal", "")
    if "oldVal" in node:
        _rename_label(ctx, found, node["oldVal"], label)
        return
    _check_label(ctx, label)
    if label in found.labels:
        message = f'enum label "{label}" already exists'
        if node.get("skipIfNewValExists"):
            ctx.warn(f"{message}, skipping", None, sqlstate="42710", level="NOTICE")
            return
        if _labels_doubt(ctx, found):
            return
        raise ctx.refuse(
            "42710",
            message,
            None,
            object=f"{ctx.catalog.qualified(found)}.{label}",
            kind="enum-value",
            span=_label_span(ctx, label),
        )
    at = len(found.labels)
    neighbour = node.get("newValNeighbor")
    if neighbour is not None:
        if neighbour not in found.labels:
            if _labels_doubt(ctx, found):
                raise ctx.unsure(f"the labels of {found.name} are not known for certain", ("object", found.oid))
            raise _missing_label(ctx, found, neighbour)
        at = found.labels.index(neighbour) + (1 if node.get("newValIsAfter") else 0)
    labels = (*found.labels[:at], label, *found.labels[at:])
    # from 17, a type made in the same transaction may be used at once (pg_enum.c: uncommitted_enum_types)
    safe = not ctx.session.in_block or (ctx.catalog.major >= 17 and _new_in_block(ctx, found))
    fresh = found.fresh_labels if safe else (*found.fresh_labels, label)
    if fresh:
        ctx.transaction.fresh.add(found.oid)
    ctx.catalog.put(replace(found, labels=labels, fresh_labels=fresh))


def _new_in_block(ctx: Context, found: Type) -> bool:
    start = ctx.transaction.start
    return start is not None and start.catalog.get(found.oid) is None


def _labels_doubt(ctx: Context, found: Type) -> bool:
    return doubt(ctx, "type", found.namespace, found.name, found.oid) is not None


def _label_span(ctx: Context, label: str) -> Span | None:
    quoted = literal(label)
    bounds = ctx.bounds or ctx.statement.span
    at = ctx.text_source.text.find(quoted, bounds.start, bounds.end)
    return Span(at, at + len(quoted)) if at >= 0 else None


def _missing_label(ctx: Context, found: Type, label: str) -> Exception:
    return ctx.refuse(
        "22023",
        f'"{label}" is not an existing enum label',
        None,
        object=f"{ctx.catalog.qualified(found)}.{label}",
        help=did_you_mean(label, found.labels),
        kind="enum-value",
        span=_label_span(ctx, label),
    )


def _rename_label(ctx: Context, found: Type, old: str, new: str) -> None:
    _check_label(ctx, new)
    if _labels_doubt(ctx, found) and (old not in found.labels or new in found.labels):
        raise ctx.unsure(f"the labels of {found.name} are not known for certain", ("object", found.oid))
    if old not in found.labels:
        raise _missing_label(ctx, found, old)
    if new in found.labels:
        raise ctx.refuse(
            "42710",
            f'enum label "{new}" already exists',
            None,
            object=f"{ctx.catalog.qualified(found)}.{new}",
            kind="enum-value",
            span=_label_span(ctx, new),
        )
    labels = tuple(new if label == old else label for label in found.labels)
    fresh = tuple(new if label == old else label for label in found.fresh_labels)
    ctx.catalog.put(replace(found, labels=labels, fresh_labels=fresh))


# --- composite types --------------------------------------------------------------------------------------------------


def create_composite(ctx: Context, node: Node) -> None:
    """DefineCompositeType: a relation of kind c with its row type."""
    target = node["typevar"]
    space, _ = creation_place(ctx, target)
    location = target.get("location", 0)
    name = target.get("relname", "")
    ensure_type_free(ctx, name, space.oid, location, relation=False)
    columns = []
    for number, item in enumerate(node.get("coldeflist", []), 1):
        definition = item["ColumnDef"]
        ref = resolve_type(ctx, definition["typeName"])
        at = definition["typeName"].get("location", 0)
        if ref.setof:
            raise ctx.refuse(
                "42P16", f'column "{definition.get("colname", "")}" cannot be declared SETOF', at, kind="type"
            )
        need_type_usage(ctx, ref.oid, at)
        collation = column_collation(ctx, ref.oid, definition.get("collClause"), definition.get("location", 0))
        columns.append(Attribute(number, definition.get("colname", ""), ref.oid, ref.typmod, collation=collation))
    for column in columns:
        check_column_type(ctx, column.name, column.type, location)
    create_relation(ctx, name, space, "c", columns, location=location)


# --- ranges -----------------------------------------------------------------------------------------------------------


def create_range(ctx: Context, node: Node) -> None:
    """DefineRange: the range, its multirange, their array types and constructors."""
    space, name = new_name(ctx, node["typeName"])
    found = ctx.catalog.type_named(space.oid, name)
    shell = found if found is not None and found.shell else None
    if shell is None:
        ensure_type_free(ctx, name, space.oid, None, relation=False)
    options = once(ctx, node.get("params", []))
    if "subtype" not in options:
        raise ctx.refuse("42601", 'type attribute "subtype" is required', kind="type")
    subtype = resolve_type(ctx, options["subtype"]["arg"]["TypeName"]).oid
    multi_space, multi_name = space, _multirange_name(name)
    if "multirange_type_name" in options:
        multi_space, multi_name = new_name(
            ctx, names_of(options["multirange_type_name"]), options["multirange_type_name"].get("location")
        )
    if type_kind(ctx, subtype) == "p":
        shown = type_name(ctx.catalog, subtype, None, ctx.path())
        raise ctx.refuse("42804", f"range subtype cannot be {shown}", options["subtype"].get("location"), kind="type")
    collation = (
        find_collation(ctx, names_of(options["collation"]), options["collation"].get("location"))
        if "collation" in options
        else 0
    )
    refs = [subtype, collation]
    for key, args in (("subtype_diff", (subtype, subtype)), ("canonical", None)):
        if key in options and args is not None and subtype:
            support = find_function(ctx, names_of(options[key]), args, options[key].get("location"))
            refs.append(getattr(support, "oid", 0))
    need_type_usage(ctx, subtype, options["subtype"].get("location"))
    multi_oid = ctx.catalog.new_oid()
    base = replace(ensure_fresh(ctx, space, name, "r", "R"), subtype=subtype, multirange=multi_oid, collation=collation)
    created = put_type(ctx, replace(base, oid=shell.oid) if shell else base)
    ctx.catalog.depend((created.oid, 0), [(oid, 0) for oid in refs if oid])
    _free_multirange(ctx, multi_space, multi_name)
    multi = Type(multi_oid, multi_name, multi_space.oid, created.owner, "m", "R", subtype=created.oid, acl=None)
    put_type(ctx, multi)
    ctx.catalog.depend((multi_oid, 0), [(created.oid, 0)], "i")
    _constructors(ctx, created, multi)


def _multirange_name(name: str) -> str:
    from lockgate.timeline.naming import clip

    if "range" in name:
        return clip(name.replace("range", "multirange", 1), _MAX_LABEL)
    return clip(name, _MAX_LABEL - len("_multirange")) + "_multirange"


def _free_multirange(ctx: Context, space: Namespace, name: str) -> None:
    help = 'You can manually specify a multirange type name using the "multirange_type_name" attribute.'
    found = ctx.catalog.type_named(space.oid, name)
    if found is not None and not found.elem and doubt(ctx, "type", space.oid, name, found.oid) is None:
        shown = ctx.catalog.qualified(found)
        raise ctx.refuse("42710", f'type "{name}" already exists', object=shown, kind="type", help=help)
    ensure_type_free(ctx, name, space.oid, None, relation=False)


def _constructors(ctx: Context, made: Type, multi: Type) -> None:
    array = ctx.catalog.the(Type, made.oid).array
    for owner_type, args, variadic in (
        (made, (made.subtype, made.subtype), 0),
        (made, (made.subtype, made.subtype, TEXT), 0),
        (multi, (), 0),
        (multi, (made.oid,), 0),
        (multi, (array,), made.oid),
    ):
        routine = Routine(
            ctx.catalog.new_oid(),
            owner_type.name,
            owner_type.namespace,
            BOOTSTRAP_SUPERUSER,
            "f",
            "internal",
            args,
            owner_type.oid,
            all_args=args if variadic else (),
            modes="v" if variadic else "",
            variadic=variadic,
            volatile="i",
            strict=owner_type is multi,
            acl=initial_acl(ctx, "function", owner_type.namespace, BOOTSTRAP_SUPERUSER),
        )
        ctx.catalog.put(routine)
        need_privilege(ctx, routine, "EXECUTE")  # CheckFunctionValidatorAccess
        ctx.catalog.depend((routine.oid, 0), [(owner_type.oid, 0)], "i")
        ctx.catalog.depend((routine.oid, 0), [(routine.namespace, 0), *((a, 0) for a in args)])


# --- base and shell types ---------------------------------------------------------------------------------------------


def define_type(ctx: Context, node: Node) -> None:
    """DefineType: CREATE TYPE x (a shell) and CREATE TYPE x (INPUT = ..., ...), for superusers only."""
    names = node["defnames"]
    need_superuser(ctx, "must be superuser to create a base type")
    space, name = new_name(ctx, names)
    found = ctx.catalog.type_named(space.oid, name)
    if "definition" not in node:
        ensure_type_free(ctx, name, space.oid, None, relation=False)
        put_type(ctx, replace(ensure_fresh(ctx, space, name, "p", "P"), shell=True, length=4), array=False)
        return
    if found is None or not found.shell:
        if found is not None:
            ensure_type_free(ctx, name, space.oid, None, relation=False)
        raise ctx.refuse(
            "42710",
            f'type "{name}" does not exist',
            None,
            name=name,
            kind="type",
            help="Create the type as a shell type, then create its I/O functions, then do a full CREATE TYPE.",
        )
    options = {d["DefElem"].get("defname", ""): d["DefElem"] for d in node["definition"]}
    for key, word in (("input", "input"), ("output", "output")):
        if key not in options:
            raise ctx.refuse("42P17", f"type {word} function must be specified", kind="type")
    category = text_of(options.get("category")) or "U"
    base = replace(
        found, kind="b", category=category, shell=False, preferred=text_of(options.get("preferred")) == "true"
    )
    put_type(ctx, base)
    for key in ("input", "output", "receive", "send", "typmod_in", "typmod_out", "analyze", "subscript"):
        for routine in (
            ctx.catalog.routines_named(space.oid, names_of(options.get(key))[-1]["String"]["sval"])
            if key in options
            else ()
        ):
            ctx.catalog.depend((base.oid, 0), [(routine.oid, 0)])


def alter_type(ctx: Context, node: Node) -> None:
    """ALTER TYPE ... SET (storage and support functions of a base type): superusers' work."""
    found = user_type(ctx, node)
    needs_superuser = any(
        d["DefElem"].get("defname") not in ("storage",) or text_of(d["DefElem"]) != "plain"
        for d in node.get("options", [])
    )
    if needs_superuser:
        need_superuser(ctx, "must be superuser to alter a type")
    else:
        need_owner(ctx, found, kind="type")
    if found.kind != "b" or found.elem:
        shown = type_name(ctx.catalog, found.oid, None, ctx.path())
        raise ctx.refuse("42809", f"{shown} is not a base type", None, name=found.name, kind="type")


def relation_of(ctx: Context, found: Type) -> Relation | None:
    """The relation of a composite type."""
    return ctx.catalog.find(Relation, found.relation) if found.relation else None


HANDLERS = {
    "CreateEnumStmt": create_enum,
    "AlterEnumStmt": alter_enum,
    "CompositeTypeStmt": create_composite,
    "CreateRangeStmt": create_range,
    "AlterTypeStmt": alter_type,
}
