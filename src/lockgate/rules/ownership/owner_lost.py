"""DROP and CREATE lose what CREATE OR REPLACE keeps: see rules/owner-lost.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Edit, Fix, Label, Severity
from lockgate.rules.registry import Draft, on_fact
from lockgate.timeline.remade import Remade


@on_fact(Remade)
def check(fact: Remade) -> Iterator[Draft]:
    """One finding for each object."""
    lost = ", ".join(fact.lost)
    related = (Label(fact.dropped.source, fact.dropped.span, "dropped here"),) if fact.dropped is not None else ()
    sql = "\n".join(fact.sql)
    name = fact.name.removeprefix("materialized ").partition(" ")[2]
    verb = (
        "use CREATE OR REPLACE, which keeps them, or say"
        if fact.name.startswith(("view ", "function ", "procedure "))
        else "say"
    )
    yield Draft(
        f"{fact.name} is dropped and made again without {lost}",
        Label(fact.place.source, fact.place.span, "a new object, under the old name"),
        f"{verb} again what is lost: {sql}",
        related,
        _fix(fact, sql),
        object=name,
        slot=fact.step.migration.slot,
        statement=fact.step.statement.index,
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
