"""What a hosting service provides: stood in for, in the simulation and on the server, and told apart from what the
folder makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from lockgate.api import Request, check, verify
from lockgate.base.config import Config, load
from lockgate.base.findings import Finding
from lockgate.run.plan import make_plan, read_folder
from lockgate.sources.environment import supabase
from lockgate.timeline.export import export
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

PROFILES = """create table profiles (id uuid primary key references auth.users on delete cascade, avatar text);
alter table profiles enable row level security;
create policy own on profiles for all to authenticated using (auth.uid() = id) with check ((select auth.jwt() ->> 'role') <> '');
create function on_sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into public.profiles (id, avatar) values (new.id, new.raw_user_meta_data ->> 'avatar'); return new; end $$;
create trigger signed_up after insert on auth.users for each row execute function on_sign_up();
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
create policy pictures on storage.objects for select to anon using (bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text);
alter publication supabase_realtime add table profiles;
grant usage on schema public to service_role;
select cron.schedule('nightly', '0 3 * * *', 'select 1');
select set_config('search_path', '', false);
"""
NEXT = "create table notes (id uuid default uuid_generate_v4() primary key, author uuid references profiles);\nselect auth.of_a_later_release();\n"


def folder(tmp_path: Path, *texts: str, name: str = "supabase/migrations") -> Path:
    place = tmp_path / name
    place.mkdir(parents=True)
    for number, text in enumerate(texts, 1):
        (place / f"2024010{number}000000_a.sql").write_text(text)
    return place


def said(place: Path, layout: str = "") -> list[Finding]:
    return list(check(Request((place,), place, layout=layout), load(None, place)).findings)


def refused(found: list[Finding]) -> list[str]:
    return [f.sqlstate for f in found if f.sqlstate]


@pytest.mark.parametrize("name", ["supabase/migrations", "db/changes"], ids=["by its layout", "by its names"])
def test_nothing_is_missing_that_the_service_provides(tmp_path: Path, name: str) -> None:
    assert refused(said(folder(tmp_path, PROFILES, NEXT if "supabase" in name else "", name=name))) == []


def test_mistakes_are_still_seen(tmp_path: Path) -> None:
    wrong = "create policy p on profiles using (auth.uid() = identity);\nselect * from nosuch;\nalter table notes add note text;\n"
    assert refused(said(folder(tmp_path, PROFILES, NEXT, wrong))) == ["42703", "42P01"]


def test_plain_is_what_it_says(tmp_path: Path) -> None:
    assert refused(said(folder(tmp_path, PROFILES), layout="plain"))[0] == "3F000"


def test_an_auth_schema_of_ones_own_is_no_service(tmp_path: Path) -> None:
    own = "create schema auth;\ncreate table auth.users (id int primary key);\nselect auth.uid();\n"
    assert refused(said(folder(tmp_path, own, name="db/changes"))) == ["42883"]


def test_stand_ins_are_exact_and_no_part_of_the_users_catalog(tmp_path: Path) -> None:
    replay = Replay(Plan((), 16, environment=supabase(), roles=("anon", "authenticated", "service_role")))
    steps = [s for s in replay.steps() if isinstance(s, Step)]
    assert [s.statement.text for s in steps if s.fails or s.tainted or s.notes] == []
    place = folder(tmp_path, PROFILES)
    request = Request((place,), place)
    replay = Replay(make_plan(Config(), request, read_folder(Config(), request)))
    list(replay.steps())
    catalog = export(replay.catalog, replay.provided)
    assert [t["name"] for t in catalog["tables"]] == ["profiles"]
    assert [(t["table"], t["name"]) for t in catalog["triggers"]] == [("users", "signed_up")]
    assert [p["table"] for p in catalog["policies"]] == ["profiles", "objects"]


def test_verify_stands_in_and_says_so(tmp_path: Path) -> None:
    place = folder(tmp_path, PROFILES, NEXT)
    outcome = verify(Request((place,), place), load(None, place))
    assert [f.message for f in outcome.findings if f.severity.value == "error"] == []
    assert "schema auth of supabase" in outcome.server.stand_ins
    assert not any("could not be made" in note for note in outcome.server.notes)


def test_the_runners_ledger_is_there(tmp_path: Path) -> None:
    place = tmp_path / "migrations"
    for name, sql in (
        ("2024-01-01-000000_a", "create table t (id int);"),
        ("2024-01-02-000000_b", "delete from __diesel_schema_migrations where gone > '1';"),
    ):
        (place / name).mkdir(parents=True)
        (place / name / "up.sql").write_text(sql)
    assert refused(said(place)) == ["42703"]
    (place / "2024-01-02-000000_b/up.sql").write_text("delete from __diesel_schema_migrations where version > '1';")
    assert refused(said(place)) == []
    outcome = verify(Request((place,), place), load(None, place))
    assert [f.message for f in outcome.findings if f.severity.value == "error"] == []


def test_a_ledger_of_ones_own(tmp_path: Path) -> None:
    place = tmp_path / "migrations"
    place.mkdir()
    (place / "1_a.up.sql").write_text(
        "create table if not exists schema_migrations (version bigint, extra int);\nselect extra from schema_migrations;\n"
    )
    assert refused(said(place)) == []


BY_HAND = """create table t (id uuid primary key default uuid_generate_v4(), name text, words public.citext);
create index on t using gin (name gin_trgm_ops);
select unaccent(name) from t;
"""


def test_an_extension_that_nobody_makes_was_made_by_hand_and_that_is_said(tmp_path: Path) -> None:
    place = folder(tmp_path, BY_HAND, name="migrations")
    outcome = check(Request((place,), place), Config())
    assert refused(list(outcome.findings)) == []
    assert outcome.server.stand_ins == (
        "extension citext",
        "extension pg_trgm",
        "extension unaccent",
        "extension uuid-ossp",
    )
    assert outcome.coverage.tainted == 0
    verified = verify(Request((place,), place), Config())
    assert [f.message for f in verified.findings if f.severity.value == "error"] == []
    assert {"extension citext", "extension uuid-ossp"} <= set(verified.server.stand_ins)


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ('create table t (id uuid default uuid_generate_v4());\ncreate extension "uuid-ossp";\n', ["42883"]),
        (
            "create function unaccent(text) returns text language sql as 'select $1';\nselect unaccent(1::bit);\n",
            ["42883"],
        ),
        ("create table t (a no_type);\nselect no_function(1);\n", ["42704", "42883"]),
    ],
    ids=["made too late", "one of ones own", "no extension's"],
)
def test_what_a_folder_makes_itself_is_not_assumed(tmp_path: Path, text: str, states: list[str]) -> None:
    assert refused(said(folder(tmp_path, text, name="migrations"))) == states


def test_an_extension_that_no_scratch_server_has_proves_nothing(tmp_path: Path) -> None:
    place = folder(
        tmp_path,
        "create table t (id int, at geometry(point, 4326));\nalter table t drop column at;\nalter table t drop column id;\n",
        name="migrations",
    )
    for run in (check, verify):
        outcome = run(Request((place,), place), Config())
        assert [f.message for f in outcome.findings if f.severity.value == "error"] == []


def numbered(tmp_path: Path, *texts: str) -> Path:
    place = tmp_path / "migrations"
    place.mkdir()
    for number, text in enumerate(texts, 1):
        (place / f"{number}_a.up.sql").write_text(text)
    return place


def outcomes(place: Path) -> tuple[list[str], list[str]]:
    """The refusals that ``check`` and ``verify`` tell."""
    found = [run(Request((place,), place), Config()).findings for run in (check, verify)]
    checked, verified = ([f.sqlstate or f.name for f in one if f.severity.value == "error"] for one in found)
    return checked, verified


ORDERS = (
    "create table orders (id int primary key, by int references people);\nalter table people add column born date;\n"
)


def test_a_history_that_begins_in_the_middle(tmp_path: Path) -> None:
    place = numbered(
        tmp_path,
        ORDERS,
        "alter table invoices add column paid date;\ncreate table own (id int);\n",
        "alter table own add column id int;\n",
    )
    assert outcomes(place) == (["42701"], ["42701"])
    assert (
        "schema public as it was before the first migration"
        in check(Request((place,), place), Config()).server.stand_ins
    )
    assert refused(said(place, layout="plain")) == ["42P01", "42P01", "42701"]


def test_a_schema_that_somebody_else_makes(tmp_path: Path) -> None:
    place = numbered(
        tmp_path,
        "create table app.t (id int);\n",
        "alter table app.t add column a int;\n",
        "alter table app.t drop column b;\n",
    )
    assert outcomes(place) == (["42703"], ["42703"])


@pytest.mark.parametrize(
    "texts",
    [
        ("alter table people add column born date;\n", "create table t (id int);\n"),
        (
            "create table t (id int);\n",
            "alter table people add column a int;\n",
            "alter table orders add column a int;\n",
        ),
        (
            "alter table people add column a int;\n",
            "alter table people add column b int;\n",
            "create table people (id int);\n",
        ),
    ],
    ids=["one name", "not from the start", "made too late"],
)
def test_a_mistake_is_no_history(tmp_path: Path, texts: tuple[str, ...]) -> None:
    checked, verified = outcomes(numbered(tmp_path, *texts))
    assert checked == verified and set(checked) == {"42P01"}


def test_templates_are_replayed_and_what_they_become_is_no_mistake(tmp_path: Path) -> None:
    first = (
        "CREATE TABLE {{ .Schema }}.users (id int PRIMARY KEY);\nALTER TABLE {{ .Schema }}.users ADD COLUMN id int;\n"
    )
    place = numbered(
        tmp_path,
        first,
        "ALTER TABLE {{ .Schema }}.users DROP COLUMN gone;\n",
        "CREATE TABLE x (a {{ .Type }}({{ .Sizes }}) {{ .Rest }};\n",
    )
    assert outcomes(place) == (["42701", "42703"], ["42701", "42703"])
    config = Config()
    config = replace(
        config,
        migrations=replace(
            config.migrations, placeholders={"Schema": "app", "Type": "numeric", "Sizes": "1, 2", "Rest": ", b int)"}
        ),
    )
    findings = check(Request((place,), place), config).findings
    assert [(f.sqlstate, f.object) for f in findings if f.sqlstate] == [
        ("42701", "app.users.id"),
        ("42703", "app.users.gone"),
    ]


def test_what_only_production_has_is_no_failure(tmp_path: Path) -> None:
    """A type of an extension that was made out of sight, another database, a role named in a body."""
    made = "do $$ begin create extension if not exists vector; exception when others then null; end $$;\ncreate table t (v vector(3));\nalter table t add a int;\n"
    role = "do $$ begin alter default privileges for role somebody grant select on tables to somebody_else; end $$;\n"
    place = numbered(tmp_path, made, "alter database nowhere set work_mem = '1MB';\n", role)
    found = verify(Request((place,), place), Config()).findings
    assert [(f.name, f.message) for f in found if f.severity.value == "error"] == []
