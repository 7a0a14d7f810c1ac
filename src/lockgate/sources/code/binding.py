"""Values given to names, and values put together: assignments, parameters, lists, tables, comprehensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate.sources.code import methods, operators, tree
from lockgate.sources.code.values import UNKNOWN, ClassValue, Host, Instance, Names, NotKnown

if TYPE_CHECKING:
    from lockgate.sources.code.interpret import Follower

_ROUNDS = 20_000  # of one comprehension


def bind(follow: Follower, target: tree.ProgramNode, value: Any, scope: Names) -> None:
    """Give a variable, an item or an attribute a value; take it apart where several are meant."""
    match target:
        case tree.Name(_, name):
            where = (scope.find(name) if follow.script else None) or scope
            where.names[name] = value
        case tree.RowNode(_, items):
            _take_apart(follow, items, value, scope)
        case tree.Table(_, pairs):
            for key, inner in pairs:
                part = follow.attribute(value, key.value) if isinstance(key, tree.Constant) else UNKNOWN
                bind(follow, inner, part, scope)
        case tree.Choice(_, _, yes, no):  # a default of a part that is taken out
            bind(follow, yes, follow.value(no, scope) if value is None else value, scope)
        case tree.ItemNode(_, of, key):
            held, word = follow.value(of, scope), follow.value(key, scope)
            if isinstance(held, dict) and isinstance(word, str | int):
                held[word] = value
        case tree.AttributeNode(_, of, name):
            held = follow.value(of, scope)
            if isinstance(held, Instance | ClassValue):
                held.members[name] = value
            elif isinstance(held, dict):
                held[name] = value
            elif isinstance(held, Host):
                held.members[name] = value


def _take_apart(follow: Follower, items: tuple[tree.ProgramNode, ...], value: Any, scope: Names) -> None:
    parts = list(value) if isinstance(value, list | tuple) else None
    for number, item in enumerate(items):
        if isinstance(item, tree.Spread):
            bind(follow, item.value, parts[number:] if parts is not None else UNKNOWN, scope)
        else:
            known = parts is not None and number < len(parts)
            part = parts[number] if known and parts is not None else methods.unknown_of(value)
            bind(follow, item, part, scope)


def bind_parameters(
    follow: Follower, parameters: tuple[tree.Parameter, ...], args: list[Any], named: dict[str, Any], scope: Names
) -> None:
    for parameter in parameters:
        name = parameter.target.name if isinstance(parameter.target, tree.Name) else ""
        value: Any
        if parameter.rest == "*":
            value, args = list(args), []
        elif parameter.rest == "**":
            value = named
        elif args:
            value = args.pop(0)
        elif name in named:
            value = named.pop(name)
        elif parameter.default is not None:
            value = follow.value(parameter.default, scope)
        else:
            value = UNKNOWN if not follow.script else None
        if isinstance(value, type(None)) and follow.script and parameter.default is not None:
            value = follow.value(parameter.default, scope)
        declare(follow, parameter.target, value, scope)


def declare(follow: Follower, target: tree.ProgramNode, value: Any, scope: Names) -> None:
    """Bind in this very scope, whatever the ones around it have."""
    if isinstance(target, tree.Name):
        scope.names[target.name] = value
    else:
        bind(follow, target, value, Names(None, scope.names))


def row(follow: Follower, items: tuple[tree.ProgramNode, ...], kind: str, scope: Names) -> Any:
    out: list[Any] = []
    for item in items:
        if isinstance(item, tree.Spread):
            more = operators.items(follow.value(item.value, scope), script=follow.script)
            if isinstance(more, NotKnown):
                return more
            out += more
        else:
            out.append(follow.value(item, scope))
    return tuple(out) if kind == "tuple" else out


def table(follow: Follower, pairs: tuple[tuple[tree.ProgramNode | None, tree.ProgramNode], ...], scope: Names) -> Any:
    out: dict[Any, Any] = {}
    for key, node in pairs:
        value = follow.value(node, scope)
        if key is None:
            if isinstance(value, dict):
                out |= value
            continue
        word = follow.value(key, scope)
        if isinstance(word, str | int):
            out[word] = value
    return out


def every(follow: Follower, node: tree.Every, scope: Names) -> Any:
    items = operators.items(follow.value(node.over, scope), script=follow.script)
    if isinstance(items, NotKnown):
        with follow.doubt(items):
            inner = Names(scope)
            bind(follow, node.target, items, inner)
            follow.value(node.item, inner)
        return items
    out: list[Any] = []
    pairs: dict[Any, Any] = {}
    for item in items[:_ROUNDS]:
        inner = Names(scope)
        bind(follow, node.target, item, inner)
        tests = [operators.truth(follow.value(t, inner), script=follow.script) for t in node.tests]
        doubtful = next((t for t in tests if isinstance(t, NotKnown)), None)
        if doubtful is not None:
            return doubtful
        if not all(tests):
            continue
        made = follow.value(node.item, inner)
        if node.kind == "dict" and node.value is not None:
            if isinstance(made, str | int | tuple):
                pairs[made] = follow.value(node.value, inner)
        elif node.kind == "nested" and isinstance(made, list):
            out += made
        else:
            out.append(made)
    return pairs if node.kind == "dict" else out
