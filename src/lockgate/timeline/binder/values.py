"""What the binder takes and gives: types, columns, variables, expressions, queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from lockgate.catalog.catalog import Address
from lockgate.timeline.failure import Refused

if TYPE_CHECKING:
    from lockgate.timeline.binder.term import Term

NOTHING: frozenset[Address] = frozenset()


class TypeRef(msgspec.Struct, frozen=True):
    """A resolved type name; ``oid`` 0 where it is not known for certain."""

    oid: int
    typmod: int = -1
    setof: bool = False


class Column(msgspec.Struct, frozen=True):
    """A column of a query's result, or a parameter. ``type`` 0 where it is not known for certain."""

    name: str
    type: int
    typmod: int = -1
    collation: int = 0


class Variable(msgspec.Struct, frozen=True):
    """A variable of PL/pgSQL or a named parameter of an SQL function.

    ``fields``: the columns of a record or row variable (PL/pgSQL's PLPGSQL_DTYPE_REC), None for a scalar. ``open``: a
    record whose fields are not known (any field resolves, of unknown type).
    """

    name: str
    type: int
    typmod: int = -1
    collation: int = 0
    fields: tuple[Column, ...] | None = None
    open: bool = False


class VariableBlock(msgspec.Struct, frozen=True):
    """A namespace of variables: a PL/pgSQL block (``label`` may be ""), or an SQL function's parameters (``label`` its
    name)."""

    names: Mapping[str, Variable]
    label: str = ""


class Variables(msgspec.Struct, frozen=True):
    """What surrounds a query: variables (innermost block first) and positional parameters.

    ``conflict`` is plpgsql.variable_conflict: "error", "use_variable" or "use_column"; SQL functions are "use_column"
    (pl_comp.c resolve_column_ref, functions.c sql_fn_post_column_ref). ``positional`` are the types of $1, $2, ...;
    ``inferred``: further ones take any type (PREPARE). ``tables``: transition tables of a trigger (ephemeral named
    relations).
    """

    blocks: tuple[VariableBlock, ...] = ()
    positional: tuple[Column, ...] = ()
    conflict: str = "use_column"
    inferred: bool = False
    tables: Mapping[str, tuple[Column, ...]] = msgspec.field(default_factory=dict)


Params = Variables


class RelationUse(msgspec.Struct, frozen=True):
    """A relation in a query's range table and the privileges that running the query needs on it (RTEPermissionInfo).

    ``privileges`` of SELECT INSERT UPDATE DELETE; the columns are attribute numbers, empty for SELECT where no column
    is named (any column's SELECT then suffices). ``location`` is the parse location of the name; ``defaulted`` are
    columns set to DEFAULT.
    """

    relation: int
    privileges: frozenset[str]
    location: int = 0
    selected: frozenset[int] = frozenset()
    inserted: frozenset[int] = frozenset()
    updated: frozenset[int] = frozenset()
    defaulted: frozenset[int] = frozenset()


class AnalyzedQuery(msgspec.Struct, frozen=True):
    """An analysed query (Query after parse_analyze).

    ``command``: select insert update delete merge. ``columns``: what it returns (RETURNING for DML; empty without).
    ``open``: it may return further or other columns than these (a tainted relation under a star).
    ``depends``: what a view made of it depends on (recordDependencyOnExpr): relations' columns (oid, attnum), whole
    relations (oid, 0), routines, types, operators, collations; user objects only matter, built-in ones may be among
    them. ``uses``: the relations it reads and writes, subqueries included. ``target``: of DML.
    ``updatable``: a view of it is automatically updatable (rewriteHandler.c view_query_is_auto_updatable): see
    Relation.updatable. ``late``: refusals that come when it is rewritten, planned or run, not when it is parsed (428C9,
    42P10, a view that cannot be updated); ``check_uses`` raises the first.
    ``modifies``: it has a data-modifying WITH. ``routines``: every routine it calls, built-in ones included.
    """

    command: str
    columns: tuple[Column, ...] = ()
    depends: frozenset[Address] = NOTHING
    uses: tuple[RelationUse, ...] = ()
    target: int = 0
    open: bool = False
    updatable: tuple[int, ...] = ()
    modifies: bool = False
    locks_rows: bool = False
    temporary: bool = False  # it reads a temporary relation
    routines: frozenset[int] = frozenset()
    volatility: str = "i"  # the worst of its functions: i, s, v
    late: tuple[Refused, ...] = ()

    @property
    def touched(self) -> frozenset[Address]:
        """The relations and columns that it reads and writes."""
        columns = {(use.relation, n) for use in self.uses for n in use.selected | use.inserted | use.updated if n > 0}
        return self.depends | columns | {(use.relation, 0) for use in self.uses}


class Expr(msgspec.Struct, frozen=True):
    """An analysed expression. ``type`` 0: not known for certain; 705 (unknown): an untyped literal.

    ``volatility``: of its functions, the worst: i, s, v ("" where a function is not known). ``columns``: attribute
    numbers of the scope's relation that it reads; ``whole_row``: it reads the whole row. ``depends`` as in Query.
    """

    type: int
    typmod: int = -1
    collation: int = 0
    depends: frozenset[Address] = NOTHING
    volatility: str = "i"
    columns: frozenset[int] = frozenset()
    whole_row: bool = False
    is_const: bool = False
    routines: frozenset[int] = frozenset()
    tree: Term | None = None
    location: int = -1
