"""What the cache holds: every value comes back as it was, and no bytes make a run call anything."""

from __future__ import annotations

import contextlib
import os
import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lockgate.base.findings import Edit, Evidence, Finding, Fix, Label, Severity, Verdict
from lockgate.base.lazy_imports import Map
from lockgate.base.text import Offsets, Source, Span
from lockgate.cache import checkpoint, store
from lockgate.cache.columns import dump, restore
from lockgate.cache.store import Unfit
from lockgate.catalog.objects import Relation
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.evaluate.value import UNKNOWN, Reg, Row
from lockgate.timeline.export import export
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay

HERE, ELSEWHERE = Source("a.sql", "select 'é'"), Source("b.sql", "select 2")
WHERE = Label(ELSEWHERE, Span(0, 6), "there")
SAMPLES: list[Any] = [
    None,
    [True, 1, 1.5, "x", b"x", None],
    (),
    ((), (1,), (1, 2)),
    [[], [1], [[2]]],
    {1: {"a": (1, 2)}, (3, "x"): frozenset({1, "a"}), None: set()},
    Map({(1, "a"): Map({1: None}), (2, "b"): Map()}),
    [1 << 80, -(1 << 80), 3, "\udcff", "é", "a"],
    [{"SelectStmt": {"targetList": [{"ResTarget": {"location": 7}}]}}, {"x": (1, 2)}],
    [Decimal("1.50"), Decimal("NaN"), date(2024, 2, 29), time(1, 2, 3), datetime(2024, 1, 2, 3), timedelta(-1, 5, 6)],
    [Severity.ERROR, Verdict.CONFIRMED, Relation, Span],
    [UNKNOWN, Row({"a": UNKNOWN, "b": 1}), Row()],
    [Span(1, 2), HERE, ELSEWHERE, WHERE],
    Finding(
        "T201",
        "x",
        Severity.WARNING,
        "words",
        WHERE,
        related=(WHERE,),
        fix=Fix("t", (Edit(HERE, Span(0, 1), ""),)),
        evidence=Evidence(Verdict.REFUTED, locks=("a",)),
    ),
]


@pytest.mark.parametrize("value", SAMPLES, ids=lambda v: type(v).__name__)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    back = restore(dump(value, [HERE]), {"a.sql": HERE})
    assert repr(back) == repr(value) and type(back) is type(value)
    if "NaN" not in repr(value):
        assert back == value


def test_a_source_at_hand_is_that_of_the_reader() -> None:
    data = dump([HERE, ELSEWHERE, Source("a.sql", HERE.text)], [HERE])
    mine = Source("a.sql", "another text")
    first, second, third = restore(data, {"a.sql": mine})
    assert first is mine and second == ELSEWHERE and third == HERE
    with pytest.raises(Unfit):
        restore(data, {})


def test_what_is_no_plain_value_comes_back_too() -> None:
    reg, offsets = restore(dump([Reg(25, "type"), Offsets("é1")]), {})
    assert (int(reg), reg.kind, offsets.char(2)) == (25, "type", Offsets("é1").char(2))


class Stranger:
    """A class that nobody stores."""


class Colour(Enum):
    RED = 1


class Alien(msgspec.Struct):
    x: int = 0


@pytest.mark.parametrize("value", [Stranger(), [1, Stranger()], os.system, {"x": lambda: 1}])
def test_what_is_not_listed_is_not_stored(value: Any) -> None:
    with pytest.raises(Unfit):
        dump(value)


@pytest.mark.parametrize("value", [Colour.RED, Alien(), Colour, int])
def test_a_class_of_somebody_elses_is_not_made(value: Any) -> None:
    with pytest.raises(Unfit):
        restore(dump(value), {})


