"""The tree of a PL/pgSQL body (src/pl/plpgsql/src/plpgsql.h), with exact places.

Every offset counts characters from the body's first one. A ``Fragment`` is SQL text as it stands in the body (an INTO
clause blanked out, as make_execsql_stmt does), so that places in it need only be added to.
"""

from __future__ import annotations

import msgspec


class Fragment(msgspec.Struct, frozen=True):
    """SQL inside a body. ``mode``: query, expression, or type."""

    text: str
    start: int
    mode: str = "expression"


class VariableTarget(msgspec.Struct, frozen=True):
    """What is assigned to: a variable, with fields and subscripts (``indirect``) where it has any."""

    parts: tuple[str, ...]
    start: int
    end: int
    subscripts: tuple[Fragment, ...] = ()


class Declaration(msgspec.Struct, frozen=True):
    """A variable (``kind`` variable), a bound cursor (cursor) or an alias (alias)."""

    name: str
    start: int
    kind: str = "variable"
    type: Fragment | None = None
    collation: tuple[str, ...] = ()
    constant: bool = False
    notnull: bool = False
    default: Fragment | None = None
    arguments: tuple[Declaration, ...] = ()
    query: Fragment | None = None
    aliased: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True):
    """A condition of an exception handler: a name, or an SQLSTATE."""

    name: str
    start: int
    sqlstate: bool = False


class Handler(msgspec.Struct, frozen=True):
    """WHEN conditions THEN statements."""

    conditions: tuple[Condition, ...]
    body: tuple[Statement, ...]
    start: int


class Block(msgspec.Struct, frozen=True):
    """[DECLARE ...] BEGIN ... [EXCEPTION ...] END."""

    start: int
    label: str = ""
    declarations: tuple[Declaration, ...] = ()
    body: tuple[Statement, ...] = ()
    handlers: tuple[Handler, ...] = ()


class Assign(msgspec.Struct, frozen=True):
    """target := expression."""

    start: int
    target: VariableTarget
    value: Fragment


class If(msgspec.Struct, frozen=True):
    """IF, its ELSIFs and ELSE (None: without one)."""

    start: int
    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None = None


class Case(msgspec.Struct, frozen=True):
    """CASE [operand] WHEN ...; with an operand each WHEN holds a list of values."""

    start: int
    operand: Fragment | None
    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None = None


class Loop(msgspec.Struct, frozen=True):
    """LOOP, or WHILE with its condition."""

    start: int
    body: tuple[Statement, ...]
    label: str = ""
    condition: Fragment | None = None


class ForInteger(msgspec.Struct, frozen=True):
    """FOR name IN lower .. upper."""

    start: int
    variable: str
    lower: Fragment
    upper: Fragment
    body: tuple[Statement, ...]
    label: str = ""
    step: Fragment | None = None
    reverse: bool = False


class ForQuery(msgspec.Struct, frozen=True):
    """FOR targets IN query, IN EXECUTE text (``dynamic``), or IN a bound cursor."""

    start: int
    targets: tuple[VariableTarget, ...]
    body: tuple[Statement, ...]
    label: str = ""
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()
    cursor: str = ""
    arguments: Fragment | None = None


class ForEach(msgspec.Struct, frozen=True):
    """FOREACH target IN ARRAY expression."""

    start: int
    targets: tuple[VariableTarget, ...]
    array: Fragment
    body: tuple[Statement, ...]
    label: str = ""
    slice: int = 0


class Exit(msgspec.Struct, frozen=True):
    """EXIT or CONTINUE."""

    start: int
    leave: bool
    label: str = ""
    condition: Fragment | None = None


class Return(msgspec.Struct, frozen=True):
    """RETURN [expression]."""

    start: int
    value: Fragment | None = None


class ReturnNext(msgspec.Struct, frozen=True):
    """RETURN NEXT [expression]."""

    start: int
    value: Fragment | None = None


class ReturnQuery(msgspec.Struct, frozen=True):
    """RETURN QUERY query, or EXECUTE text."""

    start: int
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()


class Raise(msgspec.Struct, frozen=True):
    """RAISE. ``level``: debug log info notice warning exception; ``message`` None with a condition or to rethrow."""

    start: int
    level: str = "exception"
    condition: str = ""
    sqlstate: str = ""
    message: str | None = None
    params: tuple[Fragment, ...] = ()
    options: tuple[tuple[str, Fragment], ...] = ()
    bare: bool = False


class Assert(msgspec.Struct, frozen=True):
    """ASSERT condition [, message]."""

    start: int
    condition: Fragment
    message: Fragment | None = None


class Sql(msgspec.Struct, frozen=True):
    """A static SQL statement, CALL, DO or PERFORM (``perform``: the fragment reads ``SELECT ...``)."""

    start: int
    query: Fragment
    into: tuple[VariableTarget, ...] = ()
    strict: bool = False
    perform: bool = False


class Execute(msgspec.Struct, frozen=True):
    """EXECUTE text [INTO targets] [USING expressions]."""

    start: int
    text: Fragment
    into: tuple[VariableTarget, ...] = ()
    strict: bool = False
    using: tuple[Fragment, ...] = ()


class Diagnostics(msgspec.Struct, frozen=True):
    """GET [STACKED] DIAGNOSTICS target = item, ..."""

    start: int
    stacked: bool
    items: tuple[tuple[VariableTarget, str], ...]


class Open(msgspec.Struct, frozen=True):
    """OPEN cursor [(arguments) | FOR query | FOR EXECUTE text]."""

    start: int
    cursor: VariableTarget
    arguments: Fragment | None = None
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()


class Fetch(msgspec.Struct, frozen=True):
    """FETCH or MOVE (without targets)."""

    start: int
    cursor: VariableTarget
    into: tuple[VariableTarget, ...] = ()
    count: Fragment | None = None


class Close(msgspec.Struct, frozen=True):
    """CLOSE cursor."""

    start: int
    cursor: VariableTarget


class Plain(msgspec.Struct, frozen=True):
    """NULL, COMMIT or ROLLBACK (``word``)."""

    start: int
    word: str


Statement = (
    Block
    | Assign
    | If
    | Case
    | Loop
    | ForInteger
    | ForQuery
    | ForEach
    | Exit
    | Return
    | ReturnNext
    | ReturnQuery
    | Raise
    | Assert
    | Sql
    | Execute
    | Diagnostics
    | Open
    | Fetch
    | Close
    | Plain
)


class Body(msgspec.Struct, frozen=True):
    """A whole body: its outermost block and its ``#`` options."""

    block: Block
    conflict: str = "error"
    options: tuple[str, ...] = ()
