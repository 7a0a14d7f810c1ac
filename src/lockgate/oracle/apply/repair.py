"""Applying a refused statement as the role that may, so that one run shows every failure a deploy would have met one by
one.

What a superuser would have to do is rebuilt (``rebuild.py``), and only that reaches a superuser's session.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.rebuild import known, rebuilt
from lockgate.oracle.apply.roles import REACHING
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.server.backend import Backend, ask
from lockgate.parse import Statement
from lockgate.parse.facts import makes

SUPERUSER = "superuser"
# Memberships are cached, and what another session committed is heard of when a lock is taken; on a shared object every
# time, also within one transaction (lmgr.c, LockSharedObject). This takes one on the role, and changes nothing.
_LISTEN = "ALTER ROLE CURRENT_USER RESET application_name"


class Repairer:
    """Finds the role that may."""

    def __init__(self, backend: Backend, owner: str, everyone: str) -> None:
        self._backend = backend
        self._owner = owner
        self._everyone = everyone

    def owners(self, login: str) -> list[str]:
        """The roles that own something here: the plan's owner first."""
        rows = ask(
            self._backend.reader,
            "SELECT DISTINCT r.rolname FROM pg_catalog.pg_roles r JOIN (SELECT relowner AS o FROM pg_catalog.pg_class UNION SELECT proowner FROM"
            " pg_catalog.pg_proc UNION SELECT typowner FROM pg_catalog.pg_type UNION SELECT nspowner FROM pg_catalog.pg_namespace) x ON r.oid = x.o"
            f" WHERE r.rolname !~ '^pg_' AND NOT {REACHING} ORDER BY 1",
        )
        others = [name for (name,) in rows if name]
        return [name for name in dict.fromkeys([self._owner, *others]) if name not in (login, self._everyone)]

    def as_owner(self, session: ServerSession, statement: Statement) -> tuple[str | None, dict[str, str]]:
        """Apply a statement as the first owner whom the server lets; who that was, None where it lets none and nothing
        has changed.

        With None come the fields of a refusal for another reason than the role (42501), where there was one. Raises
        Lost.
        """
        other: dict[str, str] = {}
        owners = self.owners(session.login)
        # what the statement makes belongs to who runs it: that is the session's own role, with the rights of all
        if makes(statement.tag) and owners and self._with_roles(session, statement, owners, "") is None:
            return self._everyone, {}
        for role in owners:
            refusal = self._with_roles(session, statement, (role,), role)
            if refusal is None:
                return role, {}
            if refusal.get("C", "42501") != "42501":
                other = other or refusal
        # no one of them may alone: the session's own role with the rights of all
        return (self._everyone if owners and self._with_roles(session, statement, owners, "") is None else None), other

    def _with_roles(
        self, session: ServerSession, statement: Statement, roles: Iterable[str], become: str
    ) -> dict[str, str] | None:
        """Run a statement with memberships that last no longer, as the role to ``become`` or as the session's own; the
        refusal, if any."""
        login = quote(session.login)
        granted = []
        for role in roles:
            if not self._is_member(session.login, role):
                if self._backend.control.query(
                    f"GRANT {quote(role)} TO {login}", 20
                ).failure:  # a member of the session's own role
                    continue
                granted.append(role)
        if become and become not in granted and not self._is_member(session.login, become):
            return {}
        try:
            return self._as_role(session, statement, become)
        finally:
            for role in granted:
                ask(self._backend.control, f"REVOKE {quote(role)} FROM {login}")
            self._listen(session)

    def _as_role(self, session: ServerSession, statement: Statement, become: str) -> dict[str, str] | None:
        before = self._current_role(session)
        self._listen(session)
        if become and session.run(f"SET ROLE {quote(become)}", "VariableSetStmt", alone=True).reply.failure:
            session.undo()
            return {}
        outcome = session.run(statement.text, statement.tag, statement.node, alone=True)
        if outcome.lost:
            raise outcome.lost
        if outcome.reply.failure:
            session.undo()
        if become:
            session.run(f"SET ROLE {before}", "VariableSetStmt", alone=True)
        return outcome.reply.failure

    @staticmethod
    def _listen(session: ServerSession) -> None:
        if session.run(_LISTEN, "AlterRoleSetStmt", alone=True).reply.failure:
            session.undo()

    def _is_member(self, login: str, role: str) -> bool:
        rows = ask(
            self._backend.control,
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles u"
            f" ON u.oid = m.member WHERE r.rolname = {literal(role)} AND u.rolname = {literal(login)}",
        )
        return rows[0][0] != "0"

    @staticmethod
    def _current_role(session: ServerSession) -> str:
        rows = session.connection.query("SELECT pg_catalog.current_setting('role')", 20).rows
        role = rows[0][0] if rows and rows[0][0] else "none"
        return "NONE" if role == "none" else quote(role)

    def as_superuser(self, session: ServerSession, statement: Statement) -> bool:
        """Do what a superuser would have had to do, if that is one of the harmless few. Ends an open block and opens it
        again. Raises CannotCheck, Lost."""
        if not known(statement):
            return False
        block = session.block
        if block and session.commit().failure:
            session.begin()
            return False
        command = rebuilt(self._backend, session, statement)
        if command is None:
            done = False
        elif command.cluster:
            done = self._backend.control.query(command.text, 60).failure is None
        else:
            done = self._backend.operate(command.text).failure is None
        if block:
            session.begin()
        return done
