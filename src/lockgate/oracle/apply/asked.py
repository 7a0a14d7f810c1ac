"""The application's own queries, prepared on the scratch server."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.oracle.apply.observe import failure
from lockgate.oracle.apply.plan import ServerFailure
from lockgate.oracle.apply.session import ServerSession


def prepare(session: ServerSession, sql: str) -> ServerFailure | None:
    """What the server says when it analyses one query (SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES); nothing is run.
    Raises Lost.

    Parameters are ``$1``...; their types are inferred. ``position`` is a 0-based character offset in ``sql``.
    """
    prefix = "PREPARE lockgate_query AS "
    reply = session.connection.query(prefix + sql, 30)
    if reply.failure is None:
        session.connection.query("DEALLOCATE lockgate_query", 30)
        return None
    said = failure(reply.failure, Span(0, len(prefix) + len(sql)), len(prefix) + len(sql))
    return said if said.position is None else replace(said, position=max(said.position - len(prefix), 0))
