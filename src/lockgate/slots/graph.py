"""What alembic and Django refuse by their own graph, and what the ledger holds of it."""

from __future__ import annotations

from collections.abc import Container, Iterator

from lockgate.base.text import Span
from lockgate.slots.claim import Claim
from lockgate.slots.conflicts import Below, PassedOver, SeveralHeads, Unread
from lockgate.slots.ledger import Ledger
from lockgate.sources import Direction, Folder
from lockgate.sources.folder import Revision
from lockgate.sources.revisions import resolved, why_refused

_REMEDY = {
    "django": "put the newer one on top of the other (its dependencies), or: manage.py makemigrations --merge",
    "alembic": "put the newer one on top of the other (its down_revision), or: alembic merge heads",
}


def faults(folder: Folder, command: str = "") -> Iterator[SeveralHeads | PassedOver]:
    """Several heads where one is wanted, and what stands on a revision that is not there."""
    for files, does in why_refused(folder.revisions, command):
        if len(files) > 1:
            yield SeveralHeads(tuple((r.id, r.source) for r in files), does, _REMEDY[files[0].runner])
        else:
            yield PassedOver(files[0].source, does, stops=True)


def unread(folder: Folder) -> Iterator[Unread]:
    """The migrations in code of which something could not be printed: those that may change more than rows first."""
    for one in folder.migrations:
        source = one.up.source
        if one.opaque and source.printed is None and source.path.endswith(".py"):
            yield Unread(source, Span(0, 0), one.opaque, 0, ("*",), folder.layout)
        elif one.up.gaps:
            first = max(one.up.gaps, key=lambda gap: (gap.wide, bool(gap.touches)))
            yield Unread(source, first.span, first.why, len(one.up.gaps) - 1, first.touches, folder.layout)


def inconsistent(folder: Folder, ledger: Ledger) -> Iterator[Below]:
    """Django's MigrationLoader.check_consistent_history: an applied migration one of whose parents is not."""
    graph = {r.id: r for r in folder.revisions if r.runner == "django"}
    applied = {row.version: row for row in ledger.rows}
    gone = {name for r in graph.values() if _stands_in(r, applied) for name in r.replaces}
    for ident, row in applied.items():
        for name in graph[ident].below if ident in graph and ident not in gone else ():
            parent = resolved(name, graph)
            if parent in graph and parent not in applied and not _stands_in(graph[parent], applied):
                does = f"migrate raises InconsistentMigrationHistory: {ident} is applied before its dependency {parent}"
                yield Below(_claim(graph[parent]), row, ledger, does)


def _stands_in(one: Revision, applied: Container[str]) -> bool:
    """Whether a squash counts as applied: all that it replaces is."""
    return bool(one.replaces) and all(name in applied for name in one.replaces)


def _claim(one: Revision) -> Claim:
    return Claim("", one.id, one.id, Direction.UP, one.source, "", one.id)
