"""The files that hold the application's queries: of the working tree, or of a commit without a checkout."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_bytes
from lockgate.base.git import output
from lockgate.cache.stamp import stamp
from lockgate.queries.source_code import GRAMMARS
from lockgate.slots.git import Blobs, commit_of

SUFFIXES = frozenset(("sql", *GRAMMARS))
_ANY_SUFFIX = SUFFIXES | frozenset(("ddl", "psql", "clj", "scala", "php", "ex", "exs", "cs", "sh", "tmpl"))
_FOREIGN = frozenset(("node_modules", "vendor", "target", "__pycache__", "dist", "build", "venv"))
# other people's code, SQL that ran at another time than now, and tests, which no release runs
_PASSED_OVER = _FOREIGN | frozenset(
    (
        "migrations",
        "migration",
        "migrate",
        "versions",
        "test",
        "tests",
        "testdata",
        "testing",
        "__tests__",
        "spec",
        "fixtures",
        "e2e",
    )
)
_PASSED_OVER_WORDS = frozenset(("migration", "migrations", "migrate", "rollback", "test", "tests", "cypress"))
_WORDS = re.compile(r"[A-Z]?[a-z]+")
_TEST = re.compile(
    r".*(?:_(?:test|spec)\.\w+|[._](?:test|spec|servertest|e2e)\.[jt]sx?|(?:Test|Tests|IT|Spec)\.(?:java|kt))|(?:test_.*|conftest)\.py|tests?\.rs"
)


class File(msgspec.Struct, frozen=True):
    """A file to be looked into. ``stamp`` is another wherever its content is another."""

    path: str  # relative to the configuration's folder
    stamp: tuple[int, ...]
    read: Callable[[], bytes]


class Wanted(msgspec.Struct, frozen=True):
    """Which paths, relative to the configuration's folder, are looked into. ``apart`` are the folders of the
    migrations."""

    patterns: tuple[re.Pattern[str], ...]
    excluded: tuple[re.Pattern[str], ...]
    apart: frozenset[str]
    folders: dict[str, bool] = msgspec.field(default_factory=dict)  # what has been found out

    def __call__(self, path: str) -> bool:
        """Whether a file is one of them."""
        folder, _, name = path.rpartition("/")
        stem, _, suffix = name.rpartition(".")
        if (
            suffix not in SUFFIXES
            or _TEST.fullmatch(name)
            or (suffix == "sql" and _apart(stem))
            or not self._entered(folder)
        ):
            return False
        return any(p.fullmatch(path) for p in self.patterns) and not any(p.fullmatch(path) for p in self.excluded)

    def _entered(self, folder: str) -> bool:
        found = self.folders.get(folder)
        if found is None:
            found = self.folders[folder] = folder not in self.apart and all(map(entered, folder.split("/")))
        return found


def entered(folder: str) -> bool:
    """Whether a folder of that name is looked into: not hidden ones, not other people's code, not migrations."""
    return folder not in _PASSED_OVER and not _apart(folder) and (not folder.startswith(".") or folder in (".", ".."))


def _apart(name: str) -> bool:
    """Such as batched-migrations, integrationTest, fee-decision-migration.sql."""
    return not _PASSED_OVER_WORDS.isdisjoint(map(str.lower, _WORDS.findall(name)))


def wanted(config: Config, migrations: Iterable[str], cwd: Path) -> Wanted:
    """The files that the configuration names; ``migrations`` are the paths of those, relative to ``cwd``."""
    root = config.root.resolve()
    apart = frozenset(os.path.relpath(os.path.dirname(cwd / m), root).replace(os.sep, "/") for m in migrations)
    names = config.queries
    return Wanted(tuple(map(_pattern, names.paths)), tuple(map(_pattern, names.exclude)), apart)


def _pattern(glob: str) -> re.Pattern[str]:
    """A glob (``**`` any folders, ``*`` and ``?`` within a name) or a path: of a file, or of a folder with all below
    it. Every star but a name's last takes as little as it can and is never asked again (``(?>...)``): as in
    ``fnmatch.translate``, that finds a match wherever there is one, in linear time."""
    text = os.path.normpath(glob).replace(os.sep, "/")
    if text == ".":
        return re.compile(r"(?!\.\./).*")
    text = re.sub(r"(?:(?<=/)|^)(?:\*\*/){2,}", "**/", text)
    runs = re.split(r"(?:(?<=/)|^)\*\*/", text)
    body = _run(runs[0]) + "".join(f"(?>(?:[^/]+/)*?{_run(run)})" for run in runs[1:-1])
    return re.compile(body + (f"(?:[^/]+/)*{_run(runs[-1])}" if len(runs) > 1 else "") + "(?:/.*)?")


