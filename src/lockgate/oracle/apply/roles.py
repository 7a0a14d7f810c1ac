"""The roles of a run: owner, deployer, what production knows, and stand-ins for whom the SQL names and nobody creates.

None of them is a superuser (unless the user says so of the runner); all lose what reaches the machine: server files,
server programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.plan import PlannedMembership, RolePlan, ScratchRole
from lockgate.oracle.read.dumped import Dumped
from lockgate.oracle.server.backend import Backend, ask
from lockgate.oracle.server.names import own, stand_in

# As reports name them; on the server each has a random end (server/names.py)
RUNNER = "lockgate_runner"  # applies everything where no roles are configured
EVERYONE = (
    "lockgate_everyone"  # a member of every role, never a superuser: restores baselines, mends what takes two owners
)
_READER = "lockgate_reader"  # owns nothing and may nothing: reads the scratch database's catalog

# Memberships that reach the machine below the server, the network, or sessions that are not the run's (manual:
# predefined-roles)
FORBIDDEN = frozenset(
    {
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
        "pg_create_subscription",
        "pg_signal_backend",
        "pg_signal_autovacuum_worker",
    }
)
READS = "pg_read_all_data"  # reads the whole server's roles with their passwords, and its subscriptions
_LISTED = ", ".join(f"'{name}'" for name in sorted(FORBIDDEN))
# Of a row r of pg_roles: it is, or may become, a role that reaches further than the scratch database
REACHING = (
    f"EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE (s.rolsuper OR s.rolreplication OR s.rolname IN ({_LISTED}))"
    " AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER'))"
)
_OPTIONS = {
    "createdb": "CREATEDB",
    "createrole": "CREATEROLE",
    "bypassrls": "BYPASSRLS",
    "noinherit": "NOINHERIT",
    "login": "LOGIN",
}


class RoleCast(msgspec.Struct, frozen=True):
    """Who plays: the roles that apply, and which roles are only stand-ins."""

    owner: str
    deployer: str
    everyone: str
    configured: bool  # False: no roles are configured, one ordinary role stands for whoever applies
    stand_ins: tuple[str, ...] = ()
    # by their names, the stand-ins of roles of the baseline that the server has already, and that reach further than ours
    others: dict[str, str] = msgspec.field(default_factory=dict)
    # what roles of production are, and those of the run are not, for they would reach further
    withheld: tuple[str, ...] = ()


def cast(backend: Backend, plan: RolePlan, known: Dumped, named: frozenset[str], major: int) -> RoleCast:
    """Make every role of the run, open the reader's session, and give the database to its owner. Raises CannotCheck."""
    configured = bool(plan.deployer or plan.owner)
    deployer = plan.deployer or plan.owner or own(RUNNER)
    owner = plan.owner or deployer
    everyone, reader = own(EVERYONE), own(_READER)
    existing, reaching = _existing(backend)
    others = {name: stand_in(name) for name in _of_baseline(known, named) & reaching}
    others = {name: other for name, other in others.items() if other}
    known = _renamed(known, others)
    roles = {role.name: role for role in (*plan.known, *known.roles, *map(ScratchRole, others.values()))}
    roles |= {role.name: role for role in known.roles}
    # a baseline tells every role there is
    stand_ins = sorted(named - existing - roles.keys() - {owner, deployer}) if not known.roles else []
    logins = {owner, deployer, everyone, reader}
    for taken in logins & existing:
        raise CannotCheck(
            f"the role {taken} already exists on the server", "Give --dsn of a scratch server that has no such role."
        )
    made = [*sorted(logins), *sorted(roles.keys() - logins - existing), *stand_ins]
    commands: list[str] = []
    for name in made:
        role = _armless(backend, roles.get(name, ScratchRole(name)), major)
        commands += _create(backend, role, name in logins, plan.superuser_runner and name in (owner, deployer))
    # a role that the server had before us stays as it is, and is granted only where it reaches no further than ours
    grants = [*_memberships(roles.values(), deployer, () if configured else stand_ins), *known.memberships]
    grants += [PlannedMembership(name, everyone) for name in sorted({owner, deployer, *roles, *stand_ins})]
    forbidden = FORBIDDEN | ({READS} if backend.mark else frozenset())
    commands += _granted(grants, major, {*existing, *made} - reaching - forbidden, set(made))
    powerful = [
        roles[n] for n in made if n in roles and n not in (owner, deployer) and "superuser" in roles[n].attributes
    ]
    commands += _all_powerful(powerful, backend, major)
    if major < 16 and not backend.mark and any("createrole" in role.attributes for role in roles.values()):
        commands.append(_disarm())
    home = known.database_owner
    commands += _database(backend.database, home if home in made else everyone if home in existing else owner, everyone)
    _run(backend, commands)
    backend.read_as(reader)
    withheld = {each.role for each in grants if each.member in made} & forbidden
    withheld |= {READS} & forbidden if powerful else set()
    if major < 16 and backend.mark and any("createrole" in role.attributes for role in roles.values()):
        withheld.add("CREATEROLE")
    return RoleCast(owner, deployer, everyone, configured, tuple(stand_ins), others, tuple(sorted(withheld)))


