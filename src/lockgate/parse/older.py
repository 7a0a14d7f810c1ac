"""Words that an older major takes for names: the newest grammar gets others of the same length in their place."""

from __future__ import annotations

from lockgate.base.keywords import KEPT_SINCE
from lockgate.parse.tokens import find_name


def as_names(text: str, major: int) -> tuple[str, dict[str, str]]:
    """The text with a stand-in for each word that ``major`` does not keep for itself, and which word each stands for.

    A stand-in has the word's length, so every place in the text stays where it is, and stands nowhere else in it.
    """
    names: dict[str, str] = {}
    for word in [w for w, since in KEPT_SINCE.items() if since > major and w in text.lower()]:
        places = _places(text, word)
        if places:
            stand_in = _free(text, word, len(names))
            names[stand_in] = word
            for at in places:
                text = text[:at] + stand_in + text[at + len(word) :]
    return text, names


def _places(text: str, word: str) -> list[int]:
    found: list[int] = []
    at = find_name(text, word, 0, len(text))
    while at >= 0:
        if text[at] != '"':
            found.append(at)
        at = find_name(text, word, at + len(word), len(text))
    return found


def _free(text: str, word: str, number: int) -> str:
    """A word of that length that the text has not; no other stand-in has its first two letters anywhere."""
    lower, first = text.lower(), "abcdefghijklmnop"[number]
    fills = (a + b for a in "xyzwvu" for b in "xyzwvu0123456789")
    return next(name for fill in fills if (name := f"{first}q" + fill * len(word))[: len(word)] not in lower)[
        : len(word)
    ]


def restored(text: str, names: dict[str, str]) -> str:
    """A tree or a message with the words where their stand-ins are."""
    for stand_in, word in names.items():
        text = text.replace(stand_in, word)
    return text
