"""Words that an older major takes for names: the newest grammar gets others of the same length in their place."""

from __future__ import annotations

from lockgate.parse.keywords import KEPT_SINCE
from lockgate.parse.tokens import find_name


def as_names(text: str, major: int) -> tuple[str, dict[str, str]]:
    """The text with a stand-in for each word that ``major`` does not keep for itself, and which word each stands for.

    A stand-in has the word's length, so every place in the text stays where it is, and stands nowhere else in it.
    """
    names: dict[str, str] = {}
    for word in [w for w, since in KEPT_SINCE.items() if since > major and w in text.lower()]:
        places = _places(text, word)
        if places:
            stand_in = _free(text, len(word))
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


def _free(text: str, length: int) -> str:
    lower = text.lower()
    return next(name for n in range(36**2) if (name := f"z{n:0{length - 1}d}") not in lower)


def restored(text: str, names: dict[str, str]) -> str:
    """A tree or a message with the words where their stand-ins are."""
    for stand_in, word in names.items():
        text = text.replace(stand_in, word)
    return text
