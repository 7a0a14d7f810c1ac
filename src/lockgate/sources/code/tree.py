"""What programs in Python, JavaScript and TypeScript have in common, as far as migrations use it: one tree for all."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.base.text import Span


class Node(msgspec.Struct, frozen=True):
    """A part of a program; ``span`` is its place in the file."""

    span: Span


class Constant(Node, frozen=True):
    """A value that is written out."""

    value: Any


class Name(Node, frozen=True):
    """A variable."""

    name: str


class Attribute(Node, frozen=True):
    """``of.name``."""

    of: Node
    name: str


class Item(Node, frozen=True):
    """``of[key]``."""

    of: Node
    key: Node


class Piece(Node, frozen=True):
    """``of[start:stop]``."""

    of: Node
    start: Node | None
    stop: Node | None


class Argument(msgspec.Struct, frozen=True):
    """What a call is given; ``name`` "" by place, ``spread`` for ``*xs``, ``**xs``, ``...xs``."""

    value: Node
    name: str = ""
    spread: bool = False


class Call(Node, frozen=True):
    """``function(arguments)``, ``new`` of a class included."""

    function: Node
    arguments: tuple[Argument, ...]


class Joined(Node, frozen=True):
    """A template or an f-string."""

    parts: tuple[Node, ...]


class Spread(Node, frozen=True):
    """``*value`` or ``...value`` in a list."""

    value: Node


class Row(Node, frozen=True):
    """A list, tuple or set."""

    items: tuple[Node, ...]
    kind: str = "list"


class Table(Node, frozen=True):
    """A dict or an object; a key of None spreads its value."""

    items: tuple[tuple[Node | None, Node], ...]


class Parameter(msgspec.Struct, frozen=True):
    """A parameter: a target that may take a value apart, its default, and whether it takes the rest ("*" or "**")."""

    target: Node
    default: Node | None = None
    rest: str = ""


class Function(Node, frozen=True):
    """A function, a method or a lambda."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Node, ...]


class Choice(Node, frozen=True):
    """``yes if test else no``."""

    test: Node
    yes: Node
    no: Node


class Logic(Node, frozen=True):
    """``and``, ``or``, ``??``."""

    word: str
    left: Node
    right: Node


class Unary(Node, frozen=True):
    """``not``, ``-``."""

    word: str
    value: Node


class Binary(Node, frozen=True):
    """Arithmetic and comparisons, by Python's spelling."""

    word: str
    left: Node
    right: Node


class Every(Node, frozen=True):
    """A comprehension of one loop; ``value`` is a pair's second part where ``kind`` is "dict"."""

    item: Node
    target: Node
    over: Node
    tests: tuple[Node, ...]
    kind: str
    value: Node | None = None


class Do(Node, frozen=True):
    """An expression as a statement."""

    value: Node


class Assign(Node, frozen=True):
    """``target = value``; ``word`` "+" for ``+=``."""

    target: Node
    value: Node
    word: str = ""


class If(Node, frozen=True):
    """A condition."""

    test: Node
    yes: tuple[Node, ...]
    no: tuple[Node, ...]


class For(Node, frozen=True):
    """A loop over the items of something; ``keys``: over its keys (JavaScript's ``in``)."""

    target: Node
    over: Node
    body: tuple[Node, ...]
    keys: bool = False


class While(Node, frozen=True):
    """A loop of which nobody knows how often it runs."""

    test: Node
    body: tuple[Node, ...]
    step: tuple[Node, ...] = ()


class Return(Node, frozen=True):
    """``return value``."""

    value: Node | None


class Leave(Node, frozen=True):
    """``raise``, ``throw``, ``break``, ``continue``."""

    word: str


class Try(Node, frozen=True):
    """What is tried, and what runs in any case; what runs after a fault is not looked at."""

    body: tuple[Node, ...]
    after: tuple[Node, ...]


class With(Node, frozen=True):
    """``with value as target:``."""

    items: tuple[tuple[Node, Node | None], ...]
    body: tuple[Node, ...]


class Class(Node, frozen=True):
    """A class: its bases and its body, methods as functions in it."""

    name: str
    bases: tuple[Node, ...]
    body: tuple[Node, ...]


class Import(Node, frozen=True):
    """``from module import name as target``; ``name`` "" for the module itself, "*" for all of it."""

    module: str
    name: str
    target: str
    level: int = 0


class Unread(Node, frozen=True):
    """What is not read: its value is not known."""

    why: str
