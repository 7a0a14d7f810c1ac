"""Constants: the string that a name stands for wherever its file uses it, as the file declares that name once and as
what never changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lockgate.queries.tree import Effort, Words

if TYPE_CHECKING:
    from tree_sitter import Node

_NAMES = frozenset(("identifier", "constant"))
_LISTS = frozenset(("expression_list", "pattern_list", "tuple_pattern", "left_assignment_list"))
_FINAL = re.compile(rb"\bfinal\b")


class Constants:
    """The constants of one file."""

    __slots__ = ("_effort", "_known", "_words")

    def __init__(self, data: bytes, effort: Effort) -> None:
        self._words = Words(data)
        self._effort = effort
        self._known: dict[bytes, Node | None] = {}

    def value(self, node: Node) -> Node | None:
        """The expression that gives a name its value; None where ``node`` is no name, or one that may be something
        else."""
        if node.type not in _NAMES or not (name := node.text):
            return None
        if name not in self._known:
            self._known[name] = self._looked_up(node, name)
        return self._known[name]

    def _looked_up(self, node: Node, name: bytes) -> Node | None:
        root = node
        while root.parent is not None:
            self._effort.spend(1)
            root = root.parent
        places = self._words.places(name)
        self._effort.spend(len(places))
        ends = ((at, at + len(name)) for at in places)
        found = [owner for span in ends if (owner := _owner(root.descendant_for_byte_range(*span))) is not None]
        return _value(found[0]) if len(found) == 1 else None


def _owner(name: Node | None) -> Node | None:
    """The declaration, assignment or parameter that gives a name its meaning here; None where it is only used, or in a
    text."""
    if name is None or name.child_count or (parent := name.parent) is None:
        return None
    if "pattern" in name.type or "parameter" in parent.type:
        return parent
    if name.type not in _NAMES:
        return None
    if parent.type == "variable_declaration":  # Kotlin
        return parent.parent
    child = name
    while parent.type in _LISTS and parent.parent is not None:
        child, parent = parent, parent.parent
    return (
        parent
        if any(child == one for field in ("name", "left", "pattern") for one in parent.children_by_field_name(field))
        else None
    )


def _value(owner: Node) -> Node | None:
    above = owner.parent
    if above is None:
        return None
    match owner.type:
        case "const_spec":  # Go
            value = owner.child_by_field_name("value")
            return (
                value.named_children[0]
                if value is not None and value.named_child_count == 1 and len(owner.children_by_field_name("name")) == 1
                else None
            )
        case "const_item":  # Rust
            return owner.child_by_field_name("value")
        case "variable_declarator":
            kind = above.children[0]  # JavaScript's const, Java's modifiers
            return (
                owner.child_by_field_name("value")
                if kind.type == "const" or (kind.type == "modifiers" and _FINAL.search(kind.text or b""))
                else None
            )
        case "property_declaration":  # Kotlin
            return owner.named_children[-1] if any(child.type == "val" for child in owner.children) else None
        case "assignment":
            left = owner.child_by_field_name("left")
            ever = left is not None and left.type == "constant"  # Ruby; in Python what a module assigns
            return (
                owner.child_by_field_name("right")
                if ever or (above.type == "expression_statement" and above.parent and above.parent.type == "module")
                else None
            )
    return None
