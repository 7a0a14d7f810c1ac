"""Simple statements of PL/pgSQL (proc_stmt of pl_gram.y)."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.parse.plpgsql.cursor import Reader
from lockgate.parse.plpgsql.scan import Token
from lockgate.parse.plpgsql.tree import (
    Assert,
    Assign,
    Close,
    Diagnostics,
    Execute,
    Exit,
    Fetch,
    Fragment,
    Open,
    Plain,
    Raise,
    Return,
    ReturnNext,
    ReturnQuery,
    Sql,
    Statement,
    VariableTarget,
)

_LEVELS = ("exception", "warning", "notice", "info", "log", "debug")
_OPTIONS = ("message", "detail", "hint", "errcode", "column", "constraint", "datatype", "table", "schema")
_ITEM_WORDS = """row_count pg_routine_oid pg_context returned_sqlstate pg_exception_detail pg_exception_hint pg_exception_context
column_name constraint_name pg_datatype_name message_text table_name schema_name"""
_ITEMS = frozenset(_ITEM_WORDS.split())


def sentence(reader: Reader) -> Statement:
    """Read one simple statement with its semicolon."""
    token = reader.token
    following = reader.peek().value
    field = following == "." and reader.peek(2).kind in ("word", "quoted")
    if (reader.is_name() or token.kind == "param") and (field or following in (":=", "=", "[")):
        return _assign(reader)
    if token.kind == "word":
        reading = _READERS.get(token.value)
        if reading is not None:
            return reading(reader)
    if token.kind not in ("word", "quoted"):
        raise reader.error()
    return _sql(reader)


def _assign(reader: Reader) -> Statement:
    target = reader.target(subscripts=True)
    if not reader.take_sign(":=", "="):
        raise reader.error(token=reader.token)
    value = reader.sql(";")
    reader.need_sign(";")
    return Assign(target.start, target, value)


def _sql(reader: Reader) -> Sql:
    """make_execsql_stmt: INTO is cut out, unless it is INSERT's, MERGE's or IMPORT's."""
    first = previous = reader.next()
    into: tuple[VariableTarget, ...] = ()
    strict, cut, depth = False, (0, 0), 0
    while True:
        token = reader.token
        if not token.kind:
            raise reader.error("unexpected end of function definition")
        if token.kind == "sign":
            if token.value == ";" and depth <= 0:
                break
            depth += (token.value in "([" and 1) or 0
            depth -= (token.value in ")]" and 1) or 0
        if (
            token.kind == "word"
            and token.value == "into"
            and previous.value not in ("insert", "merge")
            and first.value != "import"
        ):
            if into:
                raise reader.error("INTO specified more than once")
            into, strict = _into(reader)
            cut = (token.start, reader.token.start)
            previous = token
            continue
        depth += _opens_body(first, previous, token)
        depth -= depth > 0 and token.kind == "word" and token.value == "end" and first.value == "create"
        previous = token
        reader.at += 1
    text = reader.text[first.start : reader.next().start].rstrip()
    if into:
        a, b = cut[0] - first.start, min(cut[1] - first.start, len(text))
        text = text[:a] + " " * (b - a) + text[b:]
    return Sql(first.start, Fragment(text, first.start, "query"), into, strict)


def _opens_body(first: Token, previous: Token, token: Token) -> int:
    return int(
        first.value == "create" and token.value == "atomic" and previous.value == "begin" and token.kind == "word"
    )


def _into(reader: Reader) -> tuple[tuple[VariableTarget, ...], bool]:
    reader.next()
    strict = reader.take_word("strict")
    targets = [reader.target()]
    while reader.take_sign(","):
        targets.append(reader.target())
    return tuple(targets), strict


def _perform(reader: Reader) -> Sql:
    start = reader.next().start
    if not reader.is_sign(";"):
        reader.sql(";", mode="query")
    end = reader.need_sign(";").start
    text = " SELECT" + reader.text[start + 7 : end].rstrip()
    return Sql(start, Fragment(text, start, "query"), perform=True)


def _execute(reader: Reader) -> Execute:
    start = reader.next().start
    text = reader.sql("into", "using", ";")
    into: tuple[VariableTarget, ...] = ()
    strict, using = False, list[Fragment]()
    while not reader.take_sign(";"):
        if reader.is_word("into") and not into:
            into, strict = _into(reader)
        elif reader.take_word("using") and not using:
            using.append(reader.sql(",", "into", ";"))
            while reader.take_sign(","):
                using.append(reader.sql(",", "into", ";"))
        else:
            raise reader.error()
    return Execute(start, text, into, strict, tuple(using))


def _return(reader: Reader) -> Statement:
    start = reader.next().start
    if reader.take_word("next"):
        return ReturnNext(start, _optional(reader))
    if reader.take_word("query"):
        if reader.take_word("execute"):
            dynamic, using = reader.sql("using", ";"), []
            if reader.take_word("using"):
                using.append(reader.sql(",", ";"))
                while reader.take_sign(","):
                    using.append(reader.sql(",", ";"))
            reader.need_sign(";")
            return ReturnQuery(start, dynamic=dynamic, using=tuple(using))
        query = reader.sql(";", mode="query")
        reader.need_sign(";")
        return ReturnQuery(start, query)
    return Return(start, _optional(reader))


