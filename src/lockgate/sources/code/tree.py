"""What programs in Python, JavaScript and TypeScript have in common, as far as migrations use it: one tree for all."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.base.text import Span


class ProgramNode(msgspec.Struct, frozen=True):
    """A part of a program; ``span`` is its place in the file."""

    span: Span


class Constant(ProgramNode, frozen=True):
    """A value that is written out."""

    value: Any


class Name(ProgramNode, frozen=True):
    """A variable."""

    name: str


class AttributeNode(ProgramNode, frozen=True):
    """``of.name``."""

    of: ProgramNode
    name: str


class ItemNode(ProgramNode, frozen=True):
    """``of[key]``."""

    of: ProgramNode
    key: ProgramNode


class Piece(ProgramNode, frozen=True):
    """``of[start:stop]``."""

    of: ProgramNode
    start: ProgramNode | None
    stop: ProgramNode | None


class Argument(msgspec.Struct, frozen=True):
    """What a call is given; ``name`` "" by place, ``spread`` for ``*xs``, ``**xs``, ``...xs``."""

    value: ProgramNode
    name: str = ""
    spread: bool = False


class CallNode(ProgramNode, frozen=True):
    """``function(arguments)``, ``new`` of a class included."""

    function: ProgramNode
    arguments: tuple[Argument, ...]


class Joined(ProgramNode, frozen=True):
    """A template or an f-string."""

    parts: tuple[ProgramNode, ...]


class Spread(ProgramNode, frozen=True):
    """``*value`` or ``...value`` in a list."""

    value: ProgramNode


class RowNode(ProgramNode, frozen=True):
    """A list, tuple or set."""

    items: tuple[ProgramNode, ...]
    kind: str = "list"


class Table(ProgramNode, frozen=True):
    """A dict or an object; a key of None spreads its value."""

    items: tuple[tuple[ProgramNode | None, ProgramNode], ...]


class Parameter(msgspec.Struct, frozen=True):
    """A parameter: a target that may take a value apart, its default, and whether it takes the rest ("*" or "**")."""

    target: ProgramNode
    default: ProgramNode | None = None
    rest: str = ""


class Function(ProgramNode, frozen=True):
    """A function, a method or a lambda."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[ProgramNode, ...]


class Choice(ProgramNode, frozen=True):
    """``yes if test else no``."""

    test: ProgramNode
    yes: ProgramNode
    no: ProgramNode


class Logic(ProgramNode, frozen=True):
    """``and``, ``or``, ``??``."""

    word: str
    left: ProgramNode
    right: ProgramNode


class Unary(ProgramNode, frozen=True):
    """``not``, ``-``."""

    word: str
    value: ProgramNode


class Binary(ProgramNode, frozen=True):
    """Arithmetic and comparisons, by Python's spelling."""

    word: str
    left: ProgramNode
    right: ProgramNode


class Every(ProgramNode, frozen=True):
    """A comprehension of one loop; ``value`` is a pair's second part where ``kind`` is "dict"."""

    item: ProgramNode
    target: ProgramNode
    over: ProgramNode
    tests: tuple[ProgramNode, ...]
    kind: str
    value: ProgramNode | None = None


class Do(ProgramNode, frozen=True):
    """An expression as a statement."""

    value: ProgramNode


class AssignNode(ProgramNode, frozen=True):
    """``target = value``; ``word`` "+" for ``+=``."""

    target: ProgramNode
    value: ProgramNode
    word: str = ""


class IfNode(ProgramNode, frozen=True):
    """A condition."""

    test: ProgramNode
    yes: tuple[ProgramNode, ...]
    no: tuple[ProgramNode, ...]


class For(ProgramNode, frozen=True):
    """A loop over the items of something; ``keys``: over its keys (JavaScript's ``in``)."""

    target: ProgramNode
    over: ProgramNode
    body: tuple[ProgramNode, ...]
    keys: bool = False


class While(ProgramNode, frozen=True):
    """A loop of which nobody knows how often it runs."""

    test: ProgramNode
    body: tuple[ProgramNode, ...]
    step: tuple[ProgramNode, ...] = ()


class ReturnNode(ProgramNode, frozen=True):
    """``return value``."""

    value: ProgramNode | None


class Leave(ProgramNode, frozen=True):
    """``raise``, ``throw``, ``break``, ``continue``."""

    word: str


class Try(ProgramNode, frozen=True):
    """What is tried, and what runs in any case; what runs after a fault is not looked at."""

    body: tuple[ProgramNode, ...]
    after: tuple[ProgramNode, ...]


class With(ProgramNode, frozen=True):
    """``with value as target:``."""

    items: tuple[tuple[ProgramNode, ProgramNode | None], ...]
    body: tuple[ProgramNode, ...]


class Class(ProgramNode, frozen=True):
    """A class: its bases and its body, methods as functions in it."""

    name: str
    bases: tuple[ProgramNode, ...]
    body: tuple[ProgramNode, ...]


class Import(ProgramNode, frozen=True):
    """``from module import name as target``; ``name`` "" for the module itself, "*" for all of it."""

    module: str
    name: str
    target: str
    level: int = 0


class UnreadNode(ProgramNode, frozen=True):
    """What is not read: its value is not known."""

    why: str