def _run(text: str) -> str:
    """What stands between two ``**/`` of a glob."""
    return "/".join(map(_name, text.split("/")))


def _name(text: str) -> str:
    if text == "**":
        return ".*"
    first, *rest = re.split(r"\*+", text)
    parts = ["".join("[^/]" if c == "?" else re.escape(c) for c in part) for part in (first, *rest)]
    middle = "".join(f"(?>[^/]*?{part})" for part in parts[1:-1])
    return parts[0] + middle + (f"[^/]*{parts[-1]}" if rest else "")


def in_tree(config: Config, want: Wanted) -> Iterator[File]:
    """Every wanted file of the working tree. Raises UsageError for a path that has none; ``read`` raises CannotCheck
    for one that cannot be read."""
    seen: set[str] = set()
    root = str(config.root)
    for number, glob in enumerate(config.queries.paths):
        found = [p for p in _walk(config.root, _fixed(glob)) if want.patterns[number].fullmatch(p)]
        if not found:
            raise UsageError(
                f'{config.path}: queries.paths names "{glob}", where no file is', "mend the path, or remove it"
            )
        for path in sorted(p for p in found if p not in seen and want(p)):
            seen.add(path)
            name = os.path.join(root, path)
            yield File(path, stamp(name) or (), partial(_read, root, path, name))


def _read(root: str, path: str, name: str) -> bytes:
    try:
        return read_bytes(name, Path(root), name=path)
    except FileNotFoundError as error:
        raise CannotCheck(
            f"{path}: cannot be read: {error.strerror}", "make the file readable, or exclude it"
        ) from error


def _fixed(glob: str) -> str:
    """The folders before the first wildcard."""
    parts = os.path.normpath(glob).split(os.sep)
    stop = next((n for n, part in enumerate(parts) if set(part) & set("*?")), len(parts))
    return "/".join(parts[:stop])


def _walk(root: Path, start: str) -> Iterator[str]:
    if (root / start).is_file():
        yield start
        return
    for folder, below, files in os.walk(root / start):
        below[:] = [b for b in below if entered(b)]
        prefix = os.path.relpath(folder, root).replace(os.sep, "/")
        yield from (name if prefix == "." else f"{prefix}/{name}" for name in files)


def whole_tree(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the working tree that may have SQL in it, tests and other migrations too, with what is in it;
    without what cannot be read."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(b for b in below if b not in _FOREIGN and not b.startswith("."))
        for name in sorted(files):
            if name.rpartition(".")[2] in _ANY_SUFFIX:
                path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
                try:
                    yield path, read_bytes(root / path, root, name=path)
                except (OSError, CannotCheck):
                    continue


def commit(root: Path, ref: str) -> str:
    """The commit of the running release. Raises UsageError where there is none."""
    found = commit_of(root, ref)
    if not found:
        output(root, "rev-parse", "--git-dir")  # outside of a repository that is the thing to say
        raise UsageError(f"--release {ref}: no such commit here", "fetch it first (a shallow clone may lack it)")
    return found


def in_commit(config: Config, want: Wanted, ref: str) -> Iterator[File]:
    """Every wanted file of a commit; each is to be read before the next is asked for."""
    blobs = {path: blob for path, blob in paths_of(config.root, commit(config.root, ref)).items() if want(path)}
    with Blobs(config.root) as store:
        for path, blob in blobs.items():
            yield File(path, (int(blob, 16),), partial(store.read, blob))


def paths_of(root: Path, commit: str) -> dict[str, str]:
    """The files of a commit, relative to ``root`` (above it too), each with its blob."""
    top = output(root, "rev-parse", "--show-toplevel").rstrip("\n")
    prefix = os.path.relpath(top, root.resolve()).replace(os.sep, "/")
    out = {}
    for line in output(root, "ls-tree", "--full-tree", "-r", "-z", commit).split("\0"):
        head, _, path = line.partition("\t")
        kind = head.split()
        if path and kind[1] == "blob":
            out[os.path.normpath(f"{prefix}/{path}").replace(os.sep, "/")] = kind[2]
    return out
