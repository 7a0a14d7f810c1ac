"""Values are msgspec structs, and those that say that they are frozen are."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import lockgate
from lockgate.base.text import Source, Span
from lockgate.catalog.objects import Attribute, Relation

# whole layers of values: what rules, reports and caches share must not change under them
FROZEN = ("lockgate.base", "lockgate.catalog", "lockgate.parse", "lockgate.rules", "lockgate.difference")


def structs(cls: type[msgspec.Struct] = msgspec.Struct) -> list[type[msgspec.Struct]]:
    """Every struct of ours."""
    below: list[type[msgspec.Struct]] = cls.__subclasses__()
    found = [each for each in below if each.__module__.startswith("lockgate.")]
    return found + [deeper for each in found for deeper in structs(each)]


@pytest.fixture(scope="module")
def every() -> list[type[msgspec.Struct]]:
    for module in pkgutil.walk_packages(lockgate.__path__, "lockgate."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return structs()


def test_whole_layers_hold_nothing_but_frozen_values(every: list[type[msgspec.Struct]]) -> None:
    layers = [cls for cls in every if cls.__module__.startswith(FROZEN)]
    assert len(layers) > 80
    assert [cls.__qualname__ for cls in layers if not cls.__struct_config__.frozen] == []


def test_no_module_makes_a_data_class(every: list[type[msgspec.Struct]]) -> None:
    modules = {cls.__module__ for cls in every}
    made = [
        f"{name}.{word}"
        for name in modules
        for word, value in vars(importlib.import_module(name)).items()
        if isinstance(value, type) and value.__module__ == name and hasattr(value, "__dataclass_fields__")
    ]
    assert made == []


TABLE = Relation(20000, "t", 2200, "r", 10, (Attribute(1, "a", 23, notnull=True),))


@pytest.mark.parametrize(("value", "field"), [(TABLE, "name"), (Span(1, 2), "end"), (Source("a.sql", "x"), "text")])
def test_assigning_to_a_value_raises(value: Any, field: str) -> None:
    before = getattr(value, field)
    with pytest.raises(AttributeError):
        setattr(value, field, None)
    with pytest.raises(AttributeError):
        delattr(value, field)
    assert getattr(value, field) == before


def test_a_changed_copy_leaves_the_first_as_it_was() -> None:
    other = replace(TABLE, name="u")
    assert (other.name, TABLE.name, other.attributes) == ("u", "t", TABLE.attributes)
    with pytest.raises(TypeError):
        replace(TABLE, nothing=1)


def test_equal_values_are_one_key() -> None:
    assert {Span(1, 2): "x"}[Span(1, 2)] == "x" and Span(1, 2) != Span(1, 3)
    assert Source("a.sql", "x") == Source("a.sql", "x")


def test_what_may_hold_a_password_does_not_show_it() -> None:
    from lockgate.base.conninfo import Address
    from lockgate.deploy.http import Answer
    from lockgate.oracle.apply.plan import ServerWish

    shown = [
        repr(Address("db", "me", ("s3cret",))),
        repr(ServerWish("postgres://me:s3cret@db")),
        repr(Answer(200, {"x": "s3cret"}, b"s3cret")),
    ]
    assert all("s3cret" not in each for each in shown)
