"""Ways through a syntax tree of a stranger's file, which may nest or repeat anything a hundred thousand times.

tree-sitter's ``parent`` and ``prev_sibling`` walk down from the root each time, so what is above a node is found from
above, once; and one file has an effort that grows with its size alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEPEST = 1_000  # nodes above a string; a generated file has dozens
_LEAST = 300_000  # steps for a file, beside one for each of its bytes
_FEW = 8  # names that are looked for one by one, before all words of the file are written down
_USED = 200  # places of a name that are looked at; what stands in more is not known


class Spent(Exception):
    """The file's effort is spent: what is left of it is not read."""


class Effort:
    """What is left of the steps for one file."""

    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = _LEAST + size

    def spend(self, steps: int) -> None:
        """Raises Spent when there were too many."""
        self._left -= steps
        if self._left < 0:
            raise Spent


def chain(root: Node, offset: int, effort: Effort) -> list[Node]:
    """The nodes that a byte lies in, from the root to the smallest; empty where they are too many."""
    cursor, found = root.walk(), [root]
    while cursor.goto_first_child_for_byte(offset) is not None:
        node = cursor.node
        if node is None or node.start_byte > offset:
            break
        found.append(node)
        effort.spend(1)
        if len(found) > _DEEPEST:
            return []
    return found


class Words:
    """Where each word of a file stands."""

    __slots__ = ("_asked", "_data", "_every")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._asked = 0
        self._every: dict[bytes, list[int]] | None = None

    def places(self, word: bytes) -> list[int]:
        """The bytes where a word begins; none where it stands in very many places."""
        self._asked += 1
        if self._every is None and self._asked > _FEW:
            self._every = {}
            for match in re.finditer(rb"[\w$]+", self._data):
                self._every.setdefault(match.group(), []).append(match.start())
        if self._every is not None:
            found = self._every.get(word, [])
        else:
            whole = rb"(?<![\w$])" + re.escape(word) + rb"(?![\w$])"
            found = [match.start() for match in re.finditer(whole, self._data)]
        return found if len(found) <= _USED else []
