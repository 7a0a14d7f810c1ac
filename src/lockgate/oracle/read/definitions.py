"""What a database holds, each object with everything that tells it from another of its name, in the server's own
spelling.

Two databases on servers of one major that hold the same answer the same. Nothing but the system's catalogs is read,
which every role may, and nothing is locked beyond ACCESS SHARE. Extensions' members, temporary and system schemas are
left out, as is what belongs to another object and follows it: the array and row type of a table, the index of a
constraint.
"""

from __future__ import annotations

import json
from typing import Any

from lockgate.oracle.read.catalog import IN_SCHEMA, OWNER, USER_SCHEMA, own
from lockgate.oracle.read.definition import Definition
from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.wire import Connection

# what names an object; the rest of a row are its properties
_KEY = ("schema", "table", "name", "args")


def _grants(kind: str, acl: str, owner: str) -> str:
    return f"""(SELECT pg_catalog.json_object_agg(x.grantee, x.may) FROM (SELECT g.grantee, pg_catalog.json_agg(g.may ORDER BY g.may) AS may FROM (
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN {owner} THEN '' ELSE {OWNER}(a.grantee) END AS grantee,
          a.privilege_type || CASE WHEN pg_catalog.bool_or(a.is_grantable) THEN '*' ELSE '' END AS may
        FROM pg_catalog.aclexplode(COALESCE({acl}, pg_catalog.acldefault('{kind}', {owner}))) a GROUP BY a.grantee, a.privilege_type) g
      GROUP BY g.grantee) x) AS grants"""


def _comment(catalog: str, oid: str) -> str:
    return f"pg_catalog.obj_description({oid}, '{catalog}') AS comment"


_CLASS = f"""FROM pg_catalog.pg_class c {IN_SCHEMA} c.relnamespace WHERE {USER_SCHEMA} AND {own("pg_class", "c.oid")} AND c.relpersistence <> 't'"""
_IN_CLASS = f"""JOIN pg_catalog.pg_class c ON c.oid = {{of}} {IN_SCHEMA} c.relnamespace
    WHERE {USER_SCHEMA} AND {own("pg_class", "c.oid")} AND c.relpersistence <> 't'"""
_RELATION = f"""n.nspname AS schema, c.relname AS name, {OWNER}(c.relowner) AS owner, {_grants("r", "c.relacl", "c.relowner")},
    pg_catalog.array_to_json(c.reloptions) AS options, {_comment("pg_class", "c.oid")}"""
_FUNCTION_KINDS = "CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END"
_TYPE_KINDS = "CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END"
_ROLES = "(SELECT pg_catalog.json_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE {of}(r) END ORDER BY 1) FROM pg_catalog.unnest({roles}) r)"

