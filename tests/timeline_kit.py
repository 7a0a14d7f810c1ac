"""Scripts statement by statement on a server and on the simulated timeline, and what they differ in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from lockgate.base.text import Source
from lockgate.catalog.objects import Constraint, Relation
from lockgate.oracle.read.catalog import compare, read_catalog
from lockgate.oracle.server.binaries import Binaries, at_hand
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.wire import SocketConnection
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.export import export
from lockgate.timeline.plan import Broken, Plan
from lockgate.timeline.replay import Replay

ENABLED: dict[int, Binaries] = {found.major: found for found in reversed(list(at_hand()))}
_NOT_NULL = """select n.nspname, c.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
    where k.contype = 'n' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"""


def lacks(text: str, binaries: Binaries) -> bool:
    """Whether a server lacks what the first line of a script asks for."""
    word, _, rest = text.partition("\n")[0].removeprefix("-- ").partition(" ")
    match word:
        case "since":
            return binaries.major < int(rest.split(":")[0])
        case "before":
            return binaries.major >= int(rest.split(":")[0])
        case "needs":
            system = Path(f"/usr/share/postgresql/{binaries.major}/extension/{rest}.control")
            return not system.exists() and not any(binaries.prefix.glob(f"share/**/{rest}.control"))
    return False


def on_servers(scripts: dict[str, str], wanted: Sequence[int]) -> list[ParameterSet]:
    """Major and script, for every server at hand that has what the script asks for; not run where none has."""
    pairs = []
    for major in wanted:
        fit = [name for name, text in scripts.items() if not lacks(text, ENABLED[major])]
        pairs += [pytest.param(major, name, id=f"{major}-{name}") for name in fit]
    played = {pair.values[1] for pair in pairs}
    for name, text in scripts.items():
        if name not in played:
            what = "newest-server" if text.startswith("-- since") else "contrib"
            pairs.append(pytest.param(max(ENABLED), name, id=name, marks=pytest.mark.needs(what)))
    return pairs


def play(server: Server, major: int, name: str, text: str) -> list[str]:
    """Every difference: statements with another SQLSTATE or not analysed, then objects of the catalog."""
    script = Script.whole(Source(f"{name}.sql", text), Transaction.STATEMENT)
    superuser = server.template.superuser
    replay = Replay(Plan((Migration("1", "1", name, script),), major, role=superuser, superuser=True))
    connection = server.connect()
    try:
        differences = list(_statements(replay, connection))
        connection.query("reset all")
        connection.query("set search_path = pg_catalog")
        differences += _catalog(replay, connection)
        if major >= 18:
            differences += _not_null(replay, connection)
        return differences
    finally:
        connection.close()


def _statements(replay: Replay, connection: SocketConnection) -> Iterator[str]:
    for step in replay.steps():
        assert not isinstance(step, Broken), step
        sql = step.statement.text
        failure = connection.query(sql).failure or {}
        real, ours = failure.get("C", ""), step.fails.sqlstate if step.fails else ""
        if real == "42601" and ours == "" and failure.get("M", "").startswith("syntax error"):
            continue  # the grammar of a newer major
        if real != ours:
            said = step.fails.message if step.fails else ""
            yield f"{sql!r}: server {real} {failure.get('M', '')}, simulated {ours} {said}"
        for reason in (*step.tainted, *step.notes):
            yield f"{sql!r}: {reason}"


def _catalog(replay: Replay, connection: SocketConnection) -> Iterator[str]:
    missing, extra, changed = compare(read_catalog(connection), export(replay.catalog))
    skip = "schemas public", "extensions plpgsql"
    for word, names in (("missing", missing), ("extra", extra), ("different", changed)):
        yield from (f"{word}: {name}" for name in names if not name.startswith(skip))


def _not_null(replay: Replay, connection: SocketConnection) -> Iterator[str]:
    real = {".".join(str(part) for part in row) for row in connection.query(_NOT_NULL).rows}
    catalog: Any = replay.catalog
    ours = set()
    for constraint in catalog.objects(Constraint):
        relation = catalog.find(Relation, constraint.relation)
        if constraint.kind == "n" and relation is not None:
            ours.add(f"{catalog.namespace_name(relation.namespace)}.{relation.name}.{constraint.name}")
    yield from (f"missing: not null {name}" for name in sorted(real - ours))
    yield from (f"extra: not null {name}" for name in sorted(ours - real) if not name.startswith("pg_temp"))
