"""Statements on types, routines, triggers, policies, comments, queries, DML, DO blocks, sessions and transactions."""

from __future__ import annotations

from lockgate.catalog.objects import Constraint, Policy, Relation, Routine, Trigger
from tests.oracle.choice import Choice


def create_type(c: Choice) -> str:
    """Enums, composite types, domains."""
    name = c.into(c.fresh("y"))
    match c.one("eecdd"):
        case "e":
            return f"create type {name} as enum ({', '.join(repr(v) for v in c.some(['a', 'b', 'c', 'd'], 3))})"
        case "c":
            return f"create type {name} as ({', '.join(f'{n} {c.type()}' for n in c.some(['a', 'b', 'x'], 2))})"
    check = c.one(
        [
            " check (value is not null)",
            " not null",
            " default 1",
            f" constraint {c.fresh('k')} check (value::text <> '')",
            "",
        ]
    )
    return f"create domain {name} as {c.type()}{check}"


def alter_type(c: Choice) -> str:
    """ALTER TYPE and ALTER DOMAIN."""
    if c.chance(0.4):
        name, found = c.user_type("e")
        labels = found.labels if found is not None else ()
        known = c.one(labels) if labels and not c.wrong() else "nosuch"
        return f"alter type {name} " + c.one(
            [
                f"add value {c.maybe('if not exists ')}'{c.one('abcdefg')}'"
                + c.maybe(f" {c.one(['before', 'after'])} '{known}'"),
                f"rename value '{known}' to '{c.one('abcdefg')}'",
            ]
        )
    if c.chance(0.5):
        name, found = c.user_type("c")
        relation = c.catalog.find(Relation, found.relation) if found is not None else None
        return (
            f"alter type {name} "
            + c.one(
                [
                    f"add attribute {c.one(['a', 'b', 'z'])} {c.type()}",
                    f"drop attribute {c.maybe('if exists ')}{c.column(relation)}",
                    f"alter attribute {c.column(relation)} type {c.type()}",
                    f"rename attribute {c.column(relation)} to {c.one('abz')}",
                ]
            )
            + c.maybe(" cascade", 0.2)
        )
    name, found = c.user_type("d")
    parts = [k.name for k in c.catalog.objects(Constraint) if found is not None and k.type == found.oid]
    part = c.one(parts) if parts and not c.wrong() else "nosuch"
    return f"alter domain {name} " + c.one(
        [
            "set not null",
            "drop not null",
            "set default 1",
            "drop default",
            f"add constraint {c.fresh('k')} check (value is not null)",
            f"drop constraint {part}",
            f"rename constraint {part} to {c.fresh('k')}",
            f"validate constraint {part}",
            f"owner to {c.role()}",
        ]
    )


def create_function(c: Choice) -> str:
    """SQL and PL/pgSQL functions, procedures."""
    replace = c.maybe("or replace ", 0.5)
    name = c.into(c.fresh("f", 4))
    arguments = c.one(
        ["", "", "int", "a int", "a int, b text default 'x'", f"x {c.type()}", "a int, out b text", "variadic a int[]"]
    )
    language, result, body = c.one([sql_body, plpgsql_body])(c)
    options = c.maybe(
        " "
        + c.one(
            ["immutable", "stable", "strict", "security definer", "set search_path = public", "parallel safe", "cost 5"]
        )
    )
    if c.chance(0.1):
        return (
            f"create {replace}procedure {name}({'a int' if c.chance(0.5) else ''}) language {language} as $$ {body} $$"
        )
    return f"create {replace}function {name}({arguments}) returns {result} language {language}{options} as $$ {body} $$"


def sql_body(c: Choice) -> tuple[str, str, str]:
    """Language, result and text of a SQL function."""
    name, relation = c.relation("rpv")
    attribute = c.one(relation.attributes) if relation is not None and relation.attributes else None
    return "sql", *c.one(
        [
            ("int", "select 1"),
            ("text", "select 'x'::text"),
            ("int", "select 'x'::text" if c.wrong() else "select 1"),
            ("bigint", f"select count(*) from {name}"),
            (f"setof {name}", f"select * from {name}"),
            ("void", f"delete from {name} where {c.condition(relation)}"),
            (
                f"{name}.{attribute.name}%type" if attribute else "int",
                f"select {attribute.name if attribute else 1} from {name}",
            ),
            ("table (a int, b text)", "select 1, 'x'::text"),
            ("boolean", f"select exists (select 1 from {name} where {c.condition(relation)})"),
        ]
    )


