"""CREATE and ALTER FUNCTION and PROCEDURE (src/backend/commands/functioncmds.c, src/backend/catalog/pg_proc.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.base.sql import quote_identifier
from lockgate.catalog.objects import Namespace, Routine, RoutineBody
from lockgate.catalog.typename import RECORD, type_name
from lockgate.timeline.binder import find_routine
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import initial_acl, need_owner, need_privilege, need_superuser
from lockgate.timeline.transitions.object.creation import (
    doubt,
    flag_of,
    new_name,
    once,
    refuse_existing,
    spelled,
    text_of,
)
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.routine.result import (
    TRUSTED,
    Language,
    check_language_types,
    check_pseudo,
    language_of,
    result_of,
)
from lockgate.timeline.transitions.session.parameters import Parameters, interpret
from lockgate.timeline.transitions.session.session import check_stored

_FUNCTION_ONLY = ("window", "volatility", "strict", "leakproof", "cost", "rows", "support", "parallel")
_KIND_WORDS = {"f": "a function", "p": "a procedure", "a": "an aggregate function", "w": "a window function"}


def create_function(ctx: Context, node: Node) -> None:
    """CreateFunction and ProcedureCreate."""
    space, name = new_name(ctx, node["funcname"])
    procedure = bool(node.get("is_procedure"))
    options = _options(ctx, node.get("options", []), procedure)
    language = language_of(ctx, options, "sql_body" in node)
    parameters = interpret(ctx, node.get("parameters", []), language.name, procedure=procedure)
    result, retset = result_of(ctx, node, parameters, language, procedure)
    body = _body(ctx, node, options, language)
    _check_cost(ctx, options, retset)
    check_pseudo(ctx, parameters, result)
    routine = Routine(
        ctx.catalog.new_oid(),
        name,
        space.oid,
        ctx.session.role,
        "p" if procedure else "w" if flag_of(options.get("window")) else "f",
        language.name,
        parameters.args,
        result,
        parameters.all_args,
        parameters.modes,
        parameters.names,
        parameters.defaults,
        parameters.variadic,
        retset,
        flag_of(options.get("strict")),
        text_of(options.get("volatility"))[:1] or "v",
        flag_of(options.get("security")),
        _settings(ctx, (), options),
        body=body,
    )
    routine = _replace_or_new(ctx, routine, parameters, space, bool(node.get("replace")))
    _store(ctx, routine, parameters, language, options)
    check_language_types(ctx, routine)
    from lockgate.timeline.routines.validate import validate_body

    if routine.language in TRUSTED:  # CheckFunctionValidatorAccess
        need_privilege(ctx, ctx.catalog.the(Routine, routine.oid), "EXECUTE", kind="function")
    validate_body(ctx, routine)


# --- clauses ----------------------------------------------------------------------------------------------------------


def _options(ctx: Context, nodes: list[Node], procedure: bool) -> dict[str, Node]:
    sets = [n["DefElem"] for n in nodes if n["DefElem"].get("defname") == "set"]
    options = once(ctx, [n for n in nodes if n["DefElem"].get("defname") != "set"])
    for name in _FUNCTION_ONLY:
        if procedure and name in options:
            raise ctx.refuse(
                "42P13", "invalid attribute in procedure definition", options[name].get("location"), kind="other"
            )
    for word in ("cost", "rows"):
        if word in options and text_of(options[word]).startswith(("-", "0")) and float(text_of(options[word])) <= 0:
            raise ctx.refuse("22023", f"{word.upper()} must be positive", None, kind="other")
    if sets:
        options["set"] = {"settings": sets}
    return options


def _body(ctx: Context, node: Node, options: dict[str, Node], language: Language) -> RoutineBody:
    inline = node.get("sql_body")
    items = options["as"]["arg"].get("List", {}).get("items", []) if "as" in options else []
    if inline is not None and "as" in options:
        raise ctx.refuse("42P13", "duplicate function body specified", options["as"].get("location"), kind="other")
    if inline is None and "as" not in options:
        raise ctx.refuse("42P13", "no function body specified", None, kind="other")
    if inline is not None:
        if language.name != "sql":
            raise ctx.refuse("42P13", "inline SQL function body only valid for language SQL", None, kind="other")
        return RoutineBody("", ctx.text_source, -1, True, inline, ctx.statement)
    if language.name != "c" and len(items) > 1:
        raise ctx.refuse(
            "42P13",
            f'only one AS item needed for language "{language.name}"',
            options["as"].get("location"),
            kind="other",
        )
    text = items[0].get("String", {}).get("sval", "") if items else ""
    return RoutineBody(text, ctx.text_source, _body_start(ctx, text, options["as"]), False, None, ctx.statement)


def _body_start(ctx: Context, text: str, option: Node) -> int:
    """Where the body stands in the source; -1 where the literal spells it otherwise (doubled quotes, escapes)."""
    location = option.get("arg_location", -1)
    if location < 0:
        location = option.get("location", 0)
    start = ctx.span(location).start
    source = ctx.text_source.text
    bounds = ctx.bounds or ctx.statement.span
    at = source.find(text, start, bounds.end) if text else -1
    # the opening quote (a tag of at most 63 bytes, or AS and a quote) is all that may stand between
    return at if 0 <= at - start <= 80 else -1


def _check_cost(ctx: Context, options: dict[str, Node], retset: bool) -> None:
    if "rows" in options and not retset:
        raise ctx.refuse("22023", "ROWS is not applicable when function does not return a set", None, kind="other")


def setting_value(ctx: Context, name: str, args: list[Node]) -> str:
    """The text of SET's values as they are stored (flatten_set_variable_args): list settings quote each name."""
    words = []
    for arg in args:
        const = arg.get("A_Const", arg.get("TypeCast", {}).get("arg", {}).get("A_Const", {}))
        for key, field in (("sval", "sval"), ("ival", "ival"), ("fval", "fval"), ("boolval", "boolval")):
            if key in const:
                value = const[key].get(field, 0 if key == "ival" else "")
                words.append(quote_identifier(value) if key == "sval" and name in LIST_SETTINGS else str(value))
    return ", ".join(words)


