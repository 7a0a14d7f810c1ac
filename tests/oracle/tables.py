"""Statements on tables, columns, constraints, indexes, views, sequences and partitions."""

from __future__ import annotations

from lockgate.catalog.objects import Constraint, Relation, Type
from tests.oracle.choice import Choice


def column_definition(c: Choice, name: str) -> str:
    """A column of CREATE TABLE or ADD COLUMN."""
    if c.chance(0.12):
        return f"{name} {c.one(['serial', 'bigserial', 'smallserial'])}" + c.maybe(" primary key", 0.4)
    if c.chance(0.08):
        kind = c.one(["always", "by default"])
        return (
            f"{name} {c.one(['int', 'bigint', 'text' if c.wrong() else 'smallint'])} generated {kind} as identity"
            + c.maybe(" primary key", 0.4)
        )
    type_ = c.type()
    parts = [name, type_]
    if c.chance(0.25):
        parts.append("not null")
    if c.chance(0.25):
        parts.append(f"default {c.default_for(type_)}")
    elif c.chance(0.06):
        parts.append(f"generated always as ({c.one(['1', 'a', 'a + 1', 'b', 'now()', 'id::text'])}) stored")
    if c.chance(0.1):
        parts.append(c.one(["unique", "primary key"]))
    if c.chance(0.1):
        parts.append(
            f"{c.maybe('constraint ' + c.fresh('k') + ' ')}check ({c.one([f'{name} is not null', f'{name} > 0', f'length({name}::text) > 0', 'a > id'])})"
        )
    if c.chance(0.12):
        parts.append(references(c))
    return " ".join(parts)


def references(c: Choice) -> str:
    """REFERENCES."""
    name, relation = c.relation("rp")
    keys = (
        [k for k in c.catalog.of_relation(relation.oid, Constraint) if k.kind in "pu"] if relation is not None else []
    )
    columns = ""
    if relation is not None and keys and c.chance(0.6):
        columns = f" ({', '.join(a.name for n in c.one(keys).keys if (a := relation.attribute_by_num(n)) is not None)})"
    elif c.chance(0.3):
        columns = f" ({c.column(relation)})"
    action = c.maybe(f" on {c.one(['delete', 'update'])} {c.one(['cascade', 'set null', 'restrict', 'no action'])}")
    return f"references {name}{columns}{action}" + c.maybe(" deferrable initially deferred", 0.1)


def table_constraint(c: Choice, columns: list[str], relation: Relation | None = None) -> str:
    """A table constraint over columns."""
    named = c.maybe(f"constraint {c.fresh('k')} ", 0.5)
    some = ", ".join(c.some(columns, 2)) if columns else "a"
    kind = c.one(["primary key", "unique", "unique", "check", "check", "foreign", "exclude"])
    if kind == "check":
        first = c.one(columns) if columns else "a"
        plain = c.one(
            [f"{first} is not null", f"{first} > 0", f"{first} <> 'x'", "nosuch > 0" if c.wrong() else "true"]
        )
        condition = c.condition(relation) if relation is not None else plain
        return f"{named}check ({condition})" + c.maybe(" no inherit", 0.1)
    if kind == "foreign":
        return f"{named}foreign key ({some}) {references(c)}"
    if kind == "exclude":
        return (
            f"{named}exclude using gist ({c.one(columns) if columns else 'a'} with &&)"
            if c.wrong()
            else f"{named}unique ({some})"
        )
    return f"{named}{kind} ({some})" + c.maybe(" deferrable", 0.08)


def create_table(c: Choice) -> str:
    """CREATE TABLE."""
    name = c.into(c.fresh("t"))
    exists = c.maybe("if not exists ", 0.15)
    temporary = c.one(["temp ", "unlogged "]) if c.chance(0.05) else ""
    columns = [c.one(["a", "b", "id", "n", "note", "at", "x"]) for _ in range(1 + c.random.randrange(4))]
    if not c.wrong():
        columns = list(dict.fromkeys(columns))
    elements = [column_definition(c, column) for column in columns]
    if c.chance(0.3):
        elements.append(table_constraint(c, columns))
    if c.chance(0.06):
        what = c.one(["all", "defaults", "indexes", "constraints", "identity", "generated"])
        elements.append(f"like {c.relation('rpvm')[0]}" + c.maybe(f" including {what}", 0.7))
    tail = ""
    if c.chance(0.1):
        tail = f" partition by {c.one(['range', 'list', 'hash'])} ({c.one(columns)})"
    elif c.chance(0.1):
        tail = f" inherits ({', '.join(n for n, _ in (c.relation('r') for _ in range(c.one([1, 1, 2]))))})"
    return f"create {temporary}table {exists}{name} ({', '.join(elements)}){tail}"


