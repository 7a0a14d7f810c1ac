"""ALTER TABLE and its kin (AlterTable, ATPrepCmd, ATExecCmd, ATRewriteTables in src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.objects import FIRST_USER_OID, Attribute, Constraint, Other, Relation, Trigger, Type
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.hazards.find import by_list, items, named
from lockgate.timeline.hazards.levels import PARTITIONED, RECURSING, level, subcommands
from lockgate.timeline.hazards.touches import Touches, family, lock_all

_VALUED = frozenset({"CONSTR_DEFAULT", "CONSTR_GENERATED"})
_SERIAL = frozenset({"serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"})


def alter_table(ctx: Context, touches: Touches, node: Node) -> Callable[[Catalog], None]:
    """Before the statement runs: its locks. What is returned tells its work, once it has run."""
    before = ctx.catalog.freeze() if ctx.depth else touches.before
    root = named(ctx, node.get("relation"))
    if root is None:
        return lambda _: None
    commands = list(subcommands(node))
    lock = max(map(level, commands), default=Lock.ACCESS_EXCLUSIVE)
    touches.lock(root, lock)
    lock_all(touches, typed(before, root), lock)
    recurse = bool(node["relation"].get("inh"))
    for command in commands:
        lock_all(touches, _reached(before, root, command, recurse), lock)
        if recurse and root.kind == "p" and _builds(command):
            lock_all(touches, family(before, root)[1:], Lock.SHARE)
        _beside(ctx, touches, before, root, command)
    return lambda after: _work(ctx, touches, before, after, root, commands, recurse)


def null_columns(node: Node) -> frozenset[str]:
    """The columns that a statement adds and that are NULL in every row: their own foreign keys are not held against the
    rows (transformAlterTableStmt's skipValidation, for each subcommand alone: ATParseTransformCmd)."""
    found = set()
    for command in subcommands(node):
        if command["subtype"] == "AT_AddColumn":
            column = command["def"]["ColumnDef"]
            kinds = {c["Constraint"]["contype"] for c in column.get("constraints", ())}
            if "CONSTR_FOREIGN" in kinds and not (kinds & _VALUED or _is_serial(column)):
                found.add(column["colname"])
    return frozenset(found)


def _builds(command: Node) -> bool:
    """Whether a subcommand builds an index, on the partitions as well (DefineIndex)."""
    kind = (
        command.get("def", {}).get("Constraint", {}).get("contype") if command["subtype"] == "AT_AddConstraint" else ""
    )
    return kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION")


def _is_serial(column: Node) -> bool:
    names = column.get("typeName", {}).get("names", [])
    return len(names) == 1 and names[0].get("String", {}).get("sval", "") in _SERIAL


def _reached(catalog: Catalog, root: Relation, command: Node, recurse: bool) -> Iterator[Relation]:
    """The children and partitions that a subcommand goes down to."""
    subtype = command["subtype"]
    if not catalog.children(root.oid):
        return
    if not recurse and subtype == "AT_DropNotNull" and catalog.major >= 18:
        if _inherits_not_null(catalog, root, command):  # they keep it, as their own
            yield from (c for oid in catalog.children(root.oid) if (c := catalog.find(Relation, oid)) is not None)
        return
    if not recurse:
        return
    below = family(catalog, root)[1:]
    partitioned = root.kind == "p"
    if subtype == "AT_DropNotNull" and catalog.major >= 18:
        yield from below if _inherits_not_null(catalog, root, command) else ()
    elif subtype in RECURSING or (partitioned and subtype in PARTITIONED):
        yield from below
    elif subtype == "AT_AddConstraint":
        constraint = command["def"]["Constraint"]
        kind = constraint["contype"]
        inherited = kind in ("CONSTR_CHECK", "CONSTR_NOTNULL") and not constraint.get("is_no_inherit")
        keys = kind == "CONSTR_FOREIGN" and partitioned
        if catalog.major >= 18 or kind == "CONSTR_PRIMARY" or inherited or keys:
            yield from below
    elif subtype == "AT_DropConstraint" and partitioned:
        yield from below  # even where there is no such constraint (ATCheckPartitionsNotInUse)
    elif subtype in ("AT_DropConstraint", "AT_ValidateConstraint"):
        found = catalog.one(Constraint, ("constraint", root.oid, command.get("name", "")))
        if found is not None and (partitioned or (found.kind in "cn" and not found.no_inherit)):
            yield from below
    elif "Trig" in subtype and partitioned:
        name = command.get("name", "")
        if any(t.row and name in ("", t.name) for t in catalog.of_relation(root.oid, Trigger)):
            yield from below


def _inherits_not_null(catalog: Catalog, root: Relation, command: Node) -> bool:
    """Whether a column has a NOT NULL that children have from it (18: ATExecDropNotNull asks the constraint)."""
    column = root.attribute(command.get("name", ""))
    numbers = {column.num} if column is not None else set()
    own = (c for c in catalog.of_relation(root.oid, Constraint) if c.kind == "n" and numbers & set(c.keys))
    return any(not c.no_inherit for c in own)


def _beside(ctx: Context, touches: Touches, catalog: Catalog, root: Relation, command: Node) -> None:
    """Other relations that a subcommand locks."""
    match command["subtype"]:
        case "AT_AddInherit":
            touches.lock(named(ctx, command["def"].get("RangeVar")), Lock.SHARE_UPDATE_EXCLUSIVE)
        case "AT_DropInherit":
            touches.lock(named(ctx, command["def"].get("RangeVar")), Lock.ACCESS_SHARE)
        case "AT_AttachPartition":
            from lockgate.timeline.hazards.partitions import attach

            attach(ctx, touches, catalog, root, command["def"]["PartitionCmd"])
        case "AT_DetachPartition" | "AT_DetachPartitionFinalize":
            from lockgate.timeline.hazards.partitions import detach

            detach(ctx, touches, catalog, root, command["def"]["PartitionCmd"])
        case "AT_AddOf":
            touches.lock(by_list(ctx, items(command["def"].get("TypeName", {}).get("names", []))), Lock.ACCESS_SHARE)
        case "AT_SetLogged" | "AT_SetUnLogged" | "AT_ChangeOwner":
            for sequence in _sequences(catalog, root):
                touches.lock(sequence, Lock.ACCESS_EXCLUSIVE)
        case _:
            pass


def _sequences(catalog: Catalog, root: Relation) -> Iterator[Relation]:
    for edge in catalog.dependents(root.oid):
        found = catalog.find(Relation, edge.dependent[0])
        if found is not None and found.sequence is not None and found.sequence.owned and edge.kind in "ai":
            yield found


def typed(catalog: Catalog, root: Relation) -> list[Relation]:
    """The tables of a composite type, to which its changes go (find_typed_table_dependencies)."""
    if root.kind != "c":
        return []
    found = (catalog.find(Relation, edge.dependent[0]) for edge in catalog.dependents(root.rowtype))
    return [one for one in found if one is not None and one.of_type == root.rowtype]


def _work(
    ctx: Context,
    touches: Touches,
    before: Catalog,
    after: Catalog,
    root: Relation,
    commands: list[Node],
    recurse: bool,
) -> None:
    tables = [*(family(before, root) if recurse else [root]), *typed(before, root)]
    for command in commands:
        subtype = command["subtype"]
        for table in tables if subtype in RECURSING else [root]:
            now = after.find(Relation, table.oid)
            if now is None:
                continue
            match subtype:
                case "AT_AddColumn":
                    _added(ctx, touches, after, table, now, command["def"]["ColumnDef"])
                case "AT_SetExpression":
                    _expression(touches, after, now, command.get("name", ""))
                case "AT_SetLogged" | "AT_SetUnLogged" if table.persistence != now.persistence:
                    touches.work(now, Work.REWRITE, "persistence changed")
                case "AT_SetAccessMethod" if command.get("name", "") not in ("", "heap"):
                    touches.work(now, Work.REWRITE, "access method changed", exact=False)
                case "AT_SetTableSpace" if command.get("name", "") != "pg_default":
                    touches.work(now, Work.REWRITE, "moved to another tablespace", exact=False)
                case "AT_AlterConstraint":
                    _enforced(touches, before, now, command["def"].get("ATAlterConstraint", {}))
                case _:
                    pass
    if any(c["subtype"] == "AT_AlterColumnType" for c in commands):
        from lockgate.timeline.hazards.retyping import retyped

        retyped(ctx, touches, before, after, tables, commands)


def _added(ctx: Context, touches: Touches, after: Catalog, table: Relation, now: Relation, node: Node) -> None:
    """ATExecAddColumn: a constant is kept beside the rows; what differs from row to row rewrites them."""
    name = node.get("colname", "")
    column, was = now.attribute(name), table.attribute(name)
    if column is None or (was is not None and was.num == column.num):
        return
    given = _VALUED.intersection(c["Constraint"]["contype"] for c in node.get("constraints", ()))
    default = after.one(Other, ("default", 0, f"{now.oid}.{column.num}")) if given or _is_serial(node) else None
    why = _rewriting(after, column, default, _is_serial(node))
    if column.identity or column.generated or _constant(default) or _of_domain(after, column):
        ctx.transaction.filled.add((now.oid, column.num))
    if why:
        touches.work(now, Work.REWRITE, why)
    elif column.notnull and (column.generated == "v" or not (_constant(default) or _of_domain(after, column))):
        touches.work(now, Work.SCAN, f"{name} looked at for nulls")


def _rewriting(after: Catalog, column: Attribute, default: Other | None, serial: bool) -> str:
    """Why adding a column rewrites the table; "" where it does not."""
    if column.identity:
        return "identity column"
    if column.generated:
        return "stored generated column" if column.generated == "s" else ""
    if serial:
        return "serial column"
    if column.type >= FIRST_USER_OID and _constrained(after, column.type):
        return "domain with a constraint"
    if default is not None:
        details = default.details
        volatile = isinstance(details, ColumnDefault) and details.volatility not in ("i", "s")
        return "volatile default" if volatile else ""
    domain = _of_domain(after, column)
    return "volatile default" if domain is not None and domain.default_volatility not in ("i", "s") else ""


def _of_domain(after: Catalog, column: Attribute) -> Type | None:
    """The domain whose default a column has that was given none."""
    found = after.find(Type, column.type)
    return found if found is not None and found.kind == "d" and found.has_default else None


def _constrained(after: Catalog, oid: int) -> bool:
    from lockgate.timeline.hazards.retype import is_constrained

    return is_constrained(after, oid)


def _constant(default: Other | None) -> bool:
    """Whether a default gives a value: NULL does not."""
    details = default.details if default is not None else None
    node = details.node if isinstance(details, ColumnDefault) else None
    while isinstance(node, dict) and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    return default is not None and not (isinstance(node, dict) and node.get("A_Const", {}).get("isnull"))


def _expression(touches: Touches, after: Catalog, now: Relation, name: str) -> None:
    """ATExecSetExpression: stored values are computed anew; a virtual column is looked at where it is NOT NULL."""
    column = now.attribute(name)
    if column is None:
        return
    if column.generated == "s":
        touches.work(now, Work.REWRITE, "stored generated column")
    elif column.generated == "v" and column.notnull:
        touches.work(now, Work.SCAN, f"{name} looked at for nulls")


def _enforced(touches: Touches, before: Catalog, table: Relation, node: Node) -> None:
    """ATExecAlterConstrEnforceability (18): ENFORCED reads the rows, NOT ENFORCED takes the triggers away."""
    found = before.one(Constraint, ("constraint", table.oid, node.get("conname", "")))
    if found is None or found.kind != "f" or not node.get("alterEnforceability"):
        return
    other = before.find(Relation, found.foreign)
    if node.get("is_enforced"):
        if found.enforced:
            return
        touches.lock(other, Lock.SHARE_ROW_EXCLUSIVE)
        for relation in (table, other):
            touches.work(relation, Work.SCAN, "foreign key validated")
    elif found.enforced:
        touches.lock(other, Lock.ACCESS_EXCLUSIVE)
