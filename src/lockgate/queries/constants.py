"""Constants: the string that a name stands for wherever its file uses it, as the file declares that name once and as
what never changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_NAMES = frozenset(("identifier", "constant"))
_LISTS = frozenset(("expression_list", "pattern_list", "tuple_pattern", "left_assignment_list"))
_FINAL = re.compile(rb"\bfinal\b")


def constant(node: Node) -> Node | None:
    """The expression that gives a name its value; None where ``node`` is no name, or one that may be something else."""
    if node.type not in _NAMES or not (name := node.text):
        return None
    root = node
    while root.parent is not None:
        root = root.parent
    found = [
        owner
        for match in re.finditer(rb"(?<![\w$])" + re.escape(name) + rb"(?![\w$])", root.text or b"")
        if (owner := _owner(root.descendant_for_byte_range(*match.span()))) is not None
    ]
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
