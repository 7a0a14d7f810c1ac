"""CALL (ExecuteCallStmt of src/backend/commands/functioncmds.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Routine
from lockgate.timeline.binder import Expr, analyze_expression, empty_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.evaluate import World
from lockgate.timeline.privileges.check import need_privilege


def call(ctx: Context, node: Node) -> None:
    """Run a procedure."""
    function = node["funccall"]
    expr: Expr = analyze_expression(ctx, {"FuncCall": function}, empty_scope(), "call", variables=ctx.variables)
    name = function["funcname"][-1]["String"].get("sval", "")
    routine = next(
        (r for oid in expr.routines if (r := ctx.catalog.find(Routine, oid)) is not None and r.name == name), None
    )
    if routine is None:
        return
    need_privilege(ctx, routine, "EXECUTE", function.get("location", 0))
    from lockgate.timeline.routines.effects import arguments
    from lockgate.timeline.routines.run import run_routine

    run_routine(ctx, routine, arguments(World(ctx), routine, function))


HANDLERS = {"CallStmt": call}
