"""After a baseline: what production's cluster says that the dumped schema does not."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.catalog import Place
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Extension, Role
from lockgate.sources.migration import Script
from lockgate.timeline.session import Session


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
