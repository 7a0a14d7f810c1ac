"""Which runner's layout a folder has, and why: by marker files, by marks inside the files, by names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.files import peek
from lockgate.base.lazy_imports import pattern
from lockgate.sources.listing import below, is_sql, likely, meant, walk
from lockgate.sources.naming import BY_NAME, named, other_database
from lockgate.sources.several import Separate, SeveralHistories, in_earnest

_SAMPLE = 24
_MEMBERS = 64  # of a workspace, whose manifests are looked at
_MARKS = {
    "goose": pattern(r"^[^\S\n]*+--\s*\+goose\s+(?:Up|Down)", re.MULTILINE | re.IGNORECASE),
    "sql-migrate": pattern(r"^[^\S\n]*+--\s*\+migrate\s+(?:Up|Down)", re.MULTILINE | re.IGNORECASE),
    "dbmate": pattern(r"^[^\S\n]*+--\s*migrate:(?:up|down)", re.MULTILINE),
    "node-pg-migrate": pattern(r"^[^\S\n]*+--[^\S\n-]*+[ \t-]*+(?:up|down)\s+migration", re.MULTILINE | re.IGNORECASE),
    "liquibase": pattern(r"\A\ufeff?\s*--\s*liquibase\s+formatted\s+sql", re.IGNORECASE),
}
_STYLES = {
    "flyway's V1__name.sql": pattern(r"(?:[VUB]\d[\d._]*(?:__.*)?|R__.*)\.sql"),
    "pairs of 1_name.up.sql and 1_name.down.sql": pattern(r"\d+.*[._](?:up|down)\.sql"),
    "numbered 1_name.sql": pattern(r"\d.*\.sql", re.IGNORECASE),
}


class Detection(msgspec.Struct, frozen=True):
    """A layout with the reasons for it."""

    layout: str
    explain: tuple[str, ...]


def recognise(root: Path, files: list[str], label: str) -> Detection | None:
    """The layout of a folder that itself holds migrations; None where it holds none. Raises UsageError where layouts
    are mixed."""
    own = [f for f in files if "/" not in f and is_sql(f)]
    return _by_marker(root, files) or _by_folders(files) or _by_place(root, own) or _by_files(root, own, files, label)


def _by_place(root: Path, own: list[str]) -> Detection | None:
    at = root.resolve()
    numbered = [f for f in own if named(BY_NAME["supabase"], f)]
    if numbered and len(numbered) * 2 >= len(own) and at.name == "migrations" and at.parent.name == "supabase":
        return Detection("supabase", (f"supabase: {len(numbered)} numbered 1_name.sql in supabase/migrations",))
    return None


def _by_marker(root: Path, files: list[str]) -> Detection | None:
    present = set(files)
    if "sqitch.plan" in present and not ("sqitch.conf" in present and _has_other_plan(root, files)):
        return Detection("sqitch", ("sqitch: there is a sqitch.plan",))
    if "meta/_journal.json" in present:
        return Detection("drizzle", ("drizzle: there is a meta/_journal.json",))
    pairs = any(re.search(r"\.(?:up|down)\.sql$", f) for f in files)
    if "atlas.sum" in present and not pairs:
        return Detection("atlas", ("atlas: there is an atlas.sum",))
    if any(re.fullmatch(r"(?:db\.)?changelog(?:[-.]\w+)*\.(?:xml|ya?ml|json|sql)", f) for f in files) and _marked(
        root, files, "liquibase"
    ):
        return Detection(
            "liquibase", ("liquibase: there is a changelog, and files begin with `--liquibase formatted sql`",)
        )
    return None


def _has_other_plan(root: Path, files: list[str]) -> bool:
    """Whether sqitch.conf names another top folder that has a plan."""
    top = re.search(
        r"^[^\S\n]*+top_dir\s*=\s*[\"']?(?:\./)?([^\"'\s#;]+)", peek(root / "sqitch.conf", root), re.MULTILINE
    )
    return top is not None and f"{top.group(1).rstrip('/')}/sqitch.plan" in files


def _marked(root: Path, files: list[str], layout: str) -> bool:
    return any(_MARKS[layout].search(peek(root / f, root)) for f in files if is_sql(f))


def _by_folders(files: list[str]) -> Detection | None:
    own = sum(1 for f in files if "/" not in f and is_sql(f) and f[:1].isdigit())
    folders = len({f.partition("/")[0] for f in files if "/" in f and is_sql(f)})
    for layout, last, what in (
        ("prisma", "migration.sql", "NAME/migration.sql"),
        ("diesel", "up.sql", "VERSION_name/up.sql"),
    ):
        found = [f for f in files if f.count("/") == 1 and f.endswith(f"/{last}") and named(BY_NAME[layout], f)]
        if found and len(found) >= own and len(found) * 2 > folders:
            snapshot = layout == "prisma" and any(f.count("/") == 1 and f.endswith("/snapshot.json") for f in files)
            name = "drizzle" if snapshot else layout
            return Detection(
                name, (f"{name}: {len(found)} folders hold {what}" + (" and a snapshot.json" if snapshot else ""),)
            )
    return None


def _by_files(root: Path, own: list[str], files: list[str], label: str) -> Detection | None:
    if not own:
        deep = [f for f in files if re.search(r"(?:^|/)[VUB]\d[\d._]*__[^/]*\.sql$", f) and meant(f.rpartition("/")[0])]
        if deep and all(f.count("/") <= 2 for f in deep) and _of_one(deep):
            name = "refinery" if "refinery" in _cargo(root) else "flyway"
            return Detection(name, (f"{name}: {len(deep)} files in subfolders are named V1__name.sql",))
        return _by_versions(files)
    looked = _spread(own)
    marks = Counter(name for f in looked for name, mark in _MARKS.items() if mark.search(peek(root / f, root)))
    if marks["node-pg-migrate"] * 2 < len(looked):
        del marks["node-pg-migrate"]  # a comment that people write anyway
    if len(marks) > 1:
        raise _mixed(label, [f"{count} files marked for {name}" for name, count in marks.most_common()])
    for name, count in marks.items():
        return Detection(name, (f"{name}: {count} of {min(len(own), _SAMPLE)} files looked at hold its marks",))
    return _by_names(root, own, label)


_VERSION = pattern(r"[vV]?\d+(?:[._]\d+)*")
_AROUND = frozenset(("_init", "_pre", "_draft", "_post", "_erase"))  # yuniql's


def _by_versions(files: list[str]) -> Detection | None:
    """One history in numbered folders: nothing but those, two at least, holds SQL."""
    folders = {f.partition("/")[0] for f in files if is_sql(f) and meant(f.rpartition("/")[0])} - _AROUND
    numbered = [folder for folder in folders if _VERSION.fullmatch(folder)]
    if len(numbered) < 2 or len(numbered) < len(folders):
        return None
    return Detection("versions", (f"versions: {len(numbered)} numbered folders hold its files",))


def _of_one(deep: list[str]) -> bool:
    """Whether files in several subfolders are of one history: no version is in two of them (those are locations of
    their own)."""
    where: dict[tuple[str, str], set[str]] = {}
    for path in deep:
        item = named(BY_NAME["flyway"], path)
        if item is not None:
            where.setdefault((item.slot.lstrip("0"), item.direction.value + "B" * item.baseline), set()).add(
                path.rpartition("/")[0]
            )
    return len(set().union(*where.values())) > 1 and all(len(folders) == 1 for folders in where.values())


def _spread(names: list[str]) -> list[str]:
    step = max(1, len(names) // _SAMPLE)
    return names[::step][:_SAMPLE]


def _by_names(root: Path, own: list[str], label: str) -> Detection | None:
    styles: dict[str, list[str]] = {}
    for name in own:
        style = next((s for s, pattern in _STYLES.items() if pattern.fullmatch(name)), "")
        styles.setdefault(style, []).append(name)
    styles.pop("", None)
    if not styles:
        return None
    ranked = sorted(styles.items(), key=lambda item: -len(item[1]))
    if len(ranked) > 1 and len(ranked[1][1]) * 3 >= len(ranked[0][1]):
        raise _mixed(label, [f"{len(found)} {style} ({found[0]})" for style, found in ranked])
    style, found = ranked[0]
    return _of_style(root, list(_STYLES).index(style), found, style)


def _of_style(root: Path, number: int, found: list[str], style: str) -> Detection:
    said = f"{len(found)} {style}"
    cargo = _cargo(root)
    if number == 0:
        if "refinery" in cargo:
            return Detection("refinery", (f"refinery: {said}, and Cargo.toml names refinery",))
        return Detection("flyway", (f"flyway: {said}",))
    if any(other_database(f) for f in found):
        return Detection("plain", (f"plain: {said}, some of them for other databases",))
    if "sqlx" in cargo:
        return Detection("sqlx", (f"sqlx: {said}, and Cargo.toml names sqlx",))
    if number == 1:
        paired = all(named(BY_NAME["golang-migrate"], f) for f in found)
        return (
            Detection("golang-migrate", (f"golang-migrate: {said}",))
            if paired
            else Detection("plain", (f"plain: {said}",))
        )
    if "node-pg-migrate" in _nearest(root, "package.json"):
        return Detection("node-pg-migrate", (f"node-pg-migrate: {said}, and package.json names it",))
    return Detection("plain", (f"plain: {said}, and no runner's marks",))


def _cargo(root: Path) -> str:
    """The names that the nearest Cargo.toml upward mentions (not beyond the repository), or its workspace's."""
    text = ""
    for folder in (root, *root.resolve().parents):
        manifest = folder / "Cargo.toml"
        if manifest.is_file():
            text += peek(manifest, folder)
        if (folder / ".sqlx").is_dir():
            text += "sqlx"
        if "[workspace]" in text and "sqlx" not in text:
            members = [*folder.glob("*/Cargo.toml"), *folder.glob("*/*/Cargo.toml")][:_MEMBERS]
            text += "".join(peek(member, folder) for member in sorted(members))
        if text or (folder / ".git").exists():
            break
    return text


