"""Escape sequences of the languages' strings: C's, and what Go, Python, JavaScript, Rust, Java, Kotlin and Ruby add to
them."""

from __future__ import annotations

import re

_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "s": " ", "e": "\x1b"}
_CODE = re.compile(r"\\(?:[uU]\{([0-9a-fA-F_]+)\}|[uUx]([0-9a-fA-F]+)|([0-7]{1,3}))\Z")


def unescaped(sequence: str) -> str:
    """What one escape sequence stands for; a line continuation for nothing, doubled braces of format strings for
    one."""
    if sequence in ("{{", "}}"):
        return sequence[0]
    match = _CODE.match(sequence)
    if match is not None:
        braced, plain, octal = match.groups()
        code = int(octal, 8) if octal else int((braced or plain).replace("_", ""), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"
    rest = sequence[1:]
    if rest[:1] in ("\n", "\r"):
        return ""
    return _SIMPLE.get(rest, rest)
