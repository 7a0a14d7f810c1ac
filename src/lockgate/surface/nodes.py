"""YAML with places: ruamel's nodes as small values. Anchors, aliases and merge keys are followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span

_WHOLE = (
    "command",
    "entrypoint",
    "test",
)  # lists that are replaced where others are added to (compose-go, override/merge.go)


_LONGEST = 1 << 18  # characters of one file
_DEEPEST = 200
_BRACKETS = pattern(r"[\[{}\]]")
_IN_LINE = pattern(r"(?:[-?][ \t]){200}")


class BadYaml(Exception):
    """The text is no YAML. ``span`` is where the parser stopped."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class Text(msgspec.Struct, frozen=True):
    """A scalar and its place."""

    value: str
    span: Span
    quoted: bool = False

    @property
    def known(self) -> bool:
        """Whether no variable stands in it: ``${TAG}`` may be anything."""
        return "$" not in self.value.replace("$$", "")


class Node(msgspec.Struct, frozen=True):
    """A mapping, a list, or a scalar."""

    span: Span
    scalar: Text | None = None
    pairs: tuple[tuple[Text, Node], ...] | None = None
    children: tuple[Node, ...] | None = None

    def get(self, *keys: str) -> Node | None:
        """The value under a path of keys."""
        here: Node | None = self
        for key in keys:
            here = next(
                (value for name, value in (here.pairs if here and here.pairs else ()) if name.value == key), None
            )
        return here

    def key(self, name: str) -> Text | None:
        """The key itself, for its place."""
        return next((key for key, _ in self.pairs or () if key.value == name), None)

    def text(self, *keys: str) -> Text | None:
        """The scalar under a path of keys."""
        found = self.get(*keys)
        return found.scalar if found is not None else None

    def over(self, base: Node | None, name: str = "") -> Node:
        """This laid over another: mappings are merged, lists added to, everything else replaced."""
        if base is not None and self.pairs is not None and base.pairs is not None:
            below = {key.value: (key, value) for key, value in base.pairs}
            own = {
                key.value: (key, value.over(below[key.value][1], key.value) if key.value in below else value)
                for key, value in self.pairs
            }
            return Node(self.span, pairs=tuple((below | own).values()))
        if base is not None and self.children is not None and base.children is not None and name not in _WHOLE:
            return Node(self.span, children=(*base.children, *self.children))
        return self

    def at(self, span: Span) -> Node:
        """The same as if it stood there: for what comes from another file."""
        return Node(
            span,
            Text(self.scalar.value, span, self.scalar.quoted) if self.scalar is not None else None,
            tuple((Text(key.value, span, key.quoted), value.at(span)) for key, value in self.pairs)
            if self.pairs is not None
            else None,
            tuple(child.at(span) for child in self.children) if self.children is not None else None,
        )

    def items(self) -> Iterator[tuple[Text, Node]]:
        """The pairs of a mapping."""
        yield from self.pairs or ()

    def texts(self) -> tuple[Text, ...]:
        """The scalars of a list, or the one scalar."""
        if self.scalar is not None:
            return (self.scalar,)
        return tuple(child.scalar for child in self.children or () if child.scalar is not None)


def _too_much(text: str) -> BadYaml | None:
    """What would keep a parser in Python busy for minutes: it reads some 100 KB a second, and its scanner takes the
    square of the depth."""
    if len(text) > _LONGEST:
        return BadYaml(f"longer than {_LONGEST >> 10} KB: no file of a deploy is", Span(0, 1))
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth = max(0, depth + (1 if match.group() in "[{" else -1))
        if depth > _DEEPEST:
            return BadYaml(f"nested more than {_DEEPEST} deep", Span(match.start(), match.end()))
    inline = _IN_LINE.search(text)
    return BadYaml(f"nested more than {_DEEPEST} deep", Span(inline.start(), inline.end())) if inline else None


def parse(source: Source) -> Node | None:
    """The document's root; None for an empty one. Raises BadYaml. Several documents are laid over each other, as
    Compose does."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if (wrong := _too_much(source.text)) is not None:
        raise wrong
    reader = YAML(typ="safe", pure=True)
    try:
        documents = [raw for raw in reader.compose_all(source.text.removeprefix("\ufeff")) if raw is not None]
        roots = [_Reader(source).node(raw) for raw in documents]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        start = source.offset(mark.line + 1, mark.column + 1) if mark is not None else 0
        raise BadYaml(
            " ".join(str(error.problem or error.context or "not YAML").split()), Span(start, start + 1)
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(" ".join(str(error).split())[:200], Span(0, 0)) from None
    whole = roots[0] if roots else None
    for root in roots[1:]:
        whole = root.over(whole)
    return whole


class _Reader:
    """Turns ruamel's nodes into ours, each once: an alias of an alias costs nothing, and one that holds itself ends."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[int, Node] = {}

    def node(self, raw: Any) -> Node:
        if id(raw) not in self._made:
            self._made[id(raw)] = Node(self._span(raw))  # what an alias inside of its own anchor stands for
            self._made[id(raw)] = self._read(raw)
        return self._made[id(raw)]

    def _span(self, raw: Any) -> Span:
        start, end = (self._source.offset(mark.line + 1, mark.column + 1) for mark in (raw.start_mark, raw.end_mark))
        return Span(start, max(start, end))

    def _read(self, raw: Any) -> Node:
        span = self._span(raw)
        if isinstance(raw.value, str):
            return Node(span, Text(raw.value, span, raw.style in ("'", '"')))
        if raw.id == "sequence":
            return Node(span, children=tuple(self.node(child) for child in raw.value))
        return Node(span, pairs=self._pairs(raw))

    def _pairs(self, raw: Any) -> tuple[tuple[Text, Node], ...]:
        """The pairs with those of merge keys. A key that stands twice is refused, as Go's YAML (Compose, Gitea) refuses
        it."""
        own: dict[str, tuple[Text, Node]] = {}
        merged: list[tuple[Text, Node]] = []
        for key, value in raw.value:
            name, node = self.node(key).scalar, self.node(value)
            if name is None:
                continue
            if name.value == "<<" and not name.quoted:
                for part in node.children or (node,):
                    merged += part.pairs or ()
            elif name.value in own:
                raise BadYaml(f"the key {name.value} stands twice", name.span)
            else:
                own[name.value] = (name, node)
        for text, node in merged:
            own.setdefault(text.value, (text, node))
        return tuple(own.values())
