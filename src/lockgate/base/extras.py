"""The parts of Lockgate that are installed only where somebody wants them: which modules each extra brings, and the one
command that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.base.errors import CannotCheck

# the module's first word -> what it is needed for, the extra that brings it
_BROUGHT = {
    "psycopg": ("a PostgreSQL server is asked through psycopg", "verify"),
    "sqlglot": ("the application's queries are read with sqlglot", "queries"),
    "tree_sitter": ("source code is read with tree-sitter", "queries"),
}


def missing(error: ModuleNotFoundError) -> CannotCheck | None:
    """What to say of a module that an extra would bring; None for every other module."""
    top = (error.name or "").partition(".")[0]
    known = _BROUGHT.get("tree_sitter" if top.startswith("tree_sitter") else top)
    if known is None:
        return None
    reason, extra = known
    return CannotCheck(f"{reason}, which is not installed here", command(extra))


def command(extra: str) -> str:
    """The one command that installs an extra."""
    return f"pip install 'lockgate[{extra}]'"


@contextmanager
def told() -> Iterator[None]:
    """Imports in it that only an extra brings. Raises CannotCheck with the one command."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (said := missing(error)) is not None:
            raise said from None
        raise