_QUERIES: tuple[str, ...] = (
    f"""SELECT 'schema' AS kind, n.nspname AS name, {OWNER}(n.nspowner) AS owner, {_grants("n", "n.nspacl", "n.nspowner")},
      {_comment("pg_namespace", "n.oid")} FROM pg_catalog.pg_namespace n WHERE {USER_SCHEMA} AND {own("pg_namespace", "n.oid")}""",
    f"""SELECT 'extension' AS kind, e.extname AS name, n.nspname AS "in schema", e.extversion AS version, v.default_version AS "default version"
      FROM pg_catalog.pg_extension e {IN_SCHEMA} e.extnamespace LEFT JOIN pg_catalog.pg_available_extensions v ON v.name = e.extname""",
    f"""SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind, {_RELATION}, c.relpersistence = 'u' AS unlogged,
      pg_catalog.pg_get_partkeydef(c.oid) AS "partition by", pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
      (SELECT pg_catalog.json_agg(i.inhparent::pg_catalog.regclass::text ORDER BY i.inhseqno) FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
        AS parents, c.relrowsecurity AS "row security", c.relforcerowsecurity AS "forced row security",
      CASE c.relreplident WHEN 'i' THEN (SELECT 'USING INDEX ' || x.indexrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index x
        WHERE x.indrelid = c.oid AND x.indisreplident) ELSE c.relreplident::text END AS "replica identity",
      NULLIF(c.reloftype, 0)::pg_catalog.regtype::text AS "of type"
      {_CLASS} AND c.relkind IN ('r', 'p', 'f')""",
    f"""SELECT CASE c.relkind WHEN 'c' THEN 'attribute' ELSE 'column' END AS kind, n.nspname AS schema, c.relname AS "table", a.attname AS name,
      {OWNER}(c.relowner) AS owner, CASE WHEN c.relkind IN ('v', 'm') THEN NULL ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END AS type,
      CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text END AS collation, a.attnotnull AS "not null",
      CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS "default",
      CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END
        END AS generated, CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity,
      CASE WHEN a.attstorage <> t.typstorage AND c.relkind NOT IN ('v', 'm') THEN a.attstorage::text END AS storage,
      NULLIF(a.attstattarget, -1) AS statistics,
      pg_catalog.array_to_json(a.attoptions) AS options, CASE WHEN a.attacl IS NOT NULL THEN {_grants("c", "a.attacl", "c.relowner").removesuffix("AS grants")}
        END AS grants, pg_catalog.col_description(c.oid, a.attnum) AS comment, c.relkind IN ('v', 'm') AS "of view", NOT a.attislocal AS inherited,
      a.attnum AS at
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      {_IN_CLASS.format(of="a.attrelid")} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')""",
    f"""SELECT 'constraint' AS kind, n.nspname AS schema, COALESCE(c.relname, t.typname) AS "table", k.conname AS name,
      {OWNER}(COALESCE(c.relowner, t.typowner)) AS owner, t.oid IS NOT NULL AS "of domain",
      pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition, k.convalidated AS validated,
      (k.coninhcount > 0 AND NOT k.conislocal) OR k.conparentid <> 0 AS inherited,
      {_comment("pg_constraint", "k.oid")}
      FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
      {IN_SCHEMA} COALESCE(c.relnamespace, t.typnamespace) WHERE k.contype NOT IN ('t', 'n')
      AND {USER_SCHEMA} AND (c.oid IS NULL OR {own("pg_class", "c.oid")}) AND (t.oid IS NULL OR {own("pg_type", "t.oid")})""",
    f"""SELECT 'index' AS kind, n.nspname AS schema, t.relname AS "table", c.relname AS name, {OWNER}(c.relowner) AS owner,
      pg_catalog.pg_get_indexdef(c.oid) AS definition, i.indisvalid AS valid, i.indisclustered AS clustered, c.relispartition AS inherited,
      {_comment("pg_class", "c.oid")}
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid {_IN_CLASS.format(of="i.indexrelid")}
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))""",
    f"""SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind, {_RELATION}, pg_catalog.pg_get_viewdef(c.oid) AS definition
      {_CLASS} AND c.relkind IN ('v', 'm')""",
    f"""SELECT 'sequence' AS kind, n.nspname AS schema, c.relname AS name, {OWNER}(c.relowner) AS owner, {_grants("s", "c.relacl", "c.relowner")},
      {_comment("pg_class", "c.oid")}, c.relpersistence = 'u' AS unlogged, s.seqtypid::pg_catalog.regtype::text AS type, s.seqstart AS start,
      s.seqincrement AS increment, s.seqmin AS minimum, s.seqmax AS maximum, s.seqcache AS cache, s.seqcycle AS cycle,
      (SELECT d.refobjid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0) AS "owned by"
      FROM pg_catalog.pg_sequence s {_IN_CLASS.format(of="s.seqrelid")}""",
    f"""SELECT {_FUNCTION_KINDS} AS kind, n.nspname AS schema, p.proname AS name, pg_catalog.pg_get_function_identity_arguments(p.oid) AS args,
      {OWNER}(p.proowner) AS owner, {_grants("f", "p.proacl", "p.proowner")}, {_comment("pg_proc", "p.oid")},
      CASE p.prokind WHEN 'a' THEN (SELECT pg_catalog.concat_ws(', ', 'SFUNC = ' || g.aggtransfn::text, 'STYPE = ' || g.aggtranstype::pg_catalog.regtype::text,
        'FINALFUNC = ' || NULLIF(g.aggfinalfn, 0)::text, 'COMBINEFUNC = ' || NULLIF(g.aggcombinefn, 0)::text,
        'INITCOND = ' || pg_catalog.quote_literal(g.agginitval))
        FROM pg_catalog.pg_aggregate g WHERE g.aggfnoid = p.oid) ELSE pg_catalog.pg_get_functiondef(p.oid) END AS definition
      FROM pg_catalog.pg_proc p {IN_SCHEMA} p.pronamespace WHERE {USER_SCHEMA} AND {own("pg_proc", "p.oid")} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'i')""",
    f"""SELECT 'trigger' AS kind, n.nspname AS schema, c.relname AS "table", t.tgname AS name, {OWNER}(c.relowner) AS owner,
      pg_catalog.pg_get_triggerdef(t.oid) AS definition, t.tgenabled AS enabled, t.tgparentid <> 0 AS inherited, {_comment("pg_trigger", "t.oid")}
      FROM pg_catalog.pg_trigger t {_IN_CLASS.format(of="t.tgrelid")} AND NOT t.tgisinternal""",
    f"""SELECT 'policy' AS kind, n.nspname AS schema, c.relname AS "table", p.polname AS name, {OWNER}(c.relowner) AS owner,
      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
      p.polpermissive AS permissive, {_ROLES.format(of=OWNER, roles="p.polroles")} AS roles,
      pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS "using", pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS "with check",
      {_comment("pg_policy", "p.oid")} FROM pg_catalog.pg_policy p {_IN_CLASS.format(of="p.polrelid")}""",
    f"""SELECT 'rule' AS kind, n.nspname AS schema, c.relname AS "table", r.rulename AS name, {OWNER}(c.relowner) AS owner,
      pg_catalog.pg_get_ruledef(r.oid) AS definition, r.ev_enabled AS enabled, {_comment("pg_rewrite", "r.oid")}
      FROM pg_catalog.pg_rewrite r {_IN_CLASS.format(of="r.ev_class")} AND NOT (r.rulename = '_RETURN' AND r.ev_type = '1')""",
    f"""SELECT {_TYPE_KINDS} AS kind, n.nspname AS schema, t.typname AS name, {OWNER}(t.typowner) AS owner, {_grants("T", "t.typacl", "t.typowner")},
      {_comment("pg_type", "t.oid")}, (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
        AS labels, CASE t.typtype WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS type, t.typnotnull AS "not null",
      pg_catalog.pg_get_expr(t.typdefaultbin, 0) AS "default", (SELECT r.rngsubtype::pg_catalog.regtype::text FROM pg_catalog.pg_range r
        WHERE r.rngtypid = t.oid) AS subtype, t.typtype AS "type kind"
      FROM pg_catalog.pg_type t {IN_SCHEMA} t.typnamespace WHERE {USER_SCHEMA} AND {own("pg_type", "t.oid")} AND (t.typtype IN ('d', 'e', 'r')
        OR (t.typtype = 'b' AND t.typelem = 0) OR (t.typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')))""",
    f"""SELECT 'default privileges' AS kind, {OWNER}(d.defaclrole) AS owner, COALESCE(n.nspname, '') AS schema,
      CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
        ELSE 'LARGE OBJECTS' END AS name, {_grants("r", "d.defaclacl", "d.defaclrole")}
      FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace""",
    f"""SELECT 'database' AS kind, '' AS name, d.datname AS named, {OWNER}(d.datdba) AS owner, {_grants("d", "d.datacl", "d.datdba")},
      (SELECT pg_catalog.json_agg(c ORDER BY c)
        FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c WHERE s.setdatabase = d.oid AND s.setrole = 0) AS settings
      FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()""",
    """SELECT 'role' AS kind, r.rolname AS name, r.rolsuper AS superuser, r.rolinherit AS inherit, r.rolcreaterole AS createrole, r.rolcreatedb AS createdb,
      r.rolcanlogin AS login, r.rolreplication AS replication, r.rolbypassrls AS bypassrls FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_'""",
    """SELECT 'membership' AS kind, g.rolname AS "table", m.rolname AS name, pg_catalog.bool_or(a.admin_option) AS admin,
      pg_catalog.bool_or((pg_catalog.to_jsonb(a) ->> 'inherit_option')::bool) AS inherit,
      pg_catalog.bool_or((pg_catalog.to_jsonb(a) ->> 'set_option')::bool) AS "set"
      FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles g ON g.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
      WHERE m.rolname !~ '^pg_' GROUP BY g.rolname, m.rolname""",
)


