"""Pavel Stehule's plpgsql_check, where the server has it: every path of a PL/pgSQL body analysed, none run.

Its one function that we need stands in the scratch database only while bodies are checked. So no migration ever meets
it, and one that makes the extension finds what production has. It is made with the words of the extension's own script
(its arguments differ from version to version), taken from a transaction that is rolled back, in another database, where
no migration can have put words of its own. The check itself runs as
an ordinary role, like everything that may lead to the migrations' code: planning evaluates IMMUTABLE functions.
"""

from __future__ import annotations

import re

import msgspec

from lockgate.base.sql import literal, quote
from lockgate.oracle.bodies.routines import Firing, ServerRoutine
from lockgate.oracle.server.backend import Backend, ask, rows
from lockgate.oracle.server.names import own
from lockgate.oracle.server.wire import Connection

_MAKE = "BEGIN; CREATE SCHEMA {schema}; CREATE EXTENSION IF NOT EXISTS plpgsql_check SCHEMA {schema}"
_FUNCTION = """
SELECT pg_catalog.pg_get_functiondef(p.oid), e.extversion FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend d ON d.refobjid = e.oid AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
WHERE e.extname = 'plpgsql_check' AND p.proname = 'plpgsql_check_function_tb' AND p.proargtypes[0] = 'regprocedure'::pg_catalog.regtype"""


class Refusal(msgspec.Struct, frozen=True):
    """An error that the extension foresees."""

    line: int  # of the statement in the body
    sqlstate: str
    message: str
    query: str  # the embedded query, where there is one


class CheckExtension(msgspec.Struct, frozen=True):
    """The extension as this server has it."""

    version: str
    schema: str  # of our own, while bodies are checked
    definition: str

    def make(self, backend: Backend, role: str) -> None:
        """Make the function for a role. Raises CannotCheck."""
        grant = f"GRANT USAGE ON SCHEMA {self.schema} TO {quote(role)}"
        rows(backend.operate(f"CREATE SCHEMA {self.schema}; {self.definition}; {grant}"))

    def drop(self, backend: Backend) -> None:
        """Remove it again, with what a migration may have hung on it."""
        backend.operate(f"SET client_min_messages = warning; DROP SCHEMA {self.schema} CASCADE")

    def query(self, routine: ServerRoutine, firing: Firing) -> str:
        """The query that checks the session's copy of a routine, for the rows of one table where a trigger calls it."""
        options = {"fatal_errors": "false", "other_warnings": "false", "extra_warnings": "false"}
        if firing.oid:
            options["relid"] = f"{firing.oid}::pg_catalog.oid::pg_catalog.regclass"
        options |= {key: literal(name) for key, name in (("oldtable", firing.old), ("newtable", firing.new)) if name}
        if "use_incomment_options" in self.definition:  # a comment of the body has no say
            options["use_incomment_options"] = "false"
        given = ", ".join(f"{name} => {value}" for name, value in options.items())
        copy = f"SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() AND proname OPERATOR(pg_catalog.=) {literal(routine.name)}::pg_catalog.name"
        call = f"{self.schema}.plpgsql_check_function_tb(({copy})::pg_catalog.regprocedure, {given})"
        return f"SELECT lineno, sqlstate, message, query FROM {call} WHERE level OPERATOR(pg_catalog.=) 'error'::pg_catalog.text"


def extension(control: Connection) -> CheckExtension | None:
    """The extension of the server; None where it has none, or lets nobody make it. Raises Lost."""
    if not ask(control, "SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'plpgsql_check'"):
        return None
    schema = own("lockgate_plpgsql_check")
    try:
        if control.query(_MAKE.format(schema=schema), 60).failure:
            return None
        found = ask(control, _FUNCTION)
    finally:
        control.query("ROLLBACK", 20)
    if not found:
        return None
    name = f"{schema}.plpgsql_check_function_tb("
    definition = re.sub(r"FUNCTION \S+\.plpgsql_check_function_tb\(", f"FUNCTION {name}", found[0][0] or "", count=1)
    return CheckExtension(found[0][1] or "", schema, definition)


def refusals(found: list[tuple[str | None, ...]]) -> list[Refusal]:
    """The rows of the check."""
    return [Refusal(int(line or 0), state or "", message or "", query or "") for line, state, message, query in found]
