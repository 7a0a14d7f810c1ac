"""The rulebook: reads ``rules/*.md``, front matter and cases. One file is one rule; its stem is the rule's name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from lockgate.base import toml
from lockgate.base.effects import Effect, Lock, Work
from lockgate.base.errors import UsageError
from lockgate.base.findings import Severity
from lockgate.base.lazy_imports import pattern

URL = "https://lockgate.dev/rules/"
_FRONT = pattern(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.DOTALL)
_FENCE = pattern(r"^```(sql|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MIGRATION = pattern(r"^--\s*migration:\s*(\S+)(?:\s+as\s+(owner|deployer))?\s*$")
_QUERIES = pattern(r"^--\s*(query|release):\s*(\S+)\s*$")
_MARK = pattern(r"(?:--|#|//)\s*(finding|ok|todo-finding)(?::\s*\"([^\"]*)\")?\s*$")
PENDING = "pending"
SECTIONS = ("What it catches", "Why it hurts", "What to do", "When to ignore it", "Examples")


class FrontMatter(msgspec.Struct, frozen=True):
    """What stands between the +++ lines of a document: every key that there is.

    At most one of ``sqlstate``, ``locks`` and ``work`` together, and ``bodies`` or ``policies`` says what proves a finding on a real
    server; nothing does where all are left out (advice, slots).
    """

    code: str  # a letter and digits
    severity: Severity
    family: str
    since: str = ""
    # False: speaks only where it is selected; "pending": of what is known to be pending, else of the newest migration
    default: bool | str = True
    sqlstate: tuple[str, ...] = ()  # the server refuses the statement (class 01: warns) with one of these
    locks: tuple[str, ...] = ()  # the least lock that the transaction holds on the relation: "AccessExclusiveLock"
    work: tuple[str, ...] = ()  # what the statement does to the relation: "scan", "build", "rewrite"
    bodies: bool = False  # the server's own look into a routine's body
    policies: bool = False  # EXPLAIN as a role under row security
    suppressible: bool = True
    recovery: bool = False  # what was refused can be done by hand, as the owner, where it has stopped production
    url: str = ""  # of a plug-in's document

    def proven_by(self, effect: Effect) -> bool:
        """Whether an effect is what the rule speaks of: a lock that keeps out whatever the declared one does, and that
        work."""
        if not self.locks and not self.work:
            return False
        held = effect.held or effect.lock
        locked = not self.locks or (held is not None and any(held.covers(Lock.of(mode)) for mode in self.locks))
        return locked and (not self.work or effect.work.name.lower() in self.work)


class Rule(msgspec.Struct, frozen=True):
    """A rule as its document states it."""

    name: str
    front: FrontMatter
    title: str
    text: str  # the Markdown after the front matter
    path: str = ""  # of a plug-in's document

    @property
    def code(self) -> str:
        return self.front.code

    @property
    def severity(self) -> Severity:
        return self.front.severity

    @property
    def family(self) -> str:
        return self.front.family

    @property
    def sqlstate(self) -> tuple[str, ...]:
        return self.front.sqlstate

    @property
    def default(self) -> bool:
        return bool(self.front.default)

    @property
    def url(self) -> str:
        return self.front.url or ("" if self.path else f"{URL}{self.name}")

    def section(self, title: str) -> str:
        """The Markdown of one section."""
        match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.text, re.MULTILINE | re.DOTALL)
        return match.group(1).strip() if match else ""


class Mark(msgspec.Struct, frozen=True):
    """An expectation on one line of an example: ``kind`` is finding, ok or todo-finding."""

    line: int  # 1-based in its file
    kind: str
    text: str = ""


class ExampleFile(msgspec.Struct, frozen=True):
    """One file of an example: a migration, a file with queries of the application, or one of the running release's.

    Migrations that stand after a file of the release are pending.
    """

    name: str
    role: str  # owner, deployer or ""
    text: str
    marks: tuple[Mark, ...]
    kind: str = "migration"  # migration query release


class Example(msgspec.Struct, frozen=True):
    """One fence of the section Examples."""

    rule: str
    number: int
    language: str
    files: tuple[ExampleFile, ...]


def folder() -> Path:
    """Where the rulebook lies: in the wheel, or at the top of the source tree."""
    installed = Path(__file__).parents[1] / "rulebook_data"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "rules"


@cache
def names() -> tuple[str, ...]:
    """Every rule's name."""
    return tuple(sorted(p.stem for p in folder().glob("*.md") if p.stem != "README"))


@cache
def rule(name: str) -> Rule:
    """The rule of that name. Raises KeyError if there is none."""
    path = folder() / f"{name}.md"
    if name not in names():
        raise KeyError(name)
    return read(name, path.read_text(encoding="utf-8"), f"rules/{name}.md")


