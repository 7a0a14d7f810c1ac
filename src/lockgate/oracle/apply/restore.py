"""Production's schema, as pg_dump wrote it, onto the scratch server.

A committed dump can be edited by whoever opens a pull request, so it is no more trusted than a migration: it is
restored by an ordinary role that is a member of every role of production, and what needs a superuser goes through the
harmless few of ``repair.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from lockgate.base.sql import quote
from lockgate.base.text import Span
from lockgate.oracle.apply.apply import Applier
from lockgate.oracle.apply.plan import Observation, ObservationState, Parsed
from lockgate.oracle.apply.session import ServerSession
from lockgate.parse import Statement, SyntaxFailure, parse_script
from lockgate.parse.facts import OF_THE_CLUSTER
from lockgate.parse.statement import nodes
from lockgate.sources.migration import Script

# the roles exist already (roles.py), without what they may not have here; so does the database, under another name
_NAME = re.compile(r"""\"(?:[^"]|"")+\"|'(?:[^']|'')+'|[\w$]+""")
_DATABASE = re.compile(r'(\bDATABASE\s+)("(?:[^"]|"")+"|[\w$]+)', re.IGNORECASE)


def restored(applier: Applier, session: ServerSession, statements: Parsed) -> Iterator[Observation]:
    """Restore the dump; yields only what could not be restored (the caller's findings on it would prove nothing)."""
    database = quote(applier.backend.database)
    for statement in statements:
        if _done(statement):
            continue
        changed = _here(statement, database)
        script = changed.script if isinstance(changed, (Statement, SyntaxFailure)) else statement.script
        for seen in applier.script(session, "baseline", "up", script, (changed,)):
            if seen.repaired_as is None and (
                seen.fails is not None or seen.state in (ObservationState.NOT_RUN, ObservationState.LACKING)
            ):
                yield seen


def standing_in(statements: Parsed, others: Mapping[str, str]) -> Parsed:
    """The dump with the stand-ins of some roles in their places."""
    if not statements or not others:
        return statements
    source = statements[0].script.source
    pieces, at = [], 0
    for start in sorted(at for statement in statements for at in _naming(statement, others)):
        token = _NAME.match(source.text, start)
        if token and start >= at and (other := others.get(_unquoted(token[0]))):
            pieces += [source.text[at:start], quote(other)]
            at = token.end()
    text = "".join((*pieces, source.text[at:]))
    return parse_script(Script.whole(replace(source, text=text), statements[0].script.transaction))


def _naming(statement: Statement | SyntaxFailure, roles: Mapping[str, str]) -> Iterator[int]:
    """Where a statement names one of some roles."""
    if isinstance(statement, SyntaxFailure):
        return
    becoming = statement.tag == "VariableSetStmt" and statement.node.get("name") in ("role", "session_authorization")
    for node in nodes(statement.node):
        named = node.get("rolename")
        if becoming and "sval" in node and "location" in node:
            named = node["sval"].get("sval")
        if named in roles and "location" in node:
            yield statement.at(node["location"])


def _unquoted(token: str) -> str:
    mark = token[0]
    return token[1:-1].replace(mark * 2, mark) if mark in "\"'" else token.lower()


def _done(statement: Statement | SyntaxFailure) -> bool:
    if isinstance(statement, SyntaxFailure):
        return statement.script.source.text.startswith("\\", statement.span.start)  # psql's \connect and \restrict
    of = statement.node.get("objtype") or statement.node.get("objectType")
    remark = (
        statement.tag == "CommentStmt" and of == "OBJECT_EXTENSION"
    )  # the extension's own, where our superuser made it
    return statement.tag in OF_THE_CLUSTER or remark or (statement.tag == "AlterOwnerStmt" and of == "OBJECT_DATABASE")


def _here(statement: Statement | SyntaxFailure, database: str) -> Statement | SyntaxFailure:
    """The statement as it can be run here: on the scratch database, and with the SET ROLE that a member may."""
    if isinstance(statement, SyntaxFailure):
        return statement
    within = statement.tag == "AlterDatabaseSetStmt" or (
        statement.tag == "AlterRoleSetStmt" and "database" in statement.node
    )
    if within or (statement.tag == "GrantStmt" and statement.node.get("objtype") == "OBJECT_DATABASE"):
        return _with_text(statement, _DATABASE.sub(lambda m: m.group(1) + database, statement.text, count=1))
    return _as_member(statement)


def _with_text(statement: Statement, text: str) -> Statement:
    changed = replace(statement.script.source, text=statement.script.source.text[: statement.span.start] + text)
    script = replace(statement.script, source=changed)
    return replace(statement, script=script, span=Span(statement.span.start, len(changed.text)))


def _as_member(statement: Statement) -> Statement:
    """SET SESSION AUTHORIZATION, which pg_dump writes around grants of another grantor, as the SET ROLE that a member
    may."""
    if statement.tag != "VariableSetStmt" or statement.node.get("name") != "session_authorization":
        return statement
    source = statement.script.source
    text = source.text[statement.span.start : statement.span.end]
    wanted = text.lower().replace("session authorization", "role").replace("local ", "")
    if text.upper().startswith("SET"):
        at = text.upper().index("AUTHORIZATION") + len("AUTHORIZATION")
        wanted = "SET ROLE" + text[at:]
        if text[at:].strip().upper() == "DEFAULT":
            wanted = "RESET ROLE"
    return _with_text(statement, wanted)


def not_restored(refused: list[Observation], statements: Parsed) -> Iterator[str]:
    """What the scratch server has not of production, with its place."""
    places = {s.index: s.script.source for s in statements}
    for seen in refused[:5]:
        source = places[seen.index]
        word = seen.fails.message if seen.fails and seen.state is ObservationState.OBSERVED else seen.reason
        yield f"{source.path}:{source.position(seen.span.start).line}: this part of the baseline could not be restored: {word}"
    if len(refused) > 5:
        yield f"{len(refused) - 5} more statements of the baseline could not be restored"
