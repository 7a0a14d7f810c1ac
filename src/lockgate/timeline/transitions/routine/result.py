"""What a function returns, and in which language it may (src/backend/commands/functioncmds.c)."""

from __future__ import annotations

import msgspec

from lockgate.catalog.details import is_trusted
from lockgate.catalog.objects import Extension, Other, Routine
from lockgate.catalog.typename import RECORD, VOID, type_name, type_of
from lockgate.timeline.binder import resolve_type
from lockgate.timeline.binder.coercion import POLYMORPHIC
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Refused
from lockgate.timeline.privileges.check import need_privilege, need_superuser
from lockgate.timeline.transitions.object.creation import (
    doubt,
    flag_of,
    new_name,
    spelled,
    text_of,
)
from lockgate.timeline.transitions.relation.relation import type_kind
from lockgate.timeline.transitions.session.parameters import Parameters, check_polymorphic
from lockgate.timeline.transitions.type.user_type import need_type_usage

TRIGGER, EVENT_TRIGGER, INTERNAL, CSTRING, LANGUAGE_HANDLER = 2279, 3838, 2281, 2275, 2280


TRUSTED = {"sql": True, "plpgsql": True, "c": False, "internal": False}


class Language(msgspec.Struct, frozen=True):
    """A language: whether its use is granted or for superusers, and the object where it is not built in."""

    name: str
    trusted: bool
    object: Other | None = None


def find_language(ctx: Context, name: str, location: int | None = None) -> Language:
    """A language by name (42704)."""
    found = ctx.catalog.one(Other, ("language", 0, name))
    if found is not None:
        return Language(name, is_trusted(found.details), found)
    if name in ("c", "internal", "sql") or (
        name == "plpgsql" and ctx.catalog.one(Extension, ("extension", "plpgsql")) is not None
    ):
        return Language(name, TRUSTED[name])
    if doubt(ctx, "language", 0, name) or any(not e.known for e in ctx.catalog.objects(Extension)):
        return Language(name, True)
    known = [*TRUSTED, *(o.name for o in ctx.catalog.others("language"))]
    help = did_you_mean(name, known) or "Use CREATE EXTENSION to load the language into the database."
    raise ctx.refuse(
        "42704", f'language "{name}" does not exist', location, name=name, object=name, help=help, kind="language"
    )


def language_of(ctx: Context, options: dict[str, Node], inline: bool) -> Language:
    name = (
        text_of(options["language"]).lower() if "language" in options and inline else text_of(options.get("language"))
    )
    if not name:
        if not inline:
            raise ctx.refuse("42P13", "no language specified", None, kind="other")
        name = "sql"
    location = options["language"].get("location") if "language" in options else None
    language = find_language(ctx, name, location)
    if language.trusted:
        if language.object is not None:
            need_privilege(ctx, language.object, "USAGE", location)
    else:
        need_superuser(ctx, f"permission denied for language {name}", location, name=name)
    if flag_of(options.get("leakproof")):
        need_superuser(ctx, "only superuser can define a leakproof function", options["leakproof"].get("location"))
    if "support" in options:
        need_superuser(ctx, "must be superuser to specify a support function", options["support"].get("location"))
    if "transform" in options:
        ctx.notes.append("CREATE FUNCTION ... TRANSFORM")
    return language


def result_of(
    ctx: Context, node: Node, parameters: Parameters, language: Language, procedure: bool
) -> tuple[int, bool]:
    if procedure:
        return parameters.result or VOID, False
    if "returnType" in node:
        oid = _return_type(ctx, node["returnType"], language.name)
        if parameters.result and oid and oid != parameters.result:
            shown = type_name(ctx.catalog, parameters.result, None, ctx.path())
            location = node["returnType"].get("location")
            raise ctx.refuse(
                "42P13", f"function result type must be {shown} because of OUT parameters", location, kind="type"
            )
        return oid, bool(node["returnType"].get("setof"))
    if parameters.result:
        return parameters.result, False
    raise ctx.refuse("42P13", "function result type must be specified", None, kind="type")


