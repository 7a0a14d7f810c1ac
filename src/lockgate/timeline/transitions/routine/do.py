"""DO (ExecuteDoStmt of src/backend/commands/functioncmds.c, plpgsql_inline_handler)."""

from __future__ import annotations

from lockgate.base.text import Span
from lockgate.parse.routine import parse_query
from lockgate.timeline.context import Context, Node
from lockgate.timeline.plpgsql.place import BodyPlace


def do(ctx: Context, node: Node) -> None:
    """Run a DO block."""
    from lockgate.timeline.transitions.routine.result import find_language

    options = {a["DefElem"]["defname"]: a["DefElem"] for a in node.get("args", ())}
    if "as" not in options:
        raise ctx.refuse("42601", "no inline code specified", kind="other")
    name = options["language"]["arg"]["String"].get("sval", "") if "language" in options else "plpgsql"
    language = find_language(ctx, name.lower(), options["language"].get("location") if "language" in options else None)
    if language.name in ("sql", "c", "internal"):
        raise ctx.refuse(
            "0A000", f'language "{language.name}" does not support inline code execution', name=name, kind="other"
        )
    if language.name != "plpgsql":
        raise ctx.unsure(f"DO in language {language.name} is not followed", ("any",))
    text = options["as"]["arg"]["String"].get("sval", "")
    place = body_place(ctx, text, options["as"].get("location", 0))
    from lockgate.timeline.routines.run import run_block

    ctx.depth += 1
    try:
        run_block(ctx, text, place)
    finally:
        ctx.depth -= 1


def body_place(ctx: Context, text: str, location: int) -> BodyPlace:
    """Where a body stands that a literal at a parse location spells."""
    source = ctx.text_source
    bounds = ctx.bounds or ctx.statement.span
    start = ctx.span(location).start
    at = source.text.find(text, start, bounds.end) if text else -1
    if not 0 <= at - start <= 80:
        return BodyPlace(source, -1, bounds)
    return BodyPlace(source, at, Span(at, at + len(text)))


HANDLERS = {"DoStmt": do}
__all__ = ["HANDLERS", "do", "parse_query"]
