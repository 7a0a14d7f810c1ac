"""The walk: every object's life from the first migration to the last, as the simulated catalog has it at each moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lockgate.api import Request, configuration
from lockgate.base.text import Source
from lockgate.run.examine import examine
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.export import export
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.walk import groups
from lockgate.walk.build import walk_of
from lockgate.walk.document import Life, Version, Walk
from tests.conftest import ROOT

HISTORY = {
    "1": """CREATE ROLE reader;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN cash AS numeric(12, 2) NOT NULL;
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'nobody', mood mood, extra int);
CREATE TABLE orders (id int PRIMARY KEY, person bigint REFERENCES people (id) ON DELETE CASCADE, total cash CHECK (total > 0), state text);
CREATE INDEX orders_state ON orders (state) WHERE state <> 'done';""",
    "2": """CREATE VIEW named AS SELECT name FROM people;
CREATE FUNCTION many() RETURNS bigint LANGUAGE sql AS 'SELECT count(mood) FROM people';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE people SET extra = 1 WHERE name = 'x'; IF OLD.person IS NULL THEN NEW.state := 'new'; END IF; RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE OF state ON orders FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON orders FOR SELECT TO reader USING (state = 'open');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON people TO reader;""",
    "3": """ALTER TABLE people RENAME name TO title;
ALTER TABLE people ALTER extra TYPE bigint;
ALTER TABLE people ALTER extra SET NOT NULL;
DROP FUNCTION many();
DROP TRIGGER touched ON orders;
ALTER TABLE people DROP COLUMN mood;""",
    "4": "DROP TABLE orders;\nALTER TABLE people RENAME TO persons;\nALTER TYPE mood RENAME TO feeling;",
    "5": "CREATE TABLE orders (id int);\nBEGIN;\nCREATE TABLE never (a int);\nROLLBACK;",
}


def plan_of(history: dict[str, str], **more: object) -> Plan:
    scripts = {
        slot: Script.whole(Source(f"{slot}_x.sql", text), Transaction.STATEMENT) for slot, text in history.items()
    }
    migrations = tuple(Migration(slot, slot, "x", script) for slot, script in scripts.items())
    return Plan(migrations, **({"role": "boss", "superuser": True} | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def walk() -> Walk:
    return walk_of(plan_of(HISTORY), "history")


def lives(walk: Walk, name: str, kind: str) -> list[Life]:
    return [one for one in walk.lives if one.kind == kind and any(v.name == name for v in one.versions)]


def at(life: Life, moment: int) -> Version | None:
    found = [v for v in life.versions if v.at <= moment]
    return found[-1] if found and not found[-1].gone else None


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("table", "people", [(0, 4, "people"), (1, 7, "people"), (3, 2, "persons")]),
        ("table", "orders", [(0, 5, "orders"), (1, 6, "orders"), (3, 1, "gone")]),
        ("column", "name", [(0, 4, "text not null 'nobody'::text"), (2, 1, "text not null 'nobody'::text")]),
        ("column", "extra", [(0, 4, "integer"), (2, 2, "bigint"), (2, 3, "bigint not null")]),
        ("column", "mood", [(0, 4, "public.mood"), (2, 6, "gone")]),
        ("enum", "mood", [(0, 2, "mood"), (3, 3, "feeling")]),
        ("function", "many", [(1, 2, "many"), (2, 4, "gone")]),
        ("trigger", "touched", [(1, 4, "touched"), (2, 5, "gone")]),
        ("foreign key", "orders_person_fkey", [(0, 5, "orders_person_fkey"), (3, 1, "gone")]),
        ("index", "orders_state", [(0, 6, "orders_state"), (3, 1, "gone")]),
        ("policy", "own", [(1, 5, "own"), (3, 1, "gone")]),
        ("domain", "cash", [(0, 3, "cash")]),
        ("role", "reader", [(0, 1, "reader")]),
    ],
)
def test_a_life_has_a_version_for_each_statement_that_changed_it(
    walk: Walk, kind: str, name: str, told: list[tuple[int, int, str]]
) -> None:
    life = lives(walk, name, kind)[0]

    def words(v: Version) -> str:
        if v.gone:
            return "gone"
        return " ".join(filter(None, (v.type, "not null" * v.notnull, v.default))) if kind == "column" else v.name

    assert [(v.at, v.line, words(v)) for v in life.versions] == told


def test_readers_are_those_of_the_moment(walk: Walk) -> None:
    people = lives(walk, "people", "table")[0].id
    columns = {v.name: life.num for life in walk.lives if life.id == people and life.num for v in life.versions}

    def read(kind: str, name: str, moment: int) -> set[tuple[int, int]]:
        version = at(lives(walk, name, kind)[0], moment)
        return set(version.reads) if version is not None else set()

    assert read("view", "named", 4) == {(people, columns["name"])}
    assert read("function", "many", 1) == {(people, columns["mood"])}
    # the body is text: after the rename it no longer finds the column under that name
    assert (people, columns["name"]) in read("function", "touch", 1)
    assert (people, columns["extra"]) in read("function", "touch", 1)
    assert (people, columns["name"]) not in read("function", "touch", 2)
    orders = lives(walk, "orders", "table")[0].id
    state = next(one.num for one in walk.lives if one.id == orders and one.versions[0].name == "state")
    assert read("policy", "own", 1) == {(orders, state)}
    # NEW and OLD are rows of the table whose trigger calls it
    assert {(orders, 2), (orders, state)} <= read("function", "touch", 1)
    assert not {oid for oid, _ in read("function", "touch", 3)} & {orders}


def test_what_came_and_went_in_a_rolled_back_block_has_no_life(walk: Walk) -> None:
    assert [one for one in lives(walk, "never", "table") if any(at(one, m) for m in range(len(HISTORY)))] == []


def test_a_table_that_is_made_anew_takes_its_place(walk: Walk) -> None:
    first, second = lives(walk, "orders", "table")
    assert first.place == second.place == first.id
    assert at(first, 3) is None and at(second, 4) is not None


def test_grants_and_flags(walk: Walk) -> None:
    people, orders = lives(walk, "people", "table")[0], lives(walk, "orders", "table")[0]
    assert [(h.role, h.letters) for h in people.versions[1].grants] == [("boss", "arwdDxt"), ("reader", "r")]
    assert "row security" in orders.versions[1].flags and orders.versions[0].owner == "boss"
    key = lives(walk, "orders_person_fkey", "foreign key")[0].versions[0]
    assert (key.target, key.target_keys, key.flags) == (people.id, (1,), ("on delete cascade",))


FOLDERS = sorted(p for p in (ROOT / "examples").iterdir() if p.is_dir())
SCRIPTS = sorted((ROOT / "tests/timeline").glob("*.sql"))


def names_in(walk: Walk, moment: int) -> dict[str, set[tuple[str, ...]]]:
    """The contract's names, out of the walk."""
    there = [(life, v) for life in walk.lives if (v := at(life, moment)) is not None]
    relations = {life.id: v for life, v in there if not life.num}
    out: dict[str, set[tuple[str, ...]]] = {"tables": set(), "views": set(), "columns": set(), "triggers": set()}
    for life, version in there:
        if life.num:
            holder = relations[life.id]
            row = (holder.schema, holder.name, version.name, version.type, str(version.notnull))
            out["columns"].add(row)
        elif life.kind in ("table", "foreign table"):
            out["tables"].add((version.schema, version.name, version.owner))
        elif life.kind in ("view", "materialized view"):
            out["views"].add((version.schema, version.name, version.owner))
        elif life.kind == "trigger":
            out["triggers"].add((relations[life.of].schema, relations[life.of].name, version.name))
    return out


