"""From what the server says to what is kept: failures with their place, notices, work in the server's debug1 words, locks."""

from __future__ import annotations

import re

from lockgate.live.plan import Failure, Notice
from lockgate.text import Span

# What PostgreSQL says of its work at debug1 (tablecmds.c ATRewriteTable and NotNullImpliedByRelConstraints, index.c index_build,
# cluster.c). Checked per major in tests/test_live_observe.py.
_WORK = re.compile(
    r"rewriting table |verifying table |building index |validating foreign key constraint |existing constraints on column "
    r"|updated partition constraint |partition constraint for table .* is implied |clustering |vacuuming "
)

# locks on the relations of the user that the own backend holds; pg_class tells no name of a relation dropped in this transaction
LOCKS = (
    "SELECT l.relation, l.mode, n.nspname || '.' || c.relname FROM pg_catalog.pg_locks l"
    " LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384"
    " AND (c.relkind IS NULL OR c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I'))"
)


def failure(fields: dict[str, str], span: Span, length: int) -> Failure:
    """The server's refusal; ``span`` and ``length`` are those of the text that was sent first in the query string."""
    position = None
    if fields.get("P", "").isdigit() and int(fields["P"]) <= length + 1:
        position = min(span.start + int(fields["P"]) - 1, span.end)
    return Failure(fields.get("C", ""), fields.get("M", ""), position, fields.get("D", ""), fields.get("H", ""), fields.get("W", ""))


def split_notices(notices: list[dict[str, str]]) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
    """Notices and warnings apart from the work told at debug1; other debug messages are dropped."""
    heard, work = [], []
    for fields in notices:
        severity, message = fields.get("V") or fields.get("S", ""), fields.get("M", "")
        if not severity.startswith("DEBUG"):
            heard.append(Notice(severity, fields.get("C", ""), message))
        elif _WORK.match(message):
            work.append(message)
    return tuple(heard), tuple(work)
