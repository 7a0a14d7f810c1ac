"""Write src/lockgate/catalog/data/extensions/NAME.json from a real server: what each available extension brings.

    python tools/generate_extensions.py --bindir /usr/lib/postgresql/15/bin --major 15 --set
    shared_preload_libraries=pg_cron python tools/generate_extensions.py --bindir .../18/bin --major 18 --only vector
    --base

A private server is started and removed; every extension is created in a transaction that is rolled back. The lowest
major writes extensions/NAME.json; another one writes extensions/MAJOR/NAME.json, and only where the content differs
from that of the next lower major (run them in ascending order). ``--base`` writes extensions/NAME.json whatever the
major.

Types and functions are named symbolically: "text" is pg_catalog's, "@citext" the extension's own (or of one that it
requires). Rows are the fields of src/lockgate/catalog/extension_data.py in that order; empty ones at a row's end are
cut.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import psycopg
from private_server import add_arguments, private_server

DATA = Path(__file__).parents[1] / "src/lockgate/catalog/data/extensions"
MAJORS = (15, 16, 17, 18)
SCRATCH = "lockgate_extensions"


def member(catalog: str, oid: str) -> str:
    """Restrict to members of the extension."""
    return f"""exists (select 1 from pg_depend d join pg_extension e on e.oid = d.refobjid and e.extname = %(name)s
        where d.classid = '{catalog}'::regclass and d.objid = {oid} and d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass)"""


def space(oid: str) -> str:
    """A schema's name; "" for the extension's own schema."""
    return f"""(select case when n.oid = (select extnamespace from pg_extension where extname = %(name)s) then '' else n.nspname end
        from pg_namespace n where n.oid = {oid})"""


def ref(oid: str) -> str:
    """A type's symbolic name."""
    return f"""(select case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname else '@' || t.typname end
        from pg_type t where t.oid = {oid})"""


def refs(array: str) -> str:
    """A list of types."""
    return f"(select json_agg({ref('u.x')} order by u.i) from unnest({array}) with ordinality u(x, i))"


def routine(oid: str) -> str:
    """A function's symbolic name."""
    return f"""(select case when p.pronamespace = 'pg_catalog'::regnamespace then p.proname else '@' || p.proname end
        from pg_proc p where p.oid = {oid})"""


def operator(oid: str) -> str:
    """An operator's symbolic name."""
    return f"""(select case when o.oprnamespace = 'pg_catalog'::regnamespace then o.oprname else '@' || o.oprname end
        from pg_operator o where o.oid = {oid})"""


ATTRIBUTES = f"""(select json_agg(json_build_array(a.attname, {ref("a.atttypid")}, a.atttypmod, a.attnotnull, a.atthasdef and a.attgenerated = '',
        a.attidentity) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)"""
