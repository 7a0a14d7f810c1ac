"""What alembic and Django refuse by their own graph, and what the ledger holds of it."""

from __future__ import annotations

from collections.abc import Container, Iterator

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


_PRINTS = {"django": "python manage.py sqlmigrate", "alembic": "alembic upgrade head --sql"}


def faults(folder: Folder, command: str = "") -> Iterator[SeveralHeads | PassedOver | Unread]:
    """Several heads where one is wanted, what stands on a revision that is not there, and that nobody printed the
    SQL."""
    unread = {m.up.source.path: m.up.source for m in folder.migrations if m.opaque}
    for runner, prints in _PRINTS.items():
        read = tuple(r.source for r in folder.revisions if r.runner == runner and r.source.path in unread)
        if read:
            yield Unread(read, runner, prints)
    for files, does in why_refused(folder.revisions, command):
        if len(files) > 1:
            yield SeveralHeads(tuple((r.id, r.source) for r in files), does, _REMEDY[files[0].runner])
        else:
            yield PassedOver(files[0].source, does, stops=True)


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
