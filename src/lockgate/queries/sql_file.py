"""SQL in files of its own: sqlc, pgtyped, aiosql, HugSQL and yesql annotate each query with a comment; others keep one
query in a file.

https://docs.sqlc.dev/en/stable/reference/query-annotations.html, https://pgtyped.dev/docs/sql-file,
https://nackjicholson.github.io/aiosql/, https://www.hugsql.org, https://github.com/krisajenkins/yesql.
"""

from __future__ import annotations

import re

from lockgate.queries.passage import HOLE, Passage, Writer

# "-- name: GetUser :one" (sqlc, aiosql, yesql), "-- :name get-user :? :1" and "-- :snip cols" (HugSQL), "/* @name
# GetUser */" (pgtyped)
_ANNOTATION = re.compile(
    r"^[ \t]*(?:--[ \t]*(?::?name|:snip)\b|/\*(?:(?!\*/).)*?@name\b|--[ \t]*@name\b)", re.MULTILINE | re.DOTALL
)
_SNIPPET = re.compile(r"\s*--[ \t]*:snip\b")
_DEFINES = re.compile(r"^[ \t]*(?:create|alter|drop|grant|copy|set|\\)\b", re.IGNORECASE | re.MULTILINE)
# HugSQL's expressions: "--~ (when ...)", "/*~ (if ...) */ ... /*~*/": Clojure puts the text in
_CHOICE = re.compile(r"^[ \t]*--~[^\n]*|/\*~(?!\*/).*?/\*~\*/", re.MULTILINE | re.DOTALL)


def passages(text: str) -> list[Passage]:
    """The queries of a file. One that defines objects and has no annotation is a script, not a file of queries."""
    starts = [m.start() for m in _ANNOTATION.finditer(text)]
    if not starts:
        return [] if _DEFINES.search(text) else [_passage(text, 0, len(text))]
    ends = [*starts[1:], len(text)]
    return [
        _passage(text, start, end) for start, end in zip(starts, ends, strict=True) if not _SNIPPET.match(text, start)
    ]


def _passage(text: str, start: int, end: int) -> Passage:
    writer = Writer()
    for choice in _CHOICE.finditer(text, start, end):
        writer.add(text[start : choice.start()], start)
        writer.add(HOLE, choice.start(), choice.end())
        start = choice.end()
    writer.add(text[start:end], start)
    return writer.passage()
