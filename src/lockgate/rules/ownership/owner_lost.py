"""DROP and CREATE lose what CREATE OR REPLACE keeps: see rules/owner-lost.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Edit, Fix, Label, Severity
from lockgate.rules.model import Remark, Scene, at_step, on_scene
from lockgate.timeline.remade import Remade, remade


@on_scene("made", "dropped")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each object."""
    return (_remark(fact) for fact in remade(scene.steps))


def _remark(fact: Remade) -> Remark:
    related = (Label(fact.dropped.source, fact.dropped.span, "dropped here"),) if fact.dropped is not None else ()
    sql = "\n".join(fact.sql)
    kept = fact.name.startswith(("view ", "function ", "procedure "))
    verb = "use CREATE OR REPLACE, which keeps them, or say" if kept else "say"
    return at_step(
        fact.step,
        f"{fact.name} is dropped and made again without {', '.join(fact.lost)}",
        f"{verb} again what is lost: {sql}",
        mark="a new object, under the old name",
        span=fact.place.span,
        source=fact.place.source,
        related=related,
        fix=_fix(fact, sql),
        object=fact.name.removeprefix("materialized ").partition(" ")[2],
        severity=Severity.INFO if fact.only_comments else None,
    )


def _fix(fact: Remade, sql: str) -> Fix | None:
    """The SQL behind the statement that made it again; none where that stands in a routine's body."""
    statement = fact.step.statement
    source = statement.script.source
    end = source.text.find(";", statement.span.end)
    if not sql or end < 0 or source.text[statement.span.end : end].strip():
        return None
    return Fix("say it again", (Edit(source, type(statement.span)(end + 1, end + 1), f"\n{sql}"),))
