"""What a step changes, in words: ``+ column priority integer of table paliad.rules``."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Object, Other, Relation, Type
from lockgate.catalog.typename import type_name
from lockgate.timeline.describe import describe_object
from lockgate.timeline.step import Change, Step


class ChangeRow(msgspec.Struct, frozen=True):
    """What one statement changes, in words; of one that changes nothing: why it fails, or what is in doubt."""

    slot: str
    path: str
    line: int
    statement: int
    role: str | None  # None: not known
    fails: str | None  # the SQLSTATE
    tainted: list[str]
    change: str


_WORDS = {
    "acl": "privileges",
    "rls": "row security",
    "force_rls": "forced row security",
    "labels": "values",
    "attributes": "columns",
    "body": "body",
    "partitioning": "partitioning",
    "parents": "parents",
    "replica_identity": "replica identity",
    "options": "options",
    "config": "settings",
    "validated": "validated",
    "notnull": "not null",
}
_SILENT = frozenset(
    {
        "name",
        "namespace",
        "owner",
        "attributes",
        "next_attnum",
        "oid",
        "fresh_labels",
        "rowtype",
        "array",
        "updatable",
        "populated",
    }
)


def rows_of(step: Step) -> list[ChangeRow]:
    """A row for each change of a step with its own catalogs: slot, place, role, what happened; one row for a step that
    fails or is in doubt and changes nothing."""
    source = step.statement.script.source
    words = [each for change in step.changes for each in words_of(step.before, step.after, change)]
    if not words and (step.fails or step.tainted):
        words = [step.fails.message if step.fails else step.tainted[0]]
    return [
        ChangeRow(
            step.migration.slot,
            source.path,
            source.position(step.statement.span.start).line,
            step.statement.index,
            step.before.role_name(step.session.role) if step.session.known else None,
            step.fails.sqlstate if step.fails else None,
            list(step.tainted),
            each,
        )
        for each in words
    ]


def words_of(before: Catalog, after: Catalog, change: Change) -> Iterator[str]:
    """One change in words, between the catalogs around its statement; nothing of what comes along with another object."""
    old, new = change.before, change.after
    if _hidden(new or old):
        return
    if old is None and new is not None:
        yield f"+ {describe_object(after, new)}{_contents(after, new)}"
    elif new is None and old is not None:
        yield f"- {describe_object(before, old)}"
    elif old is not None and new is not None:
        yield from _altered(before, after, old, new)


def _hidden(obj: Object | None) -> bool:
    """What comes along with another object: an extension's members, the row and array types of a relation, a default
    (its column tells)."""
    return (
        bool(getattr(obj, "extension", 0))
        or (isinstance(obj, Type) and bool(obj.elem or obj.relation))
        or (isinstance(obj, Other) and obj.kind == "default")
    )


def _contents(catalog: Catalog, obj: Object) -> str:
    if isinstance(obj, Relation) and obj.kind in "rpfvm":
        return f" ({', '.join(a.name for a in obj.attributes)})"
    return f" ({', '.join(obj.labels)})" if isinstance(obj, Type) and obj.labels else ""


def _altered(before: Catalog, after: Catalog, old: Object, new: Object) -> Iterator[str]:
    was, name = describe_object(before, old), describe_object(after, new)
    if was != name:
        yield f"~ {was} is now {name}"
    if isinstance(old, Relation) and isinstance(new, Relation):
        yield from _columns(after, old, new, name)
    owners = getattr(old, "owner", 0), getattr(new, "owner", 0)
    if owners[0] != owners[1]:
        yield f"~ {name}: owner {before.role_name(owners[0])} is now {after.role_name(owners[1])}"
    changed = [
        _WORDS.get(field, field.replace("_", " "))
        for field in old.__struct_fields__
        if field not in _SILENT and getattr(old, field) != getattr(new, field)
    ]
    if changed:
        yield f"~ {name}: {', '.join(changed)}"


def _columns(catalog: Catalog, old: Relation, new: Relation, name: str) -> Iterator[str]:
    was, now = {a.num: a for a in old.attributes}, {a.num: a for a in new.attributes}
    yield from (f"- column {quote_identifier(was[n].name)} of {name}" for n in was.keys() - now.keys())
    yield from (f"+ column {_column(catalog, now[n])} of {name}" for n in now.keys() - was.keys())
    for n in sorted(now.keys() & was.keys()):
        if now[n].name != was[n].name:
            yield f"~ column {quote_identifier(was[n].name)} of {name} is now {quote_identifier(now[n].name)}"
        elif now[n] != was[n]:
            yield f"~ column {quote_identifier(now[n].name)} of {name}: {_difference(catalog, was[n], now[n])}"


def _column(catalog: Catalog, attribute: Attribute) -> str:
    typed = type_name(catalog, attribute.type, attribute.typmod) if attribute.type else "of a type that is not known"
    return f"{quote_identifier(attribute.name)} {typed}{' not null' if attribute.notnull else ''}"


def _difference(catalog: Catalog, old: Attribute, new: Attribute) -> str:
    if (old.type, old.typmod) != (new.type, new.typmod):
        return f"{_column(catalog, old).partition(' ')[2]} is now {_column(catalog, new).partition(' ')[2]}"
    if old.notnull != new.notnull:
        return "not null" if new.notnull else "may be null"
    if old.has_default != new.has_default:
        return "has a default" if new.has_default else "has no default"
    return ", ".join(
        _WORDS.get(field, field) for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)
    )
