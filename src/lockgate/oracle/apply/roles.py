"""The roles of a run: owner, deployer, what production knows, and stand-ins for whom the SQL names and nobody creates.

None of them is a superuser (unless the user says so of the runner); all lose what reaches the machine: server files,
server programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.oracle.apply.plan import Membership, RolePlan, ScratchRole
from lockgate.oracle.read.dumped import Dumped
from lockgate.oracle.server.backend import Backend, ask, literal, quote

RUNNER = "lockgate_runner"  # applies everything where no roles are configured
EVERYONE = (
    "lockgate_everyone"  # a member of every role, never a superuser: restores baselines, mends what takes two owners
)

# Memberships that reach the machine below the server (manual: predefined-roles)
FORBIDDEN = frozenset({"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"})
_OPTIONS = {
    "createdb": "CREATEDB",
    "createrole": "CREATEROLE",
    "bypassrls": "BYPASSRLS",
    "noinherit": "NOINHERIT",
    "login": "LOGIN",
}


class Cast(msgspec.Struct, frozen=True):
    """Who plays: the roles that apply, and which roles are only stand-ins."""

    owner: str
    deployer: str
    configured: bool  # False: no roles are configured, one ordinary role stands for whoever applies
    stand_ins: tuple[str, ...] = ()


def cast(backend: Backend, plan: RolePlan, known: Dumped, named: frozenset[str], major: int) -> Cast:
    """Make every role of the run and give the database to its owner. Raises CannotCheck."""
    configured = bool(plan.deployer or plan.owner)
    deployer = plan.deployer or plan.owner or RUNNER
    owner = plan.owner or deployer
    existing = {name for (name,) in ask(backend.admin, "SELECT rolname FROM pg_catalog.pg_roles")}
    roles = {role.name: role for role in (*plan.known, *known.roles)}
    # a baseline tells every role there is
    stand_ins = sorted(named - existing - roles.keys() - {owner, deployer}) if not known.roles else []
    logins = {owner, deployer, EVERYONE}
    for taken in logins & existing:
        raise CannotCheck(
            f"the role {taken} already exists on the server", "Give --dsn of a scratch server that has no such role."
        )
    commands: list[str] = []
    for name in (*sorted(logins), *sorted(roles.keys() - logins - existing), *stand_ins):
        commands += _create(
            backend,
            roles.get(name, ScratchRole(name)),
            name in logins,
            plan.superuser_runner and name in (owner, deployer),
        )
    commands += _memberships(roles.values(), deployer, owner, () if configured else stand_ins)
    commands += _granted(known.memberships, major, {*roles, *stand_ins, *filter(None, existing), owner, deployer})
    commands += _all_powerful((r for r in roles.values() if r.name not in (owner, deployer)), backend, major)
    if major < 16 and any("createrole" in role.attributes for role in roles.values()):
        commands.append(_disarm())
    commands += _database(known.database_owner or owner, major)
    _run(backend, commands)
    return Cast(owner, deployer, configured, tuple(stand_ins))


def _create(backend: Backend, role: ScratchRole, login: bool, superuser: bool) -> Iterator[str]:
    options = [_OPTIONS[name] for name in sorted(role.attributes) if name in _OPTIONS and name != "login"]
    if login:
        options += ["LOGIN", f"PASSWORD {literal(backend.verifier)}"]
    if superuser:
        options.append("SUPERUSER")
    yield f"CREATE ROLE {quote(role.name)} {' '.join(options)}"
    if mark := getattr(backend, "mark", ""):
        yield f"COMMENT ON ROLE {quote(role.name)} IS {literal(mark)}"


def _memberships(
    roles: Iterable[ScratchRole], deployer: str, owner: str, stand_ins: tuple[str, ...] | list[str]
) -> Iterator[str]:
    for role in roles:
        for group in role.member_of:
            if group not in FORBIDDEN:
                yield f"GRANT {quote(group)} TO {quote(role.name)}"
    for name in stand_ins:  # nobody knows what the one role may; it may at least hand objects to whom the SQL names
        yield f"GRANT {quote(name)} TO {quote(deployer)}"
    for name in {owner, deployer, *(role.name for role in roles), *stand_ins}:
        yield f"GRANT {quote(name)} TO {EVERYONE}"


def _granted(memberships: Iterable[Membership], major: int, roles: set[str]) -> Iterator[str]:
    """Production's memberships, with their options where the server knows them (16 and later)."""
    for each in memberships:
        if each.role in FORBIDDEN or not {each.role, each.member} <= roles:
            continue
        options = {"ADMIN": each.admin or None, "INHERIT": each.inherit, "SET": each.set}
        words = ", ".join(f"{name} {'TRUE' if on else 'FALSE'}" for name, on in options.items() if on is not None)
        terms = f" WITH {words}" if words and major >= 16 else " WITH ADMIN OPTION" if each.admin else ""
        yield f"GRANT {quote(each.role)} TO {quote(each.member)}{terms}"