def _nearest(root: Path, name: str) -> str:
    """The text of the nearest file of this name upward, not beyond the repository."""
    for folder in (root, *root.resolve().parents):
        if (folder / name).is_file():
            return peek(folder / name, folder)
        if (folder / ".git").exists():
            break
    return ""


def _mixed(label: str, found: list[str]) -> UsageError:
    return UsageError(
        f"{label}: several layouts are mixed: " + "; ".join(found),
        "name the one that runs with --layout, and move the others away",
    )


def unknown(label: str, files: list[str]) -> UsageError:
    """The error for a folder whose files fit no layout."""
    sql = [f for f in files if is_sql(f)]
    if not sql:
        return UsageError(
            f"{label}: no migrations here: no .sql file at all",
            "name the folder of migrations, or set migrations.paths",
        )
    return UsageError(
        f"{label}: no layout has such names: {_some(sql, 5)}",
        "name the layout: --layout plain takes every .sql file in the order of names",
    )


def find(root: Path, files: list[str], label: str) -> list[tuple[str, Detection]]:
    """The subfolders that hold migrations, with their layouts; a folder inside of another one found is not looked at.

    Where there are several, those that their names give to another database or to tests are left out, and of one whose
    layouts are mixed the layout is "auto": it is told when it is read. Raises UsageError where that is the only one.
    """
    folders = sorted(
        {f.rpartition("/")[0] for f in files if is_sql(f) or f.endswith("/sqitch.plan")} - {""},
        key=lambda f: (f.count("/"), f),
    )
    parents = {p for f in folders for p in (f, f.rpartition("/")[0]) if p}
    out: list[tuple[str, Detection]] = []
    mixed: UsageError | None = None
    for folder in sorted(parents, key=lambda f: (f.count("/"), f)):
        if any(folder.startswith(f"{done}/") for done, _ in out) or not meant(folder):
            continue
        try:
            detection = recognise(root / folder, below(files, folder), f"{label}/{folder}")
        except UsageError as error:
            mixed, detection = error, Detection("auto", ())
        if detection is not None:
            out.append((folder, detection))
    wanted = likely([folder for folder, _ in out])
    out = [(folder, found) for folder, found in out if folder in wanted]
    if mixed is not None and len(out) == 1 and out[0][1].layout == "auto":
        raise mixed
    earnest = in_earnest([(folder, found.layout) for folder, found in out])
    return [(folder, found) for folder, found in out if folder in earnest]


def detect(path: Path) -> Detection:
    """The layout of a folder, or of the one folder of migrations below it. Raises UsageError."""
    files = walk(path)
    found = recognise(path, files, str(path))
    if found is not None:
        return found
    inside = find(path, files, str(path))
    if len(inside) != 1:
        raise unknown(str(path), files) if not inside else several(str(path), path, files, inside)
    return inside[0][1]


def several(label: str, root: Path, files: list[str], inside: list[tuple[str, Detection]]) -> SeveralHistories:
    """What is raised for several folders of migrations where one is wanted."""
    from lockgate.sources.passed import passed_over

    prefix = "" if label in ("", ".") else f"{label}/"
    found = [Separate(f"{prefix}{f}", of.layout, root / f) for f, of in sorted(inside, key=lambda one: one[0])]
    return SeveralHistories(label, found, passed_over(files, [f for f, _ in inside], prefix))


def _some(names: list[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
