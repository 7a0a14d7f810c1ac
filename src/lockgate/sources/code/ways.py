"""Both ways of a condition that nobody knows, and what is entered and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate.base.text import Span
from lockgate.sources.code import methods, operators, tree
from lockgate.sources.code.binding import bind
from lockgate.sources.code.leaving import WayOut
from lockgate.sources.code.values import Host, Names, NotKnown, Passed

_TURNS = 50  # of a loop that ends by a condition

if TYPE_CHECKING:
    from lockgate.sources.code.interpret import Follower


def branch(
    follow: Follower, test: Any, yes: tuple[tree.ProgramNode, ...], no: tuple[tree.ProgramNode, ...], scope: Names
) -> None:
    known = operators.truth(test, script=follow.script)
    if not isinstance(known, NotKnown):
        follow.run(yes if known else no, scope)
        return
    before = dict(scope.names)
    left: list[WayOut] = []
    after: list[dict[str, Any]] = []
    for body in (yes, no):
        scope.names.clear()
        scope.names |= before
        with follow.doubt(known):
            try:
                follow.run(body, scope)
            except WayOut as out:
                left.append(out)
                if out.word in ("raise", "throw"):
                    continue  # nobody writes a migration so that it fails
        after.append(dict(scope.names))
    _merge(scope, after or [before])
    ways = [out for out in left if out.word not in ("raise", "throw")]
    if len(ways) == 2:
        raise WayOut(ways[0].word, either(ways[0].value, ways[1].value))
    if ways:
        _go_on_in_doubt(follow, known, ways[0])


def _go_on_in_doubt(follow: Follower, why: NotKnown, way: WayOut) -> None:
    """One of two ways has left: whether what follows runs is not known till the function ends (see ``enter``)."""
    if way.word == "return" and follow.pending:
        follow.pending[-1].append((why, way.value))
        if why.guard:
            follow.guarded += 1
        else:
            follow.maybe += 1


def _merge(scope: Names, ways: list[dict[str, Any]]) -> None:
    names = dict.fromkeys(name for way in ways for name in way)
    merged = {}
    for name in names:
        values = [way.get(name) for way in ways]
        merged[name] = values[0] if len(values) == 1 else either(values[0], values[1])
    scope.names.clear()
    scope.names |= merged


def either(one: Any, other: Any) -> Any:
    if one is other:
        return one
    try:
        same = type(one) is type(other) and not isinstance(one, Host) and bool(one == other)
    except (RecursionError, TypeError):
        same = False
    return one if same else methods.unknown_of(one if isinstance(one, NotKnown) else other)


def entered(
    follow: Follower,
    items: tuple[tuple[tree.ProgramNode, tree.ProgramNode | None], ...],
    body: tuple[tree.ProgramNode, ...],
    scope: Names,
) -> None:
    """Follow what stands in a ``with``."""
    held = []
    for node, target in items:
        value = follow.value(node, scope)
        inner = value.get("__enter__") if isinstance(value, Host) else value
        inner = inner.call(Passed([], {}, node.span)) if isinstance(inner, Host) else value
        held.append(value)
        if target is not None:
            bind(follow, target, inner, scope)
    try:
        follow.run(body, scope)
    finally:
        for value in reversed(held):
            leave = value.get("__exit__") if isinstance(value, Host) else None
            if isinstance(leave, Host):
                leave.call(Passed([], {}, Span(0, 0)))


def turns(
    follow: Follower,
    test: tree.ProgramNode,
    body: tuple[tree.ProgramNode, ...],
    step: tuple[tree.ProgramNode, ...],
    scope: Names,
) -> None:
    """Follow a loop that ends by a condition."""
    for _ in range(_TURNS if not isinstance(test, tree.Constant) else 1):
        known = operators.truth(follow.value(test, scope), script=follow.script)
        if isinstance(known, NotKnown):
            with follow.doubt(known):
                follow.round_of(body, scope)
            return
        if not known or not follow.round_of(body, scope):
            return
        follow.run(step, scope)
