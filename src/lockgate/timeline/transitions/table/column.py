"""Column definitions: types, serial, identity, generated, column constraints (src/backend/parser/parse_utilcmd.c
transformColumnDefinition)."""

from __future__ import annotations

import msgspec

from lockgate.catalog.objects import Namespace, Relation
from lockgate.catalog.typename import INT2, INT4, INT8
from lockgate.timeline.binder import TypeRef, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_relation_name
from lockgate.timeline.transitions.object.creation import target_namespace
from lockgate.timeline.transitions.relation.relation import column_collation

_SERIAL = {"smallserial": INT2, "serial2": INT2, "serial": INT4, "serial4": INT4, "bigserial": INT8, "serial8": INT8}
_WITH_ATTRS = frozenset({"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION", "CONSTR_FOREIGN"})
_ATTRS = {
    "CONSTR_ATTR_DEFERRABLE",
    "CONSTR_ATTR_NOT_DEFERRABLE",
    "CONSTR_ATTR_DEFERRED",
    "CONSTR_ATTR_IMMEDIATE",
    "CONSTR_ATTR_ENFORCED",
    "CONSTR_ATTR_NOT_ENFORCED",
}


class ColumnDefinition(msgspec.Struct):
    """A column to be made (ColumnDef after transformation)."""

    name: str
    ref: TypeRef
    collation: int
    location: int
    notnull: bool = False
    default: Node | None = None
    generated: str = ""
    identity: str = ""
    sequence_name: str = ""  # of the sequence to be made for serial or identity
    sequence_options: list[Node] = msgspec.field(default_factory=list)
    is_local: bool = True
    inherited: int = 0
    inherited_default: tuple[int, int] | None = None  # the parent's column whose default it takes
    primary: bool = False

    @property
    def serial(self) -> bool:
        """Whether its default is nextval of its own sequence."""
        return bool(self.sequence_name) and not self.identity


class TableDefinition(msgspec.Struct):
    """What a table definition is turned into before it is carried out (CreateStmtContext)."""

    name: str
    namespace: Namespace
    kind: str = "r"
    relation: Relation | None = None  # of ALTER TABLE
    columns: list[ColumnDefinition] = msgspec.field(default_factory=list)
    checks: list[Node] = msgspec.field(default_factory=list)
    keys: list[Node] = msgspec.field(default_factory=list)  # primary, unique and exclusion constraints
    foreign: list[Node] = msgspec.field(default_factory=list)
    not_nulls: list[Node] = msgspec.field(default_factory=list)  # every NOT NULL, in the order written
    likes: list[Node] = msgspec.field(default_factory=list)
    partition: bool = False
    of_type: bool = False

    def column(self, name: str) -> ColumnDefinition | None:
        """The column of that name among those defined here."""
        return next((c for c in self.columns if c.name == name), None)


def define_column(ctx: Context, definition: TableDefinition, node: Node) -> ColumnDefinition:
    """One ColumnDef: its type first, then its constraints in order, which go to the definition's lists."""
    name, location = node.get("colname", ""), node.get("location", 0)
    serial = _serial(ctx, node)
    ref = TypeRef(serial) if serial else resolve_type(ctx, node["typeName"]) if "typeName" in node else TypeRef(0)
    if ref.setof:
        raise ctx.refuse(
            "42P16",
            f'column "{name}" cannot be declared SETOF',
            node["typeName"].get("location", location),
            name=None,
            kind="type",
        )
    column = ColumnDefinition(name, ref, column_collation(ctx, ref.oid, node.get("collClause"), location), location)
    if serial:
        column.sequence_name = sequence_name(ctx, definition, name)
        column.notnull = True
    column_constraints(ctx, definition, column, node.get("constraints", []))
    return column


def _serial(ctx: Context, node: Node) -> int:
    names = node.get("typeName", {}).get("names", [])
    if len(names) != 1 or node["typeName"].get("pct_type"):
        return 0
    found = _SERIAL.get(names[0]["String"].get("sval", ""), 0)
    if found and node["typeName"].get("arrayBounds"):
        raise ctx.refuse(
            "0A000", "array of serial is not implemented", node["typeName"].get("location", 0), kind="type"
        )
    return found


def sequence_name(ctx: Context, definition: TableDefinition, column: str) -> str:
    """table_column_seq, numbered where that is taken (generateSerialExtraStmts)."""
    return choose_relation_name(ctx.catalog, definition.name, column, "seq", definition.namespace.oid)


