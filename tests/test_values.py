"""Our own ``dataclass`` behaves as the standard library's: the same classes made by both, side by side."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from types import ModuleType
from typing import Any

import pytest

from lockgate.base import values

CODE = """
from typing import ClassVar

@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    tags: dict = field(default_factory=dict)
    note: str = field(default="", repr=False, compare=False)
    kind: ClassVar[str] = "point"

    def sum(self):
        return self.x + self.y

@dataclass(frozen=True, slots=True)
class Deep(Point):
    z: int = 3

@dataclass
class Bag:
    items: list = field(default_factory=list)
    made: str = field(init=False)

    def __post_init__(self):
        self.made = "yes"

@dataclass(frozen=True)
class Own:
    a: int
    b: str = "b"

    def __eq__(self, other):
        return True
    def __hash__(self):
        return 7
"""


def made(decorators: Any) -> Any:
    """The classes above by one of the two decorators."""
    module = sys.modules["made"] = ModuleType("made")  # where the standard decorator looks for annotations
    module.__dict__.update(dataclass=decorators.dataclass, field=decorators.field)
    exec("from __future__ import annotations\n" + CODE, module.__dict__)
    return module


@pytest.fixture(params=[values, dataclasses], ids=["ours", "standard"])
def kinds(request: pytest.FixtureRequest) -> Any:
    return made(request.param)


def test_instances(kinds: Any) -> None:
    point = kinds.Point(1, tags={"a": 1})
    assert (point.x, point.y, point.sum(), point.kind) == (1, 2, 3, "point")
    assert repr(point) == "Point(x=1, y=2, tags={'a': 1})"
    assert point == kinds.Point(1, 2, {"a": 1}, "another note")
    assert point != kinds.Point(2) and point != (1, 2, {"a": 1})
    assert kinds.Point(1) != kinds.Deep(1)
    assert repr(kinds.Deep(1, z=9)) == "Deep(x=1, y=2, tags={}, z=9)"
    assert kinds.Point.__match_args__ == ("x", "y", "tags", "note")
    assert not hasattr(point, "__dict__")
    for wrong in ((), (1, 2, {}, "", 5)):
        with pytest.raises(TypeError):
            kinds.Point(*wrong)
    with pytest.raises(TypeError):
        kinds.Point(1, nothing=2)


def test_hashes(kinds: Any) -> None:
    assert hash(kinds.Own(1)) == 7 and kinds.Own(1) == kinds.Own(2)
    assert kinds.Bag.__hash__ is None
    first, second = kinds.Bag(), kinds.Bag([1])
    assert first.made == "yes" and first.items == [] and first != second


def test_the_standard_functions(kinds: Any) -> None:
    point = kinds.Point(1, tags={"a": 1})
    assert dataclasses.is_dataclass(point)
    assert [f.name for f in dataclasses.fields(kinds.Deep)] == ["x", "y", "tags", "note", "z"]
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "tags": {"a": 1}, "note": ""}
    assert dataclasses.replace(point, y=5) == kinds.Point(1, 5, {"a": 1})
    assert copy.copy(point) == point


def test_replace_makes_a_changed_copy() -> None:
    kinds = made(values)
    point = kinds.Deep(1, tags={"a": 1}, note="n")
    other = values.replace(point, y=5)
    assert (other.x, other.y, other.tags, other.note, other.z) == (1, 5, {"a": 1}, "n", 3)
    assert point.y == 2 and type(other) is kinds.Deep
    with pytest.raises(TypeError):
        values.replace(point, nothing=1)


def test_values_of_the_catalog_survive_pickling() -> None:
    from lockgate.catalog.objects import Attribute, Relation

    table = Relation(20000, "t", 2200, "r", 10, (Attribute(1, "a", 23, notnull=True),))
    assert pickle.loads(pickle.dumps(table, protocol=5)) == table