def _all_powerful(roles: Iterable[ScratchRole], backend: Backend, major: int) -> Iterator[str]:
    """A superuser of production is none here, but what it owns (views, SECURITY DEFINER functions) still reads and
    writes everything."""
    if major < 14 or not backend.may_be_superuser:
        return
    for role in roles:
        if "superuser" in role.attributes:
            yield f"GRANT pg_read_all_data, pg_write_all_data TO {quote(role.name)}"
            yield f"ALTER ROLE {quote(role.name)} BYPASSRLS"


def _disarm() -> str:
    """Before 16 CREATEROLE may grant any role but superusers, so also the way to the machine: those roles go (scratch
    server only)."""
    names = ", ".join(literal(name) for name in sorted(FORBIDDEN))
    return f"SET allow_system_table_mods = on; DELETE FROM pg_catalog.pg_authid WHERE rolname IN ({names}); RESET allow_system_table_mods"


def _database(owner: str, major: int) -> Iterator[str]:
    del major  # public belongs to pg_database_owner from 15 on; before, PUBLIC may create in it, as in production
    yield f"DO $$ BEGIN EXECUTE pg_catalog.format('ALTER DATABASE %I OWNER TO {quote(owner)}', pg_catalog.current_database()); END $$"
    yield f"DO $$ BEGIN EXECUTE pg_catalog.format('GRANT CREATE, TEMPORARY ON DATABASE %I TO {EVERYONE}', pg_catalog.current_database()); END $$"


def _run(backend: Backend, commands: Iterable[str]) -> None:
    reply = backend.admin.query(";\n".join(commands), 60)
    if reply.failure:
        raise CannotCheck(
            f"the roles could not be made: {reply.failure.get('M')}",
            "Give --dsn of a scratch server whose role has CREATEROLE and CREATEDB, or let Lockgate start its own.",
        )


def owned_schemas(backend: Backend, owner: str) -> Iterator[str]:
    """The user's schemas that a role owns, also by membership."""
    rows = ask(
        backend.admin,
        "SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
        f" AND pg_catalog.pg_has_role({literal(owner)}, n.nspowner, 'USAGE') ORDER BY 1",
    )
    yield from (name for (name,) in rows if name)


def handover_sql(schemas: Iterable[str], deployer: str) -> list[str]:
    """Every privilege that can be granted on the owner's schemas and what is in them, run as the owner; the deployer
    owns nothing."""
    to = f"TO {quote(deployer)}"
    out = []
    for schema in schemas:
        out.append(f"GRANT ALL ON SCHEMA {quote(schema)} {to}")
        out += [
            f"GRANT ALL ON ALL {kind} IN SCHEMA {quote(schema)} {to}" for kind in ("TABLES", "SEQUENCES", "ROUTINES")
        ]
    return out
