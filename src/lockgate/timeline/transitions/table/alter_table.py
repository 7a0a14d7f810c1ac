"""ALTER TABLE and its kin: the passes (ATController, ATPrepCmd, ATRewriteCatalogs in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lockgate.base.text import Span
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.objects import Constraint, Other, Relation
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.privileges.query import check_functions
from lockgate.timeline.transitions.constraint import alter_constraint
from lockgate.timeline.transitions.object import alter_other, inherit
from lockgate.timeline.transitions.relation.relation import user_relation
from lockgate.timeline.transitions.table import alter_column, alter_identity, column_property
from lockgate.timeline.transitions.table.alteration import Action, Alteration, Pass, Queue, allow
from lockgate.timeline.transitions.table.inheritance import descendants
from lockgate.timeline.transitions.type import alter_type

# subtype: pass, relkinds, recursion to children in preparation, execution, further preparation
_TABLE, _FOREIGN, _VIEW, _MATVIEW, _INDEX, _PARTINDEX, _COMPOSITE, _SEQUENCE = "rp", "f", "v", "m", "i", "I", "c", "S"
_Row = tuple[Pass, str, bool, Action, Action | None]
_COMMANDS: Mapping[str, _Row] = (
    {
        "AT_AddColumn": (Pass.ADD_COL, "rpcf", False, alter_column.add_column, alter_column.prepare_add),
        "AT_DropColumn": (Pass.DROP, "rpcf", False, alter_column.drop_column, alter_column.prepare_drop),
        "AT_ColumnDefault": (Pass.ADD_OTHERCONSTR, "rpvf", True, column_property.set_column_default, None),
        "AT_AddIdentity": (Pass.ADD_OTHERCONSTR, "rpvf", False, alter_identity.add_identity, None),
        "AT_SetIdentity": (Pass.MISC, "rpvf", False, alter_identity.set_identity, None),
        "AT_DropIdentity": (Pass.DROP, "rpvf", False, alter_identity.drop_identity, None),
        "AT_DropNotNull": (
            Pass.DROP,
            "rpf",
            True,
            column_property.drop_not_null,
            column_property.prepare_drop_not_null,
        ),
        "AT_SetNotNull": (Pass.COL_ATTRS, "rpf", True, column_property.set_column_not_null, None),
        "AT_SetExpression": (Pass.SET_EXPRESSION, "rpf", True, column_property.set_expression, None),
        "AT_DropExpression": (Pass.DROP, "rpf", True, column_property.drop_expression, None),
        "AT_SetStatistics": (Pass.MISC, "rpmiIf", True, column_property.touch, None),
        "AT_SetOptions": (Pass.MISC, "rpmf", False, column_property.touch, None),
        "AT_ResetOptions": (Pass.MISC, "rpmf", False, column_property.touch, None),
        "AT_SetStorage": (Pass.MISC, "rpmf", True, column_property.touch, None),
        "AT_SetCompression": (Pass.MISC, "rpm", False, column_property.touch, None),
        "AT_AlterColumnGenericOptions": (Pass.MISC, "f", False, column_property.touch, None),
        "AT_AlterColumnType": (Pass.ALTER_TYPE, "rpcf", False, alter_type.alter_column_type, alter_type.prepare),
        "AT_AddConstraint": (
            Pass.ADD_CONSTR,
            "rpf",
            False,
            alter_constraint.add_constraint,
            alter_constraint.prepare_constraint,
        ),
        "AT_DropConstraint": (Pass.DROP, "rpf", False, alter_constraint.drop_constraint, None),
        "AT_AlterConstraint": (Pass.MISC, "rp", False, alter_constraint.alter_constraint, None),
        "AT_ValidateConstraint": (Pass.MISC, "rpf", False, alter_constraint.validate_constraint, None),
        "AT_ChangeOwner": (Pass.MISC, "rpfvmSiIc", False, alter_other.change_owner, None),
        "AT_ClusterOn": (Pass.MISC, "rpm", False, alter_other.cluster_on, None),
        "AT_DropCluster": (Pass.MISC, "rpm", False, alter_other.nothing, None),
        "AT_SetLogged": (Pass.MISC, "rpS", False, alter_other.set_logged, alter_other.prepare_logged),
        "AT_SetUnLogged": (Pass.MISC, "rpS", False, alter_other.set_logged, alter_other.prepare_logged),
        "AT_DropOids": (Pass.DROP, "rpf", False, alter_other.nothing, None),
        "AT_SetAccessMethod": (Pass.MISC, "rpm", False, alter_other.set_access_method, None),
        "AT_SetTableSpace": (Pass.MISC, "rpmiI", False, alter_other.nothing, None),
        "AT_SetRelOptions": (Pass.MISC, "rpvmiI", False, alter_other.set_options, None),
        "AT_ResetRelOptions": (Pass.MISC, "rpvmiI", False, alter_other.set_options, None),
        "AT_AddInherit": (Pass.MISC, "rpf", False, inherit.add_inherit, inherit.prepare_inherit),
        "AT_DropInherit": (Pass.MISC, "rpf", False, inherit.drop_inherit, None),
        "AT_AddOf": (Pass.MISC, "rp", False, inherit.add_of, None),
        "AT_DropOf": (Pass.MISC, "rp", False, inherit.drop_of, None),
        "AT_ReplicaIdentity": (Pass.MISC, "rpm", False, alter_other.replica_identity, None),
        "AT_GenericOptions": (Pass.MISC, "f", False, alter_other.nothing, None),
        "AT_AttachPartition": (Pass.MISC, "rpI", False, inherit.attach_partition, None),
        "AT_DetachPartition": (Pass.MISC, "rp", False, inherit.detach_partition, None),
        "AT_DetachPartitionFinalize": (Pass.MISC, "rp", False, alter_other.nothing, None),
    }
    | dict.fromkeys(
        (
            "AT_EnableTrig",
            "AT_EnableAlwaysTrig",
            "AT_EnableReplicaTrig",
            "AT_EnableTrigAll",
            "AT_EnableTrigUser",
            "AT_DisableTrig",
            "AT_DisableTrigAll",
            "AT_DisableTrigUser",
        ),
        (Pass.MISC, "rpf", False, alter_other.triggers, None),
    )
    | dict.fromkeys(
        ("AT_EnableRule", "AT_EnableAlwaysRule", "AT_EnableReplicaRule", "AT_DisableRule"),
        (Pass.MISC, "rpv", False, alter_other.rules, None),
    )
    | dict.fromkeys(
        ("AT_EnableRowSecurity", "AT_DisableRowSecurity", "AT_ForceRowSecurity", "AT_NoForceRowSecurity"),
        (Pass.MISC, "rp", False, alter_other.row_security, None),
    )
)

# relkinds that a subcommand no longer takes
_SINCE_18 = {
    "AT_AttachPartition": {114: None},
    "AT_DetachPartition": {114: None},
    "AT_SetLogged": {112: None},
    "AT_SetUnLogged": {112: None},
}
_OBJECT_KINDS = {
    "OBJECT_VIEW": ("v", "view"),
    "OBJECT_MATVIEW": ("m", "materialized view"),
    "OBJECT_SEQUENCE": ("S", "sequence"),
    "OBJECT_FOREIGN_TABLE": ("f", "foreign table"),
    "OBJECT_INDEX": ("iI", "index"),
    "OBJECT_TYPE": ("c", "composite type"),
}

_PASSES = tuple(Pass)


def alter_table(ctx: Context, node: Node) -> None:
    """ALTER TABLE, INDEX, VIEW, SEQUENCE, MATERIALIZED VIEW, FOREIGN TABLE, and the attributes of ALTER TYPE."""
    rangevar, kind = node["relation"], node.get("objtype", "OBJECT_TABLE")
    location = rangevar.get("location", 0)
    _check_block(ctx, node)
    relation = user_relation(ctx, rangevar, missing_ok=bool(node.get("missing_ok")), owned=True)
    if relation is None:
        return
    check_alterable(ctx, relation, kind, location)
    if ctx.transaction.pending:
        from lockgate.timeline.routines.pending import check_not_in_use

        check_not_in_use(ctx, relation, "ALTER TABLE")
    queue, start = Queue(relation.oid), len(ctx.catalog.journal)
    recurse = bool(rangevar.get("inh"))
    for command, span in _commands(ctx, node):
        prepare(ctx, queue, Alteration(relation.oid, command, span, recurse))
    for step in _PASSES:
        for item in queue.take(step):
            _COMMANDS[item.node["subtype"]][3](ctx, queue, item) if item.action is None else item.action(
                ctx, queue, item
            )
        if step in (Pass.ALTER_TYPE, Pass.SET_EXPRESSION):
            alter_type.clean_up(ctx, queue)
    _check_nulls(ctx, relation.oid)
    _check_functions(ctx, start)


def _check_functions(ctx: Context, start: int) -> None:
    """ATRewriteTable: EXECUTE on the functions of new CHECKs, and of the defaults of new columns; tables alone have
    rows."""
    before: dict[int, set[int]] = {}
    for old, new in ctx.catalog.journal[start:]:
        if isinstance(old, Relation) and isinstance(new, Relation):
            before.setdefault(old.oid, {a.num for a in old.attributes})
        relation = ctx.catalog.find(Relation, getattr(new, "relation", 0))
        if relation is None or relation.kind not in "rm":
            continue
        match new:
            case Constraint(kind="c", validated=True) if not isinstance(old, Constraint) or not old.validated:
                check_functions(ctx, new.oid)
            case Other(details=ColumnDefault(number)) if old is None and number not in before.get(
                relation.oid, {number}
            ):
                check_functions(ctx, new.oid)


def _check_nulls(ctx: Context, oid: int) -> None:
    """ATRewriteTable: a column that takes no NULL any more and is known to hold one (23502)."""
    rows, relation = ctx.catalog.contents.get(oid, ()), ctx.catalog.find(Relation, oid)
    for column in relation.attributes if relation is not None and rows else ():
        if column.notnull and any(row.get((column.num, column.type), ()) is None for row in rows):
            raise ctx.refuse(
                "23502",
                f'column "{column.name}" of relation "{relation.name if relation else ""}" contains null values',
                name=column.name,
                object=column.name,
                kind="other",
            )


def check_alterable(ctx: Context, relation: Relation, kind: str, location: int | None, *, rename: bool = False) -> None:
    """RangeVarCallbackForAlterRelation: ownership, then the kind that the statement names (42809); ALTER INDEX renames
    anything."""
    need_owner(ctx, relation, location, name=relation.name)
    wanted, word = _OBJECT_KINDS.get(kind, ("", ""))
    name = relation.name

    def wrong(message: str, help: str = "") -> Exception:
        return ctx.refuse(
            "42809", message, location, name=name, kind="relation", object=ctx.catalog.qualified(relation), help=help
        )

    if wanted and relation.kind not in wanted and not (rename and kind == "OBJECT_INDEX"):
        raise wrong(f'"{name}" is not {"an" if word == "index" else "a"} {word}')
    if relation.kind == "c" and kind != "OBJECT_TYPE":
        raise wrong(f'"{name}" is a composite type', "Use ALTER TYPE instead.")


def _check_block(ctx: Context, node: Node) -> None:
    for item in node.get("cmds", []):
        command = item["AlterTableCmd"]
        if (
            command["subtype"] == "AT_DetachPartition"
            and command["def"]["PartitionCmd"].get("concurrent")
            and ctx.session.in_block
        ):
            raise ctx.refuse(
                "25001",
                "ALTER TABLE ... DETACH CONCURRENTLY cannot run inside a transaction block",
                span=ctx.span(0, "concurrently"),
                kind="other",
            )


def _commands(ctx: Context, node: Node) -> Iterator[tuple[Node, Span]]:
    """Each subcommand with the token that names its subject."""
    bounds = ctx.bounds or ctx.statement.span
    at = ctx.span(node["relation"].get("location", 0), node["relation"].get("relname")).end
    text = ctx.text_source.text
    for item in node.get("cmds", []):
        command = item["AlterTableCmd"]
        name = _subject(command)
        found = find_name(text, name, at, bounds.end) if name else -1
        span = Span(found, token_end(text, found)) if found >= 0 else bounds
        if found >= 0:
            at = span.end
        yield command, span


def _subject(command: Node) -> str:
    if command.get("name"):
        return str(command["name"])
    definition = command.get("def", {})
    for body in definition.values():
        if isinstance(body, dict):
            name = body.get("colname") or body.get("conname") or body.get("name") or body.get("relname")
            if isinstance(name, dict):
                name = name.get("relname")
            if name:
                return str(name)
    return ""


def prepare(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ATPrepCmd: may it be done to this relation, in which pass, and to which children."""
    row = _COMMANDS.get(item.node["subtype"])
    if row is None:
        ctx.notes.append(f"ALTER TABLE {item.node['subtype']}")
        return
    step, kinds, recursive, _, further = row
    if item.node["subtype"] == "AT_ColumnDefault" and "def" not in item.node:
        step = Pass.DROP
    relation = ctx.catalog.the(Relation, item.relation)
    if ctx.catalog.major >= 18:
        kinds = kinds.translate(_SINCE_18.get(item.node["subtype"], {}))
    allow(ctx, relation, kinds, item)
    if further is not None:
        further(ctx, queue, item)
    queue.add(step, item)
    if recursive and item.recurse and not item.recursing and not column_property.recurses_later(ctx, item):
        for oid in descendants(ctx.catalog, relation.oid)[1:]:
            prepare(ctx, queue, item.on(oid))


HANDLERS = {"AlterTableStmt": alter_table}
