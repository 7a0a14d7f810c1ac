"""The ten facts of the design (section 8) on every server at hand, and on the simulator: one sequence each, with what
becomes of every statement.

A comment behind a statement is the SQLSTATE with which it fails; ``warns`` and a SQLSTATE a warning; ``latent``: the
simulator foretold it when the body broke; nothing means that it succeeds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lockgate.oracle.server.embedded import Server
from tests.oracle.compare import Pair, database
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED

FACTS = {
    "renamed column: views follow, bodies do not": """
        create table t (id int, old int)
        create view v as select old from t
        create function f() returns bigint language plpgsql as $$ begin return (select sum(old) from t); end $$
        alter table t rename column old to new
        select old from v
        select f()  -- 42703
    """,
    "dropped column: refused under what depends on it, and its own indexes and constraints go along": """
        create table t (id int, a int, b int, c int, d int, e int, n int unique check (n > 0))
        create index on t (n)
        create view v as select a from t
        create function body() returns int language sql begin atomic select b from t; end
        create function f() returns trigger language plpgsql as $$ begin return null; end $$
        create trigger w before update of c on t for each row execute function f()
        create policy p on t using (d > 0)
        alter table t add column g int generated always as (e + 1) stored
        alter table t drop column a  -- 2BP01
        alter table t drop column b  -- 2BP01
        alter table t drop column c  -- 2BP01
        alter table t drop column d  -- 2BP01
        alter table t drop column e  -- 2BP01
        create trigger o after update on t for each row when (old.id = 1) execute function f()
        alter table t drop column id  -- 2BP01
        alter table t drop column n
    """,
    "dropped column: what only a body reads is latent": """
        create table t (id int, a int, b int, c int)
        create function s() returns bigint language sql as 'select count(a) from t'
        create function p() returns bigint language plpgsql as $$ begin return (select count(b) from t); end $$
        create function g() returns trigger language plpgsql as $$ begin new.c := 1; return new; end $$
        create trigger w before insert on t for each row execute function g()
        alter table t drop column a
        alter table t drop column b
        alter table t drop column c
        select s()  -- 42703
        select p()  -- 42703
        insert into t values (1)  -- latent 42703
    """,
    "GRANT ALL is not ownership": """
        create schema app
        create table app.t (id int primary key, a int)
        create view app.v as select id from app.t
        create function app.f() returns trigger language plpgsql as $$ begin return null; end $$
        grant all on schema app to r1
        grant all on all tables in schema app to r1
        grant all on function app.f() to r1
        set role r1
        create trigger w after insert on app.t execute function app.f()
        truncate app.t
        alter table app.t add column b int  -- 42501
        create index on app.t (a)  -- 42501
        create or replace view app.v as select id from app.t  -- 42501
        create or replace function app.f() returns trigger language plpgsql as $$ begin return new; end $$  -- 42501
        comment on table app.t is 'x'  -- 42501
        create policy p on app.t using (true)  -- 42501
        drop table app.t  -- 42501
        alter table app.t owner to r1  -- 42501
        create table app.c () inherits (app.t)  -- 42501
    """,
    "IF NOT EXISTS: the column's owner is asked, the table's is not": """
        create schema app
        create table app.t (id int)
        grant all on schema app to r1
        grant all on app.t to r1
        set role r1
        alter table app.t add column if not exists id int  -- 42501
        create table if not exists app.t (id int)
    """,
    "GRANT and ANALYZE by another: warnings": """
        create schema app
        create table app.t (id int)
        grant usage on schema app to r1
        grant select on app.t to r1
        set role r1
        grant select on app.t to r3  -- warns 01007
        analyze app.t  -- warns 01000
    """,
    "ownership is membership": """
        create schema app authorization r3
        set role r3
        create table app.t (id int)
        reset role
        set role r2
        alter table app.t add column a int  -- 42501
        reset role
        grant r3 to r2
        set role r2
        alter table app.t add column a int
        comment on table app.t is 'x'
    """,
    "who creates owns: a chain applied by one role hides every ownership error": """
        create schema app
        grant all on schema app to r1, r3
        set role r1
        create table app.made_by_me (id int)
        alter table app.made_by_me add column a int
        reset role
        set role r3
        create table app.made_by_owner (id int)
        reset role
        set role r1
        alter table app.made_by_owner add column a int  -- 42501
    """,
    "DROP and CREATE VIEW lose owner and grants; OR REPLACE keeps them, and only appends": """
        create table t (a int, b int)
        create view v as select a from t
        alter view v owner to r1
        grant select on v to r3
        create or replace view v as select a, b from t
        create or replace view v as select b from t  -- 42P16
        create or replace view v as select b as a, a as b, 1 as c from t
        drop view v
        create view v as select a from t
        set role r3
        select * from v  -- 42501
    """,
    "a new enum value waits for the end of its transaction": """
        create type mood as enum ('sad')
        create table t (m mood)
        begin
        alter type mood add value 'glad'
        insert into t select 'glad'::mood where false  -- 55P04
        rollback
        alter type mood add value 'glad'
        insert into t values ('glad')
    """,
}


@pytest.fixture(params=sorted(ENABLED), ids=str)
def server(request: pytest.FixtureRequest, server_of: ServerOf) -> Server:
    return server_of(request.param)


def lines(script: str) -> Iterator[tuple[str, str]]:
    """Statements, each with what is expected of it."""
    for line in filter(None, map(str.strip, script.splitlines())):
        sql, _, expected = line.partition("  -- ")
        yield sql, expected


def test_there_are_ten() -> None:
    assert len(FACTS) == 10


@pytest.mark.parametrize("fact", FACTS)
def test_fact(server: Server, fact: str) -> None:
    with database(server) as connection:
        pair = Pair(connection, server)
        for sql in ("create role r1", "create role r2", "create role r3"):
            assert pair.feed(sql) == ("", "")
        for sql, expected in lines(FACTS[fact]):
            difference, _ = pair.feed(sql)
            word, _, state = expected.rpartition(" ")
            assert pair.sqlstate == ("" if word == "warns" else state), sql
            if word == "latent":
                assert state in pair.latent, sql
                return
            assert difference == "", fact
            warned = state if word == "warns" else ""
            assert (pair.warned, pair.foreseen) == (([warned], [warned]) if warned else ([], [])), sql
