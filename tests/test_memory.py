"""What a process that stays remembers changes nothing but the work: a keystroke replays its own file, and is told the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from lockgate.api import Finding, Report, Request, Source, check, configuration
from lockgate.cache.memory import STRIDE, ReplayMemory
from tests.test_recall import script

FILES = 3 * STRIDE


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a cache on the disk."""
    monkeypatch.setenv("LOCKGATE_CACHE", "off")
    (tmp_path / "migrations").mkdir()
    return tmp_path


def at(report: Report, path: str) -> list[Finding]:
    return [f for f in report.findings if f.at.source.path == path]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings", ["", '[migrations]\nlayout = "plain"\n', '[database]\nversion = 17\n[migrations]\nlayout = "plain"\n']
)
def test_a_buffer_is_told_the_same_with_a_memory(seed: int, settings: str, root: Path) -> None:
    rng, memory = random.Random(seed), ReplayMemory()
    files = [root / f"migrations/{number:03}_x.sql" for number in range(1, FILES)]
    for number, file in enumerate(files, 1):
        file.write_text(script(rng, number))
    if settings:
        (root / "lockgate.toml").write_text(settings)
    config = configuration(None, root)
    memory.foresee = 0 if "version" in settings else 18
    for step in range(14):
        file = rng.choice(files)
        name = file.relative_to(root).as_posix()
        text = rng.choice(("", file.read_text())) + script(rng, 100 + step)
        request = Request((), root, stdin=Source(name, text))
        alone = check(request, config)
        memory.until = name if step % 2 else ""
        told = check(replace(request, memory=memory), config)
        if memory.until:
            # what later files bring about in this one is told with the whole
            early = {f for f in at(told, name) if not f.breakage} ^ {f for f in at(alone, name) if not f.breakage}
            assert not settings or not {f.rule for f in early}, "nothing is supposed before a plain folder"
        else:
            assert told.findings == alone.findings
        if step % 3 == 0:
            file.write_text(text)


@pytest.mark.parametrize("foresee", [0, 18])
def test_a_keystroke_replays_its_own_file(foresee: int, root: Path) -> None:
    files = [root / f"migrations/{number:03}_x.sql" for number in range(1, FILES)]
    for number, file in enumerate(files):
        file.write_text(f"CREATE TABLE t{number} (id int);\n")
    (root / "lockgate.toml").write_text("[database]\nversion = 17\n")
    config, memory = configuration(None, root), ReplayMemory()
    memory.foresee = foresee

    def replayed(file: Path, text: str) -> list[str]:
        taken: list[str] = []
        name = file.relative_to(root).as_posix()
        request = Request((), root, stdin=Source(name, text), memory=memory)
        report = check(request, config, progress=lambda done, total, migration: taken.append(migration))
        assert [f.rule for f in at(report, name)] == (["T203"] if "emial" in text else [])
        return taken

    assert len(replayed(files[0], files[0].read_text())) == len(files)
    for file in (files[2], files[STRIDE + 3], files[-1]):
        memory.until = file.relative_to(root).as_posix()
        ids = [file.stem for file in files]
        first = replayed(file, "SELECT 1;\n")
        assert len(first) <= STRIDE and ids[ids.index(file.stem)] == first[-1]
        assert replayed(file, "SELECT emial FROM t0;\n") == [first[-1]]
        assert replayed(file, "SELECT id FROM t0;\n") == [first[-1]]


def test_what_changes_on_the_disk_is_read(root: Path) -> None:
    one, two = root / "migrations/001_a.sql", root / "migrations/002_b.sql"
    one.write_text("CREATE TABLE a (id int);\n")
    two.write_text("SELECT name FROM a;\n")
    config, memory = configuration(None, root), ReplayMemory()

    def rules() -> list[str]:
        name = two.relative_to(root).as_posix()
        memory.until = name
        request = Request((), root, stdin=Source(name, two.read_text()), memory=memory)
        return [f.rule for f in at(check(request, config), name) if f.rule.startswith("T")]

    assert rules() == ["T203"]
    one.write_text("CREATE TABLE a (id int, name text);\n")
    assert rules() == []
    (root / "migrations/015_c.sql").write_text("ALTER TABLE a DROP COLUMN name;\n")
    two.rename(root / "migrations/020_b.sql")
    two = root / "migrations/020_b.sql"
    assert rules() == ["T201"], "a new file is seen, too"
