"""The tree of a PL/pgSQL body (src/pl/plpgsql/src/plpgsql.h), with exact places.

Every offset counts characters from the body's first one. A ``Fragment`` is SQL text as it stands in the body (an INTO
clause blanked out, as make_execsql_stmt does), so that places in it need only be added to.
"""

from __future__ import annotations

from lockgate.base.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL inside a body. ``mode``: query, expression, or type."""

    text: str
    start: int
    mode: str = "expression"


@dataclass(frozen=True, slots=True)
class Target:
    """What is assigned to: a variable, with fields and subscripts (``indirect``) where it has any."""

    parts: tuple[str, ...]
    start: int
    end: int
    subscripts: tuple[Fragment, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
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


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of an exception handler: a name, or an SQLSTATE."""

    name: str
    start: int
    sqlstate: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """WHEN conditions THEN statements."""

    conditions: tuple[Condition, ...]
    body: tuple[Statement, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Block:
    """[DECLARE ...] BEGIN ... [EXCEPTION ...] END."""

    start: int
    label: str = ""
    declarations: tuple[Declaration, ...] = ()
    body: tuple[Statement, ...] = ()
    handlers: tuple[Handler, ...] = ()


@dataclass(frozen=True, slots=True)
class Assign:
    """target := expression."""

    start: int
    target: Target
    value: Fragment


@dataclass(frozen=True, slots=True)
class If:
    """IF, its ELSIFs and ELSE (None: without one)."""

    start: int
    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """CASE [operand] WHEN ...; with an operand each WHEN holds a list of values."""

    start: int
    operand: Fragment | None
    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """LOOP, or WHILE with its condition."""

    start: int
    body: tuple[Statement, ...]
    label: str = ""
    condition: Fragment | None = None


@dataclass(frozen=True, slots=True)
class ForInteger:
    """FOR name IN lower .. upper."""

    start: int
    variable: str
    lower: Fragment
    upper: Fragment
    body: tuple[Statement, ...]
    label: str = ""
    step: Fragment | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class ForQuery:
    """FOR targets IN query, IN EXECUTE text (``dynamic``), or IN a bound cursor."""

    start: int
    targets: tuple[Target, ...]
    body: tuple[Statement, ...]
    label: str = ""
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()
    cursor: str = ""
    arguments: Fragment | None = None


@dataclass(frozen=True, slots=True)
class ForEach:
    """FOREACH target IN ARRAY expression."""

    start: int
    targets: tuple[Target, ...]
    array: Fragment
    body: tuple[Statement, ...]
    label: str = ""
    slice: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """EXIT or CONTINUE."""

    start: int
    leave: bool
    label: str = ""
    condition: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """RETURN [expression]."""

    start: int
    value: Fragment | None = None


@dataclass(frozen=True, slots=True)
class ReturnNext:
    """RETURN NEXT [expression]."""

    start: int
    value: Fragment | None = None


@dataclass(frozen=True, slots=True)
class ReturnQuery:
    """RETURN QUERY query, or EXECUTE text."""

    start: int
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE. ``level``: debug log info notice warning exception; ``message`` None with a condition or to rethrow."""

    start: int
    level: str = "exception"
    condition: str = ""
    sqlstate: str = ""
    message: str | None = None
    params: tuple[Fragment, ...] = ()
    options: tuple[tuple[str, Fragment], ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Assert:
    """ASSERT condition [, message]."""

    start: int
    condition: Fragment
    message: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Sql:
    """A static SQL statement, CALL, DO or PERFORM (``perform``: the fragment reads ``SELECT ...``)."""

    start: int
    query: Fragment
    into: tuple[Target, ...] = ()
    strict: bool = False
    perform: bool = False


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE text [INTO targets] [USING expressions]."""

    start: int
    text: Fragment
    into: tuple[Target, ...] = ()
    strict: bool = False
    using: tuple[Fragment, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """GET [STACKED] DIAGNOSTICS target = item, ..."""

    start: int
    stacked: bool
    items: tuple[tuple[Target, str], ...]


@dataclass(frozen=True, slots=True)
class Open:
    """OPEN cursor [(arguments) | FOR query | FOR EXECUTE text]."""

    start: int
    cursor: Target
    arguments: Fragment | None = None
    query: Fragment | None = None
    dynamic: Fragment | None = None
    using: tuple[Fragment, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH or MOVE (without targets)."""

    start: int
    cursor: Target
    into: tuple[Target, ...] = ()
    count: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE cursor."""

    start: int
    cursor: Target


@dataclass(frozen=True, slots=True)
class Plain:
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


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body: its outermost block and its ``#`` options."""

    block: Block
    conflict: str = "error"
    options: tuple[str, ...] = field(default=())
