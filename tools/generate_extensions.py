"""Write src/lockgate/catalog/data/extensions/NAME.json from a real server: what each available extension brings.

    python tools/generate_extensions.py --dsn "host=/tmp/pg15 port=5415 user=postgres"

Types are named symbolically: "text" is pg_catalog's, "@citext" the extension's own (or of one that it requires).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import psycopg

DATA = Path(__file__).parents[1] / "src/lockgate/catalog/data/extensions"
MEMBER = "join pg_depend d on d.classid = '{c}'::regclass and d.objid = {o} and d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass join pg_extension e on e.oid = d.refobjid and e.extname = %(name)s"
# a schema that is not the extension's target schema is kept by name
NS = "case when n.oid = (select extnamespace from pg_extension where extname = %(name)s) then '' else n.nspname end"


def ref(oid: str) -> str:
    return f"(select case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname else '@' || t.typname end from pg_type t where t.oid = {oid})"


def refs(array: str) -> str:
    return f"coalesce((select json_agg({ref('u.x')} order by u.i) from unnest({array}) with ordinality u(x, i)), '[]')"


QUERIES = {
    "schemas": f"select n.nspname from pg_namespace n {MEMBER.format(c='pg_namespace', o='n.oid')} order by n.oid",
    "types": f"""select t.typname, {NS} ns, t.typtype, t.typcategory, t.typispreferred, {ref('t.typbasetype')}, t.typtypmod, t.typlen, t.typcollation::int,
        (select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid), {ref('t.typelem')}
        from pg_type t join pg_namespace n on n.oid = t.typnamespace {MEMBER.format(c='pg_type', o='t.oid')}
        where t.typtype <> 'c' and not exists (select 1 from pg_type b where b.typarray = t.oid) order by t.oid""",
    "functions": f"""select p.proname, {NS} ns, p.prokind, {refs('p.proargtypes::oid[]')}, {ref('p.prorettype')}, p.proretset, {ref('p.provariadic')}, p.pronargdefaults,
        p.proisstrict, p.provolatile, {refs('p.proallargtypes')}, array_to_string(p.proargmodes, ''), p.proargnames, coalesce(a.aggkind::text, ''), coalesce(a.aggnumdirectargs, 0),
        l.lanname, (p.proacl is null or exists (select 1 from aclexplode(p.proacl) x where x.grantee = 0))
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang left join pg_aggregate a on a.aggfnoid = p.oid
        {MEMBER.format(c='pg_proc', o='p.oid')} order by p.oid""",
    "operators": f"""select o.oprname, {NS} ns, {ref('o.oprleft')}, {ref('o.oprright')}, {ref('o.oprresult')} from pg_operator o
        join pg_namespace n on n.oid = o.oprnamespace {MEMBER.format(c='pg_operator', o='o.oid')} order by o.oid""",
    "casts": f"""select {ref('c.castsource')}, {ref('c.casttarget')}, c.castcontext, c.castmethod from pg_cast c {MEMBER.format(c='pg_cast', o='c.oid')} order by c.oid""",
    "opclasses": f"""select o.opcname, {NS} ns, am.amname, {ref('o.opcintype')}, o.opcdefault from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace
        join pg_am am on am.oid = o.opcmethod {MEMBER.format(c='pg_opclass', o='o.oid')} order by o.oid""",
    "relations": f"""select c.relname, {NS} ns, c.relkind, (select json_agg(json_build_array(a.attname, {ref('a.atttypid')}, a.atttypmod, a.attnotnull) order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
        exists (select 1 from aclexplode(c.relacl) x where x.grantee = 0 and x.privilege_type = 'SELECT')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace {MEMBER.format(c='pg_class', o='c.oid')} where c.relkind in ('r', 'v', 'm', 'S', 'c', 'f', 'p') order by c.oid""",
    "access_methods": f"select a.amname, a.amtype from pg_am a {MEMBER.format(c='pg_am', o='a.oid')} order by 1",
    "languages": f"select l.lanname, l.lanpltrusted from pg_language l {MEMBER.format(c='pg_language', o='l.oid')} order by 1",
    "fdws": f"select f.fdwname from pg_foreign_data_wrapper f {MEMBER.format(c='pg_foreign_data_wrapper', o='f.oid')} order by 1",
    "ts_dicts": f"select o.dictname, {NS} ns from pg_ts_dict o join pg_namespace n on n.oid = o.dictnamespace {MEMBER.format(c='pg_ts_dict', o='o.oid')} order by 1",
    "ts_templates": f"select o.tmplname, {NS} ns from pg_ts_template o join pg_namespace n on n.oid = o.tmplnamespace {MEMBER.format(c='pg_ts_template', o='o.oid')} order by 1",
    "event_triggers": f"select o.evtname from pg_event_trigger o {MEMBER.format(c='pg_event_trigger', o='o.oid')} order by 1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    dsn = parser.parse_args().dsn
    DATA.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as admin:
        names = [r[0] for r in admin.execute("select name from pg_available_extensions order by 1")]
        for name in names:
            if name == "plpgsql":
                continue
            admin.execute("drop database if exists lockgate_extensions with (force)")
            admin.execute("create database lockgate_extensions template template0")
            try:
                with psycopg.connect(dsn, dbname="lockgate_extensions", autocommit=True) as conn:
                    write(conn, name)
            except psycopg.Error as error:
                print(name, "skipped:", str(error).splitlines()[0])
        admin.execute("drop database if exists lockgate_extensions with (force)")


def write(conn: psycopg.Connection, name: str) -> None:
    conn.execute(f'create extension "{name}" cascade')
    row = conn.execute(
        """select v.version, v.trusted, v.superuser, v.relocatable, v.schema, v.requires from pg_available_extension_versions v
           join pg_extension e on e.extname = v.name and e.extversion = v.version where v.name = %s""", [name]
    ).fetchone()
    assert row is not None
    version, trusted, superuser, relocatable, schema, requires = row
    data = {"name": name, "version": version, "trusted": trusted, "superuser": superuser, "relocatable": relocatable,
            "schema": schema or "", "requires": list(requires or ())}  # fmt: skip
    for key, sql in QUERIES.items():
        rows = [list(r) if len(r) > 1 else r[0] for r in conn.execute(sql, {"name": name}).fetchall()]
        if rows:
            data[key] = rows
    path = DATA / f"{name}.json"
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
