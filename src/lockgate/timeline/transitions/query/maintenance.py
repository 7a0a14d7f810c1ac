"""Statements that work on rows or files and leave the catalog be: TRUNCATE, LOCK, COPY, VACUUM, ANALYZE, CLUSTER,
REINDEX."""

from __future__ import annotations

from lockgate.catalog import acl
from lockgate.catalog.objects import Constraint, Namespace, Relation, Trigger
from lockgate.timeline.binder import analyze_query, check_uses, find_namespace, find_relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.hazards.queries import queried
from lockgate.timeline.privileges import row_security
from lockgate.timeline.privileges.check import database, denied, need_owner, need_privilege, need_superuser
from lockgate.timeline.privileges.may import MAINTAIN_ALL, has_owner, has_privilege
from lockgate.timeline.privileges.query import behind, viewer
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.relation import column_of, user_relation
from lockgate.timeline.transitions.relation.sequence import owned_sequences
from lockgate.timeline.transitions.role.grant import by_owner
from lockgate.timeline.transitions.table.inheritance import descendants


def truncate(ctx: Context, node: Node) -> None:
    """TRUNCATE (ExecuteTruncate, heap_truncate_check_FKs)."""
    listed: list[Relation] = []
    place = 0
    for item in node.get("relations", []):
        rangevar = item["RangeVar"]
        place = rangevar.get("location", 0)
        relation = user_relation(ctx, rangevar)
        assert relation is not None
        _truncatable(ctx, relation, place)
        oids = descendants(ctx.catalog, relation.oid) if rangevar.get("inh") else [relation.oid]
        if relation.kind == "p" and not rangevar.get("inh"):
            raise ctx.refuse(
                "42809",
                "cannot truncate only a partitioned table",
                place,
                name=relation.name,
                kind="relation",
                help="Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.",
            )
        listed += [ctx.catalog.the(Relation, oid) for oid in oids if oid not in {r.oid for r in listed}]
    if node.get("behavior") == "DROP_CASCADE":
        _cascade(ctx, listed, place)
    else:
        _check_references(ctx, listed, place)
    for relation in listed if ctx.transaction.pending else ():
        from lockgate.timeline.routines.pending import check_not_in_use

        check_not_in_use(ctx, relation, "TRUNCATE")
    for relation in listed:
        if any("T" in t.events for t in ctx.catalog.of_relation(relation.oid, Trigger)):
            ctx.catalog.forget()
        elif relation.kind == "r":
            ctx.catalog.hold(relation.oid, ())
    if node.get("restart_seqs"):
        for relation in listed:
            for sequence in owned_sequences(ctx, relation.oid):
                need_owner(ctx, sequence, place, name=relation.name)


def _truncatable(ctx: Context, relation: Relation, location: int) -> None:
    if relation.kind not in "rpf":
        raise ctx.refuse("42809", f'"{relation.name}" is not a table', location, name=relation.name, kind="relation")
    need_privilege(ctx, relation, "TRUNCATE", location, name=relation.name)


def _references(ctx: Context, listed: list[Relation]) -> list[Constraint]:
    oids = {r.oid for r in listed}
    found = []
    for oid in sorted(oids):
        for edge in ctx.catalog.dependents(oid):
            constraint = ctx.catalog.find(Constraint, edge.dependent[0])
            if (
                constraint is not None
                and constraint.kind == "f"
                and constraint.foreign == oid
                and constraint.relation not in oids
            ):
                found.append(constraint)
    return found


def _check_references(ctx: Context, listed: list[Relation], location: int) -> None:
    for constraint in _references(ctx, listed):
        source, target = ctx.catalog.the(Relation, constraint.relation), ctx.catalog.the(Relation, constraint.foreign)
        if doubt(ctx, source) is not None or ctx.catalog.taint_of(("object", constraint.oid)):
            continue
        raise ctx.refuse(
            "0A000",
            "cannot truncate a table referenced in a foreign key constraint",
            location,
            name=target.name,
            kind="dependent",
            object=ctx.catalog.qualified(target),
            help=f'Table "{source.name}" references "{target.name}". Truncate table "{source.name}" at the same time, or use TRUNCATE ... CASCADE.',
        )


