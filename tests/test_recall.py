"""The cache changes nothing but the time: cold, warm and after any edit a run says the same, byte for byte."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from lockgate.api import Request, check
from lockgate.base.config import load
from lockgate.base.text import Source, Span
from lockgate.cache import store as cache
from lockgate.cache.replay import _chain, spelled
from lockgate.report import render
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.export import export
from lockgate.timeline.plan import Leg, Plan

FORMATS = ("terminal", "json", "sarif", "gitlab", "junit", "annotations")
STATEMENTS = (
    "CREATE TABLE t{n} (id int PRIMARY KEY, a text, b numeric(10,2) DEFAULT 0);",
    "CREATE TABLE IF NOT EXISTS t{m} (id bigserial, é text);\nCREATE INDEX ON t{m} (id);",
    "ALTER TABLE t{m} ADD COLUMN c{n} int REFERENCES t{m} (id);",
    "ALTER TABLE t{m} DROP COLUMN a; -- lockgate: ignore unknown-column: on purpose",
    "ALTER TABLE t{m} RENAME COLUMN b TO b{n};",
    "DROP TABLE t{m};",
    "CREATE VIEW v{n} AS SELECT id, a FROM t{m};",
    "CREATE FUNCTION f{n}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(a) FROM t{m}); END $$;",
    "CREATE FUNCTION g{n}(x int) RETURNS text LANGUAGE sql AS 'SELECT a FROM t{m} WHERE id = x';",
    "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 't{m}') THEN CREATE TABLE t{m} (id int); END IF; END $$;",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE ' || current_setting('x.y') || '()'; END $$;",
    "-- lockgate: ignore already-exists: made twice\nCREATE TYPE mood AS ENUM ('sad', 'ok');",
    "ALTER TYPE mood ADD VALUE 'm{n}';",
    "SET search_path = public; CREATE SCHEMA IF NOT EXISTS s{m}; CREATE TABLE s{m}.x (y mood);",
    "CREAT TABLE oops (id int);\nCREATE TABLE late{n} (id int);",
    "INSERT INTO t{m} (id, a) VALUES (1, 'x');\nUPDATE t{m} SET missing = 1;",
    "PREPARE p{n} AS SELECT 1; GRANT SELECT ON t{m} TO public;",
    "BEGIN; CREATE TABLE in_block{n} (id int); ROLLBACK;",
    "CREATE EXTENSION IF NOT EXISTS pgcrypto; CREATE EXTENSION unheard_of_{n};",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a cache of its own; the working directory."""
    project = tmp_path / "project"
    (project / "migrations").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    monkeypatch.chdir(project)
    return project


def script(rng: random.Random, number: int) -> str:
    return (
        "\n".join(rng.choice(STATEMENTS).format(n=number, m=rng.randint(1, 6)) for _ in range(rng.randint(1, 3))) + "\n"
    )


def said(root: Path) -> list[object]:
    outcome = check(Request(cwd=root), load(None, root))
    return [*(render(outcome, name, to_terminal=False) for name in FORMATS), outcome.exit_code]


def both(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cache, twice, and without: the same."""
    warm = [said(root), said(root)]
    with monkeypatch.context() as patch:
        patch.setenv("LOCKGATE_CACHE", "off")
        cold = said(root)
    assert warm[0] == cold
    assert warm[1] == cold


def edit(rng: random.Random, root: Path, step: int) -> None:
    """One change of the kind that people make."""
    files = sorted((root / "migrations").iterdir())
    chosen = rng.choice(files)
    match rng.choice(("append", "append", "change", "insert", "delete", "rename", "config", "touch", "swap")):
        case "append":
            number = max(int(f.name[:4]) for f in files) + 1
            (root / f"migrations/{number:04}_new{step}.up.sql").write_text(script(rng, number + step))
        case "change":
            chosen.write_text(script(rng, int(chosen.name[:4])))
        case "insert":
            (root / f"migrations/{rng.randint(1, 60):04}_in{step}.up.sql").write_text(script(rng, 100 + step))
        case "delete" if len(files) > 3:
            chosen.unlink()
        case "rename":
            chosen.rename(chosen.with_name(chosen.name.replace("_", f"_r{step}", 1)))
        case "config":
            roles = f'[roles]\nowner = "o"\ndeployer = "d"\nhandover = "{rng.randint(1, 40):04}"\n'
            more = rng.choice(
                (
                    "",
                    "[migrations]\ntransaction = 'statement'\n",
                    "[database]\nversion = 15\n",
                    roles,
                    '[rules]\nignore = ["T"]\n',
                )
            )
            (root / "lockgate.toml").write_text(more)
        case "touch":
            chosen.touch()
        case "swap":
            other = rng.choice(files)
            one, two = chosen.read_text(), other.read_text()
            chosen.write_text(two)
            other.write_text(one)


@pytest.mark.parametrize("seed", range(6))
def test_any_edit(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(1, rng.randint(8, 40)):
        (folder / f"migrations/{number:04}_m.up.sql").write_text(script(rng, number))
    both(folder, monkeypatch)
    for step in range(12):
        edit(rng, folder, step)
        both(folder, monkeypatch)


def count_legs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The legs that are replayed from here on, by the migration's id."""
    from lockgate.timeline.replay import Replay

    taken: list[str] = []
    original = Replay.take

    def take(self: Replay, leg: Leg) -> object:
        taken.append(leg.migration.id if leg.migration else leg.kind)
        return original(self, leg)

    monkeypatch.setattr(Replay, "take", take)
    return taken


def test_only_what_follows_a_change_is_replayed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 31):
        (folder / f"migrations/{number:04}_m.up.sql").write_text(f"CREATE TABLE t{number} (id int PRIMARY KEY);")
    taken = count_legs(monkeypatch)
    said(folder)
    assert len(taken) == 30
    taken.clear()
    said(folder)
    assert taken == []
    (folder / "migrations/0031_new.up.sql").write_text("ALTER TABLE t1 ADD COLUMN x int;")
    said(folder)
    assert taken == ["0030_m", "0031_new"]
    taken.clear()
    (folder / "migrations/0020_m.up.sql").write_text("CREATE TABLE other (id int);")
    said(folder)
    taken.clear()
    (folder / "migrations/0020_m.up.sql").write_text("CREATE TABLE other (id bigint);")
    said(folder)
    assert taken[0] == "0020_m" and len(taken) == 12