def plpgsql_body(c: Choice) -> tuple[str, str, str]:
    """Language, result and text of a PL/pgSQL function."""
    name, relation = c.relation("rpv")
    return "plpgsql", *c.one(
        [
            ("int", "begin return 1; end"),
            ("void", f"begin perform 1 from {name}; end"),
            ("trigger", "begin return null; end"),
            ("trigger", "begin return null; end"),
            ("trigger", f"begin new.{c.column(relation)} := null; return new; end"),
            ("int", f"declare v {name}; begin select * into v from {name}; return 1; end"),
            (
                "int",
                "declare n nosuch_type; begin return 1; end"
                if c.wrong()
                else "declare n int; begin n := 1; return n; end",
            ),
            ("int", "begin return 1 end" if c.wrong() else "begin return 1; end"),
            ("void", f"begin execute 'select 1'; update {name} set nosuch = 1; end"),
        ]
    )


def alter_function(c: Choice) -> str:
    """ALTER FUNCTION."""
    action = c.one(
        [
            "immutable",
            "volatile",
            "strict",
            "security definer",
            "set search_path = public",
            "reset all",
            f"owner to {c.role()}",
            f"set schema {c.schema()}",
        ]
    )
    return f"alter {c.one(['function', 'function', 'routine', 'procedure'])} {c.routine()} {action}"


def trigger_function(c: Choice) -> str:
    """A trigger function's name, mostly."""
    found = [c.shown(r) for r in c.objects(Routine) if r.result == 2279]
    return c.one(found) if found and not c.wrong() else c.one(["nosuch_f", "f1"])


def trigger(c: Choice) -> str:
    """CREATE, ALTER and DROP TRIGGER."""
    name, relation = c.relation("rpv" if c.chance(0.2) else "rp")
    have = relation is not None and bool(c.catalog.of_relation(relation.oid, Trigger))
    if have and c.chance(0.35):
        part = c.part(relation, Trigger)
        return c.one(
            [
                f"drop trigger {c.maybe('if exists ')}{part} on {name}",
                f"alter trigger {part} on {name} rename to {c.fresh('g')}",
                f"alter table {name} {c.one(['enable', 'disable'])} trigger {part}",
            ]
        )
    timing = c.one(["before", "after", "after", "instead of"])
    event = c.one(
        ["insert", "update", f"update of {', '.join(c.columns(relation))}", "delete", "insert or update", "truncate"]
    )
    level = c.one([" for each row", " for each row", " for each statement", ""])
    when = c.maybe(f" when ({c.condition(relation, c.one(['new.', 'old.']))})", 0.15)
    tables = c.maybe(" referencing new table as nt", 0.05)
    return (
        f"create {c.maybe('or replace ', 0.2)}trigger {c.fresh('g', 3)} {timing} {event} on {name}{tables}{level}{when}"
        f" execute function {trigger_function(c)}()"
    )


def policy(c: Choice) -> str:
    """CREATE, ALTER and DROP POLICY."""
    name, relation = c.relation("rp")
    have = relation is not None and bool(c.catalog.of_relation(relation.oid, Policy))
    if have and c.chance(0.45):
        part = c.part(relation, Policy)
        return c.one(
            [
                f"drop policy {c.maybe('if exists ')}{part} on {name}",
                f"alter policy {part} on {name} to {c.role()}",
                f"alter policy {part} on {name} using ({c.condition(relation)})",
                f"alter policy {part} on {name} rename to {c.fresh('p')}",
            ]
        )
    command = c.one(["", "", " for select", " for insert", " for update", " for delete"])
    using = "" if command == " for insert" and not c.wrong() else f" using ({c.condition(relation)})"
    check = (
        ""
        if command in (" for select", " for delete") and not c.wrong()
        else c.maybe(f" with check ({c.condition(relation)})")
    )
    return f"create policy {c.fresh('p', 3)} on {name}{c.maybe(' as restrictive', 0.1)}{command}{c.maybe(f' to {c.role()}')}{using}{check}"


