"""What migrations do in several steps or under conditions: guarded DDL in DO blocks, replaced functions, savepoints,
dynamic SQL, merges."""

from __future__ import annotations

from lockgate.catalog.objects import Constraint, Relation, Routine
from lockgate.timeline.export import identity_arguments
from tests.oracle.choice import Choice
from tests.oracle.tables import column_definition


def guarded(c: Choice) -> str:
    """DO: make it where the catalog has none yet, as every second migration does."""
    name, relation = c.relation("rp")
    table = relation.name if relation is not None else "nosuch"
    column, type_, role, index = c.one(["a", "b", "extra"]), c.fresh("y"), c.one(["r1", "r7"]), c.fresh("i")
    constraint = c.fresh("k")
    condition, action = c.one(
        [
            (f"select 1 from pg_type where typname = '{type_}'", f"create type {type_} as enum ('a', 'b')"),
            (
                f"select 1 from information_schema.columns where table_name = '{table}' and column_name = '{column}'",
                f"alter table {name} add column {column} int",
            ),
            (
                f"select from pg_constraint where conname = '{constraint}'",
                f"alter table {name} add constraint {constraint} check ({c.condition(relation)})",
            ),
            (f"select 1 from pg_roles where rolname = '{role}'", f"create role {role}"),
            (
                f"select 1 from pg_indexes where indexname = '{index}'",
                f"create index {index} on {name} ({c.column(relation)})",
            ),
            (f"select 1 from information_schema.tables where table_name = '{table}'", f"create table {table} (id int)"),
            ("select 1 from pg_namespace where nspname = 's3'", "create schema s3"),
            (
                f"select 1 from pg_class where relname = '{table}' and relkind = 'r'",
                f"create table if not exists {table} (id int)",
            ),
            (
                f"select 1 from pg_tables where schemaname = 'public' and tablename = '{table}'",
                f"create table public.{table} (id int)",
            ),
            (
                f"select 1 from information_schema.table_constraints where constraint_name = '{constraint}'",
                f"alter table {name} add constraint {constraint} unique (id)",
            ),
        ]
    )
    if c.chance(0.2):
        return f"do $$ begin if to_regclass('public.{table}') is {c.one(['null', 'not null'])} then {action}; end if; end $$"
    return f"do $$ begin if {c.one(['not exists', 'not exists', 'exists'])} ({condition}) then {action}; end if; end $$"


def dynamic(c: Choice) -> str:
    """DO with EXECUTE, constant or composed."""
    name, relation = c.relation("rp")
    column = c.column(relation)
    return (
        "do $$ "
        + c.one(
            [
                f"begin execute 'alter table {name} add column {c.fresh('e', 3)} int'; end",
                f"begin execute format('create table %I (id int, %I text)', '{c.fresh('t')}', 'a'); end",
                f"declare n text := '{column}'; begin execute format('comment on column {name}.%I is %L', n, 'x'); end",
                f"declare t text; begin foreach t in array array['{c.fresh('t')}', 't9'] loop execute format('create table if not exists %I (id int)', t); end loop; end",
                "begin for i in 1..2 loop execute 'create sequence if not exists q' || i; end loop; end",
                f"begin execute 'drop table if exists {name}' || ' cascade'; exception when others then null; end",
            ]
        )
        + " $$"
    )


def replace_function(c: Choice) -> str:
    """CREATE OR REPLACE of a function that is there, with something about it changed."""
    found = [
        r
        for r in c.objects(Routine)
        if r.kind == "f" and r.language == "plpgsql" and "o" not in r.modes and "t" not in r.modes and not r.variadic
    ]
    if not found:
        return "create or replace function f1(a int) returns int language plpgsql as $$ begin return a; end $$"
    routine = c.one(found)
    arguments = identity_arguments(c.catalog, routine)
    if c.chance(0.3):
        arguments = arguments.replace("a ", "z ", 1)
    if c.chance(0.2) and arguments:
        arguments += " default null"
    result = "trigger" if routine.result == 2279 else c.one(["int", "int", "text", "void", "setof int"])
    body = "begin return null; end" if not result.startswith(("void", "setof")) else "begin return; end"
    return (
        f"create or replace function {c.shown(routine)}({arguments}) returns {result} language plpgsql as $$ {body} $$"
    )


def savepoint(c: Choice) -> str:
    """SAVEPOINT and back."""
    return c.one(["savepoint a", "savepoint b", "rollback to a", "rollback to b", "release a", "begin"])


def merge(c: Choice) -> str:
    """MERGE (15) and ON CONFLICT, over tables without rows."""
    name, relation = c.relation("rp")
    column = c.column(relation)
    keys = (
        [k for k in c.catalog.of_relation(relation.oid, Constraint) if k.kind in "pu"] if relation is not None else []
    )
    if c.catalog.major >= 15 and c.chance(0.5):
        other, second = c.relation("rp")
        return (
            f"merge into {name} x using {other} y on x.{column} is not distinct from y.{c.column(second)}"
            f" when matched then {c.one([f'update set {column} = null', 'delete', 'do nothing'])}"
        )
    names = (
        [a.name for n in c.one(keys).keys if relation is not None and (a := relation.attribute_by_num(n)) is not None]
        if keys
        else [column]
    )
    target = c.one([f"({', '.join(names)})", f"on constraint {c.one(keys).name if keys else 'nosuch'}"])
    action = c.one(["do nothing", f"do update set {column} = excluded.{c.column(relation)}"])
    return f"insert into {name} select * from {name} where false on conflict {target} {action}"


def many_columns(c: Choice) -> str:
    """ALTER TABLE with several columns at once."""
    name, relation = c.relation("r")
    parts = [
        f"add column {c.maybe('if not exists ')}{column_definition(c, column)}"
        for column in c.some(["m1", "m2", "m3"], 3)
    ]
    return f"alter table {name} {', '.join(parts)}" + c.maybe(f", drop column {c.column(relation)}", 0.3)


def schema_elements(c: Choice) -> str:
    """CREATE SCHEMA with what is in it."""
    name = c.one(["s3", "s4"])
    return f"create schema {c.maybe('if not exists ', 0.1)}{name} " + c.one(
        [
            "create table a (id int primary key) create view b as select id from a",
            "create table a (id int) create index on a (id)",
            "create table a (id int references b) create table b (id int primary key)",
            f"grant usage on schema {name} to r1",
        ]
    )


def publication(c: Choice) -> str:
    """CREATE, ALTER and DROP PUBLICATION."""
    name, _ = c.relation("rp")
    return c.one(
        [
            f"create publication p1 for table {name}",
            "create publication p2",
            f"alter publication p2 add table {name}",
            "drop publication p1",
            f"alter publication p1 {c.one(['drop', 'set'])} table {name}",
            f"alter publication p2 owner to {c.role()}",
        ]
    )


def temporary(c: Choice) -> str:
    """Temporary tables that hide others."""
    found: list[Relation] = c.relations("rp")
    name = c.one(found).name if found else "t1"
    return c.one(
        [
            f"create temp table {name} (id int, a text)",
            f"create temp table {name} on commit drop as {c.query()}",
            f"drop table {name}",
        ]
    )
