"""The memo: a whole run again, as long as nothing that it looked at has changed.

A run is watched while it works: every file that it opens, folder that it lists and path that it asks for (through the
interpreter's audit events and ``os.stat``), and what git reads where git is asked. The memo holds their stamps beside
the output; the next run with the same words, folder and environment compares stamps and has nothing else to do, not
even to import what a check needs. Whatever cannot be watched (other programs, the network, the working tree as git sees
it) leaves no memo, and neither does a file that changed while the run was on.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import time

from lockgate.cache import store as cache

TYPE_CHECKING = False  # as typing's, which a run that repeats another need not import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

Stamp = tuple[int, ...] | None  # None: there is nothing of that name
_NOISE = frozenset({"_", "SHLVL", "OLDPWD", "PWD", "COLUMNS", "LINES", "WINDOWID", "PYTEST_CURRENT_TEST"})
_OPTIONS = ("--since", "--stdin-filename", "--output", "--no-cache")  # about the working tree, or of no use twice
_SLACK = 50_000_000  # nanoseconds: a file system's clock may lag behind ours
_COARSE = 2_000_000_000  # one that counts in seconds
# git commands whose answers hang on refs, configuration and objects alone
_PURE = frozenset(
    {
        "rev-parse",
        "merge-base",
        "cat-file",
        "ls-tree",
        "diff-tree",
        "for-each-ref",
        "symbolic-ref",
        "log",
        "show",
        "hash-object",
    }
)


def remembered(words: list[str]) -> tuple[str, int] | None:
    """The output and exit code of an earlier run that this one would repeat; None where it has to be made."""
    if not _repeatable(words):
        return None
    data = cache.read(_key(words))
    if data is None:
        return None
    try:
        stamps, text, code = marshal.loads(data)
        same = all(stamp(path, whole) == was for path, whole, was in stamps)
    except (ValueError, EOFError, TypeError):
        return None
    return (text, code) if same else None


def _repeatable(words: list[str]) -> bool:
    return (
        words[:1] == ["check"]
        and not any(w.startswith(_OPTIONS) for w in words)
        and not sys.stdout.isatty()
        and "GIT_DIR" not in os.environ
    )


def _key(words: list[str]) -> bytes:
    world = sorted((k, v) for k, v in os.environ.items() if k not in _NOISE)
    return cache.digest(b"memo", repr((words, os.getcwd(), world)).encode("utf-8", "surrogateescape"))


def stamp(path: str, whole: bool = True) -> Stamp:
    """What tells a file or a folder's list from any other; without ``whole`` no more of a folder than that it is
    one."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(seen.st_mode) and not whole:
        return (seen.st_mode,)
    return seen.st_mode, seen.st_ino, seen.st_dev, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


class Watch:
    """Notes what a run looks at, from ``with`` on; ``keep`` leaves the memo."""

    def __init__(self, words: list[str]) -> None:
        self._on = _repeatable(words) and cache.folder() is not None
        self._key = _key(words) if self._on else b""
        self._seen: dict[str, bool] = {}  # path -> whether its content counts
        self._start = time.time_ns()
        self._real = os.stat, os.lstat

    def __enter__(self) -> Watch:
        if self._on:
            sys.addaudithook(self._heard)
            os.stat = self._asked(os.stat)
            os.lstat = self._asked(os.lstat)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._on:
            self._on = False
            os.stat, os.lstat = self._real

    def keep(self, text: str, code: int) -> None:
        """Remember the run's output, unless something escaped the watch."""
        if not self._on or "psycopg" in sys.modules:
            return
        self._stop()
        own = _own()
        stamps = [
            (path, whole, stamp(path, whole))
            for path, whole in self._seen.items()
            if not os.path.join(path, "").startswith(own)
        ]
        if all(settled(now, self._start) for _, _, now in stamps):
            cache.write(self._key, marshal.dumps((stamps, text, code)))

    # --- what is heard ------------------------------------------------------------------------------------------------

    def _note(self, path: Any, whole: bool) -> None:
        if not isinstance(path, int):
            name = os.path.abspath(os.fsdecode(path) if path is not None else ".")
            self._seen[name] = whole or self._seen.get(name, False)

    def _asked(self, original: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def asked(path: Any, **options: Any) -> os.stat_result:
            self._note(path, False)
            return original(path, **options)

        return asked

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in ("open", "os.listdir", "os.scandir"):
            self._note(arguments[0], True)
        elif event == "subprocess.Popen":
            self._program(arguments[1], arguments[2])
        elif event in ("socket.connect", "os.system", "os.fork", "os.exec", "sqlite3.connect"):
            self._stop()

    def _program(self, words: Any, cwd: Any) -> None:
        if not isinstance(words, list) or words[:1] != ["git"] or not _PURE.issuperset(words[1:2]):
            self._stop()
            return
        for path in _git_files(os.path.abspath(os.fsdecode(cwd or "."))):
            self._note(path, not path.endswith("/.git") or os.path.isfile(path))


def _own() -> tuple[str, ...]:
    """Folders whose files are part of ``cache.identity``, or of the interpreter."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    packages = (path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    code = (here, os.path.normpath(os.path.join(here, "..", "..", "rules")), os.path.dirname(os.__file__), *packages)
    found = (*code, cache.folder() or here, sys.pycache_prefix or here)
    return tuple(os.path.join(path, "") for path in found)


def settled(seen: Stamp, start: int) -> bool:
    """Whether a file was last changed before the run began, so that what the run read is what the stamp is of."""
    if seen is None or len(seen) == 1:
        return True
    slack = _COARSE if seen[-1] % 1_000_000_000 == 0 else _SLACK
    return max(seen[-2:]) < start - slack


def _git_files(cwd: str) -> Iterator[str]:
    """The files from which git answers in a folder."""
    home = os.path.expanduser("~")
    yield from (
        "/etc/gitconfig",
        f"{home}/.gitconfig",
        os.path.join(os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "git/config"),
    )
    up = cwd
    while not os.path.lexists(os.path.join(up, ".git")):
        yield os.path.join(up, ".git")
        if up == os.path.dirname(up):
            return
        up = os.path.dirname(up)
    found = os.path.join(up, ".git")
    yield found
    for folder in _real_folders(found):
        yield from (
            os.path.join(folder, name)
            for name in ("HEAD", "config", "config.worktree", "packed-refs", "shallow", "info/grafts", "reftable")
        )
        for place, _, names in os.walk(os.path.join(folder, "refs")):
            yield place
            yield from (os.path.join(place, name) for name in names)


def _real_folders(found: str) -> Iterator[str]:
    """The repository behind ``.git``: a folder, or a file that names one (of a worktree, whose refs lie elsewhere)."""
    folder = found
    if os.path.isfile(found):
        folder = os.path.join(os.path.dirname(found), _line(found).removeprefix("gitdir:").strip())
    yield folder
    common = _line(os.path.join(folder, "commondir"))
    if common:
        yield os.path.join(folder, common)


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().strip()
    except OSError:
        return ""