def test_a_replay_goes_on_where_it_was_left(folder: Path) -> None:
    for number in range(1, 9):
        (folder / f"migrations/{number:04}_m.up.sql").write_text(script(random.Random(number), number))
    from lockgate.run.examine import examine

    first = examine(load(None, folder), Request(cwd=folder))
    again = examine(load(None, folder), Request(cwd=folder))
    assert again.recall is not first.recall
    assert export(again.replay.catalog) == export(first.replay.catalog)
    assert again.replay.session == first.replay.session


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "foreign"])
def test_a_damaged_entry_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    for number in range(1, 9):
        (folder / f"migrations/{number:04}_m.up.sql").write_text(script(random.Random(number + 7), number))
    both(folder, monkeypatch)
    home = cache.folder()
    assert home is not None
    for path in Path(home).iterdir():
        data = path.read_bytes()
        payload = b"cos\nsystem\n(S'false'\ntR."
        path.write_bytes(
            {
                "cut": data[:-9],
                "flip": data[:40] + bytes([data[40] ^ 1]) + data[41:],
                "empty": b"",
                "foreign": cache.digest(payload) + payload,
            }[harm]
        )
    (folder / "migrations/0009_m.up.sql").write_text("CREATE TABLE nine (id int);")
    both(folder, monkeypatch)


def test_the_folder_must_be_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    home = cache.folder()
    assert home == str(tmp_path / "lockgate") and stat.S_IMODE(os.stat(home).st_mode) == 0o700
    cache.write(b"k", b"value")
    assert cache.read(b"k") == b"value" and cache.has(b"k") and cache.read(b"other") is None
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in Path(home).iterdir())
    os.chmod(home, 0o770)
    assert cache.folder() is None and cache.read(b"k") is None
    os.chmod(home, 0o700)
    os.rename(home, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", home)
    assert cache.folder() is None
    for word in ("off", "OFF", "0"):
        monkeypatch.setenv("LOCKGATE_CACHE", word)
        assert cache.folder() is None


def test_the_oldest_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    monkeypatch.setattr(cache, "_LIMIT", 5000)
    monkeypatch.setattr(cache, "_SELDOM", 256)
    home = cache.folder()
    assert home is not None
    Path(home, "cluster-18.6-x.pack").write_bytes(bytes(100_000))
    for number in range(20):
        cache.write(b"%d" % number, bytes(1000))
        for path in Path(home).iterdir():  # an hour passes
            seen = path.stat()
            os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns - 3600 * 10**9))
        assert sum(p.stat().st_size for p in Path(home).iterdir() if p.suffix != ".pack") <= 5000
    assert Path(home, "cluster-18.6-x.pack").exists(), "a server's template is no entry"
    assert cache.has(b"19") and not cache.has(b"0")


def test_a_folder_that_cannot_be_made_is_no_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/no")
    (folder / "migrations/0001_m.up.sql").write_text("CREATE TABLE t (id int);")
    assert said(folder)[-1] == 0


def test_every_field_of_a_migration_counts() -> None:
    """Whatever differs in a leg, its key differs."""
    source, other = Source("a", "select 1"), Source("a", "select 2")
    script = Script(source, (Span(0, 8),), Transaction.FILE)
    scripts = [
        script,
        *(
            replace(script, **{name: value})
            for name, value in {"source": other, "pieces": (Span(0, 7),), "transaction": Transaction.STATEMENT}.items()
        ),
    ]
    base = Migration("1", "1", "a", script)
    names = [name for name in Migration.__match_args__ if name not in ("up", "down")]
    migrations = [
        base,
        *(replace(base, up=s) for s in scripts[1:]),
        *(replace(base, down=s) for s in scripts),
        *(replace(base, **{n: "x"}) for n in names),
    ]
    keys = [list(_chain(Plan((m,)), [Leg("migration", m)], spelled))[1] for m in migrations]
    assert len(set(keys)) == len(keys)
    assert (
        len(
            {
                next(_chain(plan, [], spelled))
                for plan in (
                    Plan(()),
                    Plan((), 15),
                    Plan((), role="r"),
                    Plan((), search_path=("a",)),
                    Plan((), roles=("r",)),
                )
            }
        )
        == 5
    )
