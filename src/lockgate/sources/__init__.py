"""Where migrations come from: files of one runner's layout into ``Migration`` values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockgate.errors import CannotCheck, UsageError
from lockgate.sources.folder import Folder, Skipped, read, shown
from lockgate.sources.layouts import BY_NAME, detect, load_layout, natural
from lockgate.sources.migration import Migration, Script, Transaction

__all__ = ["Folder", "Migration", "Script", "Skipped", "Transaction", "detect", "load", "read"]
# folders in which migrations are looked for where none is named
_USUAL = (
    "migrations", "db/migrations", "db/migrate", "internal/db/migrations", "prisma/migrations", "supabase/migrations", "drizzle", "sql",
    "src/main/resources/db/migration", "database/migrations", "database/sql", "migration", "internal/migrations", "pkg/db/migrations",
)  # fmt: skip


def load(paths: Sequence[Path], layout: str = "auto", *, transaction: str | None = None, cwd: Path) -> Folder:
    """The migrations of these folders and files, in application order.

    ``transaction`` "statement" sends every statement on its own. Raises UsageError for a missing path or an unknown layout,
    CannotCheck for an unreadable file or a folder without migrations.
    """
    found: list[Folder] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder", "name an existing folder of migrations")
        found.append(_file(path, cwd) if path.is_file() else _folder(path, layout, cwd))
    migrations = tuple(m for folder in found for m in folder.migrations)
    if transaction == "statement":
        migrations = tuple(_each_on_its_own(m) for m in migrations)
    names = sorted({f.layout for f in found})
    return Folder(
        names[0] if len(names) == 1 else " and ".join(names), migrations, tuple(s for f in found for s in f.skipped),
        tuple(line for f in found for line in f.explain),
    )  # fmt: skip


def _each_on_its_own(migration: Migration) -> Migration:
    down = migration.down and replace(migration.down, transaction=Transaction.STATEMENT)
    return replace(migration, up=replace(migration.up, transaction=Transaction.STATEMENT), down=down)


def _file(path: Path, cwd: Path) -> Folder:
    name = "golang-migrate" if path.name.endswith((".up.sql", ".down.sql")) else detect(path.parent, [path])[0]
    migrations, _ = load_layout(BY_NAME[name], path.parent, [path], cwd)
    if not migrations:
        migrations, _ = load_layout(BY_NAME["plain"], path.parent, [path], cwd)
    return Folder(name, tuple(migrations), (), (f"{shown(path, cwd)}: one file",))


def _folder(path: Path, layout: str, cwd: Path) -> Folder:
    if layout != "auto" and layout not in BY_NAME:
        raise UsageError(f"no such layout: {layout}", "known: " + ", ".join(["auto", *BY_NAME]))
    files = sql_files(path)
    if not files or (layout == "auto" and path == cwd):
        path, files = _below(path) or (path, files)
    if not files:
        raise CannotCheck(f"{shown(path, cwd)}: no .sql file here", "name the folder of migrations, or set migrations.paths")
    name, explain = detect(path, files) if layout == "auto" else (layout, (f"{layout}: as configured",))
    migrations, skipped = load_layout(BY_NAME[name], path, files, cwd)
    if not migrations:
        sample = ", ".join(shown(p, cwd) for p, _ in skipped[:3])
        raise CannotCheck(f"{shown(path, cwd)}: no {name} migration among {len(files)} SQL files ({sample})", "name the layout with --layout")
    return Folder(name, tuple(migrations), tuple(Skipped(shown(p, cwd), why) for p, why in skipped), explain)


def sql_files(path: Path) -> list[Path]:
    """The SQL files of a folder: its own, those of folders one below it, and flyway's deeper ones."""
    own = [p for pattern in ("*.sql", "*/*.sql") for p in path.glob(pattern) if p.is_file()]
    if not own:
        own = [p for p in path.glob("**/*.sql") if not any(part.startswith(".") or part == "node_modules" for part in p.relative_to(path).parts)]
    return sorted((p for p in own if not p.parent.name.startswith(".")), key=lambda p: natural(p.relative_to(path).as_posix()))


def _below(path: Path) -> tuple[Path, list[Path]] | None:
    for name in _USUAL:
        folder = path / name
        if folder.is_dir():
            files = sql_files(folder)
            if files:
                return folder, files
    return None
