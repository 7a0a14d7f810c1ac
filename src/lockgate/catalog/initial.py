"""A new database, as initdb and CREATE DATABASE leave it."""

from __future__ import annotations

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    DATABASE_OWNER_ROLE,
    PG_CATALOG,
    PUBLIC_NAMESPACE,
    Extension,
    Membership,
    Namespace,
    Role,
)

PLPGSQL, PLPGSQL_LANGUAGE = 13700, 13701  # not stable on real servers; fixed here


def initial_catalog(major: int, role: str = "", superuser: bool = False, roles: tuple[str, ...] = ()) -> Catalog:
    """The catalog of an empty database: schema public, predefined roles, plpgsql, and the configured roles.

    ``role`` runs everything (a superuser if so said), ``roles`` exist beside it; without ``role`` the bootstrap
    superuser is "postgres".
    """
    draft = Draft(major)
    for oid, name in draft.builtins.roles():
        draft.put(Role(oid, name))
    for group, member in draft.builtins.role_memberships():
        draft.memberships = (*draft.memberships, Membership(group, member, BOOTSTRAP_SUPERUSER))
    bootstrap = role if role and superuser else "postgres"
    draft.put(
        Role(
            BOOTSTRAP_SUPERUSER,
            bootstrap,
            superuser=True,
            createrole=True,
            createdb=True,
            login=True,
            replication=True,
            bypassrls=True,
        )
    )
    for name in dict.fromkeys((role, *roles)):
        if name and draft.role(name) is None:
            draft.put(Role(draft.new_oid(), name, login=True))
    # since 15 public belongs to pg_database_owner, and PUBLIC may only use it (before: create in it, too)
    granted = (
        (DATABASE_OWNER_ROLE, "UC", "", DATABASE_OWNER_ROLE),
        (0, "U" if major >= 15 else "UC", "", DATABASE_OWNER_ROLE),
    )
    draft.put(
        Namespace(PUBLIC_NAMESPACE, "public", DATABASE_OWNER_ROLE if major >= 15 else BOOTSTRAP_SUPERUSER, granted)
    )
    draft.put(Extension(PLPGSQL, "plpgsql", PG_CATALOG, BOOTSTRAP_SUPERUSER, "1.0"))
    draft.journal.clear()
    return draft.freeze()
