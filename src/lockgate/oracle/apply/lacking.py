"""What a server cannot do because of how it was built: never a finding, for production's server may well."""

from __future__ import annotations

import re

from lockgate.oracle.apply.plan import ServerFailure
from lockgate.parse import Statement, SyntaxFailure

_EXTENSION = re.compile(
    r'extension "([^"]+)" is not available|could not open extension control file "[^"]*/([^/"]+)\.control"'
)
_MISSING = re.compile(r'schema "([^"]+)" does not exist|(?:relation|function|procedure|type) "?([\w$]+)\.[^ ]')
_LIBRARY = re.compile(r'could not (?:access|load) (?:file|library) "([^"]+)"')
_PRELOAD = re.compile(r'"?([\w.]+)"? must be loaded via "?shared_preload_libraries')
_BUILD = (
    ("ICU is not supported", "ICU"),
    ("unsupported XML feature", "XML"),
    ("not supported with this version of ICU", "another ICU"),
    ("compression method lz4 not supported", "LZ4"),
    ("unrecognized configuration parameter", "a module that defines the parameter"),
    ("out of shared memory", "a higher max_locks_per_transaction"),
)
# types of extensions that scratch servers rarely have; a migration may have made one where nobody saw it, in a DO block
_TYPE = re.compile(r'type "(?:\w+\.)?(\w+)(?:\[\])?" does not exist')
_TYPES = {
    "vector": "vector",
    "halfvec": "vector",
    "sparsevec": "vector",
    "geometry": "postgis",
    "geography": "postgis",
    "raster": "postgis_raster",
}
_DATABASE = re.compile(r'database "([^"]+)" does not exist')
_OF_ROWS = ("22", "23", "P0")
_OF_ROLES = frozenset({"CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "DropRoleStmt", "GrantRoleStmt"})
_DENIED = re.compile(r"permission denied for (?:table|view|materialized view|sequence|schema) (.+)")
_LANGUAGES = re.compile(r'language "(pl(?!pgsql)\w+)" does not exist')


def lacks(statement: Statement | SyntaxFailure, failure: ServerFailure, service: frozenset[str] = frozenset()) -> str:
    """What the server would need to have, as words after "a server that has"; empty where the failure is the SQL's own.

    ``service``: schemas that a hosting service fills, of which a scratch server has but stand-ins.
    """
    message = failure.message
    named = _MISSING.search(message) if failure.sqlstate in ("3F000", "42P01", "42883", "42704") else None
    if named and (named.group(1) or named.group(2)) in service:
        return f"the service's schema {named.group(1) or named.group(2)}"
    if service and failure.sqlstate[:2] in _OF_ROWS:
        return "the service's own functions and rows"
    if (found := _TYPE.search(message)) and found.group(1) in _TYPES:
        return f"the extension {_TYPES[found.group(1)]}"
    if found := _DATABASE.search(message):
        return f"the database {found.group(1)}"
    if found := _EXTENSION.search(message):
        return f"the extension {found.group(1) or found.group(2)}"
    if found := _LANGUAGES.search(message):
        return f"the language {found.group(1)}"
    if found := _LIBRARY.search(message) or _PRELOAD.search(message):
        return f"the library {found.group(1)}"
    for words, what in _BUILD:
        if words in message:
            return what if failure.sqlstate != "42704" or "." in message else ""
    if failure.sqlstate == "22023" and "collation" in message.lower():
        return "the collation"
    if failure.sqlstate == "42704" and re.search(r'collation ".*" for encoding', message):
        return "the collation"
    return ""


def forbidden(statement: Statement | SyntaxFailure, failure: ServerFailure, withheld: frozenset[str]) -> str:
    """What the roles of production may and those of the scratch server may not, as words after "a server that has";
    empty where the refusal is another."""
    if failure.sqlstate != "42501" or not withheld:
        return ""
    said = f"{failure.message} {failure.detail} {failure.hint}"
    if named := sorted(role for role in withheld if role in said):
        return f"a role that is a member of {named[0]}"
    if "CREATEROLE" in withheld and isinstance(statement, Statement) and statement.tag in _OF_ROLES:
        return "a role with CREATEROLE"
    # what a statement does not name is reached through a view or a function, with its owner's rights
    hidden = _DENIED.search(failure.message) if "pg_read_all_data" in withheld else None
    text = statement.script.source.text[statement.span.start : statement.span.end].lower()
    return "a role that may read everything" if hidden and hidden.group(1).lower() not in text else ""


def reason(what: str, major: int) -> str:
    """The remedy with it."""
    return f"needs a server that has {what}: give --dsn of one or install postgresql-{major} with its contrib modules"