def _return_type(ctx: Context, node: Node, language: str) -> int:
    try:
        oid = resolve_type(ctx, node, shell_ok=True).oid
    except Refused as refused:
        if refused.failure.sqlstate != "42704" or language not in ("c", "internal") or node.get("pct_type"):
            raise
        return _shell(ctx, node)
    found = type_of(ctx.catalog, oid)
    if found is not None and getattr(found, "shell", False) and language == "sql":
        raise ctx.refuse(
            "42P13",
            f"SQL function cannot return shell type {spelled(node.get('names', []))}",
            node.get("location"),
            kind="type",
        )
    need_type_usage(ctx, oid, node.get("location"))
    return oid


def _shell(ctx: Context, node: Node) -> int:
    """A function in C may return a type that is yet to be defined: a shell is made (compute_return_type)."""
    from lockgate.catalog.objects import Type
    from lockgate.timeline.transitions.type.user_type import put_type

    ctx.warn(
        f'type "{spelled(node["names"])}" is not yet defined', node.get("location"), sqlstate="42704", level="NOTICE"
    )
    space, name = new_name(ctx, node["names"], node.get("location"))
    return put_type(
        ctx, Type(ctx.catalog.new_oid(), name, space.oid, ctx.session.role, "p", "P", shell=True), array=False
    ).oid


def check_pseudo(ctx: Context, parameters: Parameters, result: int) -> None:
    inputs = set(parameters.args)
    outs = {result} | {t for t, m in zip(parameters.all_args, parameters.modes, strict=False) if m in "obt"}
    check_polymorphic(ctx, parameters.args, outs, "result data type")
    if INTERNAL in outs and INTERNAL not in inputs and 0 not in inputs:
        raise ctx.refuse(
            "42P13",
            'unsafe use of pseudo-type "internal"',
            None,
            kind="type",
            help='A function returning "internal" must have at least one "internal" argument.',
        )


def check_language_types(ctx: Context, routine: Routine) -> None:
    """The pseudo-types that a language takes (fmgr_sql_validator, plpgsql_validator)."""
    if routine.language not in ("sql", "plpgsql"):
        return
    plpgsql = routine.language == "plpgsql"
    shown = type_name(ctx.catalog, routine.result, None, ctx.path())
    allowed = {TRIGGER, EVENT_TRIGGER, RECORD, VOID} if plpgsql else {RECORD, VOID}
    if is_pseudo(ctx, routine.result) and routine.result not in allowed | POLYMORPHIC:
        words = (
            ("0A000", f"PL/pgSQL functions cannot return type {shown}")
            if plpgsql
            else ("42P13", f"SQL functions cannot return type {shown}")
        )
        raise ctx.refuse(*words, None, name=routine.name, kind="type")
    for oid in routine.args:
        if is_pseudo(ctx, oid) and oid not in POLYMORPHIC and not (plpgsql and oid == RECORD):
            taken = type_name(ctx.catalog, oid, None, ctx.path())
            state = (
                ("0A000", f"PL/pgSQL functions cannot accept type {taken}")
                if plpgsql
                else ("42P13", f"SQL functions cannot have arguments of type {taken}")
            )
            raise ctx.refuse(*state, None, name=routine.name, kind="type")
    if plpgsql and routine.result in (TRIGGER, EVENT_TRIGGER) and routine.args:
        word = "trigger functions" if routine.result == TRIGGER else "event trigger functions"
        help = (
            "The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead."
            if routine.result == TRIGGER
            else ""
        )
        raise ctx.refuse(
            "42P13", f"{word} cannot have declared arguments", None, name=routine.name, help=help, kind="function"
        )


def is_pseudo(ctx: Context, oid: int) -> bool:
    """Whether a type is a pseudo-type."""
    return type_kind(ctx, oid) == "p"