def _existing(backend: Backend) -> tuple[set[str], set[str]]:
    """The roles that the server has, and those of them that reach further than the scratch database."""
    rows = ask(
        backend.control,
        f"SELECT r.rolname, {REACHING} OR r.rolcreaterole OR r.rolname = CURRENT_USER FROM pg_catalog.pg_roles r",
    )
    return {name for name, _ in rows if name}, {name for name, reaches in rows if name and reaches == "t"}


def _of_baseline(known: Dumped, named: frozenset[str]) -> set[str]:
    found = {role.name for role in known.roles} | named | {known.database_owner}
    return {name for name in found if not name.startswith("pg_")}


def _renamed(known: Dumped, others: dict[str, str]) -> Dumped:
    """What a baseline says of the cluster, with some roles under other names."""

    def name(role: str) -> str:
        return others.get(role, role)

    roles = tuple(replace(r, name=name(r.name), member_of=tuple(map(name, r.member_of))) for r in known.roles)
    memberships = tuple(replace(each, role=name(each.role), member=name(each.member)) for each in known.memberships)
    return Dumped(roles, memberships, name(known.database_owner))


def _armless(backend: Backend, role: ScratchRole, major: int) -> ScratchRole:
    """Before 16 CREATEROLE may grant any role but superusers: not on a server that is not the run's alone."""
    return replace(role, attributes=role.attributes - {"createrole"}) if major < 16 and backend.mark else role


def _create(backend: Backend, role: ScratchRole, login: bool, superuser: bool) -> Iterator[str]:
    options = [_OPTIONS[name] for name in sorted(role.attributes) if name in _OPTIONS and name != "login"]
    if login:
        options += ["LOGIN", f"PASSWORD {literal(backend.verifier)}"]
    if superuser:
        options.append("SUPERUSER")
    yield f"CREATE ROLE {quote(role.name)} {' '.join(options)}"
    yield from commented(backend, role.name)


def commented(backend: Backend, role: str) -> Iterator[str]:
    """The command that marks a role as one of the run's, to be dropped with it."""
    if backend.mark:
        yield f"COMMENT ON ROLE {quote(role)} IS {literal(backend.mark)}"


def _memberships(
    roles: Iterable[ScratchRole], deployer: str, stand_ins: tuple[str, ...] | list[str]
) -> Iterator[PlannedMembership]:
    for role in roles:
        yield from (PlannedMembership(group, role.name) for group in role.member_of)
    for name in stand_ins:  # nobody knows what the one role may; it may at least hand objects to whom the SQL names
        yield PlannedMembership(name, deployer)


def _granted(memberships: Iterable[PlannedMembership], major: int, roles: set[str], members: set[str]) -> Iterator[str]:
    """Memberships in ``roles`` of the run's ``members``, with their options where the server knows them (16 and
    later)."""
    for each in memberships:
        if each.role not in roles or each.member not in members:
            continue
        admin = each.admin and each.role in members  # whoever administers a role counts as its maker (dsn.py)
        options = {"ADMIN": admin or None, "INHERIT": each.inherit, "SET": each.set}
        words = ", ".join(f"{name} {'TRUE' if on else 'FALSE'}" for name, on in options.items() if on is not None)
        terms = f" WITH {words}" if words and major >= 16 else " WITH ADMIN OPTION" if admin else ""
        yield f"GRANT {quote(each.role)} TO {quote(each.member)}{terms}"


def _all_powerful(roles: Iterable[ScratchRole], backend: Backend, major: int) -> Iterator[str]:
    """A superuser of production is none here, but what it owns (views, SECURITY DEFINER functions) still reads and
    writes everything."""
    if major < 14 or not backend.may_be_superuser:
        return
    for role in roles:
        # on a server that is not the run's alone it would read the other roles' passwords
        yield f"GRANT {'' if backend.mark else f'{READS}, '}pg_write_all_data TO {quote(role.name)}"
        yield f"ALTER ROLE {quote(role.name)} BYPASSRLS"


def _disarm() -> str:
    """Before 16 CREATEROLE may grant any role but superusers, so also the way to the machine: those roles go (scratch
    server only)."""
    return f"SET allow_system_table_mods = on; DELETE FROM pg_catalog.pg_authid WHERE rolname IN ({_LISTED}); RESET allow_system_table_mods"


def _database(database: str, owner: str, everyone: str) -> Iterator[str]:
    """public belongs to pg_database_owner from 15 on; before, PUBLIC may create in it, as in production."""
    yield f"ALTER DATABASE {quote(database)} OWNER TO {quote(owner)}"
    yield f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quote(database)} TO {quote(everyone)}"


def _run(backend: Backend, commands: Iterable[str]) -> None:
    reply = backend.control.query(";\n".join(commands), 60)
    if reply.failure:
        raise CannotCheck(
            f"the roles could not be made: {reply.failure.get('M')}",
            "Give --dsn of a scratch server whose role has CREATEROLE and CREATEDB, or let Lockgate start its own.",
        )


def owned_schemas(backend: Backend, owner: str) -> Iterator[str]:
    """The user's schemas that a role owns, also by membership."""
    rows = ask(
        backend.reader,
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
