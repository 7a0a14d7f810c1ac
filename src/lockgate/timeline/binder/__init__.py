"""The binder: every reference in a statement, resolved as PostgreSQL resolves it (parse_*.c, namespace.c, analyze.c).

The functions exported here are what transitions and routines call; all refuse (``Refused``) where PostgreSQL refuses,
and raise ``Unsure`` or go on with type 0 where the catalog is tainted. Their signatures::

    # types.py, names.py
    resolve_type(ctx, node: TypeName, *, missing_ok=False, shell_ok=False) -> TypeRef        # 42704; TypeRef(0) where
    not certain find_type(ctx, names: list, location) -> Type | BuiltinType | None                       # a user type
    or built-in one by its name list (ALTER TYPE x) words(names: list) -> list[str]
    # [{"String": {"sval": "a"}}, ...] -> ["a", ...] find_namespace(ctx, name, location=None, *, missing_ok=False) ->
    Namespace               # 3F000, and USAGE creation_target(ctx, rangevar) -> Namespace
    # 3F000, 42P16; CREATE privilege is the caller's find_relation(ctx, rangevar, *, missing_ok=False) -> Relation |
    BuiltinRelation | None   # 42P01, 3F000, 0A000 find_relation_names(ctx, names: list, location=None, *,
    missing_ok=False)                # the same for a name list (DROP TABLE a.b) rel_name(rangevar) -> str
    # as messages spell it: schema.name find_routine(ctx, objwithargs, kinds="fpaw", *, missing_ok=False) -> Routine |
    BuiltinFunction | None   # 42883, 42725, 42809 find_function(ctx, names: list, argtypes: tuple[int, ...],
    location=None)                # LookupFuncName (trigger functions, ...) find_support(ctx, names: list, types:
    tuple[int, ...], location=None)                    # lookup_agg_function find_operator(ctx, objwithargs, *,
    missing_ok=False) -> Operator | BuiltinOperator | None   # LookupOperWithArgs: 42883 find_collation(ctx, names:
    list, location=None, *, missing_ok=False) -> int              # 42704 # api.py
    analyze_query(ctx, tag, node, *, variables: Variables | None = None, scope: Scope | None = None) -> Query
    analyze_expression(ctx, node, scope, kind, *, variables=None) -> Expr
    coerce(ctx, expr, type, typmod, context, location=None, message="") -> Expr              # 42804 with ``message``
    boolean(ctx, expr, what) -> Expr                                                         # 42804 argument of WHERE
    must be type boolean relation_scope(ctx, relation, alias=None, *, qualified_only=False) -> Scope              #
    scopes add: relation_scope(old) + relation_scope(new) empty_scope() -> Scope;  value_scope(type, typmod, collation)
    -> Scope                   # VALUE of a domain's CHECK check_rewriting(ctx, query) -> None
    # QueryRewrite: 42P17, 55000, 428C9 check_uses(ctx, query) -> None
    # ExecCheckPermissions: 42501

``kind`` of analyze_expression (ParseExprKind): check domain_check default function_default index index_predicate
statistics alter_column execute trigger_when partition_bound partition_key call copy_where generated policy values where
select other. The expression's volatility is given, and left for the caller to judge (42P17 "functions in index
expression must be marked IMMUTABLE" and the like).

A query's ``uses`` carry column numbers per privilege; ``open`` says that a column list is not certain.
"""

from lockgate.timeline.binder.api import (
    analyze_expression,
    analyze_query,
    boolean,
    check_rewriting,
    check_uses,
    coerce,
    empty_scope,
    relation_scope,
    value_scope,
)
from lockgate.timeline.binder.from_item import Scope
from lockgate.timeline.binder.names import (
    creation_target,
    find_collation,
    find_namespace,
    find_relation,
    find_relation_names,
    rel_name,
    words,
)
from lockgate.timeline.binder.routines import find_function, find_operator, find_routine, find_support
from lockgate.timeline.binder.types import array_of, base_type, element_of, find_type, resolve_type
from lockgate.timeline.binder.values import (
    AnalyzedQuery,
    Column,
    Expr,
    Params,
    RelationUse,
    TypeRef,
    Variable,
    VariableBlock,
    Variables,
)

__all__ = [
    "AnalyzedQuery",
    "Column",
    "Expr",
    "Params",
    "RelationUse",
    "Scope",
    "TypeRef",
    "Variable",
    "VariableBlock",
    "Variables",
    "analyze_expression",
    "analyze_query",
    "array_of",
    "base_type",
    "boolean",
    "check_rewriting",
    "check_uses",
    "coerce",
    "creation_target",
    "element_of",
    "empty_scope",
    "find_collation",
    "find_function",
    "find_namespace",
    "find_operator",
    "find_relation",
    "find_relation_names",
    "find_routine",
    "find_support",
    "find_type",
    "rel_name",
    "relation_scope",
    "resolve_type",
    "value_scope",
    "words",
]
