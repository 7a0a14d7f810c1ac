"""The walk of a plan: the replay, watched from its first leg to its last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockgate.base.config import Config
from lockgate.base.text import clean_text
from lockgate.cache.memory import Remembered
from lockgate.catalog.catalog import Catalog
from lockgate.queries.examine import Examined
from lockgate.queries.resolve import Resolution, reads
from lockgate.run.examine import examine
from lockgate.run.plan import Request
from lockgate.timeline.plan import Leg, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from lockgate.walk import groups
from lockgate.walk.document import AppQuery, Life, Moment, Walk
from lockgate.walk.moments import Taken
from lockgate.walk.reads import marks
from lockgate.walk.record import Recorder
from lockgate.walk.story import tell

LONGEST_QUERY = 300  # characters of a query that are shown
LONGEST_WALK = 2_500_000  # characters of files in one document: beyond it the longest are left out


def planned(config: Config, request: Request) -> Plan:
    """What a walk replays: as ``check`` does. Raises UsageError, CannotCheck."""
    return examine(config, request).plan


def catalogs_around(config: Config, request: Request) -> tuple[Sequence[Catalog], Sequence[str]]:
    """The catalogs around the file of an editor's buffer, after it and before it, and the search_path. Raises UsageError,
    CannotCheck."""
    checked = examine(config, request)
    assert isinstance(checked.recall, Remembered)
    return checked.recall.around(), checked.plan.search_path


def walk_of(plan: Plan, title: str, queries: Examined | None = None) -> Walk:
    """Replay a plan and tell what the schema is at every moment; ``queries`` are the application's."""
    recorder, moments = Recorder(), list[Moment]()
    taken: list[Taken] = []
    replay = Replay(plan, lambda step: _look(step, recorder, taken, len(moments)))
    handover = -1
    recorder.known = bool(plan.role or plan.owner or plan.baseline)
    recorder.settle(replay.catalog, replay.session, 0, whole=True)
    for leg in replay.legs():
        taken[:] = [Taken(leg)]
        for _ in replay.take(leg):
            pass
        recorder.provided = replay.provided
        if leg.kind == "environment":
            continue
        if leg.kind == "handover":
            handover = len(moments)
        recorder.settle(replay.catalog, replay.session, len(moments), whole=leg.kind != "migration")
        moments.append(taken[0].moment(baseline=leg.kind == "baseline"))
    lives = _told(recorder.lives.values())
    groups.group(lives)
    groups.place(lives)
    _lighten(moments)
    catalog = replay.catalog
    return Walk(
        1,
        title,
        plan.major,
        moments,
        lives,
        [_asked(one, catalog) for one in queries.resolutions[: queries.own]] if queries is not None else [],
        plan.owner or plan.role,
        plan.deployer,
        handover,
        sorted({taint.reason for key, taint in catalog.taints.items() if key == ("any",)}),
    )


def _look(step: Step, recorder: Recorder, taken: Sequence[Taken], moment: int) -> None:
    leg: Leg = taken[0].leg
    if leg.kind != "environment":
        recorder.look(step, moment)
        if leg.kind != "baseline":
            taken[0].look(step)


def _told(lives: Iterable[Life]) -> list[Life]:
    """Those that ever were, in the order in which they came, with their stories."""
    found = sorted((life for life in lives if life.versions), key=lambda life: (life.id, life.num))
    for life in found:
        tell(life)
    return found


def _asked(one: Resolution, catalog: Catalog) -> AppQuery:
    query = one.query
    line = query.source.position(query.span.start).line
    text = " ".join(query.sql.split())
    shown = text if len(text) <= LONGEST_QUERY else text[:LONGEST_QUERY] + "…"
    return AppQuery(query.source.path, line, clean_text(shown), marks(catalog, reads(one, catalog)), not one.exact)


def _lighten(moments: Iterable[Moment]) -> None:
    """Leave out the longest files where all of them together are too much for one page."""
    kept = sorted((one for one in moments if one.text), key=lambda one: len(one.text))
    total = 0
    for moment in kept:
        total += len(moment.text)
        if total > LONGEST_WALK:
            moment.text, moment.cut = "", True
