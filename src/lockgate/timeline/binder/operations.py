"""Operators: A_Expr of every kind (transformAExpr* in src/backend/parser/parse_expr.c)."""

from __future__ import annotations

from lockgate.catalog.typename import array_of
from lockgate.timeline.binder.coercion import can_coerce, coerce_to_boolean, common_type, shown, to_common
from lockgate.timeline.binder.names import words
from lockgate.timeline.binder.operators import make_array_op, make_op
from lockgate.timeline.binder.recurse import Handler, expr
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term, variables_of
from lockgate.timeline.context import Node

BOOL = 16


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
