"""Database image without a version: see rules/unpinned-database-image.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the image."""
    for service in fact.services:
        image = service.image
        if (
            image is None
            or not service.database
            or not image.known
            or service.major is not None
            or "@sha256:" in image.value
        ):
            continue
        yield Remark(
            f"{image.value} names no major version: the next pull may bring another",
            Label(fact.source, image.span, "not pinned"),
            "name the version that production runs, such as postgres:16.4",
            object=service.name,
        )
