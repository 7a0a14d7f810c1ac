"""The simulated catalog against the server's: what differs is our bug, told with the statement that is likeliest to
have made it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Namespace
from lockgate.oracle.apply.plan import ApplyReport, LiveCatalog, ObservationState
from lockgate.oracle.read.catalog import KEYS
from lockgate.parse import Statement, parse_script
from lockgate.run.evidence import Differs
from lockgate.sources.migration import Migration
from lockgate.timeline.export import export
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay

Key = tuple[str, ...]
Rows = dict[Key, dict[str, Any]]


def audit(plan: Plan, report: ApplyReport, final: Catalog | None) -> Iterator[Differs]:
    """Every difference once, at the first migration after which it shows; without catalogs of each migration only the
    last one's count.

    Nothing is compared from the first statement on that the server could not be asked about, or that it refused and
    nobody could repair.
    """
    end = _proven(plan, report)
    whole = len(end) == len(plan.migrations)
    known: set[tuple[Key, str]] = set()
    if report.catalogs:
        replay = Replay(plan)
        for leg in replay.legs():
            for _ in replay.take(leg):
                pass
            migration = leg.migration
            if (
                leg.kind == "migration"
                and migration is not None
                and migration.id in end
                and migration.id in report.catalogs
            ):
                yield from _new(known, replay.catalog, report.catalogs[migration.id], plan, (migration,))
    elif whole and final is not None and plan.migrations:
        yield from _new(known, final, report.catalog_after, plan, plan.migrations)


def _proven(plan: Plan, report: ApplyReport) -> frozenset[str]:
    """The migrations before the first that proves nothing."""
    doubtful = {
        seen.migration
        for seen in report.observations
        if seen.state is not ObservationState.OBSERVED or (seen.fails is not None and not seen.repaired_as)
    }
    out = []
    for migration in plan.migrations if not report.restored else ():
        if migration.id in doubtful or migration.opaque or any(gap.touches for gap in migration.up.gaps):
            break
        out.append(migration.id)
    return frozenset(out)


def _new(
    known: set[tuple[Key, str]], simulated: Catalog, real: LiveCatalog, plan: Plan, migrations: tuple[Migration, ...]
) -> Iterator[Differs]:
    owners = bool(plan.owner or plan.role)
    hidden = _doubted(simulated)
    if hidden is None:
        return
    begin = _beginnings(simulated)
    for key, words in differences(export(simulated), real, owners):
        if (key, words) in known or hidden & set(key[1:]) or any(name.startswith(begin) for name in key[1:]):
            continue
        known.add((key, words))
        yield _placed(key, words, migrations)


def differences(simulated: Mapping[str, Any], real: LiveCatalog, owners: bool) -> Iterator[tuple[Key, str]]:
    """What one has and the other lacks, and what is not the same; without ``owners`` who owns what is left out."""
    ours, theirs = _rows(simulated, owners), _rows(real, owners)
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in theirs:
            yield key, "the simulated catalog has it, the server does not"
        elif key not in ours:
            yield key, "the server has it, the simulated catalog does not"
        else:
            one, other = ours[key], theirs[key]
            words = [
                f"{name} is {other.get(name)!r} on the server, {one.get(name)!r} simulated"
                for name in other
                if one.get(name) != other.get(name)
            ]
            if words:
                yield key, ", ".join(words)


def _rows(catalog: Mapping[str, Any], owners: bool) -> Rows:
    out: Rows = {}
    for kind, rows in catalog.items():
        for row in rows:
            # before 15 public belongs to the bootstrap superuser, whose name is another on every server
            owner = owners and (kind, row["name"]) != ("schemas", "public")
            shown = row if owner else {k: v for k, v in row.items() if k != "owner"}
            out[(kind, *(str(row[k]) for k in KEYS.get(kind, ("schema", "name"))))] = shown
    return out


def _doubted(catalog: Catalog) -> set[str] | None:
    """Names of what the simulator is not certain of; None where that is everything."""
    if catalog.taint_of(("any",)) is not None:
        return None
    names: set[str] = set()
    for key in catalog.taints:
        if key[0] == "namespace":
            names.add(catalog.namespace_name(key[1]))
        for part in key[1:]:
            found = catalog.get(part) if isinstance(part, int) else part
            name = (
                found if isinstance(found, str) else "" if isinstance(found, Namespace) else getattr(found, "name", "")
            )
            names.add(str(name))
    return names - {""}


def _beginnings(catalog: Catalog) -> tuple[str, ...]:
    """How names begin of which the simulator does not know whether something has them."""
    return tuple(prefix for taint in catalog.taints.values() for prefix in taint.prefixes if prefix)


def _placed(key: Key, words: str, migrations: tuple[Migration, ...]) -> Differs:
    """At the last statement that names the object, else at the last migration."""
    kind, *names = key
    shown = ".".join(names[:-1]) + f"({names[-1]})" if kind == "functions" else ".".join(names)
    candidates = names[:-1] if kind == "functions" else names
    for name in reversed(candidates):
        word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])", re.IGNORECASE)
        for migration in reversed(migrations):
            for statement in reversed(parse_script(migration.up)) if word.search(migration.up.source.text) else ():
                if isinstance(statement, Statement) and word.search(statement.text):
                    label = Label(migration.up.source, statement.span, "likeliest here")
                    return Differs(migration, f"{kind} {shown}", words, statement.index, label)
    last = migrations[-1]
    return Differs(last, f"{kind} {shown}", words, None, Label(last.up.source, Span(0, 0), "in this migration"))
