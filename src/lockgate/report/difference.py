"""``lockgate snapshot --diff``: for a person at a terminal, and as JSON (schema/difference-1.json)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Literal

from lockgate.difference import Deviation, Difference, DriftKind, LastTouch
from lockgate.difference.address import PARTS
from lockgate.difference.deviation import shown
from lockgate.oracle.read.definition import Definition
from lockgate.report import shapes
from lockgate.report.document import TOOL, written

_TITLES = {
    DriftKind.BY_HAND: "production has, and no applied migration made",
    DriftKind.LACKING: "an applied migration made, and production lacks",
    DriftKind.CHANGED: "not as the applied migrations made it",
}
_CHANGES: dict[DriftKind, Literal["by-hand", "lacking", "changed"]] = {
    DriftKind.BY_HAND: "by-hand",
    DriftKind.LACKING: "lacking",
    DriftKind.CHANGED: "changed",
}
_SAME = "production has what its applied migrations make, and nothing else"
_PLURAL = frozenset({"privileges", "labels", "options", "parents", "roles", "settings"})
_HOLDS_ROWS = frozenset({"table", "column", "materialized view", "schema"})
_LONGEST = 12  # lines of a body's differences that are shown


def as_text(found: Difference) -> str:
    """One block for each kind of difference, one paragraph for each object; what is in doubt comes last."""
    lines: list[str] = []
    for change, title in _TITLES.items():
        lines += _block(title, [d for d in found.deviations if d.change is change and not d.doubt])
    lines += _block("perhaps different, which cannot be told here", [d for d in found.deviations if d.doubt])
    same = [] if found else [_SAME if not lines else f"{_SAME}, as far as can be told here"]
    return "\n".join((*same, *lines)) + "\n"


def _block(title: str, deviations: list[Deviation]) -> Iterator[str]:
    if deviations:
        yield f"{title}:"
    for each in deviations:
        lines = [line for name, (has, made) in each.properties.items() for line in _property(name, has, made)]
        beside = f": {lines.pop()}" if len(lines) == 1 else ""
        yield f"  {each.kind} {each.name}{_inside(each)}{_owned(each)}{beside}{_touched(each.touch)}"
        yield from (f"      {line}" for line in lines)
        if each.doubt:
            yield f"      {each.doubt}"
        loses = each.change is DriftKind.BY_HAND and each.kind in _HOLDS_ROWS
        undo = f"to undo it in production{', with the rows that it holds' if loses else ''}"
        for word, statements in ((undo, each.undo), ("to keep it, in a migration", each.keep)):
            if statements and not each.doubt:
                yield from (f"      {line}" for line in _sql(word, statements))


def _inside(each: Deviation) -> str:
    count = len(each.inside)
    return f" and the {count} objects in it" if each.kind == "schema" and count else ""


def _owned(each: Deviation) -> str:
    known = (
        each.definition.owner
        and each.change is not DriftKind.CHANGED
        and each.kind not in (*PARTS, "default privileges")
    )
    return f", owned by {each.definition.owner}" if known else ""


def _touched(touch: LastTouch | None) -> str:
    if touch is None:
        return ""
    at = f"{touch.path}:{touch.line}"
    if touch.pending:
        return f" (pending: {at} means to make it)"
    return f" ({'dropped' if touch.dropped else 'last touched'} by {touch.slot}, {at})"


def _property(name: str, has: Any, made: Any) -> Iterator[str]:
    one, other = _value(has), _value(made)
    if "\n" not in one + other:
        are, them = ("are", "them") if name.split()[0] in _PLURAL else ("is", "it")
        yield f"{name} {are} {one}, the migrations make {them} {other}"
        return
    yield f"{name}: - as the migrations make it, + in production"
    changes = [
        line
        for line in difflib.unified_diff(other.splitlines(), one.splitlines(), n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    yield from (f"  {line}" for line in changes[:_LONGEST])
    if len(changes) > _LONGEST:
        yield f"  and {len(changes) - _LONGEST} lines more (--format json has them all)"


def _value(value: Any) -> str:
    if value is None or value in ("", []):
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _sql(word: str, statements: tuple[str, ...]) -> Iterator[str]:
    lines = [line for statement in statements for line in statement.splitlines()]
    if len(lines) == 1:
        yield f"{word}: {lines[0]}"
        return
    yield f"{word}:"
    yield from (f"  {line}" for line in lines[:_LONGEST])
    if len(lines) > _LONGEST:
        yield f"  and {len(lines) - _LONGEST} lines more (--format json has them all)"


def as_json(found: Difference) -> str:
    """The document of ``lockgate/schema/difference-1.json``."""
    counts = {change: sum(d.change is change and not d.doubt for d in found.deviations) for change in DriftKind}
    document = shapes.Difference(
        1,
        TOOL,
        shapes.Production(found.major),
        shapes.Applied(found.server),
        [_row(each) for each in found.deviations],
        list(found.notes),
        shapes.Counts(
            counts[DriftKind.LACKING],
            counts[DriftKind.CHANGED],
            sum(bool(d.doubt) for d in found.deviations),
            counts[DriftKind.BY_HAND],
        ),
    )
    return written(document)


def _row(each: Deviation) -> shapes.Deviation:
    touch = each.touch
    return shapes.Deviation(
        _CHANGES[each.change],
        each.kind,
        each.name,
        each.definition.owner or None,
        {name: shapes.Sides(has, made) for name, (has, made) in each.properties.items()},
        _object(each.production),
        _object(each.migrations),
        [f"{d.kind} {shown(d)}" for d in each.inside],
        touch.slot if touch is not None else None,
        shapes.Touched(touch.path, touch.line) if touch is not None else None,
        None if touch is None else "pending" if touch.pending else "dropped" if touch.dropped else "touched",
        each.doubt or None,
        list(each.undo),
        list(each.keep),
    )


def _object(one: Definition | None) -> dict[str, Any] | None:
    return (
        None
        if one is None
        else {"owner": one.owner or None, **{k: v for k, v in one.properties.items() if v is not None}}
    )