def create_partition(c: Choice) -> str:
    """CREATE TABLE ... PARTITION OF."""
    name, relation = c.relation("p")
    return f"create table {c.into(c.fresh('t'))} partition of {name} {bound(c, relation)}" + c.maybe(
        " partition by list (a)", 0.1
    )


def bound(c: Choice, relation: Relation | None) -> str:
    """A partition's bound."""
    if c.chance(0.1):
        return "default"
    strategy = (
        relation.partitioning.strategy
        if relation is not None and relation.partitioning is not None and not c.wrong()
        else c.one("rlh")
    )
    number = c.random.randrange(5)
    key = (
        relation.attribute_by_num(relation.partitioning.keys[0])
        if relation is not None and relation.partitioning is not None
        else None
    )
    text = key is not None and key.type in (25, 1043, 1042)
    if strategy == "h":
        return f"for values with (modulus 4, remainder {number})"
    if strategy == "l":
        return f"for values in ({', '.join(repr('v' + str(number + i)) if text else str(number + i) for i in range(1 + c.random.randrange(2)))})"
    low, high = ("'a'", "'m'") if text else (str(number * 10), str(number * 10 + 10))
    if key is not None and key.type in (1082, 1114, 1184):
        low, high = f"'202{number}-01-01'", f"'202{number + 1}-01-01'"
    return f"for values from ({low}) to ({high})"


def alter_table(c: Choice) -> str:
    """ALTER TABLE with one or two subcommands."""
    name, relation = c.relation("rp")
    only = c.maybe("only ", 0.08)
    commands = [subcommand(c, relation) for _ in range(c.one([1, 1, 1, 2]))]
    return f"alter table {c.maybe('if exists ', 0.05)}{only}{name} {', '.join(commands)}"


def subcommand(c: Choice, relation: Relation | None) -> str:
    """One subcommand of ALTER TABLE."""
    column = c.column(relation)
    attribute = relation.attribute(column) if relation is not None else None
    choices = [
        lambda: (
            f"add column {c.maybe('if not exists ', 0.2)}{column_definition(c, c.one(['a', 'b', 'c', 'd', 'e', 'note']))}"
        ),
        lambda: f"add column {column_definition(c, c.one(['a', 'b', 'c', 'd', 'e', 'note']))}",
        lambda: f"drop column {c.maybe('if exists ', 0.2)}{column}" + c.maybe(" cascade", 0.3),
        lambda: (
            f"alter column {column} type {c.type()}"
            + c.maybe(f" using {c.one([column + '::text', 'null', column, '1'])}", 0.3)
        ),
        lambda: f"alter column {column} set default {c.literal(attribute.type if attribute else 0)}",
        lambda: f"alter column {column} drop default",
        lambda: f"alter column {column} set not null",
        lambda: f"alter column {column} drop not null",
        lambda: f"alter column {column} add generated {c.one(['always', 'by default'])} as identity",
        lambda: f"alter column {column} drop identity" + c.maybe(" if exists", 0.3),
        lambda: f"alter column {column} set generated {c.one(['always', 'by default'])}",
        lambda: f"alter column {column} drop expression" + c.maybe(" if exists", 0.3),
        lambda: f"add {table_constraint(c, c.columns(relation), relation)}" + c.maybe(" not valid", 0.1),
        lambda: f"add {table_constraint(c, c.columns(relation), relation)}",
        lambda: (
            f"drop constraint {c.maybe('if exists ', 0.2)}{c.part(relation, Constraint)}" + c.maybe(" cascade", 0.3)
        ),
        lambda: f"validate constraint {c.part(relation, Constraint)}",
        lambda: (
            f"alter constraint {c.part(relation, Constraint)} {c.one(['deferrable', 'not deferrable', 'deferrable initially deferred'])}"
        ),
        lambda: (
            f"add constraint {c.fresh('k')} {c.one(['unique', 'primary key'])} using index {own_index(c, relation)}"
        ),
        lambda: c.one(
            [
                "enable row level security",
                "disable row level security",
                "force row level security",
                "set (fillfactor = 70)",
                "set logged",
                "set unlogged",
                "replica identity full",
                "disable trigger all",
                "enable trigger user",
                "set without oids",
            ]
        ),
        lambda: f"alter column {column} set {c.one(['statistics 100', 'storage plain', '(n_distinct = 5)'])}",
        lambda: f"{c.one(['inherit', 'no inherit'])} {c.relation('r')[0]}",
        lambda: f"owner to {c.role()}",
    ]
    return c.one(choices)()


