"""Where a query may begin in source code: a look at the bytes before any parser's, at about the speed of reading them.

A string is a passage (``source_code``) only if a query's first word opens it, so only such places count: a quote, then
white space, brackets or SQL comments, then the word; and the places where a part of a query shows: a subquery's
bracket, a join that opens the string. Every pattern begins with its word, to which the regex engine then skips. What
the grammar takes in no way is left out where that can be told without a parser: sentences such as "Update the app." and
"Select a team", which interfaces and comments are full of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = r"[a-z_]\w*+"
_JOINED = (
    r"""(?:[;\]}>:/.]|,(?!\s*["'`\w])|\w{3})"""  # after it and a closing bracket or two, nothing is joined to a string
)
# a string of words that ends without the one that it needs; not one of three quotes, or of a sharp and a quote, which
# may hold quotes
_OVER = r"""(?!(?<=[^"'`\#](["'`])WORD)(?:(?!\b(?:NEEDS)\b)[\w\s.,:;!?-])*+\1[\s)]*+ENDED)"""
# no SET where it has to be, after the table's name and an alias
_TABLE = rf"\s+(?:only\s++)?+{_NAME}(?:\s*+\.\s*+{_NAME})*+"
_SENTENCE = (
    rf"(?!{_TABLE}(?:\s++(?:as\s++)?+(?!set\b)[a-z]++\b)?+(?:\s*+(?:[.,;:!?]|-(?!-))|\s++(?!(?:set|as)\b)[a-z]++\b))"
)
_BOUND = r"as\s+(?!not\b|materialized\b)[a-z]"  # Python's with open(path) as file
_AFTER = {
    "select": rf"{_OVER}\s(?!\s*\{{\s*\n)".replace("NEEDS", "from|into|table|join"),  # Go's select {
    "update": rf"{_OVER}{_SENTENCE}\s+[^\s:=({{.,)]".replace("NEEDS", "set"),  # a property, a call
    "insert": r"\s+into\b",
    "delete": r"\s+from\b",
    "merge": r"\s+into\b",
    "with": rf"\s+(?:recursive\s++)?+(?:{_NAME}\s*+(?:\((?![^()]*\)\s*{_BOUND})|(?!{_BOUND})as\b|[-{{%$/\\#<])|[-\"{{%$/\\#<:])",
    "values": r"\s*\(",
}
_BEFORE = r"""(?:(?<=["'`(>\s]WORD)|(?<=\\[nrtfv]WORD))"""
_PATTERNS = tuple(
    re.compile((word + _BEFORE + after).replace("WORD", word).replace("ENDED", _JOINED).encode())
    for word, after in _AFTER.items()
)
_SUBQUERY = re.compile(rb"\(\s*\Z")
_JOIN = re.compile(rb"""join\s+[\w."]+\s+(?:as\s+)?(?:\w+\s+)?on\b""")
_OPENING_JOIN = re.compile(rb"""["'`](?:\s|\\[nrt]|(?:left|right|full|inner|outer|cross)\s)*\Z""")
_OPENING = re.compile(rb"""(?:["'`}]|<script>|\*/|(?:--|\A)[^\n]*\n|\A)(?:[\s(]|begin\s*;|\\[nrtfv\n])*\Z""")
_STATEMENTS = 5  # the first of them
_QUOTES = b"\"'`"
_REACH = 300  # bytes before the word that are looked at


def hints(data: bytes, suffix: str) -> Iterator[int]:
    """The offsets of the words that may open a query. Ruby has too many ways to open a string: there every such word
    counts."""
    text, some = data.lower(), False
    for number, pattern in enumerate(_PATTERNS):
        if number == _STATEMENTS and not some:
            break  # WITH and VALUES have no relation without one of the others
        for match in pattern.finditer(text):
            at, some = match.start(), True
            before = text[max(at - _REACH, 0) : at]
            if (
                text[at - 1] in _QUOTES
                or suffix == "rb"
                or _OPENING.search(before)
                or (not number and _SUBQUERY.search(before))
            ):
                yield at
    for match in _JOIN.finditer(text):
        if _OPENING_JOIN.search(text[max(match.start() - _REACH, 0) : match.start()]):
            yield match.start()
