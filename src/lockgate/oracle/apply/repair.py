"""Applying a refused statement as the role that may, so that one run shows every failure a deploy would have met one by
one.

What a superuser would have to do is done by our own connection only for the few statements below, built from the tree
and never sent as written: each was chosen because it runs no code of the migration's and gives nobody a way out of the
server. Never among them: functions, casts, event triggers, COPY, anything that evaluates an expression, a role that is
or may become a superuser.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.oracle.apply.roles import EVERYONE, FORBIDDEN
from lockgate.oracle.apply.session import Session
from lockgate.oracle.server.backend import Backend, ask, literal, quote
from lockgate.parse import Statement

SUPERUSER = "superuser"

# dblink and postgres_fdw are not among them: they reach the network.
# Untrusted contrib modules (and others of a good name) that bring SQL objects only; their C functions check privileges
# of their own
_EXTENSIONS = frozenset(
    {
        "amcheck",
        "autoinc",
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "dict_int",
        "dict_xsyn",
        "earthdistance",
        "fuzzystrmatch",
        "hstore",
        "hypopg",
        "insert_username",
        "intagg",
        "intarray",
        "isn",
        "lo",
        "ltree",
        "moddatetime",
        "pg_buffercache",
        "pg_freespacemap",
        "pg_partman",
        "pg_prewarm",
        "pg_stat_statements",
        "pg_trgm",
        "pg_uuidv7",
        "pg_visibility",
        "pgcrypto",
        "pgrowlocks",
        "pgstattuple",
        "plpgsql",
        "postgis",
        "postgis_topology",
        "refint",
        "rum",
        "seg",
        "sslinfo",
        "tablefunc",
        "tcn",
        "timescaledb",
        "tsm_system_rows",
        "tsm_system_time",
        "unaccent",
        "uuid-ossp",
        "vector",
        "xml2",
    }
)
ROLE_OPTIONS = {"canlogin": "LOGIN", "createdb": "CREATEDB", "inherit": "INHERIT"}
# settings by which a session would be another's, or load code; every other that any user may set for himself is
# harmless
_NOT_HARMLESS = (
    "role",
    "session_authorization",
    "local_preload_libraries",
    "session_preload_libraries",
    "dynamic_library_path",
)
# Memberships are cached, and what another session committed is heard of when a lock is taken; on a shared object every
# time, also within one transaction (lmgr.c, LockSharedObject). This takes one on the role, and changes nothing.
_LISTEN = "ALTER ROLE CURRENT_USER RESET application_name"


class Repairer:
    """Finds the role that may."""

    def __init__(self, backend: Backend, owner: str) -> None:
        self._backend = backend
        self._owner = owner

    def owners(self, login: str) -> list[str]:
        """The roles that own something here: the plan's owner first."""
        rows = ask(
            self._backend.admin,
            "SELECT DISTINCT r.rolname FROM pg_catalog.pg_roles r JOIN (SELECT relowner AS o FROM pg_catalog.pg_class UNION SELECT proowner FROM"
            " pg_catalog.pg_proc UNION SELECT typowner FROM pg_catalog.pg_type UNION SELECT nspowner FROM pg_catalog.pg_namespace) x ON r.oid = x.o"
            " WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' ORDER BY 1",
        )
        others = [name for (name,) in rows if name]
        return [name for name in dict.fromkeys([self._owner, *others]) if name not in (login, EVERYONE)]

    def as_owner(self, session: Session, statement: Statement) -> tuple[str | None, dict[str, str]]:
        """Apply a statement as the first owner whom the server lets; who that was, None where it lets none and nothing
        has changed.

        With None come the fields of a refusal for another reason than the role (42501), where there was one. Raises
        Lost.
        """
        other: dict[str, str] = {}
        owners = self.owners(session.login)
        for role in owners:
            refusal = self._with_roles(session, statement, (role,), role)
            if refusal is None:
                return role, {}
            if refusal.get("C", "42501") != "42501":
                other = other or refusal
        # no one of them may alone: the session's own role with the rights of all
        return (EVERYONE if owners and self._with_roles(session, statement, owners, "") is None else None), other

    def _with_roles(
        self, session: Session, statement: Statement, roles: Iterable[str], become: str
    ) -> dict[str, str] | None:
        """Run a statement with memberships that last no longer, as the role to ``become`` or as the session's own; the
        refusal, if any."""
        login = quote(session.login)
        granted = []
        for role in roles:
            if not self._is_member(session.login, role):
                if self._backend.admin.query(
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
                ask(self._backend.admin, f"REVOKE {quote(role)} FROM {login}")
            self._listen(session)

    def _as_role(self, session: Session, statement: Statement, become: str) -> dict[str, str] | None:
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
    def _listen(session: Session) -> None:
        if session.run(_LISTEN, "AlterRoleSetStmt", alone=True).reply.failure:
            session.undo()

    def _is_member(self, login: str, role: str) -> bool:
        rows = ask(
            self._backend.admin,
            "SELECT count(*) FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles u"
            f" ON u.oid = m.member WHERE r.rolname = {literal(role)} AND u.rolname = {literal(login)}",
        )
        return rows[0][0] != "0"

    @staticmethod
    def _current_role(session: Session) -> str:
        rows = session.connection.query("SELECT pg_catalog.current_setting('role')", 20).rows
        role = rows[0][0] if rows and rows[0][0] else "none"
        return "NONE" if role == "none" else quote(role)

    def as_superuser(self, session: Session, statement: Statement) -> bool:
        """Do what a superuser would have had to do, if that is one of the harmless few. Ends an open block and opens it
        again."""
        command = self._command(session, statement)
        if command is None:
            return False
        block = session.block
        path = self._search_path(session)
        if block and session.commit().failure:
            session.begin()
            return False
        reply = self._backend.admin.query(f"SELECT pg_catalog.set_config('search_path', {literal(path)}, false)", 20)
        reply = self._backend.admin.query(command, 60)
        self._backend.admin.query("SET search_path = pg_catalog", 20)
        if block:
            session.begin()
        return reply.failure is None

    @staticmethod
    def _search_path(session: Session) -> str:
        rows = session.connection.query("SELECT pg_catalog.current_setting('search_path')", 20).rows
        return (rows[0][0] or "") if rows else ""

    def _command(self, session: Session, statement: Statement) -> str | None:
        node = statement.node
        match statement.tag:
            case "CreateExtensionStmt":
                return self._extension(session, node)
            case "CreateRoleStmt":
                return _role(node)
            case "GrantRoleStmt":
                return self._membership(node)
            case "AlterRoleSetStmt":
                return self._role_setting(statement)
            case "AlterTableStmt" | "AlterOwnerStmt":
                return self._new_owner(statement)
            case "DropStmt" if node.get("removeType") == "OBJECT_EXTENSION":
                return statement.text
            case "CreatePublicationStmt":
                return statement.text
        return None

    def _extension(self, session: Session, node: dict[str, Any]) -> str | None:
        name = node.get("extname", "")
        if name not in _EXTENSIONS:
            return None
        options = {item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in node.get("options", ())}
        schema = options.get("schema", {}).get("String", {}).get("sval")
        if schema is None:
            rows = session.connection.query("SELECT pg_catalog.current_schema()", 20).rows
            schema = rows[0][0] if rows else None
        text = f"CREATE EXTENSION {'IF NOT EXISTS ' if node.get('if_not_exists') else ''}{quote(name)}"
        return text + (f" SCHEMA {quote(schema)}" if schema else "")

    def _membership(self, node: dict[str, Any]) -> str | None:
        """GRANT of roles to roles: no predefined role that reaches the machine, no superuser."""
        granted = [item["AccessPriv"].get("priv_name", "") for item in node.get("granted_roles", ())]
        grantees = [item["RoleSpec"].get("rolename", "") for item in node.get("grantee_roles", ())]
        if not node.get("is_grant") or not all((*granted, *grantees)) or not all(map(self._ordinary, granted)):
            return None
        return f"GRANT {', '.join(map(quote, granted))} TO {', '.join(map(quote, grantees))}"

    def _role_setting(self, statement: Statement) -> str | None:
        role, setting = statement.node.get("role", {}).get("rolename", ""), statement.node.get("setstmt", {})
        return statement.text if self._ordinary(role) and self._harmless(setting.get("name", "")) else None

    def _harmless(self, name: str) -> bool:
        """A setting that the role could make itself."""
        found = ask(
            self._backend.admin,
            f"SELECT name FROM pg_catalog.pg_settings WHERE context = 'user' AND pg_catalog.lower(name) = {literal(name.lower())}",
        )
        return bool(found) and found[0][0] not in _NOT_HARMLESS

    def _new_owner(self, statement: Statement) -> str | None:
        """ALTER ... OWNER TO an ordinary role, and nothing else in the statement; a SECURITY DEFINER function must not
        reach higher."""
        node = statement.node
        if statement.tag == "AlterOwnerStmt":
            kind, owner = node.get("objectType", ""), node.get("newowner", {})
            if kind in ("OBJECT_EVENT_TRIGGER", "OBJECT_SUBSCRIPTION", "OBJECT_FDW", "OBJECT_DATABASE"):
                return None
        else:
            commands = [item["AlterTableCmd"] for item in node.get("cmds", ())]
            if len(commands) != 1 or commands[0].get("subtype") != "AT_ChangeOwner":
                return None
            owner = commands[0].get("newowner", {})
        return statement.text if self._ordinary(owner.get("rolename", "")) else None

    def _ordinary(self, role: str) -> bool:
        """A role that exists, is no superuser, no member of one, and no predefined one."""
        if not role or role.startswith("pg_") or role in FORBIDDEN:
            return False
        rows = ask(
            self._backend.admin,
            f"SELECT count(*) FROM pg_catalog.pg_roles r WHERE r.rolname = {literal(role)} AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE"
            " (s.rolsuper OR s.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))"
            " AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER'))",
        )
        return rows[0][0] == "1"


def _role(node: dict[str, Any]) -> str | None:
    """CREATE ROLE with harmless attributes only; groups are left out."""
    name = node.get("role", "")
    if not name or name.startswith("pg_"):
        return None
    options = ["LOGIN"] if node.get("stmt_type") == "ROLESTMT_USER" else []
    for item in node.get("options", ()):
        element = item["DefElem"]
        if word := ROLE_OPTIONS.get(element["defname"]):
            options.append(word if element.get("arg", {}).get("Boolean", {}).get("boolval") else f"NO{word}")
    return f"CREATE ROLE {quote(name)} {' '.join(options)}"
