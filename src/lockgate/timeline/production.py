"""What is known of production beside the migrations: after a baseline, and around a hosting service's schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.base.text import Source, Span
from lockgate.catalog.catalog import Place
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Extension, Role
from lockgate.sources.environment import Environment
from lockgate.sources.migration import Script
from lockgate.timeline.session import Session

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


def settle(draft: Draft, runners: set[str], superuser: bool, script: Script) -> None:
    """Whoever applies the migrations is no superuser unless the configuration says so; pg_dump does not tell the owners
    of extensions."""
    for name in runners:
        role = draft.role(name) if name else None
        if role is not None and role.superuser and not superuser:
            draft.put(replace(role, superuser=False))
    place = Place(script.source, Span(0, 0), "baseline")
    for extension in draft.objects(Extension):
        draft.taint(("owner", extension.oid), f"who owns extension {extension.name} is not in the baseline", place)


def search_path(draft: Draft, session: Session) -> tuple[str, ...]:
    """What a new session of the role starts with: ALTER ROLE SET, ALTER DATABASE SET, else what is configured."""
    from lockgate.timeline.routines.validate import path_of

    role = draft.find(Role, session.login)
    own = dict(role.settings).get("search_path") if role is not None else None
    value = own if own is not None else draft.settings.get(("database", "search_path"))
    return session.search_path if value is None else path_of(value)


_KINDS = ("relation", "type", "routine", "operator", "opclass", "cast", "collation", "ts_config", "ts_dict")


def surround(draft: Draft, environment: Environment, source: Source) -> None:
    """What a hosting service's schemas hold beside its stand-ins is not known, nor what stood in those beside them."""
    place = Place(source, Span(0, 0), "")
    for name in environment.schemas:
        space = draft.namespace(name)
        key: TaintKey = ("namespace", space.oid) if space is not None else ("name", "namespace", 0, name)
        draft.taint(key, f"schema {name} is {environment.name}'s", place)
    for space in filter(None, map(draft.namespace, environment.beside)):
        for kind in _KINDS:
            draft.taint(
                ("name", kind, space.oid, "*"), f"schema {space.name} was not empty before the first migration", place
            )
