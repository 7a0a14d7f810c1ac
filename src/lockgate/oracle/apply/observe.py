"""From what the server says to what is kept: failures with their place, notices, work in the server's debug1 words,
locks."""

from __future__ import annotations

import re

from lockgate.base.text import Span
from lockgate.oracle.apply.plan import Failure, Notice
from lockgate.oracle.server.names import plain

# What PostgreSQL says of its work at debug1 (tablecmds.c ATRewriteTable and NotNullImpliedByRelConstraints, index.c
# index_build, cluster.c). Checked per major in tests/test_live_observe.py.
_WORK = re.compile(
    r"rewriting table |verifying table |building index |validating foreign key constraint |existing constraints on column "
    r"|updated partition constraint |partition constraint for table .* is implied |clustering |vacuuming "
)

_QUIET = frozenset(
    {
        "AlterEnumStmt",
        "CompositeTypeStmt",
        "CreateDomainStmt",
        "CreateEnumStmt",
        "CreateFunctionStmt",
        "CreateSchemaStmt",
        "CreateSeqStmt",
        "GrantStmt",
        "InsertStmt",
        "TransactionStmt",
        "VariableSetStmt",
    }
)
_OTHER_TABLES = re.compile(r"\b(references|inherits|partition|like|of)\b", re.IGNORECASE)


def quiet(tag: str, text: str) -> bool:
    """A statement that locks nothing that was there before it more strongly than RowExclusiveLock: not worth a look."""
    return tag in _QUIET or (tag == "CreateStmt" and not _OTHER_TABLES.search(text))


def failure(fields: dict[str, str], span: Span, length: int) -> Failure:
    """The server's refusal; ``span`` and ``length`` are those of the text that was sent first in the query string."""
    position = None
    if fields.get("P", "").isdigit() and int(fields["P"]) <= length + 1:
        position = min(span.start + int(fields["P"]) - 1, span.end)
    return Failure(
        fields.get("C", ""),
        plain(fields.get("M", "")),
        position,
        plain(fields.get("D", "")),
        plain(fields.get("H", "")),
        plain(fields.get("W", "")),
    )


def split_notices(notices: list[dict[str, str]]) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """Notices and warnings apart from the work told at debug1; other debug messages are dropped."""
    heard, work = [], []
    for fields in notices:
        severity, message = fields.get("V") or fields.get("S", ""), fields.get("M", "")
        if not severity.startswith("DEBUG"):
            heard.append(Notice(severity, fields.get("C", ""), plain(message)))
        elif _WORK.match(message) and "pg_toast" not in message:
            work.append(message)
    return tuple(heard), tuple(work)
