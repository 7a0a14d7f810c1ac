"""The application's queries as the configuration names them: those of this tree, and of the running release where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lockgate.catalog.catalog import Catalog
from lockgate.config import Config
from lockgate.queries.examine import Examined, Files, Schema, of_release, of_tree
from lockgate.queries.files import in_commit, in_tree, wanted, whole_tree
from lockgate.queries.memory import remembered
from lockgate.queries.others import Others
from lockgate.sources.folder import shown
from lockgate.sources.migration import Migration


def examine_all(
    config: Config, cwd: Path, release: str, migrations: tuple[Migration, ...], path: tuple[str, ...], before: Catalog | None, after: Catalog
) -> Examined:  # fmt: skip
    """``before`` is the catalog that the running release works with (None: no migration is pending, so nothing can break it)."""
    memory = remembered(str(config.root.resolve()))
    paths = [m.up.source.path for m in migrations]
    want = wanted(config, paths, cwd)

    def others(catalog: Catalog) -> Others:
        return Others(lambda: _shown(whole_tree(config.root), config.root, cwd), map(os.path.dirname, paths), catalog)

    found = of_tree(_shown(in_tree(config, want), config.root, cwd), Schema(after, path), memory, others)
    if not release or before is None:
        memory.write()
        return found
    files = _shown(in_commit(config, want, release), config.root, cwd)
    broken = of_release(files, release, Schema(before, path), Schema(after, path), memory, others)
    memory.write()
    return Examined((*found.facts, *broken.facts), (*found.resolutions, *broken.resolutions), len(found.resolutions), found.others)


def _shown(files: Files, root: Path, cwd: Path) -> Iterator[tuple[str, bytes]]:
    for path, data in files:
        yield shown(root / path, cwd), data
