"""Openings that nothing closes: a pattern that looks for the end of each takes the square of the text's length.

They are made plain before the text is cut into tokens; every character keeps its place.
"""

from __future__ import annotations

import re

_FEW = 16  # openings that may be looked for to the end in vain
_TAG = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
_PAIRS = (("{%", "%}"), ("<#--", "-->"))
# the other branch of a condition, which goes on to the condition's end, and what may not come before that
_BRANCHES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\{%-?\s{0,99}(?:(?P<other>else|elif)|(?P<stop>if)|(?P<end>endif))\b",
        r"\{\{-?\s{0,99}(?:(?P<other>else)|(?P<stop>if|range|with)|(?P<end>end))\b",
        r"</?\#(?:(?P<other>else)|(?P<stop>if)\b|(?P<end>if>))",
    )
)


def plain(text: str) -> str:
    """The text with every opening that is not closed written as if it were none."""
    if "$" in text and len(tags := list(_TAG.finditer(text))) > _FEW:
        text = _without(text, _unpaired(tags))
    if text.count("{%") + text.count("{{") + text.count("<#") > _FEW:
        for opening, closing in _PAIRS:
            at = max(text.rfind(closing), 0)
            text = text[:at] + text[at:].replace(opening, " " * len(opening))
        for branches in _BRANCHES:
            text = _without(text, _astray(list(branches.finditer(text))))
    return text


def _unpaired(tags: list[re.Match[str]]) -> list[tuple[int, int]]:
    """The ends of dollar quotes' tags that no second one closes."""
    last = {tag.group(): number for number, tag in enumerate(tags)}
    spans, at = [], 0
    while at < len(tags):
        word = tags[at].group()
        if last[word] == at:
            spans.append((tags[at].end() - 1, tags[at].end()))
            at += 1
        else:
            at = next(n for n in range(at + 1, len(tags)) if tags[n].group() == word) + 1
    return spans


def _astray(found: list[re.Match[str]]) -> list[tuple[int, int]]:
    """The words of branches that reach no end before another condition begins."""
    spans, reaches = [], False
    for match in reversed(found):
        if match["other"] is None:
            reaches = match["end"] is not None
        elif not reaches:
            spans.append(match.span("other"))
    return spans[::-1]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]])
