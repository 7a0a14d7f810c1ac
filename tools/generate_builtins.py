"""Write src/lockgate/catalog/data/builtin-MAJOR.json from a real server.

    python tools/generate_builtins.py --dsn "host=/tmp/pg15 port=5415 user=postgres dbname=template1"

The database must be as initdb left it. Rows are compact lists, keyed by name; see src/lockgate/catalog/builtin.py for their meaning.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import psycopg

DATA = Path(__file__).parents[1] / "src/lockgate/catalog/data"
NS = "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"

TYPES = f"""select t.typname, n.nspname, t.oid::int, t.typtype, t.typcategory, t.typispreferred, t.typelem::int, t.typarray::int, t.typrelid::int, t.typbasetype::int,
  t.typlen, t.typcollation::int, (t.typelem <> 0 and t.typlen = -1 and t.typsubscript::text = 'array_subscript_handler'), coalesce(r.rngsubtype::int, 0),
  coalesce(r.rngmultitypid::int, 0), format_type(t.oid, null), t.typtypmod
  from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_range r on r.rngtypid = t.oid where t.typnamespace in {NS} order by t.oid"""
FUNCTIONS = f"""select p.proname, n.nspname, p.oid::int, p.prokind, p.proargtypes::int[], p.prorettype::int, p.proretset, p.provariadic::int, p.pronargdefaults,
  p.proisstrict, p.provolatile, p.proallargtypes::int[], array_to_string(p.proargmodes, ''), p.proargnames, coalesce(a.aggkind::text, ''),
  coalesce(a.aggnumdirectargs, 0),
  case when p.proacl is null then null else coalesce((select json_agg(case when x.grantee = 0 then 'public' else pg_get_userbyid(x.grantee) end)
     from aclexplode(p.proacl) x where x.grantee <> p.proowner), '[]'::json) end
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace left join pg_aggregate a on a.aggfnoid = p.oid where p.pronamespace in {NS} order by p.oid"""
OPERATORS = """select oprname, oid::int, oprleft::int, oprright::int, oprresult::int, oprcode::oid::int, oprcom::int, oprcanhash, oprcanmerge from pg_operator order by oid"""
CASTS = "select castsource::int, casttarget::int, castfunc::int, castcontext, castmethod from pg_cast order by 1, 2"
RELATIONS = f"""select c.relname, n.nspname, c.oid::int, c.relkind,
  (select json_agg(json_build_array(a.attname, a.atttypid::int, a.atttypmod, a.attnotnull) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  exists (select 1 from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x where x.grantee = 0 and x.privilege_type = 'SELECT')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relnamespace in {NS} and c.relkind in ('r', 'v', 'i', 'S') order by c.oid"""
OPCLASSES = """select am.amname, o.opcname, o.opcintype::int, o.opcdefault, o.opckeytype::int from pg_opclass o join pg_am am on am.oid = o.opcmethod order by o.oid"""
SIMPLE = {
    "collations": "select distinct collname from pg_collation where collnamespace = 'pg_catalog'::regnamespace order by 1",
    "languages": "select lanname from pg_language where lanname <> 'plpgsql' order by 1",
    "ts_configs": "select cfgname from pg_ts_config order by 1",
    "ts_dicts": "select dictname from pg_ts_dict order by 1",
    "ts_parsers": "select prsname from pg_ts_parser order by 1",
    "ts_templates": "select tmplname from pg_ts_template order by 1",
    "opfamilies": "select distinct am.amname || ':' || f.opfname from pg_opfamily f join pg_am am on am.oid = f.opfmethod order by 1",
    "conversions": "select conname from pg_conversion order by 1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    with psycopg.connect(parser.parse_args().dsn, autocommit=True) as conn:
        conn.execute("set search_path = pg_catalog")
        data = collect(conn)
        major = conn.info.server_version // 10000
    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / f"builtin-{major}.json"
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(path, path.stat().st_size)


def collect(conn: psycopg.Connection) -> dict:
    keyed = {"types": TYPES, "functions": FUNCTIONS, "relations": RELATIONS}
    data: dict = {"major": conn.info.server_version // 10000}
    for key, sql in keyed.items():
        rows: dict[str, list] = defaultdict(list)
        for name, schema, *row in conn.execute(sql):
            rows[name if schema == "pg_catalog" else f"{schema}.{name}"].append(squeeze(row))
        data[key] = rows
    operators: dict[str, list] = defaultdict(list)
    for name, *row in conn.execute(OPERATORS):
        operators[name].append(squeeze(row))
    data["operators"] = operators
    data["casts"] = [squeeze(r) for r in conn.execute(CASTS)]
    data["opclasses"] = [squeeze(r) for r in conn.execute(OPCLASSES)]
    for key, sql in SIMPLE.items():
        data[key] = [r[0] for r in conn.execute(sql)]
    data["access_methods"] = dict(conn.execute("select amname, amtype from pg_am order by 1").fetchall())
    data["roles"] = conn.execute("select oid::int, rolname from pg_roles where rolname ~ '^pg_' order by 1").fetchall()
    data["memberships"] = conn.execute("select roleid::int, member::int from pg_auth_members where member < 16384 order by 1, 2").fetchall()
    data["settings"] = dict(conn.execute("select name, context from pg_settings order by 1").fetchall())
    data["extensions"] = {
        name: [trusted, superuser, list(requires or ()), schema, version]
        for name, trusted, superuser, requires, schema, version in conn.execute(
            """select e.name, v.trusted, v.superuser, v.requires, v.schema, v.version from pg_available_extensions e
               join pg_available_extension_versions v on v.name = e.name and v.version = e.default_version order by 1"""
        )
    }
    return data


def squeeze(row: list) -> list:
    """Booleans as 0 and 1; trailing nothings cut."""
    out = [int(v) if isinstance(v, bool) else v for v in row]
    while out and out[-1] in (None, 0, "", []):
        out.pop()
    return out


if __name__ == "__main__":
    main()
