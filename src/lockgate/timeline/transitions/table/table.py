"""CREATE TABLE (transformCreateStmt in src/backend/parser/parse_utilcmd.c, DefineRelation in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Attribute, Namespace, Other, Relation, Type
from lockgate.timeline.binder import TypeRef, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingColumn
from lockgate.timeline.privileges.check import need_create, need_privilege, need_usage
from lockgate.timeline.transitions.constraint.constraint import add_checks
from lockgate.timeline.transitions.constraint.foreign_key import add_foreign_key
from lockgate.timeline.transitions.constraint.key import add_key, plan_keys
from lockgate.timeline.transitions.constraint.not_null import key_of, store_not_nulls
from lockgate.timeline.transitions.object.creation import once
from lockgate.timeline.transitions.relation.index_shape import NewIndex
from lockgate.timeline.transitions.relation.new_name import creation_place, doubt, skip_existing
from lockgate.timeline.transitions.relation.relation import check_column_type, create_relation
from lockgate.timeline.transitions.relation.sequence import make_sequence, set_owner_column
from lockgate.timeline.transitions.session.option import check_storage_options
from lockgate.timeline.transitions.table import partition
from lockgate.timeline.transitions.table.column import (
    ColumnDefinition,
    TableDefinition,
    check_identity_type,
    define_column,
    with_attributes,
)
from lockgate.timeline.transitions.table.default import set_default, store_default
from lockgate.timeline.transitions.table.inheritance import (
    check_columns_once,
    check_parent,
    find_parents,
    inherit_checks,
    inherit_defaults,
    link,
    merge_columns,
)
from lockgate.timeline.transitions.table.table_like import finish_like, like_columns, source_oid
from lockgate.timeline.transitions.table.virtual_column import check_virtual_type
from lockgate.timeline.transitions.type.user_type import need_type_usage


def create_table(ctx: Context, node: Node, *, kind: str = "r", server: int = 0) -> None:
    """CREATE TABLE in all its forms."""
    rangevar = node["relation"]
    location = rangevar.get("location", 0)
    space, existing = creation_place(ctx, rangevar)
    if node.get("if_not_exists") and skip_existing(ctx, rangevar, existing, space):
        return
    if kind == "r" and node.get("partspec"):
        kind = "p"
    definition = TableDefinition(
        rangevar.get("relname", ""), space, kind, partition="partbound" in node, of_type="ofTypename" in node
    )
    of_type = _typed(ctx, definition, node["ofTypename"]) if "ofTypename" in node else 0
    transform_elements(ctx, definition, node)
    persistence = "t" if space.oid == ctx.session.temp_namespace else rangevar.get("relpersistence", "p")
    plans = plan_keys(ctx, definition, lambda: _peek(ctx, node))
    sequences = make_sequences(ctx, definition, definition.columns, persistence)
    _check_persistence(ctx, node, kind, persistence, location)
    check_storage_options(ctx, node.get("options", []), kind)
    parents = find_parents(ctx, node.get("inhRelations", []))
    check_columns_once(ctx, definition)
    for parent, item in zip(parents, node.get("inhRelations", []), strict=True):
        at = item["RangeVar"].get("location", 0)
        check_parent(ctx, parent, at, partition=definition.partition, temporary=persistence == "t")
    columns = merge_columns(ctx, definition, parents, location)
    for column in columns:
        need_type_usage(ctx, column.ref.oid, column.location)
        check_column_type(ctx, column.name, column.ref.oid, column.location)
        if column.generated == "v":
            check_virtual_type(ctx, column.name, column.ref.oid, column.location)
    relation = create_relation(
        ctx,
        definition.name,
        space,
        kind,
        [_attribute(i, c) for i, c in enumerate(columns, 1)],
        location=location,
        persistence=persistence,
        of_type=of_type,
        server=server,
        on_commit={"ONCOMMIT_DROP": "d", "ONCOMMIT_DELETE_ROWS": "r"}.get(node.get("oncommit", ""), ""),
    )
    if any(doubt(ctx, p) is not None for p in parents):
        ctx.taint(("shape", relation.oid), "it inherits from a table that is not known for certain")
    if parents:
        relation = link(ctx, relation, parents, partition=definition.partition)
    store_contents(ctx, definition, relation, columns, parents, node)
    _store_parts(ctx, definition, relation, sequences, plans)
    if kind == "r" and not relation.on_commit:
        ctx.catalog.hold(relation.oid, ())


def _check_persistence(ctx: Context, node: Node, kind: str, persistence: str, location: int) -> None:
    if kind == "p" and persistence == "u" and ctx.catalog.major >= 18:
        raise ctx.refuse("0A000", "partitioned tables cannot be unlogged", location, kind="relation")
    if node.get("oncommit", "ONCOMMIT_NOOP") != "ONCOMMIT_NOOP" and persistence != "t":
        raise ctx.refuse("42P16", "ON COMMIT can only be used on temporary tables", location, kind="other")


def _store_parts(
    ctx: Context,
    definition: TableDefinition,
    relation: Relation,
    sequences: list[tuple[ColumnDefinition, Relation]],
    plans: list[NewIndex],
) -> None:
    """What stands beside the table and needs it: sequences, keys, LIKE's copies, foreign keys."""
    for column, sequence in sequences:
        attribute = ctx.catalog.the(Relation, relation.oid).attribute(column.name)
        assert attribute is not None
        own_sequence(ctx, relation.oid, attribute.num, column, sequence)
    for plan in plans:
        add_key(ctx, relation, plan)
    for clause in definition.likes:
        finish_like(ctx, relation.oid, clause)
    for foreign in definition.foreign:
        add_foreign_key(ctx, ctx.catalog.the(Relation, relation.oid), foreign)