def _cascade(ctx: Context, listed: list[Relation], location: int) -> None:
    while True:
        new = list({c.relation: ctx.catalog.the(Relation, c.relation) for c in _references(ctx, listed)}.values())
        if not new:
            return
        for relation in new:
            need_privilege(ctx, relation, "TRUNCATE", location)
        listed += new


_LOCK_PRIVILEGES = ("UPDATE", "DELETE", "TRUNCATE")


def lock(ctx: Context, node: Node) -> None:
    """LOCK TABLE (LockTableCommand): in a transaction block only (25P01); the runner's own counts where we take it
    apart."""
    if not ctx.session.in_block and not ctx.depth and not ctx.statement.script.apart:
        raise ctx.refuse("25P01", "LOCK TABLE can only be used in transaction blocks", 0, kind="other")
    for item in node.get("relations", []):
        rangevar = item["RangeVar"]
        relation = find_relation(ctx, rangevar)
        if not isinstance(relation, Relation):
            continue
        location = rangevar.get("location", 0)
        if relation.kind not in "rpv":
            message = (
                f'"{relation.name}" is not a table or view'
                if ctx.catalog.major < 15
                else f'cannot lock relation "{relation.name}"'
            )
            raise ctx.refuse("42809", message, location, name=relation.name, kind="relation")
        _need_lock(ctx, relation, int(node.get("mode", 8)), None, location)


def _need_lock(ctx: Context, relation: Relation, mode: int, role: int | None, location: int) -> None:
    """LockTableAclCheck; behind a view as its owner (LockViewRecurse)."""
    old = ctx.catalog.major < 16  # there SELECT and INSERT fit one mode each
    weak = [word for word, most in (("SELECT", 1), ("INSERT", 3)) if (mode == most if old else mode <= most)]
    wanted = (*_LOCK_PRIVILEGES, *(("MAINTAIN",) if ctx.catalog.major >= 17 else ()), *weak)
    held = [has_privilege(ctx, relation, p, role=role) for p in wanted]
    best = next((word for word in ("yes", "unknown") if word in held), "no")
    if best == "no":
        raise denied(ctx, relation, wanted[0], location, name=relation.name, role=role)
    if relation.kind != "v" or ctx.catalog.taint_of(("any",), ("object", relation.oid)):
        return
    for oid in behind(ctx, relation)[0]:
        found = ctx.catalog.the(Relation, oid)
        if found.kind in "rpv":
            _need_lock(ctx, found, mode, viewer(ctx, relation, role), location)


def copy(ctx: Context, node: Node) -> None:
    """COPY (DoCopy): the table, its columns, who may."""
    incoming = bool(node.get("is_from"))
    _copy_file(ctx, node, incoming)
    if "query" in node:
        ((tag, body),) = node["query"].items()
        query = analyze_query(ctx, tag, body)
        check_uses(ctx, query)
        queried(ctx, tag, body, query)
        return
    rangevar = node["relation"]
    location = rangevar.get("location", 0)
    relation = find_relation(ctx, rangevar)
    if not isinstance(relation, Relation):
        return
    if incoming:
        ctx.catalog.forget()  # its triggers may write, too
    numbers = _copy_columns(ctx, relation, node, location)
    need_privilege(ctx, relation, "INSERT" if incoming else "SELECT", location, columns=numbers, name=relation.name)
    if row_security.applies(ctx, relation, ctx.session.role) and incoming:
        raise ctx.refuse(
            "0A000",
            "COPY FROM not supported with row-level security",
            location,
            name=relation.name,
            kind="relation",
            help="Use INSERT statements instead.",
        )
    if incoming and relation.kind not in "rpf" and not _instead(ctx, relation):
        word = {"v": "view", "m": "materialized view", "S": "sequence"}.get(relation.kind, "non-table relation")
        raise ctx.refuse(
            "42809", f'cannot copy to {word} "{relation.name}"', location, name=relation.name, kind="relation"
        )
    if not incoming and relation.kind not in ("r" if ctx.catalog.major < 18 or relation.kind != "m" else "rm"):
        word = {
            "v": "view",
            "m": "materialized view",
            "S": "sequence",
            "f": "foreign table",
            "p": "partitioned table",
        }.get(relation.kind, "relation")
        raise ctx.refuse(
            "42809",
            f'cannot copy from {word} "{relation.name}"',
            location,
            name=relation.name,
            kind="relation",
            help="Try the COPY (SELECT ...) TO variant.",
        )


