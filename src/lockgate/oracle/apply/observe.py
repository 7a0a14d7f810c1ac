"""From what the server says to what is kept: failures with their place, notices, work in the server's debug1 words,
locks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lockgate.base.effects import Effect, Work
from lockgate.base.sql import split_name
from lockgate.base.text import Span
from lockgate.oracle.apply.locks import Touched
from lockgate.oracle.apply.plan import Notice, ServerFailure
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
_READS = re.compile(r"\b(?:select|table)\b", re.IGNORECASE)
_OTHER_TABLES = re.compile(r"\b(references|inherits|partition|like|of)\b", re.IGNORECASE)


def quiet(tag: str, text: str) -> bool:
    """A statement that locks nothing that was there before it more strongly than RowExclusiveLock, and reads no table
    whole: not worth a look."""
    if tag == "CreateStmt":
        return not _OTHER_TABLES.search(text)
    return tag in _QUIET and not (tag == "InsertStmt" and _READS.search(text))


def failure(fields: dict[str, str], span: Span, length: int) -> ServerFailure:
    """The server's refusal; ``span`` and ``length`` are those of the text that was sent first in the query string."""
    position = None
    if fields.get("P", "").isdigit() and int(fields["P"]) <= length + 1:
        position = min(span.start + int(fields["P"]) - 1, span.end)
    return ServerFailure(
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


_NAMED = re.compile(
    r'(?:rewriting|verifying) table "(.+)"|building index ".+" on table "(.+?)"(?: serially| with request.*)?'
)


def effects(touched: Iterable[Touched], work: tuple[str, ...]) -> tuple[Effect, ...]:
    """What one statement did, relation by relation: that there was work its file and its scans tell, by OID; of what
    kind a scan was, debug1's words, which have a bare name."""
    return tuple(_effect(one, work) for one in touched if one.kind.endswith(("table", "index", "materialized view")))


def _effect(one: Touched, work: tuple[str, ...]) -> Effect:
    index = one.kind.endswith("index")
    proof = next((words for words in work if _about(words) == _bare(one.relation)), None) if not index else None
    if index:
        kind = Work.BUILD if one.rewritten else Work.NONE
    elif one.rewritten:
        kind = Work.REWRITE
    elif one.scanned:
        kind = Work.BUILD if proof is not None and proof.startswith("building") else Work.SCAN
        # which names no table; both are read
        proof = proof or next((words for words in work if words.startswith("validating foreign key")), None)
    else:
        kind, proof = Work.NONE, None
    return Effect(one.oid, one.relation, one.lock, one.held, kind, kind="index" if index else "table", proof=proof)


def _about(words: str) -> str:
    """The table that a word of debug1 names."""
    found = _NAMED.match(words)
    return str(found[1] or found[2]) if found else ""


def _bare(relation: str) -> str:
    """The last name of a qualified one, without its quotes."""
    return split_name(relation)[-1]
