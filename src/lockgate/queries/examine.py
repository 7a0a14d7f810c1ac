"""The whole way from the configuration to facts: the queries of this tree, and those of the release that is running."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lockgate.catalog.catalog import Catalog
from lockgate.config import Config
from lockgate.findings import Label
from lockgate.queries.extract import extract
from lockgate.queries.facts import QueryRefused, ReleaseRefused
from lockgate.queries.files import in_commit, in_tree, wanted
from lockgate.queries.known import known
from lockgate.queries.resolve import Resolution, resolve
from lockgate.sources.folder import shown

HEAD_STATES = ("42703", "42P01")


@dataclass(frozen=True, slots=True)
class Examined:
    """What the queries came to. ``resolutions`` are those of this tree, then those of the release."""

    facts: tuple[QueryRefused | ReleaseRefused, ...]
    resolutions: tuple[Resolution, ...]
    coverage: dict[str, int]


@dataclass(frozen=True, slots=True)
class Schema:
    """A catalog, and the search_path of the application's sessions."""

    catalog: Catalog
    path: tuple[str, ...]


def examine(config: Config, cwd: Path, migrations: Iterable[str], schema: Schema) -> Examined:
    """The queries of this tree against the schema after its migrations, whose files are ``migrations``."""
    names = known(schema.catalog)
    want = wanted(config, migrations, cwd)
    files = ((shown(config.root / path, cwd), data) for path, data in in_tree(config, want))
    done = tuple(resolve(query, schema.catalog, names, schema.path) for query in extract(files, names))
    facts = tuple(
        QueryRefused(_label(one), one.failure) for one in done if one.failure is not None and one.failure.sqlstate in HEAD_STATES
    )  # fmt: skip
    exact = sum(one.exact for one in done)
    return Examined(facts, done, {"found": len(done), "resolved": exact, "partial": len(done) - exact})


def _label(one: Resolution) -> Label:
    assert one.failure is not None
    return Label(one.query.source, one.query.place(one.failure.span), one.failure.message)
