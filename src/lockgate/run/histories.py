"""Several histories in one run: judged one after the other, told as one report that keeps them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from lockgate.base.config import Config, LedgerSettings
from lockgate.base.errors import LockgateError, UsageError
from lockgate.run.examine import CodeCounts, Coverage
from lockgate.run.plan import Request, read_folder
from lockgate.run.settle import OwnReport, PostgresUsed, Report
from lockgate.sources import Folder, Migration, SeveralHistories

if TYPE_CHECKING:
    from lockgate.oracle.rows.model import RowReport

T = TypeVar("T")
Judge = Callable[[Config, Request], Report]


def judge_configured(config: Config, request: Request, judge: Judge) -> Report:
    """What ``judge`` says of each history of [[migrations]] that the paths ask for. Raises UsageError, CannotCheck."""
    each = list(_configured(config, request)) or [(config, request)]
    if len(each) == 1:
        return judge(*each[0])
    apart = [replace(asked, beside=not n) for n, (_, asked) in enumerate(each)]
    names = [(own.migrations.name, own) for own, _ in each]
    return _each((), [(name, own, asked) for (name, own), asked in zip(names, apart, strict=True)], judge)


def judge_found(config: Config, request: Request, several: SeveralHistories, judge: Judge) -> Report:
    """What ``judge`` says of each history that was found. Raises UsageError, CannotCheck."""
    return _each(several.passed, list(_found(config, request, several)), judge)


def _each(passed: Sequence[str], asked: Sequence[tuple[str, Config, Request]], judge: Judge) -> Report:
    """One after the other; again, where one misses what another one makes: then they are of one database."""
    told = [_judged(name, config, request, judge) for name, config, request in asked]
    texts = [_text(one) for one in told]
    for number, (name, config, request) in enumerate(asked):
        missing = list(_missing(told[number]))
        others = " ".join(text for n, text in enumerate(texts) if n != number)
        made = [(state, object) for state, object in missing if _makes(object.rpartition(".")[2], others)]
        if made:
            schemas = {o if state == _NO_SCHEMA else o.rpartition(".")[0] or "public" for state, o in made}
            lacking = tuple(sorted({o for state, o in made if state == _NO_SCHEMA}))
            again = replace(request, shared=tuple(sorted(schemas)), lacking=lacking)
            told[number] = _judged(name, config, again, judge)
    return _together(passed, told)


_NO_SCHEMA = "3F000"
_NOT_THERE = frozenset({_NO_SCHEMA, "42P01", "42704", "42883"})


def _missing(one: OwnReport) -> Iterator[tuple[str, str]]:
    """The objects that no migration of the history makes and some statement wants, each with the SQLSTATE."""
    for found in one.report.findings if one.report is not None else ():
        if found.sqlstate in _NOT_THERE and found.object and not found.related:  # else it was there, and was dropped
            yield found.sqlstate, found.object.partition("(")[0]


def _text(one: OwnReport) -> str:
    folder = one.report.folder if one.report is not None else None
    return " ".join(m.up.source.text for m in folder.migrations) if folder is not None else ""


def _makes(name: str, text: str) -> bool:
    """Whether the text makes something of that name."""
    kinds = r"table|view|type|domain|function|procedure|aggregate|sequence|schema|rename\s+to"
    made = rf"\b(?:{kinds})\s+(?:if\s+not\s+exists\s+)?(?:\"?\w+\"?\s*\.\s*)?\"?{re.escape(name)}(?!\w)"
    return re.search(made, text, re.IGNORECASE) is not None


def each_of(config: Config, request: Request) -> list[tuple[Config, Request]]:
    """The histories that a request is about, each with its own configuration. Raises UsageError, CannotCheck."""
    if config.histories:
        return list(_configured(config, request))
    try:
        read_folder(config, replace(request, stdin=None))
    except SeveralHistories as several:
        return [(own, asked) for _, own, asked in _found(config, request, several)]
    return [(config, request)]


def every_migration(config: Config, cwd: Path) -> list[Migration]:
    """The migrations of all histories. Raises UsageError, CannotCheck."""
    request = Request(cwd=cwd)
    if config.histories:
        return [m for own, asked in _configured(config, request) for m in read_folder(own, asked).migrations]
    try:
        return list(read_folder(config, request).migrations)
    except SeveralHistories as several:
        return [m for _, own, asked in _found(config, request, several) for m in read_folder(own, asked).migrations]


def _configured(config: Config, request: Request) -> Iterator[tuple[Config, Request]]:
    """The histories of [[migrations]] that the paths ask for, each with its own settings."""
    for own in config.histories:
        places = [config.resolve(path).resolve() for path in own.migrations.paths]
        asked = [Path(request.cwd, path).resolve() for path in request.paths]
        if not asked or any(place.is_relative_to(path) for path in asked for place in places):
            yield own, replace(request, paths=())
        elif mine := tuple(
            p for p, at in zip(request.paths, asked, strict=True) if any(map(at.is_relative_to, places))
        ):
            yield own, replace(request, paths=mine)


def _found(config: Config, request: Request, several: SeveralHistories) -> Iterator[tuple[str, Config, Request]]:
    """The histories that were found. Raises UsageError where the configuration speaks of one of them and does not say
    of which."""
    for section, is_said in (
        ("[ledger]", config.ledger != LedgerSettings()),
        ("[queries]", bool(config.queries.paths)),
        ("[roles] handover", bool(config.roles.handover)),
        ("[migrations] baseline", bool(config.migrations.baseline)),
    ):
        if is_said:
            raise UsageError(
                f"{config.path}: {several.message}: {section} does not say whose it is",
                "write a [[migrations]] table with name and paths for each, and what is its own below it ([migrations.ledger])",
            )
    for number, one in enumerate(several.found):
        yield one.name, config, replace(request, separate=one, beside=not number)


def _judged(name: str, config: Config, request: Request, judge: Judge) -> OwnReport:
    """One history; what stops its run does not stop the others'."""
    try:
        report = judge(config, request)
    except LockgateError as error:
        return OwnReport(name, error=error)
    folder = report.folder
    return OwnReport(
        name, folder.layout if folder is not None else "", folder.roots if folder is not None else (), report
    )


