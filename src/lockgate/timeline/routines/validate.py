"""The validators that CREATE FUNCTION runs (fmgr_sql_validator, plpgsql_validator)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from lockgate.catalog.objects import Routine
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate.lookup import split_name
from lockgate.timeline.plpgsql.compile import compile_body
from lockgate.timeline.plpgsql.place import BodyPlace


def validate_body(ctx: Context, routine: Routine) -> None:
    """Check a routine's body as the server does at its creation; nothing with check_function_bodies = off. Refuses."""
    if routine.body is None or routine.language not in ("sql", "plpgsql"):
        return
    if not routine.body.atomic and not checks_bodies(ctx):
        return
    with settings_of(ctx, routine):
        if routine.language == "plpgsql":
            compile_body(ctx, routine.body.text, BodyPlace.of(ctx, routine.body), routine)
        else:
            from lockgate.timeline.routines.sql_body import validate_sql

            validate_sql(ctx, routine)


def checks_bodies(ctx: Context) -> bool:
    """check_function_bodies."""
    return ctx.session.settings.get("check_function_bodies", "on").lower() not in (
        "off",
        "false",
        "no",
        "0",
        "f",
        "n",
        "of",
    )


@contextmanager
def settings_of(ctx: Context, routine: Routine) -> Iterator[None]:
    """The routine's own SET clauses in force for a while (proconfig)."""
    session = ctx.session
    for name, value in routine.config:
        if name == "role":
            _as_role(ctx, value)
        elif name == "search_path":
            ctx.session = replace(ctx.session, search_path=path_of(value))
        else:
            ctx.session = replace(ctx.session, settings=ctx.session.settings.set(name, value))
    try:
        yield
    finally:
        # what the body itself set (SET search_path inside) ends with it too, as far as the routine's SET clauses reach
        if routine.config:
            role = session.role if any(name == "role" for name, _ in routine.config) else ctx.session.role
            ctx.session = replace(ctx.session, search_path=session.search_path, settings=session.settings, role=role)


def _as_role(ctx: Context, name: str) -> None:
    from lockgate.timeline.transitions.role.session_role import set_role

    set_role(ctx, {"name": "role", "args": [{"A_Const": {"sval": {"sval": name}}}]})


def path_of(value: str) -> tuple[str, ...]:
    """A search_path as it is stored, into its schema names (SplitIdentifierString)."""
    names = []
    for part in _split(value):
        parts = split_name(part.strip()) if part.strip() else None
        if parts is not None:
            names.append(".".join(parts))
        elif part.strip() in ("$user", '"$user"'):
            names.append("$user")
    return tuple(n for n in names if n)


def _split(value: str) -> list[str]:
    out, quoted, current = [], False, ""
    for char in value:
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            out.append(current)
            current = ""
        else:
            current += char
    return [*out, current]