def _copy_file(ctx: Context, node: Node, incoming: bool) -> None:
    if not node.get("filename"):
        return
    role = (
        "pg_execute_server_program"
        if node.get("is_program")
        else "pg_read_server_files"
        if incoming
        else "pg_write_server_files"
    )
    what = "to or from an external program" if node.get("is_program") else "from a file" if incoming else "to a file"
    message = (
        f"permission denied to COPY {what}"
        if ctx.catalog.major >= 16
        else (f"must be superuser or have privileges of the {role} role to COPY {what}")
    )
    need_superuser(ctx, message, 0, roles=(role,))


def _copy_columns(ctx: Context, relation: Relation, node: Node, location: int) -> list[int]:
    seen: set[str] = set()
    numbers = []
    for item in node.get("attlist", []):
        name = item["String"].get("sval", "")
        attribute = column_of(ctx, relation, name, location)
        if attribute.generated:
            raise ctx.refuse(
                "42P10",
                f'column "{name}" is a generated column',
                location,
                name=name,
                kind="column",
                help="Generated columns cannot be used in COPY.",
            )
        if name in seen:
            raise ctx.refuse("42701", f'column "{name}" specified more than once', location, name=name, kind="column")
        seen.add(name)
        numbers.append(attribute.num)
    return numbers or [a.num for a in relation.attributes]


def _instead(ctx: Context, relation: Relation) -> bool:
    return any(t.timing in ("O", "I") and "I" in t.events for t in ctx.catalog.of_relation(relation.oid, Trigger))


def vacuum(ctx: Context, node: Node) -> None:
    """VACUUM and ANALYZE (ExecVacuum): VACUUM runs in no transaction block (25001)."""
    vacuuming = bool(node.get("is_vacuumcmd"))
    options = {o["DefElem"].get("defname", "") for o in node.get("options", [])}
    if vacuuming and ctx.session.in_block:
        raise ctx.refuse("25001", "VACUUM cannot run inside a transaction block", 0, kind="other")
    for item in node.get("rels", []):
        target = item["VacuumRelation"]
        columns = [c["String"].get("sval", "") for c in target.get("va_cols", [])]
        if vacuuming and columns and "analyze" not in options:
            raise ctx.refuse(
                "0A000", "ANALYZE option must be specified when a column list is provided", 0, kind="other"
            )
        relation = find_relation(ctx, target["relation"])
        if not isinstance(relation, Relation):
            continue
        location = target["relation"].get("location", 0)
        # vacuum_is_permitted_for_relation: the database's owner may, too
        may = (
            has_owner(ctx, relation) != "no"
            or ctx.session.role == ctx.catalog.database_owner
            or (ctx.catalog.major >= 17 and has_privilege(ctx, relation, "MAINTAIN") == "yes")
        )
        if not may:
            verb = "vacuum" if vacuuming else "analyze"
            old = f'skipping "{relation.name}" --- only table or database owner can {verb} it'
            new = f'permission denied to {verb} "{relation.name}", skipping it'
            help = by_owner(ctx, relation.owner)
            ctx.warn(
                old if ctx.catalog.major < 16 else new, location, object=ctx.catalog.qualified(relation), help=help
            )
            continue
        if relation.kind not in ("rmp" if vacuuming else "rmpf") and not ctx.catalog.taint_of(
            ("any",), ("object", relation.oid)
        ):
            verb = "vacuum" if vacuuming else "analyze"
            message = f'skipping "{relation.name}" --- cannot {verb} non-tables or special system tables'
            ctx.warn(message, location, sqlstate="01000", object=ctx.catalog.qualified(relation))
            continue
        for name in columns:
            column_of(ctx, relation, name, location)


