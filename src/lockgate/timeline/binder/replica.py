"""Published tables need a replica identity for UPDATE and DELETE (CheckCmdReplicaIdentity in
src/backend/executor/execReplication.c)."""

from __future__ import annotations

from lockgate.catalog.details import PublicationScope
from lockgate.catalog.objects import Constraint, Other, Relation
from lockgate.timeline.binder.values import AnalyzedQuery
from lockgate.timeline.context import Context

PUBLISHED = ("insert", "update", "delete", "truncate")  # what a publication publishes unless told otherwise


def check_replica_identity(ctx: Context, query: AnalyzedQuery) -> None:
    """Refuse with 55000 what cannot be published: the executor asks as it starts, whether or not there are rows."""
    relation = ctx.catalog.find(Relation, query.target)
    if (
        relation is None
        or relation.kind != "r"
        or relation.persistence != "p"
        or query.command not in ("insert", "update", "delete", "merge")
    ):
        return
    if _identified(ctx, relation) or ctx.catalog.taint_of(("any",), ("object", relation.oid)) is not None:
        return
    written = {p for use in query.uses if use.relation == relation.oid for p in use.privileges}
    for command in ("update", "delete"):
        if command.upper() in written and _published(ctx, relation, command):
            message = f'cannot {command} {"table" if command == "update" else "from table"} "{relation.name}" because it does not have a replica identity'
            raise ctx.refuse(
                "55000",
                f"{message} and publishes {command}s",
                name=relation.name,
                kind="relation",
                object=ctx.catalog.qualified(relation),
                help="To enable it, set REPLICA IDENTITY using ALTER TABLE.",
            )


def _identified(ctx: Context, relation: Relation) -> bool:
    if relation.replica_identity == "d":
        return any(c.kind == "p" for c in ctx.catalog.of_relation(relation.oid, Constraint))
    return relation.replica_identity != "n"


def _published(ctx: Context, relation: Relation, command: str) -> bool:
    rows = [row for row in ctx.catalog.of_relation(relation.oid, Other) if row.kind == "publication_rel"]
    members = {edge.referenced[0] for row in rows for edge in ctx.catalog.dependencies(row.oid)}
    for publication in ctx.catalog.others("publication"):
        match publication.details:
            case PublicationScope(every, words) if (every or publication.oid in members) and command in words:
                return True
    return False
