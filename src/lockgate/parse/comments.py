"""Comments within comments, which the scanner (src/backend/parser/scan.l) reads in time that grows with the square of
their depth."""

from __future__ import annotations

from lockgate.base.lazy_imports import pattern

# what may hold the beginning of a comment without one beginning there; a quote within quotes ends and begins again
_TOKEN = pattern(r"[eE]'(?:[^'\\]|\\.)*'?|'[^']*'?|\"[^\"]*\"?|\$(?:[^\W\d]\w*)?\$|--[^\n]*|/\*|\w+\$*", 16)
_EDGE = pattern(r"/\*|\*/")


def level(text: str) -> str:
    """The same text, character for character, with comments that hold no others: what begins and ends those within is
    blank."""
    parts: list[str] = []
    at = done = 0
    while (token := _TOKEN.search(text, at)) is not None:
        at = token.end()
        if token[0] == "/*":
            end = _end(text, at)
            inner = _EDGE.sub("  ", text[at : end - 2])
            parts += [text[done:at], inner]
            at, done = end, max(at, end - 2)
        elif token[0][0] == "$":
            closing = text.find(token[0], at)
            at = closing + len(token[0]) if closing >= 0 else len(text)
    return "".join(parts) + text[done:]


def _end(text: str, at: int) -> int:
    """Where the comment ends whose text begins here; past the text where it never does."""
    depth = 1
    for edge in _EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(text) + 2