def column_constraints(
    ctx: Context, definition: TableDefinition, column: ColumnDefinition, constraints: list[Node]
) -> None:
    """The constraints of a column in order; refuses contradictions with 42601."""
    nodes = with_attributes(ctx, [c["Constraint"] for c in constraints])
    on = f'for column "{column.name}" of table "{definition.name}"'
    nullable: bool | None = False if column.sequence_name else None
    seen: set[str] = {"default"} if column.serial else set()
    declared: Node | None = None
    primary = any(n["contype"] == "CONSTR_PRIMARY" for n in nodes)
    for node in nodes:
        kind, location = node["contype"], node.get("location", 0)
        match kind:
            case "CONSTR_NULL" | "CONSTR_NOTNULL":
                wanted = kind == "CONSTR_NULL"
                if nullable is not None and nullable != wanted:
                    raise ctx.refuse("42601", f"conflicting NULL/NOT NULL declarations {on}", location, kind="other")
                nullable = wanted
                if not wanted:
                    column.notnull, declared = True, _declare(ctx, definition, column, node, declared, primary)
            case "CONSTR_DEFAULT":
                if "default" in seen:
                    raise ctx.refuse("42601", f"multiple default values specified {on}", location, kind="other")
                seen.add("default")
                column.default = node["raw_expr"]
            case "CONSTR_IDENTITY":
                _identity(ctx, definition, column, node, on, "identity" in seen)
                if nullable:
                    raise ctx.refuse("42601", f"conflicting NULL/NOT NULL declarations {on}", location, kind="other")
                nullable = False
                seen.add("identity")
            case "CONSTR_GENERATED":
                _generated(ctx, definition, column, node, on, "generated" in seen)
                seen.add("generated")
            case _:
                _table_constraint(ctx, definition, column, node)
    for one, other in (("default", "identity"), ("default", "generated"), ("identity", "generated")):
        if {one, other} <= seen:
            words = {"generated": "generation expression"}
            raise ctx.refuse(
                "42601", f"both {one} and {words.get(other, other)} specified {on}", column.location, kind="other"
            )
    if nullable and primary and ctx.catalog.major >= 18:
        raise ctx.refuse("42601", f"conflicting NULL/NOT NULL declarations {on}", column.location, kind="other")
    if (column.notnull or primary) and declared is None:
        column.notnull = True
        definition.not_nulls.append(not_null(column.name))


def _declare(
    ctx: Context, definition: TableDefinition, column: ColumnDefinition, node: Node, before: Node | None, primary: bool
) -> Node:
    """One NOT NULL of a column; a second one may only repeat the first (18)."""
    location = node.get("location", 0)
    if definition.kind == "p" and node.get("is_no_inherit"):
        raise ctx.refuse(
            "0A000", "not-null constraints on partitioned tables cannot be NO INHERIT", location, kind="constraint"
        )
    if node.get("is_no_inherit") and (primary or column.sequence_name):
        message = f'conflicting NO INHERIT declarations for not-null constraints on column "{column.name}"'
        raise ctx.refuse("42601", message, location, kind="constraint")
    if (
        before is not None
        and node.get("conname", before.get("conname")) != before.get("conname", node.get("conname"))
        and ctx.catalog.major >= 18
    ):
        raise ctx.refuse(
            "XX000",
            f'conflicting not-null constraint names "{before["conname"]}" and "{node["conname"]}"',
            location,
            kind="constraint",
        )
    made = not_null(column.name, node)
    definition.not_nulls.append(made)
    return made


def not_null(column: str, node: Node | None = None) -> Node:
    """A NOT NULL constraint of a column (makeNotNullConstraint)."""
    return (node or {"contype": "CONSTR_NOTNULL"}) | {"keys": [{"String": {"sval": column}}]}


def _identity(
    ctx: Context, definition: TableDefinition, column: ColumnDefinition, node: Node, on: str, again: bool
) -> None:
    location = node.get("location", 0)
    if definition.of_type:
        raise ctx.refuse("0A000", "identity columns are not supported on typed tables", location, kind="other")
    if definition.partition:
        raise ctx.refuse("0A000", "identity columns are not supported on partitions", location, kind="other")
    if again:
        raise ctx.refuse("42601", f"multiple identity specifications {on}", location, kind="other")
    column.identity = node.get("generated_when", "a")
    column.sequence_options = node.get("options", [])
    given = next(
        (o["DefElem"] for o in column.sequence_options if o["DefElem"].get("defname") == "sequence_name"), None
    )
    column.sequence_name = (
        given_sequence(ctx, definition, given) if given else sequence_name(ctx, definition, column.name)
    )
    column.notnull = True