LIST_SETTINGS = frozenset(
    {
        "search_path",
        "temp_tablespaces",
        "session_preload_libraries",
        "local_preload_libraries",
        "shared_preload_libraries",
        "datestyle",
    }
)


def _settings(
    ctx: Context, before: tuple[tuple[str, str], ...], options: dict[str, Node]
) -> tuple[tuple[str, str], ...]:
    settings = dict(before)
    for option in options.get("set", {}).get("settings", []):
        node = option["arg"]["VariableSetStmt"]
        check_stored(ctx, node)
        name = node.get("name", "")
        match node["kind"]:
            case "VAR_SET_VALUE":
                settings[name] = setting_value(ctx, name, node.get("args", []))
            case "VAR_SET_CURRENT":
                current = (
                    ", ".join(quote_identifier(s) for s in ctx.session.search_path) if name == "search_path" else None
                )
                settings[name] = current if current is not None else ctx.session.settings.get(name, "")
            case "VAR_RESET_ALL":
                settings.clear()
            case _:
                settings.pop(name, None)
    return tuple(settings.items())


# --- replacing --------------------------------------------------------------------------------------------------------


def _existing(ctx: Context, space: Namespace, name: str, args: tuple[int, ...]) -> Routine | None:
    for routine in ctx.catalog.routines_named(space.oid, name):
        if routine.args == args:
            return routine
        if len(routine.args) == len(args) and all(
            a == b or not a or not b for a, b in zip(routine.args, args, strict=True)
        ):
            raise ctx.unsure(
                f"whether function {name} exists already is not known",
                ("object", routine.oid),
                ("name", "routine", space.oid, name),
            )
    return None


def _replace_or_new(ctx: Context, new: Routine, parameters: Parameters, space: Namespace, replacing: bool) -> Routine:
    old = _existing(ctx, space, new.name, new.args)
    if old is not None and not replacing:
        message = f'function "{new.name}" already exists with same argument types'
        refuse_existing(
            ctx, old.oid, "routine", message, name=new.name, sqlstate="42723", object=_signature(ctx, old, True)
        )
        old = None
    if old is None:
        return replace(new, acl=initial_acl(ctx, "function", space.oid, new.owner))
    need_owner(ctx, old, kind="function", name=new.name)
    if doubt(ctx, "routine", space.oid, new.name, old.oid) is None:
        _check_replaceable(ctx, old, new, parameters)
    return replace(new, oid=old.oid, owner=old.owner, acl=old.acl, extension=old.extension)


def _signature(ctx: Context, routine: Routine, qualified: bool = False) -> str:
    args = ",".join(type_name(ctx.catalog, oid, None, () if qualified else ctx.path()) for oid in routine.args)
    return f"{ctx.catalog.qualified(routine) if qualified else quote_identifier(routine.name)}({args})"