KEYS = "(select json_agg(a.attname order by k.i) from unnest({keys}) with ordinality k(n, i) join pg_attribute a on a.attrelid = {rel} and a.attnum = k.n)"
QUERIES = {
    "schemas": f"""select n.nspname, exists (select 1 from aclexplode(n.nspacl) x where x.grantee = 0 and x.privilege_type = 'USAGE')
        from pg_namespace n where {member("pg_namespace", "n.oid")} order by n.oid""",
    "types": f"""select t.typname, {space("t.typnamespace")}, t.typtype, t.typcategory, t.typispreferred, {ref("t.typbasetype")}, t.typtypmod, t.typlen,
        t.typcollation::int, (select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid), {ref("t.typelem")},
        (select {ref("r.rngsubtype")} from pg_range r where r.rngtypid = t.oid), (select {ref("r.rngmultitypid")} from pg_range r where r.rngtypid = t.oid),
        t.typmodin::oid <> 0, nullif(t.typsubscript::text, '-'), (select b.typname from pg_type b where b.oid = t.typarray), t.typstorage, t.typnotnull
        from pg_type t where t.typtype <> 'c' and not exists (select 1 from pg_type b where b.typarray = t.oid)
        and ({member("pg_type", "t.oid")} or exists (select 1 from pg_range r where r.rngmultitypid = t.oid and {member("pg_type", "r.rngtypid")}))
        order by t.oid""",
    "functions": f"""select p.proname, {space("p.pronamespace")}, p.prokind, {refs("p.proargtypes::oid[]")}, {ref("p.prorettype")}, p.proretset,
        {ref("p.provariadic")}, p.pronargdefaults, p.proisstrict, p.provolatile, {refs("p.proallargtypes")}, array_to_string(p.proargmodes, ''),
        p.proargnames, a.aggkind, a.aggnumdirectargs, l.lanname,
        (p.proacl is null or exists (select 1 from aclexplode(p.proacl) x where x.grantee = 0)), p.prosecdef
        from pg_proc p join pg_language l on l.oid = p.prolang left join pg_aggregate a on a.aggfnoid = p.oid
        where {member("pg_proc", "p.oid")} order by p.oid""",
    "operators": f"""select o.oprname, {space("o.oprnamespace")}, {ref("o.oprleft")}, {ref("o.oprright")}, {ref("o.oprresult")}, {routine("o.oprcode")},
        {operator("o.oprcom").replace(" o ", " o2 ").replace("o.", "o2.").replace("= o2.oprcom", "= o.oprcom")},
        {operator("o.oprnegate").replace(" o ", " o2 ").replace("o.", "o2.").replace("= o2.oprnegate", "= o.oprnegate")}, o.oprcanhash, o.oprcanmerge
        from pg_operator o where {member("pg_operator", "o.oid")} order by o.oid""",
    "casts": f"""select {ref("c.castsource")}, {ref("c.casttarget")}, c.castcontext, c.castmethod, {routine("c.castfunc")}
        from pg_cast c where {member("pg_cast", "c.oid")} order by c.oid""",
    "opfamilies": f"""select f.opfname, {space("f.opfnamespace")}, am.amname from pg_opfamily f join pg_am am on am.oid = f.opfmethod
        where {member("pg_opfamily", "f.oid")} order by f.oid""",
    "opclasses": f"""select o.opcname, {space("o.opcnamespace")}, am.amname, {ref("o.opcintype")}, o.opcdefault, {ref("o.opckeytype")}, f.opfname
        from pg_opclass o join pg_am am on am.oid = o.opcmethod join pg_opfamily f on f.oid = o.opcfamily
        where {member("pg_opclass", "o.oid")} order by o.oid""",
    "family_operators": f"""select am.amname, f.opfname, {ref("x.amoplefttype")}, {ref("x.amoprighttype")}, x.amopstrategy, {operator("x.amopopr")}, x.amoppurpose
        from pg_amop x join pg_opfamily f on f.oid = x.amopfamily join pg_am am on am.oid = f.opfmethod
        where {member("pg_opfamily", "f.oid")} or {member("pg_operator", "x.amopopr")} order by 1, 2, 3, 4, 5, 6""",
    "relations": f"""select c.relname, {space("c.relnamespace")}, c.relkind, {ATTRIBUTES},
        exists (select 1 from aclexplode(c.relacl) x where x.grantee = 0 and x.privilege_type = 'SELECT'),
        (select string_agg(x.privilege_type, ' ' order by x.privilege_type) from aclexplode(c.relacl) x where x.grantee = 0), c.relrowsecurity
        from pg_class c where c.relkind in ('r', 'v', 'm', 'S', 'f', 'p') and {member("pg_class", "c.oid")}
        or c.relkind = 'c' and {member("pg_type", "c.reltype")} order by c.oid""",
    "constraints": f"""select o.conname, {space("c.relnamespace")}, c.relname, o.contype, {KEYS.format(keys="o.conkey", rel="c.oid")},
        (select c.relname from pg_class c where c.oid = o.confrelid) from pg_constraint o join pg_class c on c.oid = o.conrelid
        where {member("pg_class", "c.oid")} and o.contype in ('p', 'u', 'c', 'f', 'x') order by o.oid""",
    "indexes": f"""select i.relname, {space("i.relnamespace")}, c.relname, x.indisunique, x.indisprimary,
        {KEYS.format(keys="x.indkey::int2[]", rel="c.oid")} from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
        where {member("pg_class", "c.oid")} and i.relnamespace <> 'pg_toast'::regnamespace order by i.oid""",
    "triggers": f"""select t.tgname, {space("c.relnamespace")}, c.relname, {routine("t.tgfoid")} from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where not t.tgisinternal and {member("pg_class", "c.oid")} order by t.oid""",
    "access_methods": f"""select a.amname, a.amtype, (select string_agg(p, ' ')
        from unnest('{{can_order,can_unique,can_multi_col,can_exclude,can_include}}'::text[]) p where pg_indexam_has_property(a.oid, p))
        from pg_am a where {member("pg_am", "a.oid")} order by 1""",
    "languages": f"select l.lanname, l.lanpltrusted from pg_language l where {member('pg_language', 'l.oid')} order by 1",
    "fdws": f"select f.fdwname from pg_foreign_data_wrapper f where {member('pg_foreign_data_wrapper', 'f.oid')} order by 1",
    "ts_configs": f"select o.cfgname, {space('o.cfgnamespace')} from pg_ts_config o where {member('pg_ts_config', 'o.oid')} order by 1",
    "ts_dicts": f"select o.dictname, {space('o.dictnamespace')} from pg_ts_dict o where {member('pg_ts_dict', 'o.oid')} order by 1",
    "ts_parsers": f"select o.prsname, {space('o.prsnamespace')} from pg_ts_parser o where {member('pg_ts_parser', 'o.oid')} order by 1",
    "ts_templates": f"select o.tmplname, {space('o.tmplnamespace')} from pg_ts_template o where {member('pg_ts_template', 'o.oid')} order by 1",
    "collations": f"select o.collname, {space('o.collnamespace')} from pg_collation o where {member('pg_collation', 'o.oid')} order by 1",
    "event_triggers": f"""select o.evtname, o.evtevent, {routine("o.evtfoid")} from pg_event_trigger o
        where {member("pg_event_trigger", "o.oid")} order by 1""",
}
CONTROL = """select v.version, v.trusted, v.superuser, v.relocatable, coalesce(v.schema, ''), coalesce(v.requires, '{}'),
    (select array_agg(w.version order by w.version) from pg_available_extension_versions w where w.name = v.name)
    from pg_available_extension_versions v join pg_extension e on e.extname = v.name and e.extversion = v.version where v.name = %s"""


