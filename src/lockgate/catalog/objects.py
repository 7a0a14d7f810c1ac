"""Catalog objects: frozen values named after PostgreSQL's own catalogs.

Every object has an OID. Built-in objects carry PostgreSQL's own (below 16384, see ``builtin.py``); user objects get
theirs from ``Draft.new_oid``, unique over all kinds, so that ``(oid, attnum)`` is an address and dependencies survive
every rename. ``extension`` is the OID of the extension an object belongs to, 0 for a user's own. ``owner`` is the OID
of a role.
"""

from __future__ import annotations

import msgspec

from lockgate.catalog.details import Details

# An acl is None (the built-in default of its kind, see privileges.py) or items (grantee role oid, 0 for PUBLIC;
# privilege letters; those with grant option; grantor), as aclitem in PostgreSQL's src/include/utils/acl.h.
AclItem = tuple[int, str, str, int]
Acl = tuple[AclItem, ...] | None

FIRST_USER_OID = 16384
PUBLIC_NAMESPACE = 2200
PG_CATALOG = 11
INFORMATION_SCHEMA = 13000  # not stable on real servers; fixed here
BOOTSTRAP_SUPERUSER = 10
DATABASE_OWNER_ROLE = 6171  # pg_database_owner


class Role(msgspec.Struct, frozen=True):
    """A role (pg_authid). ``settings`` is ALTER ROLE ... SET."""

    oid: int
    name: str
    superuser: bool = False
    inherit: bool = True
    createrole: bool = False
    createdb: bool = False
    login: bool = False
    replication: bool = False
    bypassrls: bool = False
    settings: tuple[tuple[str, str], ...] = ()


class Membership(msgspec.Struct, frozen=True):
    """A row of pg_auth_members: ``member`` belongs to ``role``."""

    role: int
    member: int
    grantor: int
    admin: bool = False
    inherit: bool = True  # 16 and later: per grant; before, the member's INHERIT attribute decides
    set: bool = True


class Namespace(msgspec.Struct, frozen=True):
    """A schema (pg_namespace)."""

    oid: int
    name: str
    owner: int
    acl: Acl = None
    extension: int = 0


class Attribute(msgspec.Struct, frozen=True):
    """A column (pg_attribute). ``num`` never changes and is never reused; a dropped column leaves the tuple."""

    num: int
    name: str
    type: int  # 0: not known for certain
    typmod: int = -1
    notnull: bool = False
    has_default: bool = False  # a default, not a generated expression
    identity: str = ""  # 'a', 'd'
    generated: str = ""  # 's', 'v'
    collation: int = 0
    is_local: bool = True
    inherited: int = 0  # attinhcount
    acl: Acl = None


class Index(msgspec.Struct, frozen=True):
    """pg_index. ``keys`` are attribute numbers, 0 for an expression; ``included`` those of INCLUDE."""

    relation: int
    unique: bool = False
    primary: bool = False
    exclusion: bool = False
    immediate: bool = True
    valid: bool = True
    method: str = "btree"
    keys: tuple[int, ...] = ()
    included: tuple[int, ...] = ()
    partial: bool = False
    constraint: int = 0
    nulls_not_distinct: bool = False
    plain: bool = (
        True  # default ordering, operator classes and collations on every key: fit for ADD CONSTRAINT USING INDEX
    )
    # a normal form of its expressions, operator classes, orderings and predicate, to compare partitions' indexes
    definition: str = ""
    replica: bool = False  # REPLICA IDENTITY USING INDEX
    clustered: bool = False


class Sequence(msgspec.Struct, frozen=True):
    """pg_sequence and its owner column (``owned``: relation, attnum; internal for identity)."""

    type: int = 20
    owned: tuple[int, int] | None = None
    identity: bool = False


class Partitioning(msgspec.Struct, frozen=True):
    """pg_partitioned_table: ``keys`` are attribute numbers, 0 for an expression (``expression_columns`` then tells its
    columns)."""

    strategy: str  # 'r', 'l', 'h'
    keys: tuple[int, ...]
    expression_columns: tuple[int, ...] = ()


