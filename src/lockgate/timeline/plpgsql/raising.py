"""RAISE and ASSERT (src/pl/plpgsql/src/pl_exec.c)."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.conditions import sqlstates
from lockgate.timeline.evaluate import Unknown, text_of, truth
from lockgate.timeline.failure import Failure, Refused
from lockgate.timeline.plpgsql.sentences import Sentences


def raise_statement(body: Sentences, statement: tree.Raise, raised: Sequence[Failure]) -> None:
    """RAISE (exec_stmt_raise). Refuses with its SQLSTATE where its level is EXCEPTION; ``raised`` is what the handlers
    around it have caught."""
    if statement.bare:
        if raised:
            raise Refused(raised[-1])
        raise body.ctx.refuse(
            "0Z002",
            "RAISE without parameters cannot be used outside an exception handler",
            span=body.place.span(statement.start),
            kind="other",
        )
    params = [text_of(body.value(p)) for p in statement.params]
    options = {name: body.value(value) for name, value in statement.options}
    if statement.level != "exception":
        return
    state = statement.sqlstate or (sqlstates(statement.condition) or ("P0001",))[0]
    code = options.get("errcode")
    if isinstance(code, str):
        state = (
            code if len(code) == 5 and code.upper() == code and code.isalnum() else (sqlstates(code) or ("P0001",))[0]
        )
    elif isinstance(code, Unknown):
        state = ""
    message = (
        _filled(statement.message, params)
        if statement.message is not None
        else options.get("message", statement.condition or state)
    )
    raise body.ctx.refuse(
        state or "P0001",
        str(message) if isinstance(message, str) else "an exception is raised",
        span=body.place.span(statement.start),
        kind="other",
    )


def assert_statement(body: Sentences, statement: tree.Assert) -> None:
    """ASSERT (exec_stmt_assert). Refuses with P0004."""
    if truth(body.value(statement.condition)) in (False, None):
        message = body.value(statement.message) if statement.message is not None else "assertion failed"
        text = message if isinstance(message, str) else "assertion failed"
        raise body.ctx.refuse("P0004", text, span=body.place.span(statement.start), kind="other")


def _filled(pattern: str, params: Sequence[object]) -> str:
    """RAISE's format: each % takes the next parameter."""
    out, at, rest = "", 0, list(params)
    while at < len(pattern):
        if pattern.startswith("%%", at):
            out, at = out + "%", at + 2
        elif pattern[at] == "%":
            value = rest.pop(0) if rest else ""
            out, at = out + ("<NULL>" if value is None else value if isinstance(value, str) else "..."), at + 1
        else:
            out, at = out + pattern[at], at + 1
    return out