def collect(conn: psycopg.Connection[Any], name: str) -> dict[str, Any]:
    """Install the extension and list what came."""
    conn.execute(f'create extension "{name}" cascade')
    row = conn.execute(CONTROL, [name]).fetchone()
    assert row is not None
    data = dict(
        zip(
            ("name", "version", "trusted", "superuser", "relocatable", "schema", "requires", "versions"),
            (name, *row),
            strict=True,
        )
    )
    for key, sql in QUERIES.items():
        if rows := [squeeze(r) for r in conn.execute(sql, {"name": name}).fetchall()]:
            data[key] = rows
    return data


def squeeze(row: tuple[Any, ...]) -> list[Any]:
    """Cut nothings at the end."""
    out = list(row)
    while out and out[-1] in (None, False, "", 0, []):
        out.pop()
    return out


def write(data: dict[str, Any], major: int, base: bool) -> None:
    """Write the file if its content is not that of the next lower major."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
    folder = DATA if base or major == MAJORS[0] else DATA / str(major)
    path = folder / f"{data['name']}.json"
    lower = [DATA / str(m) / path.name for m in reversed(MAJORS) if MAJORS[0] < m < major] + [DATA / path.name]
    known = next((p for p in lower if p.exists() and p != path), None)
    if folder != DATA and known is not None and known.read_text(encoding="utf-8") == text:
        path.unlink(missing_ok=True)
        return
    if folder != DATA and known is None:
        path = DATA / path.name  # new in this major
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(path.relative_to(DATA), len(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--only", action="append", help="just this extension (may be repeated)")
    parser.add_argument("--skip", action="append", default=["plpgsql"], help="not this one (may be repeated)")
    parser.add_argument("--base", action="store_true", help="write extensions/NAME.json whatever the major")
    options = parser.parse_args()
    settings = (f"cron.database_name={SCRATCH}", *options.set)
    with (
        private_server(options.bindir.resolve(), options.run_as, settings) as dsn,
        psycopg.connect(dsn, autocommit=True) as admin,
    ):
        major = admin.info.server_version // 10000
        if options.major not in (None, major):
            raise SystemExit(f"{options.bindir} is PostgreSQL {major}, not {options.major}")
        found = [row[0] for row in admin.execute("select name from pg_available_extensions order by 1")]
        admin.execute(f"create database {SCRATCH} template template0")
        for name in found:
            if name not in options.skip and name in (options.only or found):
                one(dsn, name, major, options.base)


def one(dsn: str, name: str, major: int, base: bool) -> None:
    """One extension; one that this server cannot create is said and left out."""
    try:
        with psycopg.connect(dsn, dbname=SCRATCH) as conn, conn.transaction(force_rollback=True):
            write(collect(conn, name), major, base)
    except psycopg.Error as error:
        print(name, "skipped:", str(error).splitlines()[0])


if __name__ == "__main__":
    main()
