"""CREATE and ALTER SEQUENCE, owned sequences, identity (src/backend/commands/sequence.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.catalog import Depend
from lockgate.catalog.objects import Attribute, Namespace, Relation, Sequence
from lockgate.catalog.typename import BOOL, INT2, INT4, INT8
from lockgate.timeline.binder import find_relation_names, resolve_type, words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.transitions.object.creation import once
from lockgate.timeline.transitions.relation.new_name import creation_place, doubt, skip_existing
from lockgate.timeline.transitions.relation.relation import column_of, create_relation, user_relation

_LIMITS = {INT2: 2**15, INT4: 2**31, INT8: 2**63}
_COLUMNS = (
    Attribute(1, "last_value", INT8, notnull=True),
    Attribute(2, "log_cnt", INT8, notnull=True),
    Attribute(3, "is_called", BOOL, notnull=True),
)


def create_sequence(ctx: Context, node: Node) -> None:
    """CREATE SEQUENCE (DefineSequence)."""
    rangevar = node["sequence"]
    space, existing = creation_place(ctx, rangevar)
    if node.get("if_not_exists") and skip_existing(ctx, rangevar, existing, space):
        return
    options = once(ctx, node.get("options", []))
    relation = make_sequence(
        ctx,
        rangevar.get("relname", ""),
        space,
        options,
        persistence=rangevar.get("relpersistence", "p"),
        location=rangevar.get("location", 0),
    )
    if "owned_by" in options:
        own(ctx, relation, options["owned_by"])


def make_sequence(
    ctx: Context,
    name: str,
    space: Namespace,
    options: dict[str, Node],
    *,
    persistence: str = "p",
    location: int | None = None,
    owner: int | None = None,
) -> Relation:
    """The sequence relation itself, its options checked."""
    kind = check_options(ctx, options, None)
    return create_relation(
        ctx,
        name,
        space,
        "S",
        _COLUMNS,
        location=location,
        owner=owner,
        persistence=persistence,
        sequence=Sequence(kind),
    )


def alter_sequence(ctx: Context, node: Node) -> None:
    """ALTER SEQUENCE (AlterSequence)."""
    relation = user_relation(ctx, node["sequence"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    location = node["sequence"].get("location", 0)
    if relation.kind != "S":
        raise ctx.refuse("42809", f'"{relation.name}" is not a sequence', location, name=relation.name, kind="relation")
    need_owner(ctx, relation, location)
    options = once(ctx, node.get("options", []))
    alter_options(ctx, relation, options)
    if "owned_by" in options:
        own(ctx, ctx.catalog.the(Relation, relation.oid), options["owned_by"])


def alter_options(ctx: Context, relation: Relation, options: dict[str, Node]) -> None:
    """Put changed options into a sequence."""
    assert relation.sequence is not None
    kind = check_options(ctx, options, relation.sequence.type)
    if kind != relation.sequence.type:
        ctx.catalog.put(replace(relation, sequence=replace(relation.sequence, type=kind)))


def check_options(ctx: Context, options: dict[str, Node], before: int | None) -> int:
    """init_params: the sequence's type; 22023 for values out of bounds. ``before``: the type of an existing
    sequence."""
    kind = before or INT8
    if "as" in options:
        option = options["as"]
        kind = resolve_type(ctx, option["arg"]["TypeName"]).oid
        if kind and kind not in _LIMITS:
            raise ctx.refuse(
                "22023", "sequence type must be smallint, integer, or bigint", option.get("location", 0), kind="type"
            )
    increment = _number(options.get("increment"))
    if increment == 0:
        raise ctx.refuse("22023", "INCREMENT must not be zero", options["increment"].get("location", 0), kind="other")
    if before is None and kind in _LIMITS:
        _check_bounds(ctx, options, _LIMITS[kind], 1 if increment is None else increment)
    cache = _number(options.get("cache"))
    if cache is not None and cache <= 0:
        raise ctx.refuse(
            "22023", f"CACHE ({cache}) must be greater than zero", options["cache"].get("location", 0), kind="other"
        )
    return kind or INT8


def _check_bounds(ctx: Context, options: dict[str, Node], limit: int, increment: int) -> None:
    most, least = _number(options.get("maxvalue")), _number(options.get("minvalue"))
    for word, value in (("MAXVALUE", most), ("MINVALUE", least)):
        if value is not None and not -limit <= value < limit:
            kind = {2**15: "smallint", 2**31: "integer", 2**63: "bigint"}[limit]
            raise ctx.refuse(
                "22023",
                f"{word} ({value}) is out of range for sequence data type {kind}",
                options[word.lower()].get("location", 0),
            )
    high = most if most is not None else (limit - 1 if increment > 0 else -1)
    low = least if least is not None else (1 if increment > 0 else -limit)
    if low >= high:
        raise ctx.refuse("22023", f"MINVALUE ({low}) must be less than MAXVALUE ({high})", None, kind="other")
    start = _number(options.get("start"))
    if start is None:
        return
    if start < low:
        raise ctx.refuse(
            "22023",
            f"START value ({start}) cannot be less than MINVALUE ({low})",
            options["start"].get("location", 0),
            kind="other",
        )
    if start > high:
        raise ctx.refuse(
            "22023",
            f"START value ({start}) cannot be greater than MAXVALUE ({high})",
            options["start"].get("location", 0),
            kind="other",
        )


def _number(option: Node | None) -> int | None:
    if option is None or "arg" not in option:
        return None
    arg = option["arg"]
    if "Integer" in arg:
        return int(arg["Integer"].get("ival", 0))
    if "Float" in arg:
        text = arg["Float"].get("fval", "0")
        return int(text) if text.lstrip("-").isdigit() else None
    return None


def own(ctx: Context, sequence: Relation, option: Node, *, identity: bool = False) -> None:
    """process_owned_by: OWNED BY table.column, or NONE."""
    names = option["arg"]["List"]["items"]
    parts, location = words(names), option.get("location", 0)
    if len(parts) == 1:
        if parts[0] != "none":
            raise ctx.refuse(
                "42601", "invalid OWNED BY option", location, help="Specify OWNED BY table.column or OWNED BY NONE."
            )
        _not_identity(ctx, sequence, location)
        set_owner_column(ctx, sequence, None)
        return
    table = find_relation_names(ctx, names[:-1], location)
    if not isinstance(table, Relation) or table.kind not in "rfvp":
        raise ctx.refuse(
            "42809", f'sequence cannot be owned by relation "{parts[-2]}"', location, name=parts[-2], kind="relation"
        )
    if table.owner != sequence.owner and doubt(ctx, table) is None and ctx.session.known:
        raise ctx.refuse("55000", "sequence must have same owner as table it is linked to", location, kind="sequence")
    if table.namespace != sequence.namespace:
        raise ctx.refuse("55000", "sequence must be in same schema as table it is linked to", location, kind="sequence")
    column = column_of(ctx, table, parts[-1], location)
    _not_identity(ctx, sequence, location)
    set_owner_column(ctx, sequence, (table.oid, column.num), identity=identity)


def _not_identity(ctx: Context, sequence: Relation, location: int) -> None:
    if sequence.sequence is not None and sequence.sequence.identity:
        raise ctx.refuse("0A000", "cannot change ownership of identity sequence", location, kind="sequence")


def set_owner_column(
    ctx: Context, sequence: Relation, column: tuple[int, int] | None, *, identity: bool = False
) -> None:
    """Record the owner column: auto dependency, internal for identity."""
    assert sequence.sequence is not None
    ctx.catalog.undepend((sequence.oid, 0), "ai")
    ctx.catalog.put(replace(sequence, sequence=replace(sequence.sequence, owned=column, identity=identity)))
    if column is not None:
        ctx.catalog.depend((sequence.oid, 0), [column], "i" if identity else "a")


def owned_sequences(ctx: Context, relation: int, number: int | None = None) -> list[Relation]:
    """The sequences that columns of a table (or one column) own, identity ones included (getOwnedSequences)."""
    edges: tuple[Depend, ...] = ctx.catalog.dependents(relation)
    found = []
    for edge in edges:
        if (
            edge.referenced[1]
            and (number is None or edge.referenced[1] == number)
            and edge.kind in "ai"
            and not edge.dependent[1]
        ):
            owned = ctx.catalog.find(Relation, edge.dependent[0])
            if owned is not None and owned.kind == "S":
                found.append(owned)
    return found


def identity_sequence(ctx: Context, relation: int, number: int) -> Relation | None:
    """The sequence behind an identity column."""
    return next(
        (s for s in owned_sequences(ctx, relation, number) if s.sequence is not None and s.sequence.identity), None
    )


HANDLERS = {"CreateSeqStmt": create_sequence, "AlterSeqStmt": alter_sequence}