def read(name: str, text: str, path: str, *, plugin: bool = False) -> Rule:
    """A rule from its document. Raises UsageError with file and line where the document breaks the form."""
    match = _FRONT.match(text)
    if match is None:
        raise UsageError(f"{path}:1: no front matter between +++ lines", "begin the document with +++, keys, and +++")
    front = front_matter(match.group(1), path)
    body = text[match.end() :]
    heading = re.search(r"^# (.+)$", body, re.MULTILINE)
    return Rule(name, front, heading.group(1) if heading else name, body, path if plugin else "")


_WORK = tuple(kind.name.lower() for kind in Work if kind is not Work.NONE)


def front_matter(text: str, path: str) -> FrontMatter:
    """The front matter of a document, every key of it checked. Raises UsageError with file and line."""
    try:
        meta = toml.loads(text)
    except toml.NotToml as error:
        raise UsageError(f"{path}: front matter: {error}", "write TOML between the +++ lines") from error
    lines = {line.partition("=")[0].strip(): number for number, line in reversed([*enumerate(text.splitlines(), 2)])}
    for key, value in meta.items():
        wanted = _wrong(key, value)
        if wanted:
            raise UsageError(f"{path}:{lines.get(key, 1)}: {wanted[0]}", wanted[1])
    for key in ("code", "severity", "family"):
        if key not in meta:
            raise UsageError(f"{path}:1: front matter lacks {key}", f'add {key} = "..." between the +++ lines')
    given: dict[str, Any] = {k: _listed(v) if k in ("sqlstate", "locks", "work") else v for k, v in meta.items()}
    if given.get("sqlstate") and (given.get("locks") or given.get("work")):
        remedy = "a finding is proven by a SQLSTATE, or by locks and work"
        raise UsageError(f"{path}:{lines.get('locks', 1)}: sqlstate stands beside locks or work", remedy)
    return FrontMatter(**given | {"severity": Severity(meta["severity"])})


def _listed(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()


def _words(value: object, *known: str, form: str = "") -> bool:
    """Whether it is one or several strings, each a known one or of a form."""
    words = _listed(value)
    fits = [isinstance(w, str) and (w in known or bool(form and re.fullmatch(form, w))) for w in words]
    return bool(words) and all(fits)


def _wrong(key: str, value: object) -> tuple[str, str] | None:
    """What is wrong with a key, and what would be right."""
    if key not in FrontMatter.__match_args__:
        import difflib

        near = difflib.get_close_matches(key, FrontMatter.__match_args__, 1)
        known = ", ".join(FrontMatter.__match_args__)
        return f'unknown key: "{key}"', f'did you mean "{near[0]}"?' if near else f"known are: {known}"
    modes, severities = [lock.mode for lock in Lock], [s.value for s in Severity]
    match key:
        case "code":
            right, form = isinstance(value, str) and _words(value, form="[A-Z][0-9]+"), 'a letter and digits: "T201"'
        case "severity":
            right, form = isinstance(value, str) and value in severities, f"one of {', '.join(severities)}"
        case "family":
            right, form = isinstance(value, str) and _words(value, form="[a-z][a-z-]*"), "a word in small letters"
        case "sqlstate":
            right, form = _words(value, form="[0-9A-Z]{5}"), 'a list such as ["42703"]'
        case "locks":
            right, form = _words(value, *modes), f"a list of {', '.join(modes)}"
        case "work":
            right, form = _words(value, *_WORK), f"a list of {', '.join(_WORK)}"
        case "since" | "url":
            right, form = isinstance(value, str), "a string"
        case "default":
            right, form = isinstance(value, bool) or value == PENDING, f'true or false, or "{PENDING}"'
        case _:
            right, form = isinstance(value, bool), "true or false"
    return None if right else (f"{key} is wrong", f"it must be {form}")


def examples(rule: Rule) -> tuple[Example, ...]:
    """The examples of a rule, with the expectation of every marked line."""
    section = rule.section("Examples")
    return tuple(
        Example(rule.name, number, match.group(1), _files(match.group(2)))
        for number, match in enumerate(_FENCE.finditer(section), 1)
    )


def _files(text: str) -> tuple[ExampleFile, ...]:
    out: list[ExampleFile] = []
    kind, name, role, lines = "migration", "0001_example", "", list[str]()
    for line in [*text.splitlines(), None]:
        start = _MIGRATION.match(line) if line is not None else None
        queries = _QUERIES.match(line) if line is not None else None
        if line is None or start is not None or queries is not None:
            if any(part.strip() for part in lines):
                out.append(_file(kind, name, role, lines))
            lines = []
            if start is not None:
                kind, name, role = "migration", start.group(1), start.group(2) or ""
            elif queries is not None:
                kind, name, role = queries.group(1), queries.group(2), ""
        else:
            lines.append(line)
    return tuple(out)


def _file(kind: str, name: str, role: str, lines: list[str]) -> ExampleFile:
    marks = tuple(Mark(n, m.group(1), m.group(2) or "") for n, line in enumerate(lines, 1) if (m := _MARK.search(line)))
    return ExampleFile(name, role, "\n".join(lines) + "\n", marks, kind)