def own_index(c: Choice, relation: Relation | None) -> str:
    """An index of a relation, mostly."""
    found = [r.name for r in c.catalog.of_relation(relation.oid, Relation)] if relation is not None else []
    return c.one(found) if found and not c.wrong() else "nosuch_index"


def partitions(c: Choice) -> str:
    """ATTACH and DETACH PARTITION."""
    name, relation = c.relation("p")
    children = (
        [c.shown(r) for oid in c.catalog.children(relation.oid) if (r := c.catalog.find(Relation, oid)) is not None]
        if relation is not None
        else []
    )
    if children and c.chance(0.4):
        return f"alter table {name} detach partition {c.one(children)}"
    if c.chance(0.4):
        indexes = c.relations("I")
        if indexes:
            return f"alter index {c.shown(c.one(indexes))} attach partition {c.relation('i')[0]}"
    return f"alter table {name} attach partition {c.relation('rp')[0]} {bound(c, relation)}"


def table_like(c: Choice) -> str:
    """CREATE TABLE (LIKE), a good start for ATTACH PARTITION."""
    return (
        f"create table {c.fresh('t')} (like {c.relation('rp')[0]}"
        + c.maybe(f" including {c.one(['all', 'defaults', 'indexes', 'constraints'])}", 0.8)
        + ")"
    )


def create_index(c: Choice) -> str:
    """CREATE INDEX."""
    name, relation = c.relation("rpm")
    columns = ", ".join(dict.fromkeys(index_column(c, relation) for _ in range(c.one([1, 1, 2]))))
    concurrently = c.maybe("concurrently ", 0.08)
    named = "" if c.chance(0.3) and not concurrently else c.maybe("if not exists ", 0.15) + c.fresh("i") + " "
    tail = c.maybe(f" include ({c.column(relation)})", 0.08) + c.maybe(f" where {c.condition(relation)}", 0.15)
    method = c.maybe(f"using {c.one(['btree', 'hash', 'gin', 'gist', 'brin', 'nosuch_am'])} ", 0.1)
    return f"create {c.maybe('unique ', 0.3)}index {concurrently}{named}on {name} {method}({columns}){tail}"


def index_column(c: Choice, relation: Relation | None) -> str:
    """A key of an index."""
    column = c.column(relation)
    if c.chance(0.15):
        return c.one(
            [
                f"lower({column})",
                f"({c.value(relation)})",
                f"({column} is null)",
                f"date_trunc('day', {column})",
                "now()",
            ]
        )
    return column + c.maybe(c.one([" desc", " nulls first", " text_pattern_ops", ' collate "C"']), 0.1)


def create_view(c: Choice) -> str:
    """CREATE VIEW and CREATE OR REPLACE VIEW."""
    replace = c.maybe("or replace ", 0.4)
    name = c.shown(c.one(c.relations("v"))) if replace and c.relations("v") and c.chance(0.7) else c.into(c.fresh("v"))
    names = c.maybe(f" ({', '.join(c.some(['c1', 'c2', 'a'], 2))})", 0.1)
    options = c.maybe(" with (security_invoker = true)" if c.catalog.major >= 15 else " with (security_barrier)", 0.05)
    return f"create {replace}view {name}{names}{options} as {c.query()}"


def replace_view(c: Choice) -> str:
    """CREATE OR REPLACE VIEW over the same table, with one more column or one fewer."""
    found = c.relations("v")
    name, relation = c.relation("rp")
    if not found or relation is None:
        return create_view(c)
    view = c.one(found)
    kept = [a.name for a in view.attributes if relation.attribute(a.name) is not None]
    more = [a.name for a in relation.attributes if a.name not in kept]
    columns = ", ".join([*kept, *c.some(more, 1)] if more else kept) or "1 as one"
    return f"create or replace view {c.shown(view)} as select {columns} from {name}"


def matview(c: Choice) -> str:
    """CREATE and REFRESH MATERIALIZED VIEW."""
    if c.relations("m") and c.chance(0.4):
        return f"refresh materialized view {c.maybe('concurrently ', 0.3)}{c.relation('m')[0]}" + c.maybe(
            " with no data", 0.2
        )
    return f"create materialized view {c.maybe('if not exists ')}{c.into(c.fresh('m'))} as {c.query()}" + c.maybe(
        " with no data", 0.3
    )


