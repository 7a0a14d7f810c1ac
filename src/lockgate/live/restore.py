"""Production's schema, as pg_dump wrote it, onto the scratch server.

A committed dump can be edited by whoever opens a pull request, so it is no more trusted than a migration: it is restored by an ordinary
role that is a member of every role of production, and what needs a superuser goes through the harmless few of ``repair.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.live.apply import Applier
from lockgate.live.plan import Observation, Parsed, State
from lockgate.live.session import Session
from lockgate.parse import Statement, SyntaxFailure
from lockgate.text import Span
from lockgate.values import replace

_ROLES = frozenset({"CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt"})


def restored(applier: Applier, session: Session, statements: Parsed) -> Iterator[Observation]:
    """Restore the dump; yields only what could not be restored (the caller's findings on it would prove nothing)."""
    for statement in statements:
        if isinstance(statement, Statement) and statement.tag in _ROLES:
            continue  # the roles exist already, without what they may not have here
        changed = _as_member(statement)
        script = changed.script if isinstance(changed, (Statement, SyntaxFailure)) else statement.script
        for seen in applier.script(session, "baseline", "up", script, (changed,)):
            if (seen.fails is not None and seen.repaired_as is None) or seen.state in (State.NOT_RUN, State.LACKING):
                yield seen


def _as_member(statement: Statement | SyntaxFailure) -> Statement | SyntaxFailure:
    """SET SESSION AUTHORIZATION, which pg_dump writes around grants of another grantor, as the SET ROLE that a member may."""
    if isinstance(statement, SyntaxFailure) or statement.tag != "VariableSetStmt" or statement.node.get("name") != "session_authorization":
        return statement
    source = statement.script.source
    text = source.text[statement.span.start : statement.span.end]
    wanted = text.lower().replace("session authorization", "role").replace("local ", "")
    if text.upper().startswith("SET"):
        at = text.upper().index("AUTHORIZATION") + len("AUTHORIZATION")
        wanted = "SET ROLE" + text[at:]
        if text[at:].strip().upper() == "DEFAULT":
            wanted = "RESET ROLE"
    changed = replace(source, text=source.text[: statement.span.start] + wanted)
    script = replace(statement.script, source=changed)
    return replace(statement, script=script, span=Span(statement.span.start, len(changed.text)))