def _peek(ctx: Context, node: Node) -> list[Relation]:
    # keys may name inherited columns: the parents are opened for that alone, and where they are missing that is said
    # later
    items = node.get("inhRelations", [])
    return find_parents(ctx, items) if items else []


def _typed(ctx: Context, definition: TableDefinition, name: Node) -> int:
    """OF type: the columns of a stand-alone composite type (transformOfType)."""
    ref = resolve_type(ctx, name)
    found = ctx.catalog.find(Type, ref.oid)
    holder = ctx.catalog.find(Relation, found.relation) if found is not None else None
    if found is None or holder is None:
        if not ref.oid or (found is not None and doubt_type(ctx, found)):
            raise ctx.unsure("the columns of a typed table are not known")
        raise ctx.refuse("42809", f"type {_shown(name)} is not a composite type", name.get("location", 0), kind="type")
    if holder.kind != "c":
        raise ctx.refuse(
            "42809",
            f"type {found.name} is the row type of another table",
            name.get("location", 0),
            kind="type",
            help="A typed table must use a stand-alone composite type created with CREATE TYPE.",
        )
    need_privilege(ctx, found, "USAGE", name.get("location", 0))
    for attribute in holder.attributes:
        ref = TypeRef(attribute.type, attribute.typmod)
        definition.columns.append(ColumnDefinition(attribute.name, ref, attribute.collation, name.get("location", 0)))
    return found.oid


def doubt_type(ctx: Context, found: Type) -> bool:
    """Whether a type is not known for certain."""
    return ctx.catalog.taint_of(("any",), ("object", found.oid)) is not None


def _shown(name: Node) -> str:
    return str(name.get("names", [{}])[-1].get("String", {}).get("sval", ""))


def transform_elements(ctx: Context, definition: TableDefinition, node: Node) -> None:
    """Columns, LIKE clauses and table constraints in the order written."""
    constraints: list[Node] = []
    for item in node.get("tableElts", []):
        if "ColumnDef" in item:
            column = define_column(ctx, definition, item["ColumnDef"])
            _place_column(ctx, definition, column)
        elif "TableLikeClause" in item:
            definition.columns.extend(like_columns(ctx, definition, item["TableLikeClause"]))
            definition.likes.append(item["TableLikeClause"] | {"relationOid": source_oid(ctx, item["TableLikeClause"])})
        else:
            constraints.append(item["Constraint"])
    constraints += [item["Constraint"] for item in node.get("constraints", []) if "Constraint" in item]
    for constraint in with_attributes(ctx, constraints):
        table_constraint(ctx, definition, constraint)


def _place_column(ctx: Context, definition: TableDefinition, column: ColumnDefinition) -> None:
    known = definition.column(column.name)
    if not definition.of_type:
        definition.columns.append(column)
        return
    if known is None:
        raise ctx.refuse(
            "42703",
            f'column "{column.name}" does not exist',
            column.location,
            name=column.name,
            kind="column",
            subject=MissingColumn(column.name),
        )
    known.notnull, known.default, known.generated = column.notnull, column.default, column.generated


def table_constraint(ctx: Context, definition: TableDefinition, node: Node) -> None:
    """transformTableConstraint: file a constraint with its kind."""
    kind, location = node["contype"], node.get("location", 0)
    word = {
        "CONSTR_PRIMARY": "primary key",
        "CONSTR_UNIQUE": "unique",
        "CONSTR_EXCLUSION": "exclusion",
        "CONSTR_FOREIGN": "foreign key",
    }.get(kind)
    if word and definition.kind == "f":
        raise ctx.refuse(
            "0A000", f"{word} constraints are not supported on foreign tables", location, kind="constraint"
        )
    match kind:
        case "CONSTR_PRIMARY" | "CONSTR_UNIQUE" | "CONSTR_EXCLUSION":
            if kind == "CONSTR_EXCLUSION" and definition.kind == "p" and ctx.catalog.major < 17:
                raise ctx.refuse(
                    "0A000",
                    "exclusion constraints are not supported on partitioned tables",
                    location,
                    kind="constraint",
                )
            definition.keys.append(node)
        case "CONSTR_CHECK":
            definition.checks.append(node)
        case "CONSTR_FOREIGN":
            definition.foreign.append(node)
        case "CONSTR_NOTNULL":
            definition.not_nulls.append(node)
            column = definition.column(key_of(node))
            if column is not None:
                column.notnull = True