class Relation(msgspec.Struct, frozen=True):
    """A table, partitioned table, foreign table, view, materialized view, sequence, index or composite type (pg_class).

    ``kind`` is relkind: r p f v m S i I c. ``parents`` are the relations it inherits from or is a partition of, in
    order.
    """

    oid: int
    name: str
    namespace: int
    kind: str
    owner: int
    attributes: tuple[Attribute, ...] = ()
    next_attnum: int = 1
    persistence: str = "p"  # 'p' permanent, 'u' unlogged, 't' temporary
    acl: Acl = None
    rowtype: int = 0  # its composite type's oid
    of_type: int = 0
    rls: bool = False
    force_rls: bool = False
    parents: tuple[int, ...] = ()
    is_partition: bool = False
    default_partition: bool = False
    partitioning: Partitioning | None = None
    index: Index | None = None
    sequence: Sequence | None = None
    options: tuple[tuple[str, str], ...] = ()  # reloptions: security_invoker, security_barrier, ...
    populated: bool = True
    server: int = 0  # foreign server of a foreign table
    replica_identity: str = "d"
    updatable: tuple[
        int, ...
    ] = ()  # an automatically updatable view: the relation behind it, then for each column its attnum there (0: none)
    on_commit: str = ""  # 'd' DROP, 'r' DELETE ROWS, for temporary tables
    extension: int = 0

    def attribute(self, name: str) -> Attribute | None:
        """The column of that name."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        return None

    def attribute_by_num(self, num: int) -> Attribute | None:
        """The column of that attribute number."""
        for attribute in self.attributes:
            if attribute.num == num:
                return attribute
        return None


class Constraint(msgspec.Struct, frozen=True):
    """pg_constraint. ``kind``: p u f c x n t. On a table (``relation``) or a domain (``type``)."""

    oid: int
    name: str
    namespace: int
    kind: str
    relation: int = 0
    type: int = 0
    keys: tuple[int, ...] = ()
    foreign: int = 0  # referenced relation
    foreign_keys: tuple[int, ...] = ()
    index: int = 0  # the index that enforces it (p u x), or the referenced unique index (f)
    validated: bool = True
    deferrable: bool = False
    deferred: bool = False
    no_inherit: bool = False
    is_local: bool = True
    inherited: int = 0  # coninhcount
    parent: int = 0  # conparentid: the constraint on the partitioned table
    on_delete: str = "a"
    on_update: str = "a"
    expression: str = ""  # a normal form of a CHECK, to compare inherited ones
    enforced: bool = True  # 18: NOT ENFORCED


class Type(msgspec.Struct, frozen=True):
    """pg_type. ``kind`` is typtype: b c d e p r m; ``category`` typcategory."""

    oid: int
    name: str
    namespace: int
    owner: int
    kind: str
    category: str = "U"
    preferred: bool = False
    elem: int = 0
    array: int = 0
    relation: int = 0  # of a composite type
    base: int = 0  # of a domain
    base_typmod: int = -1
    notnull: bool = False
    has_default: bool = False
    default_volatility: str = ""  # of a domain's default: i s v; "" where there is none, or it is not known
    labels: tuple[str, ...] = ()
    fresh_labels: tuple[str, ...] = ()  # added in the open transaction: not usable yet (55P04)
    subtype: int = 0  # of a range
    multirange: int = 0
    collation: int = 0
    length: int = -1
    acl: Acl = None
    shell: bool = False  # typisdefined = false
    extension: int = 0


class RoutineBody(msgspec.Struct, frozen=True):
    """What a routine runs: the text between the quotes (or BEGIN ATOMIC's own) and where it stands."""

    text: str
    source: object | None = None  # text.Source of the file
    start: int = 0  # character offset of ``text`` in the source; -1 where escapes make places unknowable
    atomic: bool = False
    tree: object | None = None  # sql_body node of BEGIN ATOMIC / RETURN
    statement: object | None = None  # parse.Statement that made it


class Routine(msgspec.Struct, frozen=True):
    """A function, procedure, aggregate or window function (pg_proc). ``kind``: f p a w.

    ``args`` are the input argument types (proargtypes), ``all_args``/``modes``/``names`` as in pg_proc (all arguments;
    modes i o b v t).
    """

    oid: int
    name: str
    namespace: int
    owner: int
    kind: str
    language: str
    args: tuple[int, ...]
    result: int  # 0: not known; VOID is 2278
    all_args: tuple[int, ...] = ()
    modes: str = ""  # one letter for each of all_args
    names: tuple[str, ...] = ()  # for all_args, "" where unnamed
    defaults: int = 0  # how many trailing input arguments have one
    variadic: int = 0
    retset: bool = False
    strict: bool = False
    volatile: str = "v"
    security_definer: bool = False
    config: tuple[tuple[str, str], ...] = ()
    acl: Acl = None
    body: RoutineBody | None = None
    agg_kind: str = ""
    agg_direct: int = 0
    extension: int = 0


class Trigger(msgspec.Struct, frozen=True):
    """pg_trigger; ``events`` of I U D T, ``timing`` of B A O (before, after, instead of)."""

    oid: int
    name: str
    relation: int
    function: int
    timing: str = "A"
    events: str = ""
    row: bool = False
    columns: tuple[int, ...] = ()  # UPDATE OF
    enabled: str = "O"
    constraint: int = 0
    parent: int = 0
    internal: bool = False
    conditional: bool = False  # WHEN
    old_table: str = ""
    new_table: str = ""
    whole: bool = False  # its WHEN reads the whole of NEW, before the row is stored


class Clause(msgspec.Struct, frozen=True):
    """USING or WITH CHECK of a policy: whether it has subqueries, and the relations that they certainly name."""

    subqueries: bool = False
    asks: tuple[int, ...] = ()


class Policy(msgspec.Struct, frozen=True):
    """pg_policy; ``command``: r a w d *. ``using``, ``check``: None without such a clause."""

    oid: int
    name: str
    relation: int
    command: str = "*"
    permissive: bool = True
    roles: tuple[int, ...] = (0,)
    using: Clause | None = None
    check: Clause | None = None


class Rewrite(msgspec.Struct, frozen=True):
    """A rewrite rule (pg_rewrite); views' own _RETURN rules are not kept, their dependencies hang on the view
    itself."""

    oid: int
    name: str
    relation: int
    event: str
    instead: bool
    returning: bool = False  # one of its actions has a RETURNING list
    nothing: bool = False  # it has no actions
    silent: bool = False  # in place of the query it runs none: DO INSTEAD NOTHING or NOTIFY, without a condition
    enabled: str = "O"
    needs: tuple[
        tuple[int, tuple[tuple[str, tuple[int, ...] | None], ...]], ...
    ] = ()  # of its actions: relations, with privileges and columns


class Operator(msgspec.Struct, frozen=True):
    """pg_operator."""

    oid: int
    name: str
    namespace: int
    owner: int
    left: int
    right: int
    result: int
    function: int = 0
    extension: int = 0


class Cast(msgspec.Struct, frozen=True):
    """pg_cast; ``context``: i a e; ``method``: f i b."""

    oid: int
    source: int
    target: int
    context: str
    method: str
    function: int = 0
    extension: int = 0


class Extension(msgspec.Struct, frozen=True):
    """pg_extension. ``known`` is False where we cannot tell what it brings: names may then come from it."""

    oid: int
    name: str
    namespace: int
    owner: int
    version: str = ""
    known: bool = True


class Other(msgspec.Struct, frozen=True):
    """An object of a kind that needs no more than its name: ``kind`` is PostgreSQL's word for it.

    opclass, opfamily, collation, conversion, language, event_trigger, foreign_server, fdw, user_mapping, publication,
    subscription, statistics, access_method, ts_config, ts_dict, ts_parser, ts_template, transform, tablespace,
    database, large_object, default, ... ``namespace`` is 0 where the kind has none, ``details`` what it has beside.
    """

    oid: int
    kind: str
    name: str
    namespace: int
    owner: int
    relation: int = 0
    acl: Acl = None
    details: Details = None
    extension: int = 0


Object = (
    Role
    | Namespace
    | Relation
    | Constraint
    | Type
    | Routine
    | Trigger
    | Policy
    | Rewrite
    | Operator
    | Cast
    | Extension
    | Other
)