@pytest.mark.parametrize(
    "column",
    [
        ["struct", "os:system", 1, [["plain", ["touch hit"]]]],
        ["struct", "subprocess:Popen", 1, [["plain", ["touch hit"]]]],
        ["struct", "builtins:eval", 1, [["plain", ["open('hit', 'w')"]]]],
        ["struct", "lockgate.base.text:os.system", 1, [["plain", ["touch hit"]]]],
        ["struct", "lockgate.sources.git:subprocess.run", 1, [["plain", ["touch hit"]]]],
        ["struct", "lockgate.sources.read:read", 1, [["plain", ["x"]]]],
        ["struct", "lockgate.__main__:main", 0, []],
        ["struct", "lockgate.cli:main", 0, []],
        ["enum", "os:system", ["touch hit"]],
        ["enum", "lockgate.base.text:Span", [1]],
        ["class", ["os:system"]],
        ["builtins", ["x"]],
        ["mixed", b"\x05", []],
        ["rows", [["plain", [1]], ["plain", [1, 2]]]],
        ["nothing", []],
        ["plain", [1, 2]],
        [],
        {},
        "x",
        7,
    ],
    ids=repr,
)
def test_bytes_of_somebody_elses_call_nothing(column: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unfit):
        restore(msgspec.msgpack.encode(column), {})
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_no_entry() -> None:
    for payload in (b"cos\nsystem\n(S'touch hit'\ntR.", b"\x80\x05K\x01.", b""):
        with pytest.raises(Unfit):
            restore(payload, {})


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_is_noticed_or_harmless(seed: int) -> None:
    """The store's digest sees damage first; what reads the entry holds without it."""
    rng = random.Random(seed)
    whole = dump(SAMPLES[-1], [HERE])
    for _ in range(200):
        data = bytearray(whole[: rng.randint(0, len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randint(1, 4)):
            if data:
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with contextlib.suppress(Unfit):
            restore(bytes(data), {"a.sql": HERE})


SCRIPT = """
CREATE SCHEMA s; CREATE ROLE r; GRANT USAGE ON SCHEMA s TO r;
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN d AS numeric(10,2) CHECK (value > 0);
CREATE TABLE s.t (id bigserial PRIMARY KEY, m mood, at timestamptz DEFAULT now(), d date, n d, é text[]) PARTITION BY RANGE (id);
CREATE TABLE plain (a int, b numeric, c text, j jsonb, u uuid);
INSERT INTO plain VALUES (1, 123456789012345678901234567890.5, 'x', '{"a": 1}', NULL), (2, 0.5, 'é', NULL, gen_random_uuid());
CREATE VIEW v AS SELECT a, b FROM plain; CREATE INDEX ON plain ((a + 1)) WHERE a > 0;
CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT a FROM plain WHERE a = x; END;
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := (SELECT count(*) FROM plain); RETURN NEW; END $$;
CREATE TRIGGER tr BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION g();
CREATE POLICY p ON plain USING (a > 1); COMMENT ON TABLE plain IS 'é'; PREPARE q AS SELECT 1;
CREATE EXTENSION IF NOT EXISTS pgcrypto; ALTER TABLE plain DROP COLUMN c; SET statement_timeout = '5s';
DO $$ BEGIN EXECUTE current_setting('x.y'); END $$;
"""


def test_the_state_of_a_replay_comes_back(tmp_path: Path) -> None:
    source = Source("m.sql", SCRIPT)
    plan = Plan((Migration("1", "1", "m", Script(source, (Span(0, len(SCRIPT)),), Transaction.STATEMENT)),), 16)
    first, second = Replay(plan), Replay(plan)
    for _ in first.steps():
        pass
    checkpoint.load(second, checkpoint.save(first, {"m.sql": source}), {"m.sql": source})
    assert export(second.catalog) == export(first.catalog)
    assert second.session == first.session and second.provided == first.provided
    for slot in type(first.catalog).__slots__:
        mine, back = getattr(first.catalog, slot), getattr(second.catalog, slot)
        assert repr(_sorted(back)) == repr(_sorted(mine)), slot


def _sorted(value: Any) -> Any:
    return sorted((repr(k), _sorted(v)) for k, v in value.items()) if isinstance(value, Map) else value


@pytest.mark.parametrize("how", ["symlink", "owner", "open folder"])
def test_an_entry_of_somebody_elses_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    store.write(b"k", b"value")
    home = Path(str(store.folder()))
    (entry,) = home.iterdir()
    assert store.read(b"k") == b"value"
    if how == "symlink":
        entry.rename(tmp_path / "other")
        entry.symlink_to(tmp_path / "other")
    elif how == "owner":
        real = os.fstat
        stranger = os.getuid() + 1
        monkeypatch.setattr(os, "fstat", lambda fd: os.stat_result([*real(fd)[:4], stranger, *real(fd)[5:10]]))
    else:
        home.chmod(0o777)
    assert store.read(b"k") is None