def _optional(reader: Reader) -> Fragment | None:
    if reader.take_sign(";"):
        return None
    value = reader.sql(";")
    reader.need_sign(";")
    return value


def _exit(reader: Reader) -> Exit:
    token = reader.next()
    label = "" if reader.is_word("when") or reader.is_sign(";") else reader.any_name().value
    condition = None
    if reader.take_word("when"):
        condition = reader.sql(";")
    reader.need_sign(";")
    return Exit(token.start, token.value == "exit", label, condition)


def _raise(reader: Reader) -> Raise:
    start = reader.next().start
    if reader.take_sign(";"):
        return Raise(start, bare=True)
    level = reader.next().value if reader.is_word(*_LEVELS) else "exception"
    condition = sqlstate = ""
    message: str | None = None
    params: list[Fragment] = []
    if reader.token.kind == "string":
        message = reader.next().value
        while reader.take_sign(","):
            params.append(reader.sql(",", ";", "using"))
    elif reader.is_word("sqlstate") and reader.peek().kind == "string":
        reader.at += 1
        sqlstate = reader.next().value
    elif not reader.is_word("using") and not reader.is_sign(";"):
        condition = reader.any_name().value
    options = _raise_options(reader) if reader.take_word("using") else ()
    reader.need_sign(";")
    if message is not None:
        _count(reader, message, len(params), start)
    return Raise(start, level, condition, sqlstate, message, tuple(params), options)


def _raise_options(reader: Reader) -> tuple[tuple[str, Fragment], ...]:
    found: list[tuple[str, Fragment]] = []
    while True:
        if not reader.is_word(*_OPTIONS):
            raise reader.error("unrecognized RAISE statement option")
        name = reader.next().value
        reader.need_sign("=", ":=")
        found.append((name, reader.sql(",", ";")))
        if not reader.take_sign(","):
            return tuple(found)


def _count(reader: Reader, message: str, given: int, start: int) -> None:
    """check_raise_parameters."""
    expected = message.replace("%%", "").count("%")
    if expected != given:
        few = "few" if expected > given else "many"
        error = reader.error()
        error.message, error.offset, error.token = f"too {few} parameters specified for RAISE", start, "RAISE"
        raise error


def _assert(reader: Reader) -> Assert:
    start = reader.next().start
    condition = reader.sql(",", ";")
    message = reader.sql(";") if reader.take_sign(",") else None
    reader.need_sign(";")
    return Assert(start, condition, message)


def _get(reader: Reader) -> Diagnostics:
    start = reader.next().start
    stacked = reader.is_word("stacked")
    reader.take_word("current", "stacked")
    reader.need_word("diagnostics")
    items: list[tuple[VariableTarget, str]] = []
    while True:
        target = reader.target()
        reader.need_sign("=", ":=")
        if not reader.is_word(*_ITEMS):
            raise reader.error("unrecognized GET DIAGNOSTICS item")
        items.append((target, reader.next().value))
        if not reader.take_sign(","):
            break
    reader.need_sign(";")
    return Diagnostics(start, stacked, tuple(items))


def _open(reader: Reader) -> Open:
    start = reader.next().start
    cursor = reader.target()
    if reader.take_sign(";"):
        return Open(start, cursor)
    if reader.take_sign("("):
        arguments = reader.sql(")")
        reader.need_sign(")")
        reader.need_sign(";")
        return Open(start, cursor, arguments)
    reader.take_word("no")
    reader.take_word("scroll")
    reader.need_word("for")
    if reader.take_word("execute"):
        dynamic, using = reader.sql("using", ";"), []
        while reader.take_word("using") or reader.take_sign(","):
            using.append(reader.sql(",", ";"))
        reader.need_sign(";")
        return Open(start, cursor, dynamic=dynamic, using=tuple(using))
    query = reader.sql(";", mode="query")
    reader.need_sign(";")
    return Open(start, cursor, query=query)


def _fetch(reader: Reader) -> Fetch:
    """FETCH or MOVE: direction, then the cursor (read_fetch_direction)."""
    start = reader.next().start
    from_at = reader.at
    while reader.token.kind and not reader.is_word("from", "in", "into") and not reader.is_sign(";"):
        reader.at += 1
    if not reader.take_word("from", "in"):
        reader.at -= 1
    del from_at
    cursor = reader.target()
    into: tuple[VariableTarget, ...] = ()
    if reader.is_word("into"):
        into, _ = _into(reader)
    reader.need_sign(";")
    return Fetch(start, cursor, into)


def _close(reader: Reader) -> Close:
    start = reader.next().start
    cursor = reader.target()
    reader.need_sign(";")
    return Close(start, cursor)


def _plain(reader: Reader) -> Plain:
    token = reader.next()
    if token.value != "null" and reader.take_word("and"):
        reader.take_word("no")
        reader.need_word("chain")
    reader.need_sign(";")
    return Plain(token.start, token.value)


_READERS: dict[str, Callable[[Reader], Statement]] = {
    "perform": _perform,
    "execute": _execute,
    "return": _return,
    "exit": _exit,
    "continue": _exit,
    "raise": _raise,
    "assert": _assert,
    "get": _get,
    "open": _open,
    "fetch": _fetch,
    "move": _fetch,
    "close": _close,
    "null": _plain,
    "commit": _plain,
    "rollback": _plain,
}