def comment(c: Choice) -> str:
    """COMMENT ON."""
    name, relation = c.relation("rp")
    type_, found = c.user_type("edc")
    text = c.one(["'x'", "'y'", "null"])
    return (
        "comment on "
        + c.one(
            [
                f"table {name}",
                f"column {name}.{c.column(relation)}",
                f"column {name}.{c.column(relation)}",
                f"view {c.relation('v')[0]}",
                f"index {c.relation('iI')[0]}",
                f"sequence {c.relation('S')[0]}",
                f"schema {c.schema()}",
                f"function {c.routine('f')}",
                f"constraint {c.part(relation, Constraint)} on {name}",
                f"trigger {c.part(relation, Trigger)} on {name}",
                f"policy {c.part(relation, Policy)} on {name}",
                f"{'domain' if found is not None and found.kind == 'd' else 'type'} {type_}",
            ]
        )
        + f" is {text}"
    )


def statistics(c: Choice) -> str:
    """CREATE and DROP STATISTICS."""
    name, relation = c.relation("rpm")
    if c.chance(0.3):
        return f"drop statistics {c.maybe('if exists ')}{c.fresh('z', 3)}"
    return f"create statistics {c.maybe('if not exists ', 0.2)}{c.fresh('z', 3)} on {', '.join(c.columns(relation, 3))} from {name}"


def rule(c: Choice) -> str:
    """CREATE and DROP RULE."""
    name, _ = c.relation("rv")
    if c.chance(0.2):
        return f"drop rule {c.maybe('if exists ')}{c.fresh('u', 2)} on {name}"
    action = c.one(["instead nothing", "also nothing", "instead notify x"])
    return f"create {c.maybe('or replace ')}rule {c.fresh('u', 2)} as on {c.one(['insert', 'update', 'delete'])} to {name} do {action}"


def schema(c: Choice) -> str:
    """CREATE SCHEMA."""
    return f"create schema {c.maybe('if not exists ', 0.3)}{c.one(['s1', 's2', 's3'])}" + c.maybe(
        f" authorization {c.role()}", 0.2
    )


def path(c: Choice) -> str:
    """search_path, by SET and SET LOCAL."""
    value = c.one(["public", "s1, public", "public, s1", "s2", "public", '"$user", public', "nosuch_schema"])
    return f"set {c.maybe('local ', 0.1)}search_path = {value}"


def dml(c: Choice) -> str:
    """INSERT, UPDATE, DELETE, MERGE, TRUNCATE, LOCK over tables without rows."""
    name, relation = c.relation("rpv" if c.chance(0.2) else "rp")
    column = c.column(relation)
    attribute = relation.attribute(column) if relation is not None else None
    literal = c.literal(attribute.type if attribute else 0)
    returning = c.maybe(f" returning {c.one(['*', column])}", 0.15)
    return c.one(
        [
            f"insert into {name} ({column}) select {literal} where false"
            + c.maybe(" on conflict do nothing", 0.1)
            + returning,
            f"insert into {name} ({column}) select {literal} where false on conflict ({c.column(relation)}) do update set {column} = excluded.{c.column(relation)}",
            f"insert into {name} select * from {c.relation('rpv')[0]} where false" + returning,
            f"update {name} set {column} = {literal} where {c.condition(relation)}" + returning,
            f"update {name} x set {column} = y.{c.column(relation)} from {name} y where x.{column} = y.{column}",
            f"delete from {name} where {c.condition(relation)}" + returning,
            f"with w as (delete from {name} returning {column}) select * from w",
            f"truncate {name}" + c.maybe(" cascade", 0.3),
            f"lock table {name} in share mode",
        ]
    )


def query(c: Choice) -> str:
    """SELECT."""
    return c.query()


def do_block(c: Choice) -> str:
    """DO with static statements."""
    inner = c.one([create_type, dml, comment, schema])(c)
    return (
        f"do $$ begin {inner}; exception when {c.one(['duplicate_object', 'duplicate_table', 'undefined_table', 'others'])} then null; end $$"
        if c.chance(0.4)
        else f"do $$ begin {inner if not inner.startswith(('select', 'with')) else 'perform 1'}; end $$"
    )


def transaction(c: Choice) -> str:
    """BEGIN, COMMIT, ROLLBACK."""
    return c.one(["begin", "begin", "commit", "rollback", "commit"])


def call(c: Choice) -> str:
    """Calls of routines."""
    found = [r for r in c.objects(Routine) if r.kind in "fp"]
    if not found:
        return "call nosuch_p()"
    routine = c.one(found)
    arguments = "1" if len(routine.args) == 1 and not c.wrong() else ""
    return f"call {c.shown(routine)}({arguments})" if routine.kind == "p" else f"select {c.shown(routine)}({arguments})"
