"""Expressions (transformExprRecurse in src/backend/parser/parse_expr.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockgate.catalog.objects import FIRST_USER_OID
from lockgate.catalog.typename import array_of, base_type, element_of, type_of
from lockgate.timeline.binder import special
from lockgate.timeline.binder.coercion import (
    EXPLICIT,
    UNKNOWN,
    can_coerce,
    coerce_to_boolean,
    coerce_to_target,
    coerce_type,
    common_type,
    common_typmod,
    shown,
    to_common,
)
from lockgate.timeline.binder.names import find_collation, words
from lockgate.timeline.binder.operators import make_array_op, make_op
from lockgate.timeline.binder.references import column_ref, param_ref
from lockgate.timeline.binder.rows import fields_of, is_row, missing_field
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term, returns_set
from lockgate.timeline.binder.types import resolve_type
from lockgate.timeline.context import Node

Handler = Callable[[State, Node], Term]
BOOL, INT4, INT8, NUMERIC, BIT, TEXT, JSONB = 16, 23, 20, 1700, 1560, 25, 3802
RAW_ELEMENTS = {19: 18, 600: 701, 601: 600, 603: 600, 628: 701}


def transform(state: State, node: Node, kind: str) -> Term:
    """An expression of a given kind (transformExpr)."""
    saved, state.kind = state.kind, kind
    try:
        return expr(state, node)
    finally:
        state.kind = saved


def expr(state: State, node: Node) -> Term:
    """An expression within another."""
    ((tag, body),) = node.items()
    handler = HANDLERS.get(tag)
    if handler is None:
        return Term("doubt", 0, -1, (), tag, body.get("location", -1) if isinstance(body, dict) else -1)
    return handler(state, body)


def where(state: State, node: Node | None, kind: str, construct: str) -> Term | None:
    """A boolean clause (transformWhereClause)."""
    if not node:
        return None
    return coerce_to_boolean(state, transform(state, node, kind), construct)


# --- constants --------------------------------------------------------------------------------------------------------


def constant(state: State, body: Node) -> Term:
    """A_Const (make_const)."""
    at = body.get("location", 0)
    if "sval" in body:
        return Term("const", UNKNOWN, -1, (), body["sval"].get("sval", ""), at)
    if "ival" in body:
        return Term("const", INT4, -1, (), body["ival"].get("ival", 0), at)
    if body.get("isnull"):
        return Term("const", UNKNOWN, -1, (), None, at)
    if "fval" in body:
        return _number(body["fval"].get("fval", "0"), at)
    if "boolval" in body:
        return Term("const", BOOL, -1, (), bool(body["boolval"].get("boolval")), at)
    return Term("const", BIT, -1, (), body.get("bsval", {}).get("bsval", ""), at)


def _number(text: str, at: int) -> Term:
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        try:
            value = int(text)
        except ValueError:
            return Term("const", NUMERIC, -1, (), text, at)
    if -(1 << 31) <= value < 1 << 31:
        return Term("const", INT4, -1, (), value, at)
    return Term("const", INT8 if -(1 << 63) <= value < 1 << 63 else NUMERIC, -1, (), value, at)


# --- operators --------------------------------------------------------------------------------------------------------


def operation(state: State, body: Node) -> Term:
    """A_Expr of every kind."""
    return _OPERATIONS[body.get("kind", "AEXPR_OP")](state, body)


def _plain(state: State, body: Node) -> Term:
    names, at = words(body["name"]), body.get("location", 0)
    left, right = body.get("lexpr"), body["rexpr"]
    if left and "RowExpr" in left:
        if "SubLink" in right and right["SubLink"].get("subLinkType") == "EXPR_SUBLINK":
            link = {
                **right["SubLink"],
                "subLinkType": "ROWCOMPARE_SUBLINK",
                "testexpr": left,
                "operName": body["name"],
                "location": at,
            }
            return expr(state, {"SubLink": link})
        if "RowExpr" in right:
            return _rows(state, names, expr(state, left), expr(state, right), at)
    # chains of one associativity nest deeply on the left: unwound here
    chain = []
    while (
        left
        and "A_Expr" in left
        and left["A_Expr"].get("kind", "AEXPR_OP") == "AEXPR_OP"
        and left["A_Expr"].get("lexpr")
    ):
        inner = left["A_Expr"]
        if "RowExpr" in inner["lexpr"]:
            break
        chain.append(inner)
        left = inner["lexpr"]
    first = expr(state, left) if left else None
    for inner in reversed(chain):
        first = make_op(state, words(inner["name"]), first, expr(state, inner["rexpr"]), inner.get("location", 0))
    return _set_checked(state, make_op(state, names, first, expr(state, right), at))


def _set_checked(state: State, term: Term) -> Term:
    if term.retset:
        from lockgate.timeline.binder.kinds import check_set_returning

        check_set_returning(state, term.loc)
        state.set_returning = True
    return term


def _rows(state: State, names: list[str], left: Term, right: Term, at: int) -> Term:
    """make_row_comparison_op."""
    if len(left.args) != len(right.args):
        raise state.ctx.refuse("42601", "unequal number of entries in row expressions", at)
    if not left.args:
        raise state.ctx.refuse("0A000", "cannot compare rows of zero length", at)
    terms = []
    for one, other in zip(left.args, right.args, strict=True):
        result = make_op(state, names, one, other, at)
        if result.type not in (BOOL, 0):
            raise state.ctx.refuse(
                "42804", f"row comparison operator must yield type boolean, not type {shown(state, result.type)}", at
            )
        terms.append(result)
    return terms[0] if len(terms) == 1 else Term("rowcompare", BOOL, -1, tuple(terms), names[-1], at)


def _any_all(state: State, body: Node) -> Term:
    left, right = expr(state, body["lexpr"]), expr(state, body["rexpr"])
    return make_array_op(
        state, words(body["name"]), body["kind"] == "AEXPR_OP_ALL", left, right, body.get("location", 0)
    )


def _distinct(state: State, body: Node) -> Term:
    at = body.get("location", 0)
    left, right = body["lexpr"], body["rexpr"]
    for one, other in ((right, left), (left, right)):
        if "A_Const" in one and one["A_Const"].get("isnull"):
            return Term("nulltest", BOOL, -1, (expr(state, other),), body["kind"], at)
    first, second = expr(state, left), expr(state, right)
    if "RowExpr" in left and "RowExpr" in right:
        return _rows(state, words(body["name"]), first, second, at)
    result = make_op(state, words(body["name"]), first, second, at)
    if result.type not in (BOOL, 0):
        raise state.ctx.refuse("42804", "IS DISTINCT FROM requires = operator to yield boolean", at)
    return Term("distinct", BOOL, -1, result.args, body["kind"], at)


def _nullif(state: State, body: Node) -> Term:
    at = body.get("location", 0)
    result = make_op(state, words(body["name"]), expr(state, body["lexpr"]), expr(state, body["rexpr"]), at)
    if result.type not in (BOOL, 0):
        raise state.ctx.refuse("42804", "NULLIF requires = operator to yield boolean", at)
    first = result.args[0]
    return Term("nullif", first.type, first.typmod, result.args, None, at, first.coll)


def _in(state: State, body: Node) -> Term:
    names, at = words(body["name"]), body.get("location", 0)
    every = names[-1] == "<>"
    items = body["rexpr"]["List"]["items"]
    left = expr(state, body["lexpr"])
    rights = [expr(state, item) for item in items]
    plain: list[Term] = []
    others: list[Term] = []
    for right in rights:
        (others if _has_vars(state, right) else plain).append(right)
    results: list[Term] = []
    if len(plain) > 1:
        target = common_type(state, [left, *plain], None)
        array = array_of(state.catalog, target) if target and target != 2249 else 0
        if array and all(can_coerce(state.catalog, kind, target, 0) for kind in {t.type for t in (left, *plain)}):
            elements = tuple(to_common(state, r, target, "IN") for r in plain)
            results.append(make_array_op(state, names, every, left, Term("array", array, -1, elements, None, at), at))
            rights = others
    for right in rights:
        if left.op == "row" and right.op == "row":
            one = _rows(state, names, left, right, at)
        else:
            one = make_op(state, names, left, right, at)
        results.append(coerce_to_boolean(state, one, "IN"))
    return results[0] if len(results) == 1 else Term("bool", BOOL, -1, tuple(results), "AND" if every else "OR", at)


def _has_vars(state: State, term: Term) -> bool:
    from lockgate.timeline.binder.term import variables_of

    return any(v.data[0].state is state for v in variables_of(term))


def _between(state: State, body: Node) -> Term:
    at, kind = body.get("location", 0), body["kind"]
    low, high = body["rexpr"]["List"]["items"]
    negated, symmetric = "NOT" in kind, "SYM" in kind

    def compare(op: str, right: Node) -> Term:
        return coerce_to_boolean(state, make_op(state, [op], expr(state, body["lexpr"]), expr(state, right), at), "AND")

    pairs = [(low, high), (high, low)] if symmetric else [(low, high)]
    terms = []
    for first, last in pairs:
        terms += [compare("<" if negated else ">=", first), compare(">" if negated else "<=", last)]
    return Term("bool", BOOL, -1, tuple(terms), kind, at)


_OPERATIONS: dict[str, Handler] = {
    "AEXPR_OP": _plain,
    "AEXPR_LIKE": _plain,
    "AEXPR_ILIKE": _plain,
    "AEXPR_SIMILAR": _plain,
    "AEXPR_OP_ANY": _any_all,
    "AEXPR_OP_ALL": _any_all,
    "AEXPR_DISTINCT": _distinct,
    "AEXPR_NOT_DISTINCT": _distinct,
    "AEXPR_NULLIF": _nullif,
    "AEXPR_IN": _in,
    "AEXPR_BETWEEN": _between,
    "AEXPR_NOT_BETWEEN": _between,
    "AEXPR_BETWEEN_SYM": _between,
    "AEXPR_NOT_BETWEEN_SYM": _between,
}


def boolean(state: State, body: Node) -> Term:
    """AND, OR, NOT."""
    word = body["boolop"].removesuffix("_EXPR")
    args = tuple(coerce_to_boolean(state, expr(state, a), word) for a in body["args"])
    return Term("bool", BOOL, -1, args, word, body.get("location", 0))


def null_test(state: State, body: Node) -> Term:
    """IS [NOT] NULL."""
    return Term("nulltest", BOOL, -1, (expr(state, body["arg"]),), body.get("nulltesttype"), body.get("location", 0))


def boolean_test(state: State, body: Node) -> Term:
    """IS [NOT] TRUE, FALSE, UNKNOWN."""
    kind = body.get("booltesttype", "IS_TRUE")
    return Term(
        "booltest",
        BOOL,
        -1,
        (coerce_to_boolean(state, expr(state, body["arg"]), kind.replace("_", " ")),),
        kind,
        body.get("location", 0),
    )


# --- casts and containers ---------------------------------------------------------------------------------------------


def cast(state: State, body: Node) -> Term:
    """CAST, ::, and type 'literal'."""
    target = resolve_type(state.ctx, body["typeName"])
    arg = body["arg"]
    at = body.get("location", 0)
    if at < 0:
        at = body["typeName"].get("location", 0)
    element = 0
    if "A_ArrayExpr" in arg and target.oid:
        base, typmod = base_type(state.catalog, target.oid, target.typmod)
        element = element_of(state.catalog, base)
        if element:
            term = array(state, arg["A_ArrayExpr"], base, element, typmod)
    if not element:
        term = expr(state, arg)
    if not target.oid:
        return Term("doubt", 0, -1, (term,), None, at)
    return explicit(state, term, target.oid, target.typmod, at)


def explicit(state: State, term: Term, target: int, typmod: int, at: int) -> Term:
    """An explicit cast. Refuses with 42846."""
    if state.catalog.taints and state.catalog.taint_of(("object", target)) and target >= FIRST_USER_OID:
        return Term("doubt", target, typmod, (term,), None, at)
    result = coerce_to_target(state, term, target, typmod, EXPLICIT)
    if result is None:
        raise state.ctx.refuse(
            "42846", f"cannot cast type {shown(state, term.type)} to {shown(state, target)}", at, kind="cast"
        )
    return result


def array_literal(state: State, body: Node) -> Term:
    """ARRAY[...]."""
    return array(state, body, 0, 0, -1)


def array(state: State, body: Node, array_type: int, element: int, typmod: int) -> Term:
    """transformArrayExpr; nested ARRAY[...] share the target type."""
    at = body.get("location", 0)
    terms, multidimensional = [], False
    for item in body.get("elements", []):
        if "A_ArrayExpr" in item:
            term = array(state, item["A_ArrayExpr"], array_type, element, typmod)
            multidimensional = True
        else:
            term = expr(state, item)
            if term.type and element_of(state.catalog, term.type) and term.type not in (22, 30):
                multidimensional = True
        terms.append(term)
    if array_type:
        target = array_type if multidimensional else element
        out = tuple(explicit(state, t, target, typmod, t.loc) for t in terms)
        return Term("array", array_type, typmod, out, None, at)
    if not terms:
        raise state.ctx.refuse("42P18", "cannot determine type of empty array", at)
    common = common_type(state, terms, "ARRAY")
    if not common:
        return Term("doubt", 0, -1, tuple(terms), None, at)
    result = common if multidimensional else array_of(state.catalog, common)
    if not result:
        raise state.ctx.refuse(
            "42704", f"could not find array type for data type {shown(state, common)}", at, kind="type"
        )
    out = tuple(to_common(state, t, common, "ARRAY") for t in terms)
    return Term("array", result, common_typmod(out, common), out, None, at, next((t.coll for t in out if t.coll), 0))


def indirection(state: State, body: Node) -> Term:
    """Subscripts and field selection (transformIndirection)."""
    term = expr(state, body["arg"])
    subscripts: list[Node] = []
    for step in body["indirection"]:
        if "A_Indices" in step:
            subscripts.append(step["A_Indices"])
            continue
        if subscripts:
            term, subscripts = subscript(state, term, subscripts), []
        if "A_Star" in step:
            raise state.ctx.refuse("0A000", 'row expansion via "*" is not supported here', term.loc)
        term = select_field(state, term, step["String"].get("sval", ""), term.loc)
    return subscript(state, term, subscripts) if subscripts else term


def select_field(state: State, term: Term, name: str, at: int) -> Term:
    """A field of a composite value, or a function applied to it. Refuses with 42703, 42809."""
    from lockgate.timeline.binder.aggregates import apply
    from lockgate.timeline.binder.functions import Call

    if term.type and not is_row(state, term) and term.type == UNKNOWN:
        raise missing_field(state, term, name, at)
    if not term.type:
        return Term("doubt", 0, -1, (term,), name, at)
    found = apply(state, Call([name], [term], location=at, column=True))
    if found is not None:
        return found
    if is_row(state, term) and fields_of(state, term) is None:
        return Term("doubt", 0, -1, (term,), name, at)
    raise missing_field(state, term, name, at)


def subscript(state: State, term: Term, subscripts: Sequence[Node]) -> Term:
    """transformContainerSubscripts."""
    if not term.type:
        for one in subscripts:
            _bounds(state, one)
        return Term("doubt", 0, -1, (term,), None, term.loc)
    base, typmod = base_type(state.catalog, term.type, term.typmod)
    if base == JSONB:
        terms = tuple(b for one in subscripts for b in _bounds(state, one))
        return Term("subscript", JSONB, -1, (term, *terms), len(subscripts), term.loc)
    element = element_of(state.catalog, base) or RAW_ELEMENTS.get(base, 0)
    if not element:
        found = type_of(state.catalog, base)
        if found is not None and (found.extension or state.catalog.taint_of(("object", base))):
            terms = tuple(b for one in subscripts for b in _bounds(state, one))
            result = TEXT if found.name == "hstore" else 0
            return Term("subscript" if result else "doubt", result, -1, (term, *terms), None, term.loc)
        raise state.ctx.refuse(
            "42804",
            f"cannot subscript type {shown(state, term.type)} because it does not support subscripting",
            term.loc,
        )
    bounds: list[Term] = []
    for one in subscripts:
        for bound in _bounds(state, one):
            number = coerce_to_target(state, bound, INT4, -1, 1)
            if number is None:
                raise state.ctx.refuse("42804", "array subscript must have type integer", bound.loc)
            bounds.append(number)
    slices = any(one.get("is_slice") for one in subscripts)
    return Term("subscript", base if slices else element, typmod, (term, *bounds), slices, term.loc, term.coll)


def _bounds(state: State, one: Node) -> list[Term]:
    return [expr(state, one[field]) for field in ("lidx", "uidx") if one.get(field)]


def collate(state: State, body: Node) -> Term:
    """COLLATE. Refuses with 42804, 42704."""
    at = body.get("location", 0)
    term = expr(state, body["arg"])
    if term.type and term.type != UNKNOWN:
        found = type_of(state.catalog, term.type)
        if found is not None and not found.collation and not found.extension and found.kind != "d":
            raise state.ctx.refuse("42804", f"collations are not supported by type {shown(state, term.type)}", at)
    oid = find_collation(state.ctx, body["collname"], at)
    if oid >= FIRST_USER_OID:
        state.gathered.depends.add((oid, 0))
    return Term("collate", term.type, term.typmod, (term,), oid, at, oid)


# --- choices ----------------------------------------------------------------------------------------------------------


def case(state: State, body: Node) -> Term:
    """CASE."""
    at = body.get("location", 0)
    arg = None
    if body.get("arg"):
        arg = expr(state, body["arg"])
        if arg.type == UNKNOWN:
            arg = coerce_type(state, arg, TEXT, -1, 0)
        arg = Term("casetest", arg.type, arg.typmod, (arg,), None, arg.loc, arg.coll)
    conditions, results = [], []
    for when in body["args"]:
        clause = when["CaseWhen"]
        condition = expr(state, clause["expr"])
        if arg is not None:
            condition = make_op(state, ["="], arg, condition, clause.get("location", 0))
        conditions.append(coerce_to_boolean(state, condition, "CASE/WHEN"))
        results.append(expr(state, clause["result"]))
    other = expr(state, body["defresult"]) if body.get("defresult") else Term("const", UNKNOWN, -1, (), None, at)
    target = common_type(state, [other, *results], "CASE")
    other = to_common(state, other, target, "CASE/ELSE")
    results = [to_common(state, r, target, "CASE/WHEN") for r in results]
    parts = (other, *results)
    if any(returns_set(t) for t in (*parts, *conditions)):
        raise state.ctx.refuse("0A000", "set-returning functions are not allowed in CASE", at)
    args = (*((arg,) if arg else ()), *conditions, *parts)
    return Term(
        "case",
        target,
        common_typmod(parts, target),
        args,
        len(conditions),
        at,
        next((t.coll for t in parts if t.coll), 0),
    )


def coalesce(state: State, body: Node) -> Term:
    """COALESCE."""
    at = body.get("location", 0)
    terms = [expr(state, a) for a in body["args"]]
    target = common_type(state, terms, "COALESCE")
    out = tuple(to_common(state, t, target, "COALESCE") for t in terms)
    if any(returns_set(t) for t in out):
        raise state.ctx.refuse("0A000", "set-returning functions are not allowed in COALESCE", at)
    return Term("coalesce", target, common_typmod(out, target), out, None, at, next((t.coll for t in out if t.coll), 0))


def min_max(state: State, body: Node) -> Term:
    """GREATEST and LEAST."""
    word = "LEAST" if body.get("op") == "IS_LEAST" else "GREATEST"
    terms = [expr(state, a) for a in body["args"]]
    target = common_type(state, terms, word)
    out = tuple(to_common(state, t, target, word) for t in terms)
    return Term(
        "minmax",
        target,
        common_typmod(out, target),
        out,
        word,
        body.get("location", 0),
        next((t.coll for t in out if t.coll), 0),
    )


def row(state: State, body: Node) -> Term:
    """ROW(...); a.* in it is expanded."""
    from lockgate.timeline.binder.targets import expand_list

    args = expand_list(state, body.get("args", []))
    return Term("row", 2249, -1, tuple(args), None, body.get("location", 0))


def set_to_default(state: State, body: Node) -> Term:
    """DEFAULT where it is not allowed."""
    raise state.ctx.refuse("42601", "DEFAULT is not allowed in this context", body.get("location", 0))


def function(state: State, body: Node) -> Term:
    """FuncCall."""
    from lockgate.timeline.binder.aggregates import function_call

    return function_call(state, body)


def grouping(state: State, body: Node) -> Term:
    """GROUPING(...)."""
    args = tuple(transform(state, a, state.kind) for a in body.get("args", []))
    term = Term("grouping", INT4, -1, args, None, body.get("location", 0))
    from lockgate.timeline.binder.kinds import check_aggregate

    check_aggregate(state, state.kind, term.loc, "grouping operations")
    term.level = state.depth
    state.aggregates.append(term)
    return term


def sublink(state: State, body: Node) -> Term:
    """A subquery in an expression."""
    from lockgate.timeline.binder.sublinks import sublink as transform_sublink

    return transform_sublink(state, body)


def multi_assign(state: State, body: Node) -> Term:
    """One column of (a, b) = ...; handled where the assignment is."""
    return expr(state, body["source"])


HANDLERS: dict[str, Handler] = {
    "ColumnRef": column_ref,
    "ParamRef": param_ref,
    "A_Const": constant,
    "A_Expr": operation,
    "BoolExpr": boolean,
    "NullTest": null_test,
    "BooleanTest": boolean_test,
    "TypeCast": cast,
    "A_ArrayExpr": array_literal,
    "A_Indirection": indirection,
    "CollateClause": collate,
    "CaseExpr": case,
    "CoalesceExpr": coalesce,
    "MinMaxExpr": min_max,
    "RowExpr": row,
    "SetToDefault": set_to_default,
    "FuncCall": function,
    "GroupingFunc": grouping,
    "SubLink": sublink,
    "MultiAssignRef": multi_assign,
    **special.HANDLERS,
}