def _other(
    catalog: str, owner: str = "NULL", definition: str = "NULL", grants: str = "NULL", where: str = "o.oid >= 16384"
) -> str:
    """Kinds that are told by what pg_identify_object calls them."""
    identity = f"pg_catalog.pg_identify_object('pg_catalog.{catalog}'::pg_catalog.regclass, o.oid, 0)"
    return f"""SELECT i.type AS kind, i.identity AS name, {owner} AS owner, {definition} AS definition, {grants} AS grants, {_comment(catalog, "o.oid")}
      FROM pg_catalog.{catalog} o CROSS JOIN LATERAL {identity} i WHERE {where} AND {own(catalog, "o.oid")}
        AND COALESCE(i.schema, '') NOT IN ('pg_catalog', 'information_schema') AND COALESCE(i.schema, '') !~ '^pg_'"""


def _acl(kind: str, acl: str, owner: str) -> str:
    return _grants(kind, acl, owner).removesuffix(" AS grants")


_OTHERS = (
    _other(
        "pg_cast",
        definition="pg_catalog.concat_ws(' ', NULLIF(o.castfunc, 0)::pg_catalog.regprocedure, o.castcontext, o.castmethod)",
    ),
    _other(
        "pg_collation",
        f"{OWNER}(o.collowner)",
        "pg_catalog.concat_ws(' ', o.collprovider, o.collcollate, o.collisdeterministic)",
    ),
    _other("pg_conversion", f"{OWNER}(o.conowner)"),
    _other("pg_operator", f"{OWNER}(o.oprowner)", "o.oprcode::text"),
    _other("pg_opclass", f"{OWNER}(o.opcowner)"),
    _other("pg_opfamily", f"{OWNER}(o.opfowner)"),
    _other(
        "pg_ts_config",
        f"{OWNER}(o.cfgowner)",
        """(SELECT pg_catalog.string_agg(pg_catalog.concat(m.maptokentype, ':', m.mapdict::pg_catalog.regdictionary),
      ' ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = o.oid)""",
    ),
    _other("pg_ts_dict", f"{OWNER}(o.dictowner)", "o.dictinitoption"),
    _other("pg_foreign_data_wrapper", f"{OWNER}(o.fdwowner)", grants=_acl("F", "o.fdwacl", "o.fdwowner")),
    _other("pg_foreign_server", f"{OWNER}(o.srvowner)", grants=_acl("S", "o.srvacl", "o.srvowner")),
    _other("pg_language", f"{OWNER}(o.lanowner)", grants=_acl("l", "o.lanacl", "o.lanowner")),
    _other(
        "pg_event_trigger",
        f"{OWNER}(o.evtowner)",
        "pg_catalog.concat_ws(' ', o.evtevent, o.evtfoid::pg_catalog.regprocedure, o.evttags, o.evtenabled)",
    ),
    _other(
        "pg_publication",
        f"{OWNER}(o.pubowner)",
        """pg_catalog.concat_ws(' ', o.puballtables, o.pubinsert, o.pubupdate, o.pubdelete, o.pubtruncate,
      (SELECT pg_catalog.string_agg(p.prrelid::pg_catalog.regclass::text, ', ' ORDER BY p.prrelid::pg_catalog.regclass::text)
       FROM pg_catalog.pg_publication_rel p WHERE p.prpubid = o.oid))""",
    ),
    _other("pg_statistic_ext", f"{OWNER}(o.stxowner)", "pg_catalog.pg_get_statisticsobjdef(o.oid)"),
)