# --- one report of several --------------------------------------------------------------------------------------------


def _together(passed: Sequence[str], histories: Sequence[OwnReport]) -> Report:
    """Findings one history after the other; counts summed."""
    reports = [one.report for one in histories if one.report is not None]
    if not reports:
        first = histories[0].error
        assert first is not None
        raise first
    steps = [step for one in reports for step in one.steps or ()]
    return replace(
        reports[0],
        findings=tuple(dict.fromkeys(f for one in reports for f in one.findings)),
        coverage=_summed([one.coverage for one in reports]),
        server=_servers([one.server for one in reports]),
        suppressed=sum(one.suppressed for one in reports),
        ran=sum(one.ran for one in reports),
        known=sum(one.known for one in reports),
        folder=_joined([one.folder for one in reports if one.folder is not None]),
        live=None,
        steps=tuple(steps) if any(one.steps is not None for one in reports) else None,
        unjudged=_once(u for one in reports for u in one.unjudged),
        newest="",
        histories=tuple(histories),
        passed=tuple(passed),
    )


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _summed(each: Sequence[Coverage]) -> Coverage:
    out = Coverage()
    for one in each:
        out.migrations += one.migrations
        out.add(one)
        out.queries = out.queries or one.queries
    codes = [one.code for one in each if one.code is not None]
    if codes:
        out.code = CodeCounts(*(sum(getattr(c, name) for c in codes) for name in CodeCounts.__struct_fields__))
    out.rows = _rows([one.rows for one in each if one.rows is not None])
    return out


def _rows(each: Sequence[RowReport]) -> RowReport | None:
    if not each:
        return None
    return replace(
        each[0],
        failures=tuple(f for one in each for f in one.failures),
        tables=sum(one.tables for one in each),
        rows=sum(one.rows for one in each),
        unfilled=tuple(u for one in each for u in one.unfilled),
        note="; ".join(_once(one.note for one in each if one.note)),
    )


def _servers(each: Sequence[PostgresUsed]) -> PostgresUsed:
    return replace(
        each[0],
        stand_ins=_once(s for one in each for s in one.stand_ins),
        notes=_once(n for one in each for n in one.notes),
        unproven=tuple(u for one in each for u in one.unproven),
    )


def _joined(each: Sequence[Folder]) -> Folder:
    return Folder(
        " and ".join(sorted({one.layout for one in each})),
        tuple(m for one in each for m in one.migrations),
        tuple(s for one in each for s in one.skipped),
        tuple(e for one in each for e in one.explain),
        roots=_once(r for one in each for r in one.roots),
    )
