"""A small SQL evaluator over the simulated catalog: what conditions of DO blocks ask of pg_catalog and
information_schema.

Values are exact or ``UNKNOWN``; nothing is guessed.
"""

from lockgate.timeline.evaluate.expression import expression
from lockgate.timeline.evaluate.query import select
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Reg, Row, Unknown, Value, known, text_of, truth
from lockgate.timeline.evaluate.world import World

__all__ = [
    "SOMETHING",
    "UNKNOWN",
    "Reg",
    "Row",
    "Unknown",
    "Value",
    "World",
    "expression",
    "known",
    "select",
    "text_of",
    "truth",
]