def _sql() -> str:
    parts = (f"SELECT pg_catalog.json_agg(q) AS rows FROM ({query}) q" for query in (*_QUERIES, *_OTHERS))
    return f"SELECT pg_catalog.json_agg(p.rows)::text FROM ({' UNION ALL '.join(parts)}) p WHERE p.rows IS NOT NULL"


SQL = _sql()


def read_definitions(connection: Connection) -> tuple[Definition, ...]:
    """Everything in the connection's database; its search_path must be pg_catalog, for names are spelled by it. Raises
    CannotCheck, Lost."""
    return parsed(plain(ask(connection, SQL)[0][0] or "[]"))


def parsed(text: str) -> tuple[Definition, ...]:
    """The query's answer, in the order of kinds and names (columns in theirs)."""
    rows = [row for rows in json.loads(text) for row in rows]
    rows.sort(
        key=lambda row: (
            row["kind"],
            *(str(row.get(k, "")) for k in _KEY[:2]),
            row.get("at", 0),
            row["name"],
            str(row.get("args")),
        )
    )
    return tuple(map(_definition, rows))


def _definition(row: dict[str, Any]) -> Definition:
    name = tuple(row[k] for k in _KEY[:3] if row.get(k) is not None)
    properties = {k: v for k, v in row.items() if k not in (*_KEY, "kind", "owner", "at", "inherited")}
    return Definition(
        row["kind"], name, row.get("args"), properties, row.get("owner") or "", bool(row.get("inherited"))
    )
