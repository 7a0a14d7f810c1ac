"""Walks over a body: the fragments of a statement, and its statements."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.parse.plpgsql import tree


def fragments(statement: tree.Statement) -> Iterator[tree.Fragment]:
    """The SQL of a statement itself, without that of the statements in it (declarations included for none)."""
    match statement:
        case tree.Assign():
            yield from statement.target.subscripts
            yield statement.value
        case tree.If():
            yield from (condition for condition, _ in statement.branches)
        case tree.Case():
            yield from _some(statement.operand)
            yield from (condition for condition, _ in statement.branches)
        case tree.Loop() | tree.Exit():
            yield from _some(statement.condition)
        case tree.ForInteger():
            yield from _some(statement.lower, statement.upper, statement.step)
        case tree.ForQuery():
            # the arguments of a cursor may be named (x := 1): they are no expression as they stand
            yield from _some(statement.query, statement.dynamic, *statement.using)
        case tree.ForEach():
            yield statement.array
        case tree.Return() | tree.ReturnNext():
            yield from _some(statement.value)
        case tree.ReturnQuery():
            yield from _some(statement.query, statement.dynamic, *statement.using)
        case tree.Raise():
            yield from statement.params
            yield from (value for _, value in statement.options)
        case tree.Assert():
            yield from _some(statement.condition, statement.message)
        case tree.Sql():
            yield statement.query
        case tree.Execute():
            yield from _some(statement.text, *statement.using)
        case tree.Open():
            yield from _some(statement.query, statement.dynamic, *statement.using)
        case _:
            return


def _some(*found: tree.Fragment | None) -> Iterator[tree.Fragment]:
    yield from (f for f in found if f is not None)


def inner(statement: tree.Statement) -> Iterator[tree.Statement]:
    """The statements directly inside a statement."""
    match statement:
        case tree.Block():
            yield from statement.body
            for handler in statement.handlers:
                yield from handler.body
        case tree.If() | tree.Case():
            for _, body in statement.branches:
                yield from body
            yield from statement.otherwise or ()
        case tree.Loop() | tree.ForInteger() | tree.ForQuery() | tree.ForEach():
            yield from statement.body
        case _:
            return


def every(statement: tree.Statement) -> Iterator[tree.Statement]:
    """A statement and all in it."""
    stack = [statement]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(inner(found))
