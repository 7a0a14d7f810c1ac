"""A server's catalog as the simulator's: for tests that compare the binder, and only the binder, with the server."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.initial import initial_catalog
from lockgate.catalog.objects import (
    Attribute,
    Cast,
    Constraint,
    Index,
    Namespace,
    Operator,
    Relation,
    Rewrite,
    Routine,
    Trigger,
    Type,
)

FIRST = 16384


def load(connection: Any, major: int) -> Catalog:
    """User objects with the server's own oids."""
    draft = initial_catalog(major, "postgres", True).draft()

    def rows(query: str) -> list[Any]:
        return list(connection.execute(query).fetchall())

    for oid, name in rows(f"select oid, nspname from pg_namespace where oid >= {FIRST} and nspname !~ '^pg_'"):
        draft.put(Namespace(oid, name, 10))
    for r in rows(
        "select oid, typname, typnamespace, typtype, typcategory, typispreferred, typelem, typarray, typrelid, typbasetype, typtypmod, "
        f"typnotnull, typcollation, typlen, typisdefined from pg_type where oid >= {FIRST} order by oid"
    ):
        labels = (
            tuple(
                label
                for (label,) in rows(f"select enumlabel from pg_enum where enumtypid = {r[0]} order by enumsortorder")
            )
            if r[3] == "e"
            else ()
        )
        subtype, multi = next(
            iter(rows(f"select rngsubtype, rngmultitypid from pg_range where rngtypid = {r[0]}")), (0, 0)
        )
        draft.put(
            Type(
                r[0],
                r[1],
                r[2],
                10,
                r[3],
                r[4],
                r[5],
                r[6],
                r[7],
                r[8],
                r[9],
                r[10],
                r[11],
                labels=labels,
                subtype=subtype,
                multirange=multi,
                collation=r[12],
                length=r[13],
                shell=not r[14],
            )
        )
    for r in rows(
        "select c.oid, relname, relnamespace, relkind, reltype, relpersistence, relispartition, "
        "pg_relation_is_updatable(c.oid, false) & 8 <> 0 and relkind = 'v' and not relhastriggers "
        f"from pg_class c where oid >= {FIRST} and relnamespace <> 99 order by oid"
    ):
        attributes = tuple(
            Attribute(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8])
            for a in rows(
                "select attnum, attname, atttypid, atttypmod, attnotnull, atthasdef and attgenerated = '', attidentity, attgenerated, attcollation "
                f"from pg_attribute where attrelid = {r[0]} and attnum > 0 and not attisdropped order by attnum"
            )
        )
        index = None
        if r[3] in "iI":
            i = rows(
                f"select indrelid, indisunique, indisprimary, indkey::int2[], indnkeyatts, indpred is not null from pg_index where indexrelid = {r[0]}"
            )[0]
            index = Index(i[0], i[1], i[2], keys=tuple(i[3][: i[4]]), partial=i[5])
        parents = tuple(
            p for (p,) in rows(f"select inhparent from pg_inherits where inhrelid = {r[0]} order by inhseqno")
        )
        draft.put(
            Relation(
                r[0],
                r[1],
                r[2],
                r[3],
                10,
                attributes,
                persistence=r[5],
                rowtype=r[4],
                index=index,
                parents=parents,
                updatable=(0,) if r[7] else (),
            )
        )
    for r in rows(
        "select p.oid, proname, pronamespace, prokind, lanname, proargtypes::oid[], prorettype, proallargtypes, proargmodes::text[], proargnames, "
        "pronargdefaults, provariadic, proretset, provolatile, aggkind, aggnumdirectargs "
        f"from pg_proc p join pg_language l on l.oid = prolang left join pg_aggregate a on aggfnoid = p.oid where p.oid >= {FIRST}"
    ):
        args = tuple(r[5] or ())
        all_args = tuple(r[7] or ()) or args
        draft.put(
            Routine(
                r[0],
                r[1],
                r[2],
                10,
                r[3],
                r[4],
                args,
                r[6],
                all_args,
                "".join(r[8] or ["i"] * len(args)),
                tuple(r[9] or ()),
                r[10],
                r[11],
                r[12],
                volatile=r[13],
                agg_kind=r[14] or "",
                agg_direct=r[15] or 0,
            )
        )
    for r in rows(
        f"select oid, oprname, oprnamespace, oprleft, oprright, oprresult, oprcode::oid from pg_operator where oid >= {FIRST}"
    ):
        draft.put(Operator(r[0], r[1], r[2], 10, r[3], r[4], r[5], r[6]))
    for r in rows(
        f"select oid, castsource, casttarget, castcontext, castmethod, castfunc from pg_cast where oid >= {FIRST}"
    ):
        draft.put(Cast(*r))
    for r in rows(
        f"select oid, conname, connamespace, contype, conrelid, contypid, conkey, condeferrable from pg_constraint where oid >= {FIRST}"
    ):
        draft.put(Constraint(r[0], r[1], r[2], r[3], r[4], r[5], tuple(r[6] or ()), deferrable=r[7]))
    for r in rows(
        f"select oid, tgname, tgrelid, tgfoid, tgtype from pg_trigger where oid >= {FIRST} and not tgisinternal"
    ):
        events = "".join(e for bit, e in ((4, "I"), (8, "D"), (16, "U")) if r[4] & bit)
        draft.put(Trigger(r[0], r[1], r[2], r[3], "O" if r[4] & 64 else "A", events))
    for r in rows(
        f"select oid, rulename, ev_class, ev_type, is_instead from pg_rewrite where oid >= {FIRST} and rulename <> '_RETURN'"
    ):
        draft.put(Rewrite(*r))
    return draft.freeze()
