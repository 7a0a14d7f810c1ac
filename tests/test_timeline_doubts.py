"""What is in doubt: how far it reaches, and that the likelier case goes on."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.base.text import Source
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.export import export
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

UNKNOWN_LOOP = "do $$ declare r record; begin for r in select name from spaces loop execute {}; end loop; end $$;\n"


def replayed(text: str) -> tuple[list[Step], dict[str, list[dict[str, Any]]]]:
    script = Script.whole(Source("1.sql", text), Transaction.STATEMENT)
    replay = Replay(Plan((Migration("1", "1", "1", script),), 15, role="postgres", superuser=True))
    steps = [s for s in replay.steps() if isinstance(s, Step)]
    return steps, export(replay.catalog)


def failures(steps: list[Step]) -> list[str]:
    return [s.fails.sqlstate for s in steps if s.fails]


def test_if_not_exists_under_doubt_supposes_what_is_known() -> None:
    steps, catalog = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text) where random() > 0.5;\n"
        + UNKNOWN_LOOP.format("r.name")
        + "create table if not exists t (id int primary key, b text);\nalter table t add column if not exists c int not null default 1;\n"
        "create index if not exists t_c on t (c);\ncreate sequence if not exists s;\ncreate table if not exists t (id int, d int);\n"
        "create table if not exists u (id nosuch);\n"
    )
    assert failures(steps) == []
    assert [c["name"] for c in catalog["columns"] if c["table"] == "t"] == ["b", "c", "id"]
    assert {"t_c", "t_pkey"} <= {i["name"] for i in catalog["indexes"]}
    assert [s["name"] for s in catalog["sequences"]] == ["s"]
    assert all(s.tainted for s in steps[3:])


def test_what_is_supposed_stays_in_doubt() -> None:
    steps, _ = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text) where random() > 0.5;\n"
        + UNKNOWN_LOOP.format("'create table t (id int, kept text)'")
        + "create table if not exists t (id int);\nalter table t drop column kept;\nselect nosuch from t;\nselect nosuch from spaces;\n"
    )
    assert failures(steps) == ["42703"]
    assert steps[-1].fails is not None


def test_an_unknown_schema_puts_its_table_in_doubt_and_no_other() -> None:
    steps, _ = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text);\ncreate table known (id int);\ncreate table other (id int);\n"
        + UNKNOWN_LOOP.format("'alter table ' || r.name || '.known add extra int'")
        + "select extra from known;\nselect extra from other;\nselect 1 from missing;\n"
    )
    assert failures(steps) == ["42703", "42P01"]


def test_casts_in_doubt_do_not_choose_a_type() -> None:
    _, catalog = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text) where random() > 0.5;\n"
        + UNKNOWN_LOOP.format("r.name")
        + "create view v as select case when true then 0::float8 else 1::numeric end as ratio;\n"
    )
    assert [c["type"] for c in catalog["columns"] if c["table"] == "v"] == ["double precision"]


def test_a_transaction_taken_apart_still_counts_for_locks_and_temporary_tables() -> None:
    text = "create table t (id int);\nlock table t;\ncreate temp table plan (id int) on commit drop;\ninsert into plan select id from t;\n"
    for apart, expected in ((False, ["25P01", "42P01"]), (True, [])):
        script = Script(
            Source("1.sql", text),
            Script.whole(Source("1.sql", text), Transaction.STATEMENT).pieces,
            Transaction.STATEMENT,
            apart=apart,
        )
        replay = Replay(Plan((Migration("1", "1", "1", script),), 15))
        assert failures([s for s in replay.steps() if isinstance(s, Step)]) == expected


def test_an_unknown_number_puts_nothing_else_in_doubt() -> None:
    steps, catalog = replayed(
        "create table t (id int, legacy int);\ninsert into t select 1, 1 + (random() * 9)::int;\ndo $$ declare n int; begin select max(legacy) + 1 into n from t;\n"
        "create sequence numbers; execute 'alter sequence numbers restart with ' || n; end $$;\n"
        "create unique index if not exists t_id on t (id);\nalter table t alter id set default nextval('numbers'), drop column missing;\n"
    )
    assert failures(steps) == ["42703"]
    assert steps[3].tainted == ()
    assert [s["name"] for s in catalog["sequences"]] == ["numbers"]


def test_defaults_of_arguments_are_known() -> None:
    steps, catalog = replayed(
        "create table t (id int);\ncreate function stamp(kind text, created boolean default true, word text default '_at') returns void language plpgsql as $$\n"
        "begin if created then execute format('alter table %I add column %I timestamptz', kind, 'created' || word); end if; end $$;\n"
        "select stamp('t');\nselect stamp('t', word => '_on');\nselect stamp('t', false);\n"
    )
    assert failures(steps) == []
    assert [c["name"] for c in catalog["columns"]] == ["created_at", "created_on", "id"]
    assert not any(s.tainted for s in steps)


def test_a_role_that_is_only_named_may_be_missing() -> None:
    text = "do $$ begin if exists (select from pg_roles where rolname = 'web') then grant usage on sequence nosuch to web; end if; end $$;\n"
    script = Script.whole(Source("1.sql", text), Transaction.STATEMENT)
    replay = Replay(Plan((Migration("1", "1", "1", script),), 15, guessed=("web",)))
    assert failures([s for s in replay.steps() if isinstance(s, Step)]) == []


# --- two roles --------------------------------------------------------------------------------------------------------

BEFORE = (
    "create table spaces (name text);\ninsert into spaces select md5(random()::text) where random() > 0.5;\n"
    "create table known (id int primary key, c int);\ncreate view seen as select id from known;\ncreate role reader;\n"
)


def handed_over(owners: str, deployers: str) -> list[Step]:
    """The deployer's steps after the owner's."""
    scripts = [
        Script.whole(Source(f"{n}.sql", text), Transaction.STATEMENT) for n, text in enumerate((owners, deployers), 1)
    ]
    migrations = tuple(Migration(str(n), str(n), str(n), script) for n, script in enumerate(scripts, 1))
    replay = Replay(Plan(migrations, 15, owner="own", deployer="app", owned=frozenset({"1"})))
    return [s for s in replay.steps() if isinstance(s, Step) and s.migration.id == "2"]


@pytest.mark.parametrize(
    ("dynamic", "whose"),
    [
        ("format('alter table %I add extra int', r.name)", True),
        ("format('alter table %I.%I add extra int', r.name, r.name)", True),
        ("format('alter table %I drop column c', r.name)", True),
        ("format('alter table %I add constraint x check (c > 0)', r.name)", True),
        ("format('alter table %I enable row level security', r.name)", True),
        ("format('create table %I (id int)', r.name)", True),
        ("format('create table %I partition of known for values in (%s)', r.name, r.name)", True),
        ("format('create index on %I (c)', r.name)", True),
        ("format('create policy p on %I using (true)', r.name)", True),
        ("format('drop trigger if exists t on %I', r.name)", True),
        ("format('drop view %I cascade', r.name)", False),
        ("format('alter database %I set search_path = s', r.name)", True),
        ("format('alter publication %I add table known', r.name)", True),
        ("format('alter extension %I add sequence s', r.name)", True),
        ("format('create role %I', r.name)", True),
        ("format('alter default privileges grant select on tables to %I', r.name)", True),
        ("format('grant select on %I to reader', r.name)", True),
        ("format('alter table known alter c set default %s', r.name)", True),
        ("'alter table known ' || r.name", False),
        ("format('alter table %I owner to app', r.name)", False),
        ("format('alter table %I rename to other', r.name)", False),
        ("format('drop table %I', r.name)", False),
        ("format('grant own to %I', r.name)", False),
        ("format('set search_path to %I', r.name)", False),
        ("r.name || ' known'", False),
    ],
)
def test_dynamic_sql_puts_in_doubt_what_its_verb_can_change(dynamic: str, whose: bool) -> None:
    steps = handed_over(
        BEFORE + UNKNOWN_LOOP.format(dynamic), "alter table known add mine int;\ndrop table known cascade;\n"
    )
    assert failures(steps) == (["42501", "42501"] if whose else [])


@pytest.mark.parametrize(("grantee", "sure"), [("reader", True), ("app", False), ("public", False), ("%I", False)])
def test_a_grant_to_another_role_leaves_no_doubt_of_what_this_one_may(grantee: str, sure: bool) -> None:
    loop = UNKNOWN_LOOP.format(f"format('grant create on schema %I to {grantee}', r.name, r.name)")
    steps = handed_over(
        BEFORE + "create schema s;\nrevoke all on schema s from public;\n" + loop,
        "create table s.t (id int);\ncreate schema t;\n",
    )
    # what the handover grants is certain; CREATE on the database is not among it
    assert failures(steps) == (["42501"] if sure else [])


def test_names_with_a_known_beginning_put_no_other_name_in_doubt() -> None:
    steps, _ = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text);\ncreate table part_known (id int);\n"
        + UNKNOWN_LOOP.format("format('create table part_%s (id int)', r.name)")
        + "select from part_known;\nselect from part_1;\nselect from missing;\ncreate table part_known ();\ncreate table if not exists part_2 ();\n"
        "do $$ begin if not exists (select from pg_tables where tablename = 'part_3') then create table part_3 (); end if;\n"
        "if not exists (select from pg_tables where tablename = 'other') then create table part_known (); end if; end $$;\n"
    )
    assert failures(steps) == ["42P01", "42P07", "42P07"]


def test_what_may_run_as_the_role_that_may_is_not_missing() -> None:
    maybe = "do $$ begin if (select random() > 0.5) then alter table known add x int; create table made (id int); end if; end $$;\n"
    steps = handed_over(BEFORE, maybe + "select from made;\nselect x from known;\nselect from missing;\n")
    assert failures(steps) == ["42P01"]


def test_a_view_is_there_whose_query_is_not_known() -> None:
    remake = "do $$ declare q text; begin q := pg_get_viewdef('seen'); drop view seen; q := format('create view seen as %s', q); execute q; end $$;\n"
    steps = handed_over(BEFORE + remake, "select id from seen;\nselect nosuch from seen;\ndrop view seen;\n")
    assert failures(steps) == ["42501"]
    assert steps[-1].fails is not None and steps[-1].fails.message == "must be owner of view seen"


def test_default_privileges_that_may_have_changed_leave_open_what_may_be_done_to_new_objects_alone() -> None:
    loop = UNKNOWN_LOOP.format("format('alter default privileges grant select on tables to %I', r.name)")
    owners = (
        BEFORE + "create schema s;\nrevoke all on schema s from public;\n" + loop + "create table fresh (id int);\n"
    )
    texts = (owners, "select from known;\nselect from fresh;\n")
    scripts = [Script.whole(Source(f"{n}.sql", text), Transaction.STATEMENT) for n, text in enumerate(texts, 1)]
    migrations = tuple(Migration(str(n), str(n), str(n), script) for n, script in enumerate(scripts, 1))
    nothing = Script.whole(Source("h.sql", ""), Transaction.STATEMENT)
    replay = Replay(Plan(migrations, 15, owner="own", deployer="app", owned=frozenset({"1"}), handover_sql=nothing))
    assert [s.fails.message for s in replay.steps() if isinstance(s, Step) and s.fails and s.migration.id == "2"] == [
        "permission denied for table known"
    ]


def test_a_role_that_may_be_missing_warns_of_nothing() -> None:
    text = "create table t ();\ndo $$ begin if exists (select from pg_roles where rolname = 'web') then grant select on t to web; end if; end $$;\n"
    scripts = [
        Script.whole(Source(f"{n}.sql", part), Transaction.STATEMENT) for n, part in enumerate(text.splitlines(), 1)
    ]
    migrations = tuple(Migration(str(n), str(n), str(n), script) for n, script in enumerate(scripts, 1))
    replay = Replay(Plan(migrations, 15, owner="own", deployer="app", owned=frozenset({"1"}), guessed=("web",)))
    assert [w.message for s in replay.steps() if isinstance(s, Step) for w in s.warnings] == []


def test_what_a_table_that_may_be_there_brings_along_may_be_there_too() -> None:
    loop = "do $$ begin if (select random() > 0.5) then execute 'create table made (id serial primary key, x int default ' || random() || ')'; end if; end $$;\n"
    steps, _ = replayed(
        loop
        + "alter sequence made_id_seq rename to s;\nalter index made_pkey rename to k;\nalter sequence other_id_seq rename to z;\n"
    )
    assert failures(steps) == ["42P01"]


def test_who_the_bootstrap_superuser_is_may_not_be_known() -> None:
    script = Script.whole(Source("1.sql", "ALTER ROLE postgres NOSUPERUSER;"), Transaction.FILE)
    plan = Plan((Migration("1", "1", "a", script),), 16)
    assert failures([s for s in Replay(plan).steps() if isinstance(s, Step)]) == []
    told = Plan(plan.migrations, 16, "postgres", True)
    assert failures([s for s in Replay(told).steps() if isinstance(s, Step)]) == ["0A000"]


def test_a_cast_that_a_branch_may_have_made_is_in_doubt() -> None:
    steps, _ = replayed(
        "create table spaces (name text);\ninsert into spaces select md5(random()::text) where random() > 0.5;\n"
        "create type pair as (a int, b int);\n"
        "do $$ begin if exists (select 1 from spaces) then create cast (pair as text) with inout; end if; end $$;\n"
        "drop cast (pair as text);\ndrop cast (text as pair);\n"
    )
    assert failures(steps) == ["42704"]
    assert steps[-1].fails is not None
