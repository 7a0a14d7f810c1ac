"""DROP of an object that the other side has not."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.sql import quote_identifier as q
from lockgate.difference.address import address, table
from lockgate.difference.grants import privileges
from lockgate.oracle.read.definition import Definition


def drop(one: Definition) -> Iterator[str]:
    """Without CASCADE: what rests on the object is told as such."""
    match one.kind:
        case "column":
            yield f"ALTER TABLE {table(one)} DROP COLUMN {q(one.name[2])};"
        case "attribute":
            yield f"ALTER TYPE {table(one)} DROP ATTRIBUTE {q(one.name[2])};"
        case "constraint":
            yield f"ALTER {'DOMAIN' if one.properties['of domain'] else 'TABLE'} {table(one)} DROP CONSTRAINT {q(one.name[2])};"
        case "default privileges":
            yield from privileges(one, one.properties["grants"], {})
        case "membership":
            yield f"REVOKE {q(one.name[0])} FROM {q(one.name[1])};"
        case _:
            yield f"DROP {address(one)};"
