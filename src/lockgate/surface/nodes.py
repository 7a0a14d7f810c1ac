"""YAML with places: ruamel's nodes as small values. Anchors, aliases and merge keys are followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.text import Source, Span
from lockgate.values import dataclass

_DEEPEST = 60


class BadYaml(Exception):
    """The text is no YAML. ``span`` is where the parser stopped."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar and its place."""

    value: str
    span: Span
    quoted: bool = False

    @property
    def known(self) -> bool:
        """Whether no variable stands in it: ``${TAG}`` may be anything."""
        return "$" not in self.value.replace("$$", "")


@dataclass(frozen=True, slots=True)
class Node:
    """A mapping, a list, or a scalar."""

    span: Span
    scalar: Text | None = None
    pairs: tuple[tuple[Text, Node], ...] | None = None
    children: tuple[Node, ...] | None = None

    def get(self, *keys: str) -> Node | None:
        """The value under a path of keys."""
        here: Node | None = self
        for key in keys:
            here = next((value for name, value in (here.pairs if here and here.pairs else ()) if name.value == key), None)
        return here

    def key(self, name: str) -> Text | None:
        """The key itself, for its place."""
        return next((key for key, _ in self.pairs or () if key.value == name), None)

    def text(self, *keys: str) -> Text | None:
        """The scalar under a path of keys."""
        found = self.get(*keys)
        return found.scalar if found is not None else None

    def items(self) -> Iterator[tuple[Text, Node]]:
        """The pairs of a mapping."""
        yield from self.pairs or ()

    def texts(self) -> tuple[Text, ...]:
        """The scalars of a list, or the one scalar."""
        if self.scalar is not None:
            return (self.scalar,)
        return tuple(child.scalar for child in self.children or () if child.scalar is not None)


def parse(source: Source) -> Node | None:
    """The document's root; None for an empty one. Raises BadYaml."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="rt")
    reader.allow_duplicate_keys = True
    try:
        root: Any = reader.compose(source.text.removeprefix("\ufeff"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        start = source.offset(mark.line + 1, mark.column + 1) if mark is not None else 0
        raise BadYaml(" ".join(str(error.problem or error.context or "not YAML").split()), Span(start, start + 1)) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(" ".join(str(error).split())[:200], Span(0, 0)) from None
    return _node(source, root, 0) if root is not None else None


def _node(source: Source, raw: Any, depth: int) -> Node:
    start = source.offset(raw.start_mark.line + 1, raw.start_mark.column + 1)
    end = source.offset(raw.end_mark.line + 1, raw.end_mark.column + 1)
    span = Span(start, max(start, end))
    if depth > _DEEPEST:  # an alias that holds itself
        return Node(span)
    if isinstance(raw.value, str):
        return Node(span, Text(raw.value, span, raw.style in ("'", '"')))
    if raw.id == "sequence":
        return Node(span, children=tuple(_node(source, child, depth + 1) for child in raw.value))
    return Node(span, pairs=tuple(_pairs(source, raw, depth)))


def _pairs(source: Source, raw: Any, depth: int) -> list[tuple[Text, Node]]:
    own: dict[str, tuple[Text, Node]] = {}
    merged: list[tuple[Text, Node]] = []
    for key, value in raw.value:
        name, node = _node(source, key, depth + 1), _node(source, value, depth + 1)
        if name.scalar is None:
            continue
        if name.scalar.value == "<<" and not name.scalar.quoted:
            for part in node.children or (node,):
                merged += part.pairs or ()
        else:
            own[name.scalar.value] = (name.scalar, node)
    for text, node in merged:
        own.setdefault(text.value, (text, node))
    return list(own.values())
