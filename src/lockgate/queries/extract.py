"""From files to queries: a cheap look first, a parser only for what may have a query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lockgate.queries import source_code, sql_file
from lockgate.queries.dialect import elsewhere, meant_here, speaks_elsewhere
from lockgate.queries.fit import fit
from lockgate.queries.known import Known
from lockgate.queries.passage import Passage
from lockgate.queries.query import Query, queries
from lockgate.text import Source

# words that say nothing but a sentence: no sign, one line
_PROSE = re.compile(r"[\w\s]*[.!?]?\s*")


def extract(files: Iterable[tuple[str, bytes]], known: Known) -> Iterator[Query]:
    """The queries of some files, in order: statements with a relation that the catalog knows or once knew."""
    for path, data in files:
        suffix = path.rpartition(".")[2]
        found = [p for p in passages(suffix, data) if known.mentioned(p.text) and not elsewhere(p.text, suffix)]
        if found:
            source = Source(path, data.decode("utf-8", "replace"))
            elsewhere_too = speaks_elsewhere(path, data)
            for passage in found:
                yield from _queries(source, passage, suffix, known, elsewhere_too and not meant_here(passage.receiver))


def passages(suffix: str, data: bytes) -> list[Passage]:
    """What of a file may be SQL."""
    return sql_file.passages(data.decode("utf-8", "replace")) if suffix == "sql" else source_code.passages(suffix, data)


def _queries(source: Source, passage: Passage, suffix: str, known: Known, doubtful: bool) -> Iterator[Query]:
    fitted = fit(passage, suffix)
    if fitted is None:
        return
    for query in queries(source, fitted, doubtful):
        if any(known.schemas(name) for _, name in query.relations) and not (suffix != "sql" and _is_prose(query.sql)):
            yield query


def _is_prose(sql: str) -> bool:
    """Such as "Select one from projects": a sentence of the user interface."""
    return "\n" not in sql and _PROSE.fullmatch(sql) is not None and not sql.isupper() and sql[:6] not in ("SELECT", "INSERT", "UPDATE", "DELETE")
