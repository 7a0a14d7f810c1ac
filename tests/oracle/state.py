"""What a catalog holds beyond the contract's export: owners, privileges, memberships, comments, flags; of the server
and of the simulator, alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lockgate.catalog.acl import NAMES, default_acl
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import (
    FIRST_USER_OID,
    Acl,
    Constraint,
    Extension,
    Membership,
    Namespace,
    Object,
    Operator,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name
from lockgate.oracle.server.wire import Connection
from lockgate.timeline.describe import OTHER_WORDS
from lockgate.timeline.export import identity_arguments
from lockgate.timeline.privileges.may import CURRENT_DATABASE

Facts = frozenset[tuple[str, ...]]
_SCHEMAS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
_MEMBERS_OF_EXTENSIONS = """with part as materialized
  (select classid, objid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e')"""
_MEMBER = "select x.objid from part x where x.classid = '{}'::regclass"
# what a user makes has an oid from FirstNormalObjectId on (transam.h): an index leads there, past all that initdb made
_OWN_CLASS = (
    f"c.oid >= 16384 and c.oid not in ({_MEMBER.format('pg_class')}) and c.reltype not in ({_MEMBER.format('pg_type')})"
)
_OWN_PROC = f"p.oid >= 16384 and p.oid not in ({_MEMBER.format('pg_proc')})"
_OWN_TYPE = f"t.oid >= 16384 and t.oid not in ({_MEMBER.format('pg_type')})"
_EXPLODED = """case e.grantee when 0 then 'public' else pg_get_userbyid(e.grantee) end, e.privilege_type, e.is_grantable::text,
    pg_get_userbyid(e.grantor)"""
# kinds that are told by owner, and by their acl where they have one: catalog, column of the name, prefix of the
# columns, acldefault's letter
_KINDS = {
    "collation": ("pg_collation", "collname", "coll", ""),
    "conversion": ("pg_conversion", "conname", "con", ""),
    "event_trigger": ("pg_event_trigger", "evtname", "evt", ""),
    "fdw": ("pg_foreign_data_wrapper", "fdwname", "fdw", "F"),
    "foreign_server": ("pg_foreign_server", "srvname", "srv", "S"),
    "language": ("pg_language", "lanname", "lan", "l"),
    "large_object": ("pg_largeobject_metadata", "oid::text", "lom", "L"),
    "operator": ("pg_operator", "oprname", "opr", ""),
    "opclass": ("pg_opclass", "opcname", "opc", ""),
    "opfamily": ("pg_opfamily", "opfname", "opf", ""),
    "publication": ("pg_publication", "pubname", "pub", ""),
    "statistics": ("pg_statistic_ext", "stxname", "stx", ""),
    "subscription": ("pg_subscription", "subname", "sub", ""),
    "tablespace": ("pg_tablespace", "spcname", "spc", "t"),
    "ts_config": ("pg_ts_config", "cfgname", "cfg", ""),
    "ts_dict": ("pg_ts_dict", "dictname", "dict", ""),
    "extension": ("pg_extension", "extname", "ext", ""),
}


def _owners() -> str:
    texts = [
        f"select 'owner', '{kind}', {name}, pg_get_userbyid({prefix}owner) from {catalog} k where oid >= 16384 and oid not in ({_MEMBER.format(catalog)})"
        for kind, (catalog, name, prefix, _) in _KINDS.items()
    ]
    return ";\n".join(
        (
            *texts,
            "select 'owner', 'database', '', pg_get_userbyid(datdba) from pg_database where datname = current_database()",
        )
    )


def _acls() -> str:
    texts = [
        f"select '{kind} acl', {name}, {_EXPLODED} from {catalog}, aclexplode(coalesce({prefix}acl, acldefault('{letter}', {prefix}owner))) e where true"
        for kind, (catalog, name, prefix, letter) in _KINDS.items()
        if letter
    ]
    return ";\n".join(
        (
            *texts,
            f"""select 'parameter acl', parname, {_EXPLODED} from pg_parameter_acl, aclexplode(paracl) e;
select 'database acl', '', {_EXPLODED} from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) e where datname = current_database()""",
        )
    )


# a column list each: kind, name, facts
_SERVER = f"""
select 'acl', c.relname, {_EXPLODED} from pg_class c join pg_namespace n on n.oid = relnamespace,
  aclexplode(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) e
  where relkind in ('r','p','v','m','S','f') and {_SCHEMAS} and {_OWN_CLASS};
select 'column acl', c.relname || '.' || attname, {_EXPLODED} from pg_attribute join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace,
  aclexplode(attacl) e where attrelid >= 16384 and attnum > 0 and not attisdropped and {_SCHEMAS} and {_OWN_CLASS};
select 'function acl', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', {_EXPLODED} from pg_proc p join pg_namespace n on n.oid = pronamespace,
  aclexplode(coalesce(proacl, acldefault('f', proowner))) e where {_SCHEMAS} and {_OWN_PROC};
select 'type acl', t.typname, {_EXPLODED} from pg_type t join pg_namespace n on n.oid = typnamespace, aclexplode(coalesce(typacl, acldefault('T', typowner))) e
  where {_SCHEMAS} and {_OWN_TYPE}
  and (typtype in ('e', 'd', 'r') or typrelid in (select oid from pg_class where relkind = 'c'));
select 'schema acl', n.nspname, {_EXPLODED} from pg_namespace n, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) e where {_SCHEMAS};
select 'default acl', pg_get_userbyid(defaclrole), coalesce((select nspname from pg_namespace n where n.oid = defaclnamespace), ''), defaclobjtype::text, {_EXPLODED}
  from pg_default_acl, aclexplode(defaclacl) e;
select 'type owner', t.typname, pg_get_userbyid(typowner) from pg_type t join pg_namespace n on n.oid = typnamespace where {_SCHEMAS} and {_OWN_TYPE}
  and (typtype in ('e', 'd', 'r') or typrelid in (select oid from pg_class where relkind = 'c'));
select 'role', rolname, rolsuper::text, rolinherit::text, rolcreaterole::text, rolcreatedb::text, rolcanlogin::text, rolbypassrls::text from pg_roles
  where rolname !~ '^pg_';
select 'comment', coalesce((pg_identify_object(classoid, objoid, objsubid)).type, ''),
  coalesce((pg_identify_object(classoid, objoid, objsubid)).name, ''), description
  from pg_description d where (objoid >= 16384 or objoid = 2200) and classoid <> 'pg_extension'::regclass
  and description <> 'standard public schema';
select 'comment', 'role', rolname, description from pg_shdescription d join pg_authid on objoid = pg_authid.oid where classoid = 'pg_authid'::regclass;
select 'constraint', c.relname, conname, conislocal::text, coninhcount::text, convalidated::text, condeferrable::text, condeferred::text,
  contype::text || case when contype = 'f' then confupdtype::text || confdeltype::text else '' end
  from pg_constraint join pg_class c on c.oid = conrelid join pg_namespace n on n.oid = relnamespace where {_SCHEMAS} and {_OWN_CLASS} and contype <> 't';
select 'domain', t.typname, format_type(typbasetype, typtypmod), typnotnull::text, (typdefault is not null)::text,
  (select count(*)::text from pg_constraint where contypid = t.oid and contype = 'c')
  from pg_type t join pg_namespace n on n.oid = typnamespace where {_SCHEMAS} and {_OWN_TYPE} and typtype = 'd';
select 'column', c.relname, attname, attislocal::text, attinhcount::text, attgenerated::text, attcollation::text
  from pg_attribute join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
  where attrelid >= 16384 and attnum > 0 and not attisdropped and relkind in ('r', 'p', 'v', 'm') and {_SCHEMAS} and {_OWN_CLASS};
select 'index', c.relname, t.relname, indisprimary::text, indisunique::text, indimmediate::text, c.relkind::text, am.amname, indkey::text, c.relispartition::text
  from pg_index join pg_class c on c.oid = indexrelid join pg_class t on t.oid = indrelid join pg_am am on am.oid = c.relam
  join pg_namespace n on n.oid = c.relnamespace where {_SCHEMAS} and {_OWN_CLASS};
select 'table', c.relname, relpersistence::text, relispartition::text, relrowsecurity::text, relforcerowsecurity::text, relreplident::text,
  coalesce((select string_agg(p.relname, ' ' order by inhseqno) from pg_inherits join pg_class p on p.oid = inhparent where inhrelid = c.oid), '')
  from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'p') and {_SCHEMAS} and {_OWN_CLASS};
select 'function', p.proname, pg_get_function_identity_arguments(p.oid), lanname, provolatile::text, proisstrict::text, prosecdef::text, proretset::text,
  format_type(prorettype, null), pronargdefaults::text, coalesce(array_length(proconfig, 1), 0)::text
  from pg_proc p join pg_language l on l.oid = prolang join pg_namespace n on n.oid = pronamespace where {_SCHEMAS} and {_OWN_PROC};
select 'trigger', c.relname, tgname, p.proname, tgtype::text, tgenabled::text from pg_trigger join pg_class c on c.oid = tgrelid
  join pg_proc p on p.oid = tgfoid join pg_namespace n on n.oid = relnamespace where not tgisinternal and {_SCHEMAS} and {_OWN_CLASS};
select 'policy', c.relname, polname, polcmd::text, polpermissive::text,
  array_to_string(array(select case r when 0 then 'public' else pg_get_userbyid(r) end from unnest(polroles) r order by 1), ' ')
  from pg_policy join pg_class c on c.oid = polrelid join pg_namespace n on n.oid = relnamespace where {_SCHEMAS} and {_OWN_CLASS};
select 'rule', c.relname, rulename, ev_type::text, is_instead::text from pg_rewrite join pg_class c on c.oid = ev_class
  join pg_namespace n on n.oid = relnamespace where rulename <> '_RETURN' and {_SCHEMAS} and {_OWN_CLASS};
{_owners()};
{_acls()};
select 'statistics', stxname, c.relname from pg_statistic_ext join pg_class c on c.oid = stxrelid join pg_namespace n on n.oid = stxnamespace where {_SCHEMAS};
select 'owned', s.relname, c.relname || '.' || attname, deptype::text from pg_depend d join pg_class s on s.oid = d.objid join pg_class c on c.oid = d.refobjid
  join pg_attribute on attrelid = c.oid and attnum = refobjsubid join pg_namespace n on n.oid = s.relnamespace
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and s.relkind = 'S' and deptype in ('a', 'i') and {_SCHEMAS} and {_OWN_CLASS}"""
_MEMBERS = """select 'member', pg_get_userbyid(roleid), pg_get_userbyid(member),
  case when exists (select from pg_authid a where a.oid = grantor) then pg_get_userbyid(grantor) else '?' end, admin_option::text{more}
  from pg_auth_members where true"""


_EVENTS = {"select": 1, "update": 2, "insert": 3, "delete": 4}


def prepare(major: int) -> str:
    """The statement that ``real`` executes: planning it is most of the work, so a session does it once."""
    members = _MEMBERS.format(more=", inherit_option::text, set_option::text" if major >= 16 else "")
    parts = " union all ".join(map(_as_array, (*_SERVER.split(";\n"), members)))
    return f"prepare lockgate_facts as {_MEMBERS_OF_EXTENSIONS} select json_agg(f) from ({parts}) q"


def _as_array(sql: str) -> str:
    """The columns of a query as one array."""
    sql, depth = " ".join(sql.split()), 0
    for at, letter in enumerate(sql):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if not depth and sql.startswith(" from ", at):
            return f"select array[{sql[len('select ') : at]}]::text[] as f{sql[at:]}"
    raise AssertionError(sql)


def real(connection: Connection) -> Facts:
    """The server's facts; the connection's search_path must be pg_catalog, and ``prepare``'s statement must be
    there."""
    reply = connection.query("execute lockgate_facts")
    assert reply.failure is None, reply.failure
    return frozenset(tuple(v or "" for v in row) for row in json.loads(reply.rows[0][0] or "[]"))


def ours(catalog: Catalog) -> Facts:
    """The simulator's."""
    return frozenset(tuple(map(_text, fact)) for fact in _all(catalog))


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _all(catalog: Catalog) -> Iterator[tuple[object, ...]]:
    for obj in catalog.every():
        space = getattr(obj, "namespace", 0)
        holder = catalog.find(Relation, getattr(obj, "relation", 0))
        temporary = holder is not None and holder.persistence == "t" and getattr(obj, "kind", "") != "statistics"
        if getattr(obj, "extension", 0) or temporary or catalog.namespace_name(space).startswith("pg_"):
            continue
        yield from _facts(catalog, obj)
    yield from (_member(catalog, member) for member in catalog.memberships)
    yield "owner", "database", "", catalog.role_name(catalog.database_owner)
    for kind, name, obj in _untouched(catalog):
        yield from _acl(catalog, kind, f"{kind} acl", name, obj)
    for (role, space, kind), items in catalog.default_acls.items():
        letter = {"table": "r", "sequence": "S", "function": "f", "type": "T", "schema": "n", "large_object": "L"}[kind]
        for row in _exploded(catalog, items):
            yield "default acl", catalog.role_name(role), catalog.namespace_name(space) if space else "", letter, *row
    yield from _comments(catalog)


def _member(catalog: Catalog, m: Membership) -> tuple[object, ...]:
    grantor = (
        catalog.role_name(m.grantor) if catalog.get(m.grantor) is not None else "?"
    )  # before 16, one that was dropped stays
    names = (catalog.role_name(m.role), catalog.role_name(m.member), grantor, m.admin)
    return "member", *names, *((m.inherit, m.set) if catalog.major >= 16 else ())


def _exploded(catalog: Catalog, items: Acl) -> Iterator[tuple[object, ...]]:
    for grantee, letters, options, grantor in items or ():
        for letter in letters:
            yield catalog.role_name(grantee), NAMES[letter], letter in options, catalog.role_name(grantor)


def _acl(
    catalog: Catalog, kind: str, what: str, name: str, obj: Namespace | Relation | Routine | Type | Other
) -> Iterator[tuple[object, ...]]:
    for row in _exploded(catalog, obj.acl if obj.acl is not None else default_acl(kind, obj.owner, catalog.major)):
        yield what, name, *row


def _facts(catalog: Catalog, obj: Object) -> Iterator[tuple[object, ...]]:
    match obj:
        case Role() if not obj.name.startswith("pg_"):
            yield "role", obj.name, obj.superuser, obj.inherit, obj.createrole, obj.createdb, obj.login, obj.bypassrls
        case Namespace() if not obj.name.startswith("pg_"):
            yield from _acl(catalog, "schema", "schema acl", obj.name, obj)
        case Relation():
            yield from _relation(catalog, obj)
        case Constraint() if obj.relation:
            table = catalog.the(Relation, obj.relation)
            kind = obj.kind + (obj.on_update + obj.on_delete if obj.kind == "f" else "")
            yield (
                "constraint",
                table.name,
                obj.name,
                obj.is_local,
                obj.inherited,
                obj.validated,
                obj.deferrable,
                obj.deferred,
                kind,
            )
        case Type() if obj.kind in "edrc" and (not obj.relation or catalog.the(Relation, obj.relation).kind == "c"):
            yield "type owner", obj.name, catalog.role_name(obj.owner)
            yield from _acl(catalog, "type", "type acl", obj.name, obj)
            if obj.kind == "d":
                checks = sum(1 for c in catalog.objects(Constraint) if c.type == obj.oid and c.kind == "c")
                yield (
                    "domain",
                    obj.name,
                    type_name(catalog, obj.base, obj.base_typmod),
                    obj.notnull,
                    obj.has_default,
                    checks,
                )
        case Routine():
            yield from _routine(catalog, obj)
        case Trigger() if not obj.internal:
            bits = sum(bit for letter, bit in (("I", 4), ("D", 8), ("U", 16), ("T", 32)) if letter in obj.events)
            bits += obj.row + {"B": 2, "A": 0, "O": 64}[obj.timing]
            function = catalog.find(Routine, obj.function)
            yield (
                "trigger",
                catalog.the(Relation, obj.relation).name,
                obj.name,
                function.name if function else "?",
                bits,
                obj.enabled,
            )
        case Policy():
            roles = " ".join(sorted(catalog.role_name(r) for r in obj.roles))
            yield "policy", catalog.the(Relation, obj.relation).name, obj.name, obj.command, obj.permissive, roles
        case Rewrite():
            yield (
                "rule",
                catalog.the(Relation, obj.relation).name,
                obj.name,
                _EVENTS.get(obj.event, obj.event),
                obj.instead,
            )
        case Operator():
            yield "owner", "operator", obj.name, catalog.role_name(obj.owner)
        case Extension() if obj.oid >= FIRST_USER_OID:
            yield "owner", "extension", obj.name, catalog.role_name(obj.owner)
        case Other():
            yield from _other(catalog, obj)


def _other(catalog: Catalog, obj: Other) -> Iterator[tuple[object, ...]]:
    if obj.kind in _KINDS and obj.oid >= FIRST_USER_OID:
        yield "owner", obj.kind, obj.name, catalog.role_name(obj.owner)
    if obj.kind == "database" and obj.oid == CURRENT_DATABASE:
        yield from _acl(catalog, "database", "database acl", "", obj)
    if obj.kind in ("parameter", *(kind for kind, (*_, letter) in _KINDS.items() if letter)):
        yield from _acl(catalog, obj.kind, f"{obj.kind} acl", obj.name, obj)
    if obj.kind == "statistics":
        yield "statistics", obj.name, catalog.the(Relation, obj.relation).name


def _untouched(catalog: Catalog) -> Iterator[tuple[str, str, Other]]:
    """What is there from the start, as long as nobody has granted anything on it."""
    for kind, name in (
        ("database", ""),
        ("tablespace", "pg_default"),
        ("tablespace", "pg_global"),
        *(("language", name) for name in ("internal", "c", "sql", "plpgsql")),
    ):
        if not any(o.kind == kind and (o.name == name or o.oid == CURRENT_DATABASE) for o in catalog.objects(Other)):
            yield kind, name, Other(0, kind, name, 0, catalog.database_owner if kind == "database" else 10)


def _routine(catalog: Catalog, obj: Routine) -> Iterator[tuple[object, ...]]:
    arguments = identity_arguments(catalog, obj)
    yield from _acl(catalog, "function", "function acl", f"{obj.name}({arguments})", obj)
    result = (
        re.sub(r"^pg_temp_\d+\.", "", type_name(catalog, obj.result)) if obj.result else "-"
    )  # the session sees its own
    yield (
        "function",
        obj.name,
        arguments,
        obj.language,
        obj.volatile,
        obj.strict,
        obj.security_definer,
        obj.retset,
        result,
        obj.defaults,
        len(obj.config),
    )


def _relation(catalog: Catalog, obj: Relation) -> Iterator[tuple[object, ...]]:
    if obj.kind in "rpvmSf":
        yield from _acl(catalog, "sequence" if obj.kind == "S" else "table", "acl", obj.name, obj)
    for a in obj.attributes if obj.kind in "rpvm" else ():
        yield "column", obj.name, a.name, a.is_local, a.inherited, a.generated, a.collation
    for a in obj.attributes if obj.kind in "rpvmSf" else ():
        for row in _exploded(catalog, a.acl):
            yield "column acl", f"{obj.name}.{a.name}", *row
    if obj.kind in "rp":
        parents = " ".join(catalog.the(Relation, p).name for p in obj.parents)
        yield (
            "table",
            obj.name,
            obj.persistence,
            obj.is_partition,
            obj.rls,
            obj.force_rls,
            obj.replica_identity,
            parents,
        )
    if obj.index is not None:
        i, table = obj.index, catalog.the(Relation, obj.index.relation)
        yield (
            "index",
            obj.name,
            table.name,
            i.primary,
            i.unique,
            i.immediate,
            obj.kind,
            i.method,
            " ".join(map(str, (*i.keys, *i.included))),
            obj.is_partition,
        )
    if obj.sequence is not None and obj.sequence.owned is not None:
        table = catalog.the(Relation, obj.sequence.owned[0])
        column = table.attribute_by_num(obj.sequence.owned[1])
        yield "owned", obj.name, f"{table.name}.{column.name if column else '?'}", "i" if obj.sequence.identity else "a"


def _comments(catalog: Catalog) -> Iterator[tuple[object, ...]]:
    for (oid, number), text in catalog.comments.items():
        obj = catalog.get(oid)
        if not isinstance(obj, Extension):  # its control file brings one
            yield "comment", _kind(obj, number), _comment_name(obj, number), text


def _kind(obj: Object | None, number: int) -> str:
    match obj:
        case Relation():
            word = {
                "r": "table",
                "p": "table",
                "v": "view",
                "m": "materialized view",
                "S": "sequence",
                "i": "index",
                "I": "index",
                "c": "composite type",
            }[obj.kind]
            return f"{word} column" if number else word
        case Constraint():
            return "table constraint" if obj.relation else "domain constraint"
        case Namespace():
            return "schema"
        case Routine():
            return {"f": "function", "p": "procedure", "a": "aggregate"}.get(obj.kind, "function")
        case Other():
            return OTHER_WORDS.get(obj.kind, obj.kind)
    return type(obj).__name__.lower()


def _comment_name(obj: Object | None, number: int) -> str:
    # pg_identify_object names what can be named by a schema and a name of its own
    if getattr(obj, "kind", "") == "large_object":
        return ""
    return str(getattr(obj, "name", "")) if isinstance(obj, Relation | Namespace | Type | Other | Role) else ""