def make_sequences(
    ctx: Context, definition: TableDefinition, columns: list[ColumnDefinition], persistence: str
) -> list[tuple[ColumnDefinition, Relation]]:
    """The sequences of serial and identity columns, made before their table."""
    made = []
    owner = definition.relation.owner if definition.relation is not None else None
    for column in columns:
        if not column.sequence_name:
            continue
        need_create(ctx, definition.namespace, column.location)
        if column.identity:
            check_identity_type(ctx, column.ref.oid, column.location)
        options = [o["DefElem"] for o in column.sequence_options if o["DefElem"].get("defname") != "sequence_name"]
        read = once(ctx, [{"DefElem": o} for o in options])
        sequence = make_sequence(
            ctx,
            column.sequence_name,
            definition.namespace,
            read,
            persistence=persistence,
            location=column.location,
            owner=owner,
        )
        if sequence.sequence is not None and column.ref.oid in (20, 21, 23) and "as" not in read:
            sequence = replace(sequence, sequence=replace(sequence.sequence, type=column.ref.oid))
            ctx.catalog.put(sequence)
        made.append((column, sequence))
    return made


def own_sequence(ctx: Context, relation: int, number: int, column: ColumnDefinition, sequence: Relation) -> None:
    """ALTER SEQUENCE OWNED BY, as serial and identity do."""
    need_usage(ctx, ctx.catalog.the(Namespace, sequence.namespace), column.location)
    set_owner_column(ctx, ctx.catalog.the(Relation, sequence.oid), (relation, number), identity=bool(column.identity))
    if column.serial:
        default = ctx.catalog.one(Other, ("default", 0, f"{relation}.{number}"))
        if default is not None:
            ctx.catalog.depend((default.oid, 0), [(sequence.oid, 0)])


def _attribute(number: int, column: ColumnDefinition) -> Attribute:
    return Attribute(
        number,
        column.name,
        column.ref.oid,
        column.ref.typmod,
        notnull=column.notnull,
        identity=column.identity,
        collation=column.collation,
        is_local=column.is_local,
        inherited=column.inherited,
        generated=column.generated,
    )


def store_contents(
    ctx: Context,
    definition: TableDefinition,
    relation: Relation,
    columns: list[ColumnDefinition],
    parents: list[Relation],
    node: Node,
) -> None:
    """Defaults, partition bound and key, what a partition is given, NOT NULL and CHECK: in DefineRelation's order."""
    oid = relation.oid
    relation = inherit_defaults(ctx, relation, columns)
    for column in columns:
        attribute = ctx.catalog.the(Relation, oid).attribute(column.name)
        assert attribute is not None
        if column.serial:
            relation = store_default(ctx, relation, attribute, ())
        elif column.default is not None and not column.inherited_default:
            relation = set_default(ctx, ctx.catalog.the(Relation, oid), attribute, column.default, column.generated)
    relation = ctx.catalog.the(Relation, oid)
    if definition.partition and parents:
        if parents[0].kind != "p":
            location = node["inhRelations"][0]["RangeVar"].get("location", 0)
            raise ctx.refuse(
                "42P17", f'"{parents[0].name}" is not partitioned', location, name=parents[0].name, kind="relation"
            )
        form = partition.bound_form(ctx, parents[0], node["partbound"], relation.name)
        partition.check_overlap(ctx, parents[0], form, relation.name, node["partbound"].get("location"))
        partition.store_bound(ctx, relation, form)
        relation = ctx.catalog.the(Relation, oid)
    if "partspec" in node:
        relation = partition.set_partition_key(ctx, relation, node["partspec"])
    inherit_checks(ctx, relation, parents)
    if definition.partition and parents:
        partition.clone_to_partition(ctx, parents[0], relation)
    checks = add_checks(ctx, relation, definition.checks, merge=True)
    store_not_nulls(ctx, definition, oid, columns, parents, [c.name for c in checks])


def create_foreign_table(ctx: Context, node: Node) -> None:
    """CREATE FOREIGN TABLE."""
    name, base = node.get("servername", ""), node["base"]
    rangevar = base["relation"]
    server = ctx.catalog.one(Other, ("foreign_server", 0, name))
    space, existing = creation_place(ctx, rangevar)
    create_table(ctx, base, kind="f", server=server.oid if server else 0)
    relation = ctx.catalog.relation_named(space.oid, rangevar.get("relname", ""))
    if relation is None or (base.get("if_not_exists") and existing is not None):
        return
    if server is not None:
        need_privilege(ctx, server, "USAGE", name=name)
        ctx.catalog.depend((relation.oid, 0), [(server.oid, 0)])
    elif not ctx.catalog.taint_of(("any",), ("name", "foreign_server", 0, name)):
        raise ctx.refuse(
            "42704",
            f'server "{name}" does not exist',
            rangevar.get("location", 0),
            name=name,
            object=name,
            kind="other",
        )


HANDLERS = {"CreateStmt": create_table, "CreateForeignTableStmt": create_foreign_table}