def table_as(c: Choice) -> str:
    """CREATE TABLE AS."""
    names = c.maybe(f" ({', '.join(c.some(['c1', 'c2'], 2))})", 0.1)
    return (
        f"create {c.maybe('temp ', 0.1)}table {c.maybe('if not exists ')}{c.into(c.fresh('t'))}{names} as {c.query()}"
        + c.maybe(" with no data", 0.3)
    )


def sequence(c: Choice) -> str:
    """CREATE and ALTER SEQUENCE."""
    if c.relations("S") and c.chance(0.6):
        name, _ = c.relation("S")
        table, relation = c.relation("rp")
        action = c.one(
            [
                f"owned by {table}.{c.column(relation)}",
                "owned by none",
                "restart",
                "increment by 2",
                "as bigint",
                "start 5 minvalue 1",
                f"owner to {c.role()}",
                f"set schema {c.schema()}",
                f"rename to {c.fresh('q')}",
            ]
        )
        return f"alter sequence {c.maybe('if exists ', 0.1)}{name} {action}"
    return f"create sequence {c.maybe('if not exists ', 0.2)}{c.into(c.fresh('q'))}" + c.maybe(
        " as smallint start 3", 0.2
    )


def rename(c: Choice) -> str:
    """Every RENAME."""
    name, relation = c.relation("rp")
    view, seen = c.relation("vm")
    word = "materialized view" if seen is not None and seen.kind == "m" else "view"
    type_, found = c.user_type("edc")
    return c.one(
        [
            f"alter table {c.maybe('if exists ', 0.1)}{name} rename to {c.fresh('t')}",
            f"alter table {name} rename column {c.column(relation)} to {c.one(['a', 'b', 'z', 'note'])}",
            f"alter table {name} rename column {c.column(relation)} to {c.one(['a', 'b', 'z', 'note'])}",
            f"alter table {name} rename constraint {c.part(relation, Constraint)} to {c.fresh('k')}",
            f"alter index {c.relation('iI')[0]} rename to {c.fresh('i')}",
            f"alter {word} {view} rename to {c.fresh('v')}",
            f"alter {word} {view} rename column {c.column(seen)} to {c.one(['a', 'z'])}",
            f"alter {'domain' if found is not None and found.kind == 'd' else 'type'} {type_} rename to {c.fresh('y')}",
            f"alter schema {c.schema()} rename to {c.fresh('s', 3)}",
            f"alter {c.one(['function', 'routine'])} {c.routine()} rename to {c.fresh('f')}",
        ]
    )


def drop(c: Choice) -> str:
    """Every DROP."""
    kinds = {"table": "rp", "view": "v", "materialized view": "m", "sequence": "S", "index": "iI"}
    word = c.one([*kinds, "table", "function", "type", "domain", "schema", "table"])
    exists, behavior = c.maybe("if exists ", 0.25), c.one(["", "", " cascade", " restrict"])
    if word in kinds:
        names = ", ".join(dict.fromkeys(c.relation(kinds[word])[0] for _ in range(c.one([1, 1, 1, 2]))))
        return f"drop {word} {exists}{names}{behavior}"
    if word == "function":
        return f"drop {c.one(['function', 'function', 'routine', 'procedure'])} {exists}{c.routine()}{behavior}"
    if word == "schema":
        return f"drop schema {exists}{c.one([c.schema(), 's1', 's2'])}{behavior}"
    return f"drop {word} {exists}{c.user_type('d' if word == 'domain' else 'ec')[0]}{behavior}"


def alter_view(c: Choice) -> str:
    """ALTER VIEW and ALTER MATERIALIZED VIEW."""
    name, relation = c.relation("v")
    return f"alter view {c.maybe('if exists ', 0.1)}{name} " + c.one(
        [
            f"owner to {c.role()}",
            f"set schema {c.schema()}",
            "set (security_barrier = true)",
            "reset (security_barrier)",
            f"alter column {c.column(relation)} set default 1",
            f"alter column {c.column(relation)} drop default",
        ]
    )


def move(c: Choice) -> str:
    """SET SCHEMA and the owners of everything."""
    table, type_ = c.relation("rp")[0], c.user_type("edc")
    word = "domain" if type_[1] is not None and isinstance(type_[1], Type) and type_[1].kind == "d" else "type"
    target = c.one([f"set schema {c.schema()}", f"owner to {c.role()}", f"owner to {c.role()}"])
    return c.one(
        [
            f"alter table {table} {target}",
            f"alter {word} {type_[0]} {target}",
            f"alter {c.one(['function', 'routine'])} {c.routine()} {target}",
            f"alter schema {c.schema()} owner to {c.role()}",
        ]
    )
