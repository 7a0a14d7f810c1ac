"""The layouts: how each runner names its files, and how it sends them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lockgate.sources import marks
from lockgate.sources.folder import read
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.text import Source

Loaded = tuple[Script, Script | None]
# statements that PostgreSQL refuses in a transaction block: flyway then sends the file without one
_ALONE = re.compile(
    r"^\s*(?:create\s+(?:unique\s+)?index\s+concurrently|drop\s+index\s+concurrently|reindex\b[^;]*concurrently|vacuum\b|alter\s+system|"
    r"(?:create|drop)\s+database|refresh\s+materialized\s+view\s+concurrently|alter\s+type\s+\S+\s+add\s+value)",
    re.IGNORECASE | re.MULTILINE,
)


def _whole(transaction: Transaction, off: str = "") -> Callable[[Source], Script]:
    def load(source: Source) -> Script:
        wrap = Transaction.STATEMENT if off and re.search(off, source.text, re.MULTILINE) else transaction
        return Script(source, marks.body(source), wrap)

    return load


def _flyway(source: Source) -> Script:
    return Script(source, marks.body(source), Transaction.STATEMENT if _ALONE.search(source.text) else Transaction.FILE)


@dataclass(frozen=True, slots=True)
class Layout:
    """A runner's layout.

    ``file`` matches a path relative to the folder, with groups slot and name, and perhaps down. ``inside`` loads a file that holds both
    directions; ``script`` one that holds one. ``sign`` must stand in a file for the layout to be recognised by content.
    """

    name: str
    file: re.Pattern[str]
    script: Callable[[Source], Script]
    inside: Callable[[Source], Loaded] | None = None
    sign: re.Pattern[str] | None = None
    marker: str = ""  # a file whose presence tells the layout


def _re(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_NUMBERED = r"(?P<slot>\d[\d.]*)[_\-. ]?(?P<name>[^/]*?)"
LAYOUTS: tuple[Layout, ...] = (
    Layout("prisma", _re(r"(?P<slot>\d{4,})_(?P<name>[^/]*)/migration\.sql"), _whole(Transaction.IMPLICIT)),
    Layout("diesel", _re(r"(?P<slot>\d[^/_]*)_(?P<name>[^/]*)/(?:up|(?P<down>down))\.sql"), _whole(Transaction.FILE)),
    Layout("drizzle", _re(r"(?P<slot>\d{4,})_(?P<name>[^/]*?)(?:/migration)?\.sql"), marks.breakpoints, marker="meta/_journal.json"),
    Layout(
        "goose", _re(_NUMBERED + r"\.sql"), _whole(Transaction.FILE),
        lambda s: marks.annotated(s, "+goose", r"\bno transaction\b"), re.compile(r"^\s*--\s*\+goose\s+Up", re.MULTILINE | re.IGNORECASE),
    ),
    Layout(
        "sql-migrate", _re(_NUMBERED + r"\.sql"), _whole(Transaction.FILE),
        lambda s: marks.annotated(s, "+migrate", r"notransaction"), re.compile(r"^\s*--\s*\+migrate\s+Up", re.MULTILINE | re.IGNORECASE),
    ),
    Layout(
        "dbmate", _re(_NUMBERED + r"\.sql"), _whole(Transaction.FILE),
        lambda s: marks.sections(s, r"^\s*--\s*migrate:up.*$", r"^\s*--\s*migrate:down.*$", r"transaction:\s*false"),
        re.compile(r"^\s*--\s*migrate:up", re.MULTILINE),
    ),
    Layout(
        "node-pg-migrate", _re(_NUMBERED + r"\.sql"), _whole(Transaction.FILE),
        lambda s: marks.sections(s, r"^\s*--[\s-]*up\s+migration.*$", r"^\s*--[\s-]*down\s+migration.*$", r"(?!)"),
        re.compile(r"^\s*--[\s-]*up\s+migration", re.MULTILINE | re.IGNORECASE),
    ),
    Layout("flyway", re.compile(r"(?:.*/)?(?:V(?P<slot>\d[\d._]*)|R|B(?P<base>\d[\d._]*))__(?P<name>[^/]*)\.sql"), _flyway),
    Layout("refinery", re.compile(r"[VU](?P<slot>\d+)__(?P<name>\w+)\.sql"), _whole(Transaction.FILE)),
    Layout("golang-migrate", _re(r"(?P<slot>\d+)_(?P<name>[^/]*)\.(?:up|(?P<down>down))\.sql"), _whole(Transaction.IMPLICIT)),
    Layout("supabase", _re(r"(?P<slot>\d{14})_(?P<name>[^/]*)\.sql"), _whole(Transaction.STATEMENT), marker="../config.toml"),
    Layout("atlas", _re(r"(?P<slot>\d+)(?:_(?P<name>[^/]*))?\.sql"), _whole(Transaction.FILE, r"^--\s*atlas:txmode\s+none"), marker="atlas.sum"),
    Layout("sqlx", _re(r"(?P<slot>\d+)_(?P<name>[^/]*?)(?:\.up|(?P<down>\.down))?\.sql"), _whole(Transaction.FILE, r"\A\s*--\s*no-transaction")),
    Layout("plain", _re(r"(?:.*/)?(?:" + _NUMBERED + r"|(?P<bare>[^/]*?))(?:\.up|(?P<down>[._]down))?\.sql"), _whole(Transaction.IMPLICIT)),
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}
# found by themselves, in this order; sqlx and supabase need their own marks, else the folder is plain
_AUTO = ("prisma", "diesel", "drizzle", "goose", "sql-migrate", "dbmate", "node-pg-migrate", "flyway", "golang-migrate", "supabase", "atlas")


def detect(root: Path, files: Iterable[Path]) -> tuple[str, tuple[str, ...]]:
    """The layout of a folder, and why."""
    paths = list(files)
    names = [p.relative_to(root).as_posix() for p in paths]
    why = []
    for name in _AUTO:
        layout = BY_NAME[name]
        if layout.marker and not (root / layout.marker).exists():
            continue
        matching = [p for p, n in zip(paths, names, strict=True) if layout.file.fullmatch(n)]
        if layout.sign is not None:
            matching = [p for p in matching[:8] if layout.sign.search(_peek(p))]
            fits = bool(matching)
        else:
            fits = len(matching) * 2 > len(paths)
        if fits:
            why.append(f"{name}: {len(matching)} of {len(paths)} files named or marked so" + (f", and {layout.marker}" if layout.marker else ""))
            return name, tuple(why)
        why.append(f"not {name}")
    if any(n.endswith((".up.sql", ".down.sql")) for n in names):
        return "sqlx", (*why, "sqlx: .up.sql and .down.sql without golang-migrate's numbers")
    return "plain", (*why, f"plain: {len(paths)} SQL files in the order of their numbers")


def _peek(path: Path) -> str:
    try:
        return path.read_bytes()[:20_000].decode("utf-8", "replace")
    except OSError:
        return ""


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which numbers count as numbers."""
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text) if p)