def exported(replay: Replay) -> dict[str, set[tuple[str, ...]]]:
    found = export(replay.catalog, replay.provided)
    return {
        "tables": {(r["schema"], r["name"], r["owner"]) for r in found["tables"]},
        "views": {(r["schema"], r["name"], r["owner"]) for r in found["views"]},
        "columns": {
            (r["schema"], r["table"], r["name"], r["type"], str(r["notnull"]))
            for r in found["columns"]
            if r["type"] is not None
        },
        "triggers": {(r["schema"], r["table"], r["name"]) for r in found["triggers"]},
    }


def plans() -> Iterator[tuple[str, Plan]]:
    yield "history", plan_of(HISTORY)
    for script in SCRIPTS:
        parts = script.read_text().split(";\n")
        some = [";\n".join(parts[start : start + 40]) + ";" for start in range(0, len(parts), 40)]
        yield script.stem, plan_of({f"{n:03}": text for n, text in enumerate(some)}, role="postgres")


@pytest.mark.parametrize(("name", "plan"), list(plans()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_walk_is_the_catalog_at_every_moment(name: str, plan: Plan) -> None:
    walk = walk_of(plan, name)
    replay, moment = Replay(plan), 0
    for leg in replay.legs():
        for _ in replay.take(leg):
            pass
        if leg.kind != "environment":
            assert names_in(walk, moment) == exported(replay), f"{name} after {walk.moments[moment].slot}"
            moment += 1


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_examples_walk(folder: Path) -> None:
    checked = examine(configuration(None, folder), Request(cwd=folder))
    walk = walk_of(checked.plan, folder.name, checked.queries)
    assert len(walk.moments) >= len(checked.plan.migrations)
    assert msgspec.json.decode(msgspec.json.encode(walk), type=Walk) == walk
    if folder.name == "three-outages":
        assert walk.moments[walk.handover].kind == "handover"
        before, after = (walk.moments[walk.handover + step].role for step in (-1, 1))
        assert (before, after) == ("paliad_owner", "paliad_app")
    if folder.name == "application":
        assert {query.path for query in walk.queries} == {"app/report.py", "app/rules.sql"}
        assert any(query.reads for query in walk.queries)


def test_locks_last_as_long_as_their_transaction() -> None:
    text = "ALTER TABLE t ADD COLUMN b int;\nALTER TABLE u ADD COLUMN b int;\nSELECT 1;\nALTER TABLE t ALTER a TYPE bigint;"
    first = Script.whole(Source("1_a.sql", "CREATE TABLE t (a int);\nCREATE TABLE u (a int);"), Transaction.FILE)
    second = Script.whole(Source("2_b.sql", text), Transaction.FILE)
    plan = Plan((Migration("1", "1", "a", first), Migration("2", "2", "b", second)), role="boss", superuser=True)
    moments = walk_of(plan, "locks").moments
    assert moments[0].waits == []
    told = [(w.relation, w.lock, w.first, w.last, w.work) for w in moments[1].waits]
    assert told == [
        ("public.t", "AccessExclusiveLock", 1, 3, "none"),
        ("public.u", "AccessExclusiveLock", 2, 4, "none"),
        ("public.t", "AccessExclusiveLock", 4, 4, "rewrite"),
    ]


def test_large_schemas_fall_apart_along_their_keys() -> None:
    clusters = [range(10 * n, 10 * n + 10) for n in range(6)]
    edges = {(c[0], other): 1 for c in clusters for other in c[1:]} | {(0, 10): 1, (20, 30): 1}
    found = groups.joined(range(60), edges)
    assert sorted(map(sorted, found)) == [list(c) for c in clusters]
    assert max(map(len, groups.joined(range(200), {(0, n): 1 for n in range(1, 200)}))) <= groups.READABLE
