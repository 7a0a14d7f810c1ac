"""Database of another major version on the same volume: see rules/database-major-change.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeChange


@on_fact(ComposeChange)
def check(fact: ComposeChange) -> Iterator[Remark]:
    """One finding at the new image."""
    for service in fact.head.services:
        before, image = fact.base.service(service.name), service.image
        if (
            before is None
            or image is None
            or not service.database
            or before.major is None
            or service.major in (None, before.major)
        ):
            continue
        kept = {m.source for m in before.mounts if m.source} & {m.source for m in service.mounts if m.source}
        if not kept:
            continue
        related = (
            (Label(fact.base.source, before.image.span, f"{before.image.value} on the base branch"),)
            if before.image
            else ()
        )
        yield Remark(
            f"{service.name} goes from {before.database} {before.major} to {service.major} on the same volume {sorted(kept)[0]}: it will not start",
            Label(fact.head.source, image.span, "another major version"),
            "move the data with pg_upgrade, or dump and restore into a new volume",
            related,
            object=service.name,
        )