@dataclass
class _Pair:
    slot: str
    name: str
    id: str
    up: Script | None = None
    down: Script | None = None


def load_layout(layout: Layout, root: Path, files: Iterable[Path], cwd: Path) -> tuple[list[Migration], list[tuple[Path, str]]]:
    """The migrations of a folder in a layout, in the runner's order; and the files that the runner passes over."""
    pairs: dict[tuple[str, str, str], _Pair] = {}
    skipped: list[tuple[Path, str]] = []
    for path in files:
        relative = path.relative_to(root).as_posix()
        match = layout.file.fullmatch(relative)
        if match is None:
            skipped.append((path, f"not named as {layout.name} names its files"))
            continue
        _add(layout, pairs, path, relative, match, cwd)
    out = [Migration(p.id, p.slot, p.name, p.up, p.down) for p in pairs.values() if p.up is not None]
    out.sort(key=lambda m: (_repeatable(layout, m), _order(layout, m)))
    skipped += [(Path(p.down.source.path), "a down without an up") for p in pairs.values() if p.up is None and p.down is not None]
    return out, skipped


def _add(layout: Layout, pairs: dict[tuple[str, str, str], _Pair], path: Path, relative: str, match: re.Match[str], cwd: Path) -> None:
    groups = match.groupdict()
    slot = groups.get("slot") or groups.get("base") or ""
    name = groups.get("name") or groups.get("bare") or ""
    source = read(path, cwd)
    folder = relative.rpartition("/")[0] if layout.name in ("plain", "flyway") else ""
    stem = relative.removesuffix(".sql").removesuffix("/migration").removesuffix("/up").removesuffix("/down")
    stem = re.sub(r"[._](up|down)$", "", stem)
    pair = pairs.setdefault((folder, slot, name), _Pair(slot, name, stem))
    if layout.inside is not None:
        pair.up, pair.down = layout.inside(source)
        return
    script = layout.script(source)
    if layout.name == "diesel":
        script = _diesel(script, path)
    if groups.get("down"):
        pair.down = script
    else:
        pair.up = script


def _diesel(script: Script, path: Path) -> Script:
    settings = path.parent / "metadata.toml"
    if settings.exists() and re.search(r"run_in_transaction\s*=\s*false", _peek(settings)):
        return Script(script.source, script.pieces, Transaction.STATEMENT)
    return script


def _repeatable(layout: Layout, migration: Migration) -> bool:
    return layout.name == "flyway" and not migration.slot


def _order(layout: Layout, migration: Migration) -> tuple[object, ...]:
    if layout.name in ("prisma", "diesel", "sql-migrate"):
        # diesel's version is the folder's name up to its first underscore, without hyphens; prisma goes by the whole name
        ids = {"sql-migrate": natural(migration.id), "diesel": migration.slot.replace("-", ""), "prisma": migration.id}
        return (ids[layout.name],)
    numbers = tuple(int(n) for n in re.findall(r"\d+", migration.slot))
    return (not numbers, numbers, natural(migration.id))