def need_maintain(ctx: Context, relation: Relation, location: int) -> None:
    """RangeVarCallbackMaintainsTable: before 17 only the owner may; an index is its table's."""
    table = ctx.catalog.find(Relation, relation.index.relation) if relation.index is not None else None
    if ctx.catalog.major < 17:
        need_owner(ctx, relation, location, name=relation.name)
    else:
        kind = "index" if table is not None else ""
        need_privilege(ctx, table or relation, "MAINTAIN", location, name=relation.name, shown=relation.name, kind=kind)


def cluster(ctx: Context, node: Node) -> None:
    """CLUSTER."""
    if "relation" not in node:
        if ctx.session.in_block:
            raise ctx.refuse("25001", "CLUSTER cannot run inside a transaction block", 0, kind="other")
        return
    location = node["relation"].get("location", 0)
    relation = user_relation(ctx, node["relation"])
    assert relation is not None
    need_maintain(ctx, relation, location)
    name = node.get("indexname", "")
    if not name:
        clustered = any(
            i.index is not None and i.index.clustered for i in ctx.catalog.of_relation(relation.oid, Relation)
        )
        if not clustered and doubt(ctx, relation) is None:
            raise ctx.refuse(
                "42704",
                f'there is no previously clustered index for table "{relation.name}"',
                location,
                name=relation.name,
                kind="index",
            )
        return
    index = ctx.catalog.relation_named(relation.namespace, name)
    if index is None and doubt(ctx, relation) is None:
        raise ctx.refuse(
            "42704", f'index "{name}" for table "{relation.name}" does not exist', location, name=name, kind="index"
        )
    if index is not None and index.index is not None and index.index.partial:
        raise ctx.refuse("0A000", f'cannot cluster on partial index "{name}"', location, name=name, kind="index")


def reindex(ctx: Context, node: Node) -> None:
    """REINDEX (ExecReindex)."""
    kind = node["kind"].removeprefix("REINDEX_OBJECT_")
    concurrent = any(p["DefElem"].get("defname") == "concurrently" for p in node.get("params", []))
    if ctx.session.in_block and (concurrent or kind in ("SCHEMA", "SYSTEM", "DATABASE")):
        words = "CONCURRENTLY" if concurrent else kind
        raise ctx.refuse("25001", f"REINDEX {words} cannot run inside a transaction block", 0, kind="other")
    if kind == "SCHEMA":
        space = find_namespace(ctx, node.get("name", ""))
        if isinstance(space, Namespace) and not _maintains_all(ctx):
            need_owner(ctx, space, name=space.name)
        return
    if kind not in ("INDEX", "TABLE"):
        if not _maintains_all(ctx):
            need_owner(ctx, database(ctx), shown=node.get("name", ""))
        return
    location = node["relation"].get("location", 0)
    relation = find_relation(ctx, node["relation"])
    if not isinstance(relation, Relation):
        if ctx.catalog.major < 17:
            need_owner(ctx, relation, location, name=node["relation"].get("relname"))
        else:
            need_privilege(ctx, relation, "MAINTAIN", location, name=node["relation"].get("relname"))
        return
    wanted, word = ("iI", "an index") if kind == "INDEX" else ("rpm", "a table or materialized view")
    if relation.kind not in wanted:
        raise ctx.refuse("42809", f'"{relation.name}" is not {word}', location, name=relation.name, kind="relation")
    need_maintain(ctx, relation, location)
    if relation.kind in "pI" and ctx.session.in_block:  # ReindexPartitions: a transaction for each partition
        raise ctx.refuse("25001", f"REINDEX {kind} cannot run inside a transaction block", location, kind="other")


def _maintains_all(ctx: Context) -> bool:
    return ctx.catalog.major >= 17 and MAINTAIN_ALL in acl.roles_of(ctx.catalog, ctx.session.role)


def move_all(ctx: Context, node: Node) -> None:
    """ALTER ... ALL IN TABLESPACE: tablespaces are not modelled."""
    ctx.notes.append("ALTER ... ALL IN TABLESPACE")


HANDLERS = {
    "TruncateStmt": truncate,
    "LockStmt": lock,
    "CopyStmt": copy,
    "VacuumStmt": vacuum,
    "ClusterStmt": cluster,
    "ReindexStmt": reindex,
    "AlterTableMoveAllStmt": move_all,
}
