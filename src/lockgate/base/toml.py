"""TOML of a tree that nobody vouches for: the standard library's parser, kept from what eats its stack or memory."""

from __future__ import annotations

from typing import Any

from lockgate.base.lazy_imports import pattern

_STRING = r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_DEEP_KEY = pattern(rf"(?:(?:[\w-]+|{_STRING})[ \t]*\.[ \t]*){{32}}")  # each part costs as much as all before it


class NotToml(ValueError):
    """The text is no TOML, or nests deeper than any configuration does."""


def loads(text: str) -> dict[str, Any]:
    """The document's table. Raises NotToml with the parser's words."""
    import tomllib

    if _DEEP_KEY.search(text):
        raise NotToml("a key of more than 32 parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotToml(str(error)) from error
    except RecursionError as error:
        raise NotToml("arrays or tables nest too deeply") from error
