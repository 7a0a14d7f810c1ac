"""Transactions on the timeline: blocks, savepoints, and what a rollback restores
(src/backend/access/transam/xact.c)."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from lockgate.base.effects import Effect
from lockgate.base.lazy_imports import Map
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Relation, Type
from lockgate.timeline.session import Session


class Saved(msgspec.Struct, frozen=True):
    """Catalog and session at a savepoint (``name`` "" for the start of the transaction)."""

    name: str
    catalog: Catalog
    session: Session
    locks: Map[int, int] = msgspec.field(default_factory=Map)
    kept: Map[int, Effect] = msgspec.field(default_factory=Map)


class TransactionState(msgspec.Struct):
    """The open transaction. ``runner`` is True while the runner's own BEGIN ... COMMIT surrounds the script."""

    start: Saved | None = None
    savepoints: list[Saved] = msgspec.field(default_factory=list)
    runner: bool = False
    implicit: bool = False  # several statements in one simple query
    fresh: set[int] = msgspec.field(default_factory=set)  # enums with labels that were added in it
    locks: Map[int, int] = msgspec.field(default_factory=Map)  # the strongest that it holds, by relation
    kept: Map[int, Effect] = msgspec.field(default_factory=Map)  # those that stand in somebody's way, by relation
    written: set[int] = msgspec.field(default_factory=set)  # tables whose rows it may have written
    filled: set[tuple[int, int]] = msgspec.field(default_factory=set)  # columns that it added with a value
    pending: set[int] = msgspec.field(default_factory=set)  # tables with trigger events that wait for its end

    @property
    def open(self) -> bool:
        """Whether statements that refuse to run in a transaction block are refused (25001)."""
        return self.start is not None


def begin(state: TransactionState, draft: Draft, session: Session) -> Session:
    """Open a block; within one PostgreSQL only warns."""
    if state.start is None:
        state.start = Saved("", draft.freeze(), session)
    return replace(session, in_block=True)


def commit(state: TransactionState, draft: Draft, session: Session, within: bool = False) -> Session:
    """End the block and keep its work: SET LOCAL ends, ON COMMIT DROP drops, fresh enum labels may be used from here
    on.

    ``within``: the runner's transaction goes on, which we take apart; what it drops at its end is still there.
    """
    _release_locks(state)
    state.start = None
    state.savepoints.clear()
    if session.temp_namespace and not within:
        _drop_temporary(draft, session.temp_namespace)
    for oid in sorted(state.fresh):
        if (fresh := draft.find(Type, oid)) is not None:
            draft.put(replace(fresh, fresh_labels=()))
    state.fresh.clear()
    return replace(_without_local(session), in_block=False)


def _release_locks(state: TransactionState) -> None:
    state.locks, state.kept = Map(), Map()
    state.written.clear()
    state.filled.clear()
    state.pending.clear()


def _drop_temporary(draft: Draft, namespace: int) -> None:
    """PreCommit_on_commit_actions: temporary tables ON COMMIT DROP go, with what hangs on them."""
    from lockgate.timeline.dependency import erase

    for relation in draft.in_namespace(namespace):
        if isinstance(relation, Relation) and relation.on_commit == "d" and draft.get(relation.oid) is not None:
            erase(draft, relation.oid)


def rollback(state: TransactionState, draft: Draft, session: Session) -> Session:
    """End the block and undo its work."""
    _release_locks(state)
    if state.start is None:
        return replace(session, in_block=False)
    draft.restore(state.start.catalog)
    session = state.start.session
    state.start = None
    state.savepoints.clear()
    return replace(session, in_block=False)


def savepoint(state: TransactionState, draft: Draft, session: Session, name: str) -> None:
    """SAVEPOINT name."""
    state.savepoints.append(Saved(name, draft.freeze(), session, state.locks, state.kept))


def rollback_to(state: TransactionState, draft: Draft, session: Session, name: str) -> Session | None:
    """ROLLBACK TO name; None where there is no such savepoint (3B001)."""
    for number in range(len(state.savepoints) - 1, -1, -1):
        saved = state.savepoints[number]
        if saved.name == name:
            draft.restore(saved.catalog)
            state.locks, state.kept = saved.locks, saved.kept
            state.pending.clear()  # some may be older than the savepoint: they are not told
            del state.savepoints[number + 1 :]
            return replace(saved.session, in_block=True)
    return None


def release(state: TransactionState, name: str) -> bool:
    """RELEASE name; False where there is no such savepoint (3B001)."""
    for number in range(len(state.savepoints) - 1, -1, -1):
        if state.savepoints[number].name == name:
            del state.savepoints[number:]
            return True
    return False


def _without_local(session: Session) -> Session:
    if not session.local:
        return session
    settings = session.settings
    path = session.search_path
    for name, value in session.local.items():
        if name == "search_path":
            path = tuple((value or "").split("\0")) if value else ()
        elif name == "role":
            role, _, login = (value or "").partition(" ")
            session = replace(session, role=int(role), login=int(login))
        elif value is None:
            settings = settings.delete(name) if name in settings else settings
        else:
            settings = settings.set(name, value)
    return replace(session, settings=settings, search_path=path, local=Map())
