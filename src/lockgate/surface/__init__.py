"""The deploy surface: compose files, workflows and Dokploy's settings, read into typed facts with places."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.base.text import Source, Span

if TYPE_CHECKING:
    from lockgate.surface import service, settings, workflow

_COMPOSE = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
_WORKFLOWS = (".gitea/workflows", ".forgejo/workflows", ".github/workflows")  # Gitea reads the first that exists


class Unreadable(msgspec.Struct, frozen=True):
    """A file of the surface that is no YAML."""

    source: Source
    span: Span
    message: str


Fact: TypeAlias = (
    "service.ComposeFile | service.ComposeChange | workflow.Workflow | settings.DokploySettings | Unreadable"
)


def find(cwd: Path) -> tuple[Path, ...]:
    """The compose files and workflows of a repository."""
    found = [cwd / name for name in _COMPOSE if (cwd / name).is_file()]
    for folder in _WORKFLOWS:
        if (cwd / folder).is_dir():
            found += sorted(p for p in (cwd / folder).iterdir() if p.suffix in (".yml", ".yaml") and p.is_file())
            break
    return tuple(found)


def sources(cwd: Path) -> tuple[Source, ...]:
    """The texts of those files. Raises CannotCheck for one that cannot be read."""
    return tuple(_source(path, cwd) for path in find(cwd))


def examine(
    cwd: Path,
    paths: Iterable[Path] | None = None,
    base: Callable[[str], str | None] | None = None,
    *,
    dokploy: bool = False,
) -> tuple[Fact, ...]:
    """The facts of these files, or of those found in ``cwd``; see ``of_sources``. Raises CannotCheck for a file that
    cannot be read."""
    found = sources(cwd) if paths is None else tuple(_source(path, cwd) for path in paths)
    return of_sources(cwd, found, base, dokploy=dokploy)


def of_sources(
    cwd: Path, files: Iterable[Source], base: Callable[[str], str | None] | None = None, *, dokploy: bool = False
) -> tuple[Fact, ...]:
    """The facts of files that have been read. ``base`` gives a file's text on the base branch, for what has changed;
    ``dokploy`` says that Dokploy deploys them."""
    from lockgate.surface import service

    facts: list[Fact] = []
    for source in files:
        for fact in facts_of(source, (cwd / source.path).parent):
            if isinstance(fact, service.ComposeFile) and dokploy:
                fact = replace(fact, dokploy=True)
            facts.append(fact)
            before = base(source.path) if base is not None and isinstance(fact, service.ComposeFile) else None
            if before is not None and before != source.text and isinstance(fact, service.ComposeFile):
                facts += [
                    service.ComposeChange(old, fact)
                    for old in facts_of(Source(source.path, before))
                    if isinstance(old, service.ComposeFile)
                ]
    return tuple(facts)


def facts_of(source: Source, folder: Path | None = None) -> tuple[Fact, ...]:
    """The facts of one text; what it is, its own keys tell."""
    from lockgate.surface import compose, settings, workflow
    from lockgate.surface.nodes import BadYaml, parse

    try:
        root = parse(source)
    except BadYaml as error:
        return (Unreadable(source, error.span, error.message),)
    if root is None:
        return ()
    if root.get("jobs") is not None:
        return (workflow.read(source, root),)
    if root.get("dokploy") is not None:
        return (settings.read(source, root),)
    return (compose.read(source, root, folder),) if root.get("services") is not None else ()


def _source(path: Path, cwd: Path) -> Source:
    shown = os.path.relpath(path, cwd).replace(os.sep, "/")
    try:
        return Source(shown, read_text(path, cwd, name=shown))
    except FileNotFoundError as error:
        raise CannotCheck(f"{shown}: {error.strerror}", "make the file readable") from error