def given_sequence(ctx: Context, definition: TableDefinition, option: Node) -> str:
    """SEQUENCE NAME: in the table's schema, as the sequence's OWNED BY then looks for the table beside it
    (generateSerialExtraStmts)."""
    space, name = target_namespace(ctx, option["arg"]["List"]["items"])
    if len(option["arg"]["List"]["items"]) > 1 and space.oid != definition.namespace.oid:
        raise ctx.refuse(
            "42P01",
            f'relation "{space.name}.{definition.name}" does not exist',
            option.get("location"),
            kind="relation",
        )
    return name


def check_identity_type(ctx: Context, type_oid: int, location: int | None) -> None:
    """22023 for an identity column that is no integer."""
    if type_oid and type_oid not in (INT2, INT4, INT8):
        raise ctx.refuse("22023", "identity column type must be smallint, integer, or bigint", location, kind="type")


def _generated(
    ctx: Context, definition: TableDefinition, column: ColumnDefinition, node: Node, on: str, again: bool
) -> None:
    location = node.get("location", 0)
    if definition.of_type:
        raise ctx.refuse("0A000", "generated columns are not supported on typed tables", location, kind="other")
    if again:
        raise ctx.refuse("42601", f"multiple generation clauses specified {on}", location, kind="other")
    column.generated = node.get("generated_kind") or "s"
    column.default = node["raw_expr"]


def _table_constraint(ctx: Context, definition: TableDefinition, column: ColumnDefinition, node: Node) -> None:
    name = [{"String": {"sval": column.name}}]
    match node["contype"]:
        case "CONSTR_CHECK":
            definition.checks.append(node)
        case "CONSTR_PRIMARY" | "CONSTR_UNIQUE":
            if definition.kind == "f":
                word = "primary key" if node["contype"] == "CONSTR_PRIMARY" else "unique"
                raise ctx.refuse(
                    "0A000",
                    f"{word} constraints are not supported on foreign tables",
                    node.get("location", 0),
                    kind="constraint",
                )
            definition.keys.append(node | {"keys": node.get("keys") or name})
        case "CONSTR_FOREIGN":
            if definition.kind == "f":
                raise ctx.refuse(
                    "0A000",
                    "foreign key constraints are not supported on foreign tables",
                    node.get("location", 0),
                    kind="constraint",
                )
            definition.foreign.append(node | {"fk_attrs": name})


def with_attributes(ctx: Context, nodes: list[Node]) -> list[Node]:
    """DEFERRABLE and the like join the constraint before them (transformConstraintAttrs). Refuses misplaced ones with
    42601."""
    out: list[Node] = []
    for node in nodes:
        kind = node["contype"]
        if kind not in _ATTRS:
            out.append(dict(node))
            continue
        last = out[-1] if out else None
        word = (
            kind.removeprefix("CONSTR_ATTR_")
            .replace("_", " ")
            .replace("DEFERRED", "INITIALLY DEFERRED")
            .replace("IMMEDIATE", "INITIALLY IMMEDIATE")
        )
        if kind.endswith("ENFORCED"):
            if last is None or last["contype"] not in ("CONSTR_CHECK", "CONSTR_FOREIGN"):
                raise ctx.refuse("42601", f"misplaced {word} clause", node.get("location", 0), kind="constraint")
            if "is_enforced_set" in last:
                message = "multiple ENFORCED/NOT ENFORCED clauses not allowed"
                raise ctx.refuse("42601", message, node.get("location", 0), kind="constraint")
            last["is_enforced"] = last["is_enforced_set"] = kind == "CONSTR_ATTR_ENFORCED"
            continue
        if last is None or last["contype"] not in _WITH_ATTRS:
            raise ctx.refuse("42601", f"misplaced {word} clause", node.get("location", 0), kind="constraint")
        if kind == "CONSTR_ATTR_DEFERRABLE":
            last["deferrable"] = True
        elif kind == "CONSTR_ATTR_DEFERRED":
            last["deferrable"] = last["initdeferred"] = True
    return out