def _check_replaceable(ctx: Context, old: Routine, new: Routine, parameters: Parameters) -> None:
    drop = f"Use DROP {'PROCEDURE' if new.kind == 'p' else 'FUNCTION'} {_signature(ctx, old)} first."
    related = created_here(ctx, old.oid)
    shown = _signature(ctx, old, True)

    def refuse(message: str, help: str = drop, sqlstate: str = "42P13") -> Exception:
        return ctx.refuse(
            sqlstate, message, None, name=new.name, object=shown, help=help, kind="function", related=related
        )

    if old.kind != new.kind:
        raise refuse("cannot change routine kind", f'"{new.name}" is {_KIND_WORDS[old.kind]}.', "42809")
    if (old.result and new.result and old.result != new.result) or old.retset != new.retset:
        if new.kind == "p":
            raise refuse("cannot change whether a procedure has output parameters")
        raise refuse("cannot change return type of existing function")
    if new.result == RECORD and _outputs(old) != _outputs(new) and 0 not in (*old.all_args, *new.all_args):
        raise refuse(
            "cannot change return type of existing function", f"Row type defined by OUT parameters is different. {drop}"
        )
    for number, before in enumerate(_input_names(old)):
        after = _input_names(new)
        if before and (number >= len(after) or after[number] != before):
            raise refuse(f'cannot change name of input parameter "{before}"')
    if old.defaults > new.defaults:
        raise refuse("cannot remove parameter defaults from existing function")


def _outputs(routine: Routine) -> list[tuple[int, str]]:
    # compared as rows: types and names of OUT, INOUT and TABLE parameters; a single one is no row
    # (build_function_result_tupdesc_d)
    names = routine.names or ("",) * len(routine.all_args)
    found = [(t, n) for t, m, n in zip(routine.all_args, routine.modes, names, strict=False) if m in "obt"]
    found = [(t, n or f"column{number}") for number, (t, n) in enumerate(found, 1)]
    return found if len(found) > 1 or routine.kind == "p" else []


def _input_names(routine: Routine) -> list[str]:
    if not routine.names:
        return []
    modes = routine.modes or "i" * len(routine.names)
    return [n for n, m in zip(routine.names, modes, strict=False) if m in "ibv"]


def _store(
    ctx: Context, routine: Routine, parameters: Parameters, language: Language, options: dict[str, Node]
) -> None:
    catalog = ctx.catalog
    replaced = catalog.get(routine.oid) is not None
    if replaced:
        catalog.undepend((routine.oid, 0), "na")
    catalog.put(routine)
    catalog.untaint(("object", routine.oid))
    refs: list[tuple[int, int]] = [
        (routine.namespace, 0),
        (routine.result, 0),
        *((oid, 0) for oid in (routine.all_args or routine.args)),
    ]
    if language.object is not None:
        refs.append((language.object.oid, 0))
    catalog.depend((routine.oid, 0), [r for r in refs if r[0]])
    catalog.depend((routine.oid, 0), parameters.refs)
    ctx.created(routine, name=routine.name)


# --- ALTER ------------------------------------------------------------------------------------------------------------

_ALTER_KINDS = {"OBJECT_FUNCTION": "fw", "OBJECT_PROCEDURE": "p", "OBJECT_ROUTINE": "fpaw", "OBJECT_AGGREGATE": "a"}


def alter_function(ctx: Context, node: Node) -> None:
    """AlterFunction."""
    found: Any = find_routine(ctx, node["func"], _ALTER_KINDS[node["objtype"]])
    names = node["func"]["objname"]
    word = {"OBJECT_PROCEDURE": "procedure", "OBJECT_ROUTINE": "routine"}.get(node["objtype"], "function")
    need_owner(ctx, found, kind=word, shown=spelled(names))
    if not isinstance(found, Routine):
        return
    if found.kind == "a":
        raise ctx.refuse(
            "42809", f'"{spelled(names)}" is an aggregate function', None, name=found.name, kind="function"
        )
    options = _options(ctx, node.get("actions", []), found.kind == "p")
    if flag_of(options.get("leakproof")):
        need_superuser(ctx, "only superuser can define a leakproof function")
    if "support" in options:
        need_superuser(ctx, "must be superuser to specify a support function")
    _check_cost(ctx, options, found.retset)
    changed = replace(
        found,
        strict=flag_of(options["strict"]) if "strict" in options else found.strict,
        volatile=text_of(options["volatility"])[:1] if "volatility" in options else found.volatile,
        security_definer=flag_of(options["security"]) if "security" in options else found.security_definer,
        config=_settings(ctx, found.config, options),
    )
    ctx.catalog.put(changed)


HANDLERS = {"CreateFunctionStmt": create_function, "AlterFunctionStmt": alter_function}
