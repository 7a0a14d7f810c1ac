"""Fitting: what every placeholder of a query stands for, so that PostgreSQL's grammar takes the whole.

The grammar itself is asked, from left to right: a placeholder is taken as the first thing after which the text can
still become a statement (a parameter, a relation, further joins, nothing, ...), and a string that is a part of a query
only is put into a frame. So a fragment that the program puts in is known by the place where it stands, and everything
around it stays certain.

A text that the grammar takes in no way, frame or not, is read by sqlglot's tolerant parser, for what is certain of it:
see excerpt.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from lockgate.base.extras import told
from lockgate.parse.grammar import GrammarError, parse_json
from lockgate.queries.frames import HOLE_NAME, frames
from lockgate.queries.passage import Passage, Writer
from lockgate.queries.placeholders import Slot, highest, slots

_TRIES = 120
_LONGEST = 100_000  # characters of a text that the tolerant parser is given
_SLOTS = 2_000  # placeholders of one query; numbers are none
_WORD = re.compile(r"[\w$\"']")
# what follows what in a statement: each found first, as a search with gaps would take the cube of the length
_STATEMENTS = tuple(
    tuple(re.compile(part, re.IGNORECASE) for part in parts)
    for parts in (
        (r"\bselect\b", r"\bfrom\s+[\w.\"]+\s", r"[=<>]"),
        (r"\bupdate\s+[\w.\"]+\s", r"\bset\s", r"="),
        (r"\binsert\s+into\s+[\w.\"]+\s*\(",),
        (r"\bdelete\s+from\s+[\w.\"]+\s", r"="),
    )
)
_LIST = re.compile(r"\b(?:in|values)\s*\Z", re.IGNORECASE)


class Fitted(msgspec.Struct, frozen=True):
    """A text that PostgreSQL's grammar takes. ``holes``: the parameters that stand for fragments; ``open``: other
    fragments are in it too."""

    passage: Passage
    holes: frozenset[int]
    open: bool
    shadows: bool = False  # a fragment may define WITH queries, which hide relations
    excerpt: bool = False  # the text is only what is certain of the query: see excerpt.py
    # only what a migration took away is told: the text may be another server's, or one of several that a template makes
    loose: bool = False

    @property
    def partial(self) -> bool:
        """Whether a part of the query is not known."""
        return self.open or bool(self.holes)


class _Choice(msgspec.Struct, frozen=True):
    """One thing that a slot may stand for; ``$0`` in it is a parameter. ``certain``: it is what the program means; else
    a fragment is not known."""

    text: str
    certain: bool = True


def fit(passage: Passage, language: str) -> Fitted | None:
    """The query with its placeholders resolved; None where the grammar takes it in no way."""
    louder = slots(passage.text, language, loud=True)
    found = [slot for slot in louder if slot.kind != "loud"]
    if len(louder) > _SLOTS:
        return None
    for some in (found,) if len(louder) == len(found) else (found, louder):
        options = list(_options(passage.text, some))
        fitted = _parsed(passage, some, [choices[0] for choices in options]) or next(
            _search(passage, some, options, [], [_TRIES]), None
        )
        if fitted is not None:
            return fitted
    return (_framed(passage, language) if language != "sql" else None) or _certain(passage, found)


def _follow(parts: tuple[re.Pattern[str], ...], text: str) -> bool:
    at = 0
    for part in parts:
        found = part.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _certain(passage: Passage, found: list[Slot]) -> Fitted | None:
    """What can be said of a text that the grammar refuses."""
    if len(passage.text) > _LONGEST or not any(_follow(parts, passage.text) for parts in _STATEMENTS):
        return None  # a sentence: no reason to import sqlglot
    with told():
        from lockgate.queries.excerpt import excerpt

    written, _ = _write(passage, found, [choices[0] for choices in _options(passage.text, found)])
    part = excerpt(written, refused=True)
    return Fitted(part, frozenset(), True, excerpt=True, loose=True) if part is not None else None


def _framed(passage: Passage, language: str) -> Fitted | None:
    """A part of a query, for a program that puts in the rest."""
    for prefix, suffix in frames(passage.text):
        writer = Writer()
        writer.add(prefix, passage.place(0), passage.place(0))
        writer.copy(passage, 0, len(passage.text))
        writer.add(suffix, passage.end, passage.end)
        framed = writer.passage(passage.receiver)
        found = slots(framed.text, language, loud=True)
        options = list(_options(framed.text, found))
        fitted = next(_search(framed, found, options, [], [_TRIES]), None) if found else _parsed(framed, [], [])
        if fitted is not None:
            return replace(fitted, open=True)
    return None


_TAGS = {
    "<where": (" WHERE ", " WHERE true "),
    "<set": (" SET ",),
    "<foreach": (" (",),
    "</foreach": (") ",),
}  # MyBatis
_WITH = " {0} AS (SELECT) "  # WITH queries
_ELSE = (
    " CROSS JOIN {0} ",
    " {0} ",
    " ",
    " {0} = $0 ",
    " = ",
    " DEFAULT VALUES ",
    " SELECT {0}.* FROM {0} ",
    " SELECT FROM {0} WHERE $0 ",
    " {0}, ",
    _WITH,
)


def _options(text: str, found: list[Slot]) -> Iterator[list[_Choice]]:
    """For each slot what it may stand for, the likeliest first."""
    begins = len(text) - len(text.lstrip())
    for index, slot in enumerate(found):
        name, known = f"{HOLE_NAME}{index}", slot.kind == "value"
        listed = [_Choice("($0)", known)] if _LIST.search(text, max(0, slot.start - 99), slot.start) else []
        if slot.kind == "text":
            yield [_Choice(slot.text)]
        elif slot.kind == "name":
            yield [_Choice(name, False)]
        elif slot.kind == "block":
            tag = text[slot.start : slot.end]
            meant = next((ways for word, ways in _TAGS.items() if tag.startswith(word)), ())
            yield [*(_Choice(way, False) for way in meant), _Choice(" ", False)]
        elif slot.kind == "operator":
            yield [_Choice(name, False), _Choice("?")]
        elif slot.kind == "loud":
            yield [_Choice(text[slot.start : slot.end]), *(_Choice(other.format(name), False) for other in _ELSE)]
        elif known:
            yield [_Choice("$0"), *listed, _Choice(text[slot.start : slot.end]), _Choice(f" {name} ", False)]
        else:
            # a parameter glued to a word would become a part of it
            value = (
                ("" if slot.start and not _WORD.match(text[slot.start - 1]) else " ")
                + "$0"
                + (" " if _WORD.match(text[slot.end : slot.end + 1]) else "")
            )
            first = [_Choice(f"WITH {name} AS (SELECT) ", False)] if slot.start <= begins else []
            yield [*first, _Choice(value, False), *listed, *(_Choice(other.format(name), False) for other in _ELSE)]


def _search(
    passage: Passage, found: list[Slot], options: list[list[_Choice]], chosen: list[_Choice], tries: list[int]
) -> Iterator[Fitted]:
    """Every way in which the grammar takes the text, given the first choices."""
    last = len(chosen) + 1 == len(found)
    for choice in options[len(chosen)] if found else ():
        now = [*chosen, choice]
        tries[0] -= 1
        if tries[0] < 0:
            return
        if last:
            if (fitted := _parsed(passage, found, now)) is not None:
                yield fitted
        elif _can_become(_write(passage, found, now)[0].text):
            yield from _search(passage, found, options, now, tries)


def _can_become(text: str) -> bool:
    """Whether the beginning of a statement may go on: the grammar refuses nothing but its end."""
    try:
        parse_json(text)
    except GrammarError as error:
        return error.unfinished or error.offset >= len(text.rstrip())
    return True


def _write(passage: Passage, found: list[Slot], chosen: list[_Choice]) -> tuple[Passage, frozenset[int]]:
    """The text with these choices, up to the next slot without one; and the parameters that stand for fragments."""
    writer, at, before = Writer(), 0, highest(passage.text)
    numbers: dict[str, int] = {}
    fragments = set()
    for index, (slot, choice) in enumerate(zip(found, chosen, strict=False)):
        text = choice.text
        if "$0" in text:
            number = before + numbers.setdefault(slot.name or f"#{index}", len(numbers) + 1)
            text = text.replace("$0", f"${number}")
            fragments |= set() if choice.certain else {number}
        writer.copy(passage, at, slot.start)
        writer.add(text, passage.place(slot.start), passage.place(slot.end - 1) + 1)
        at = slot.end
    writer.copy(passage, at, found[len(chosen)].start if len(chosen) < len(found) else len(passage.text))
    return writer.passage(), frozenset(fragments)


def _parsed(passage: Passage, found: list[Slot], chosen: list[_Choice]) -> Fitted | None:
    written, fragments = _write(passage, found, chosen)
    try:
        parse_json(written.text)
    except GrammarError:
        return None
    unknown = [c.text for c in chosen if not c.certain and c.text.strip(" ()") != "$0"]
    branches = any(slot.kind == "block" for slot in found)
    return Fitted(written, fragments, bool(unknown), any(" AS (SELECT) " in text for text in unknown), loose=branches)
