"""The rulebook: reads ``rules/*.md``, front matter and cases. One file is one rule; its stem is the rule's name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from lockgate.base.findings import Severity
from lockgate.base.lazy_imports import pattern
from lockgate.base.values import dataclass

URL = "https://lockgate.dev/rules/"
_FRONT = pattern(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.DOTALL)
_FENCE = pattern(r"^```(sql|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MIGRATION = pattern(r"^--\s*migration:\s*(\S+)(?:\s+as\s+(owner|deployer))?\s*$")
_QUERIES = pattern(r"^--\s*(query|release):\s*(\S+)\s*$")
_MARK = pattern(r"(?:--|#|//)\s*(finding|ok|todo-finding)(?::\s*\"([^\"]*)\")?\s*$")
SECTIONS = ("What it catches", "Why it hurts", "What to do", "When to ignore it", "Examples")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its document states it."""

    code: str
    name: str
    severity: Severity
    family: str
    title: str
    text: str  # the Markdown after the front matter
    since: str = ""
    sqlstate: tuple[str, ...] = ()
    default: bool = True

    @property
    def url(self) -> str:
        return f"{URL}{self.name}"

    def section(self, title: str) -> str:
        """The Markdown of one section."""
        match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.text, re.MULTILINE | re.DOTALL)
        return match.group(1).strip() if match else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """An expectation on one line of an example: ``kind`` is finding, ok or todo-finding."""

    line: int  # 1-based in its file
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One file of an example: a migration, a file with queries of the application, or one of the running release's.

    Migrations that stand after a file of the release are pending.
    """

    name: str
    role: str  # owner, deployer or ""
    text: str
    marks: tuple[Mark, ...]
    kind: str = "migration"  # migration query release


@dataclass(frozen=True, slots=True)
class Example:
    """One fence of the section Examples."""

    rule: str
    number: int
    language: str
    files: tuple[File, ...]


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
    return read(name, path.read_text(encoding="utf-8"))


@cache
def by_code(code: str) -> Rule | None:
    """The rule of that code, or of that name."""
    for name in names():
        if code.lower() in (name, rule(name).code.lower()):
            return rule(name)
    return None


def read(name: str, text: str) -> Rule:
    """A rule from its document. Raises ValueError where the document breaks the form."""
    import tomllib

    match = _FRONT.match(text)
    if match is None:
        raise ValueError(f"rules/{name}.md: no front matter between +++ lines")
    meta: dict[str, Any] = tomllib.loads(match.group(1))
    body = text[match.end() :]
    heading = re.search(r"^# (.+)$", body, re.MULTILINE)
    states = meta.get("sqlstate", [])
    return Rule(
        meta["code"],
        name,
        Severity(meta["severity"]),
        meta["family"],
        heading.group(1) if heading else name,
        body,
        meta.get("since", ""),
        (states,) if isinstance(states, str) and states else tuple(states),
        meta.get("default", True),
    )


def examples(rule: Rule) -> tuple[Example, ...]:
    """The examples of a rule, with the expectation of every marked line."""
    section = rule.section("Examples")
    return tuple(
        Example(rule.name, number, match.group(1), _files(match.group(2)))
        for number, match in enumerate(_FENCE.finditer(section), 1)
    )


def _files(text: str) -> tuple[File, ...]:
    out: list[File] = []
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


def _file(kind: str, name: str, role: str, lines: list[str]) -> File:
    marks = tuple(Mark(n, m.group(1), m.group(2) or "") for n, line in enumerate(lines, 1) if (m := _MARK.search(line)))
    return File(name, role, "\n".join(lines) + "\n", marks, kind)
