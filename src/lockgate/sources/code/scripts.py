"""Migrations in JavaScript and TypeScript: Knex, TypeORM, Sequelize."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.sources.migration import Migration

if TYPE_CHECKING:
    from lockgate.sources.code.find import History


def histories(root: Path) -> list[History]:
    """The histories below a folder."""
    return []


def migrations(layout: str, files: Sequence[Path], root: Path, cwd: Path) -> tuple[list[Migration], str]:
    """The migrations of one history, and its span."""
    return [], "file"
