"""Members of an extension, in the order in which tools/generate_extensions.py writes their fields."""

from __future__ import annotations

from typing import NamedTuple


class ExtensionSchema(NamedTuple):
    """A schema that the extension creates; ``usage``: PUBLIC may look into it."""

    name: str
    usage: bool = False


class ExtensionType(NamedTuple):
    """A type other than a table's row type or an array."""

    name: str
    schema: str = ""
    typtype: str = "b"
    category: str = "U"
    preferred: bool = False
    base: str = ""
    base_typmod: int = -1
    length: int = 0
    collation: int = 0
    labels: tuple[str, ...] = ()
    elem: str = ""
    subtype: str = ""  # of a range
    multirange: str = ""
    typmod_in: bool = False  # takes a type modifier: geometry(Point, 4326)
    subscript: str = ""  # the subscripting handler
    array: str = ""  # its array type's name
    storage: str = "p"
    not_null: bool = False  # of a domain


class ExtensionFunction(NamedTuple):
    """A routine. ``public``: PUBLIC may execute it."""

    name: str
    schema: str = ""
    kind: str = "f"
    args: tuple[str, ...] = ()
    result: str = ""
    retset: bool = False
    variadic: str = ""
    ndefaults: int = 0
    strict: bool = False
    volatile: str = "v"
    all_args: tuple[str, ...] = ()
    modes: str = ""
    names: tuple[str, ...] = ()
    agg_kind: str = ""
    agg_direct: int = 0
    language: str = "c"
    public: bool = False
    security_definer: bool = False


class ExtensionOperator(NamedTuple):
    """An operator; ``function``, ``commutator`` and ``negator`` by name."""

    name: str
    schema: str = ""
    left: str = ""
    right: str = ""
    result: str = ""
    function: str = ""
    commutator: str = ""
    negator: str = ""
    can_hash: bool = False
    can_merge: bool = False


class ExtensionCast(NamedTuple):
    """A cast."""

    source: str
    target: str = ""
    context: str = "e"
    method: str = "f"
    function: str = ""


class ExtensionOpclass(NamedTuple):
    """An operator class."""

    name: str
    schema: str = ""
    method: str = ""
    input_type: str = ""
    default: bool = False
    key_type: str = ""
    family: str = ""


class FamilyMember(NamedTuple):
    """An operator of an operator family, the extension's own or one that it extends; ``purpose``: s search, o
    ordering."""

    method: str
    family: str = ""
    left: str = ""
    right: str = ""
    strategy: int = 0
    operator: str = ""
    purpose: str = "s"


class ExtensionColumn(NamedTuple):
    """A column."""

    name: str
    type: str = ""
    typmod: int = -1
    notnull: bool = False
    has_default: bool = False
    identity: str = ""


class ExtensionRelation(NamedTuple):
    """A table, view, sequence or composite type. ``privileges``: what PUBLIC may do, words apart."""

    name: str
    schema: str = ""
    relkind: str = "r"
    columns: tuple[ExtensionColumn, ...] = ()
    public_select: bool = False
    privileges: str = ""
    row_security: bool = False


class ExtensionConstraint(NamedTuple):
    """A constraint of one of those tables; ``references``: the table of a foreign key."""

    name: str
    schema: str = ""
    relation: str = ""
    kind: str = ""
    columns: tuple[str, ...] = ()
    references: str = ""


class ExtensionIndex(NamedTuple):
    """An index of one of those tables; expressions are left out of ``columns``."""

    name: str
    schema: str = ""
    relation: str = ""
    unique: bool = False
    primary: bool = False
    columns: tuple[str, ...] = ()


class ExtensionTrigger(NamedTuple):
    """A trigger of one of those tables."""

    name: str
    schema: str = ""
    relation: str = ""
    function: str = ""


class ExtensionMembers(NamedTuple):
    """Everything. ``named``: opfamilies (name, schema, access method), ts_configs, ts_parsers, collations (name,
    schema)."""

    schemas: tuple[ExtensionSchema, ...]
    types: tuple[ExtensionType, ...]
    functions: tuple[ExtensionFunction, ...]
    operators: tuple[ExtensionOperator, ...]
    casts: tuple[ExtensionCast, ...]
    opclasses: tuple[ExtensionOpclass, ...]
    family_operators: tuple[FamilyMember, ...]
    relations: tuple[ExtensionRelation, ...]
    constraints: tuple[ExtensionConstraint, ...]
    indexes: tuple[ExtensionIndex, ...]
    triggers: tuple[ExtensionTrigger, ...]
    named: dict[str, tuple[tuple[str, ...], ...]]
