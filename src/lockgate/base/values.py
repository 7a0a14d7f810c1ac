"""Values: ``dataclasses`` as the type checker and every reader know it, at a fraction of the price.

The standard decorator compiles half a dozen methods for every class as it is imported (1 ms each; there are 250), and a
frozen instance writes each field through ``object.__setattr__``. Here a class gets its ``__init__`` when the first
instance is made, the other methods are shared, and ``frozen`` is what mypy holds us to. ``dataclasses.fields``,
``asdict`` and ``replace`` accept these classes as their own.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    from collections.abc import Callable

    _MISSING = object()

    class _Field:
        __slots__ = ("compare", "default", "default_factory", "init", "name", "repr")

        def __init__(self, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
            self.name = ""
            self.default, self.default_factory, self.init, self.repr, self.compare = (
                default,
                default_factory,
                init,
                repr,
                compare,
            )

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """What ``dataclasses.field`` takes, as far as it is used here."""
        return _Field(default, default_factory, init, repr, compare)

    def dataclass(cls=None, /, *, frozen=False, slots=False):
        """``dataclasses.dataclass`` with equality, and hashing where it is frozen."""
        return _made(cls, frozen, slots) if cls is not None else lambda cls: _made(cls, frozen, slots)

    def _made(cls: type, frozen: bool, slots: bool) -> type:
        own = {
            name: _own_field(cls, name)
            for name, kind in cls.__annotations__.items()
            if not str(kind).startswith("ClassVar")
        }
        inherited = {
            name: f for base in reversed(cls.__mro__[1:]) for name, f in base.__dict__.get("_values_fields", {}).items()
        }
        namespace = dict(cls.__dict__)
        for name, each in own.items():
            if slots or each.default is _MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = each.default
        known = inherited | own
        given = set(cls.__dict__)
        namespace |= {
            "_values_fields": known,
            "__match_args__": tuple(known),
            "__dataclass_fields__": _StandardFields(),
        }
        compared = tuple(f.name for f in known.values() if f.compare)
        for name, method in _methods(compared, frozen).items():
            if name not in given or (name == "__hash__" and "__eq__" not in given and namespace["__hash__"] is None):
                namespace[name] = method
        if slots:
            namespace["__slots__"] = tuple(name for name in own if name not in inherited)
        namespace.pop("__dict__", None)
        namespace.pop("__weakref__", None)
        return type(cls)(cls.__name__, cls.__bases__, namespace)

    def _own_field(cls: type, name: str) -> _Field:
        value = cls.__dict__.get(name, _MISSING)
        found = value if isinstance(value, _Field) else _Field(value)
        found.name = name
        return found

    def _methods(compared: tuple[str, ...], frozen: bool) -> dict[str, Any]:
        key = _key_of(compared)

        def __eq__(self, other):
            if self is other:
                return True
            return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(key(self))

        return {"__init__": _first_init, "__repr__": _repr, "__eq__": __eq__, "__hash__": __hash__ if frozen else None}

    def _key_of(names: tuple[str, ...]) -> Callable[[Any], tuple]:
        if len(names) > 1:
            return attrgetter(*names)
        return (lambda self: (getattr(self, names[0]),)) if names else (lambda self: ())

    def _first_init(self, *args, **kwargs):
        """Stands for ``__init__`` until the first instance of a class is made."""
        cls = next(c for c in type(self).__mro__ if c.__dict__.get("__init__") is _first_init)
        cls.__init__ = _init_of(cls)
        cls.__init__(self, *args, **kwargs)

    def _init_of(cls: type) -> Callable[..., None]:
        world, parameters, body = {"_MISSING": _MISSING}, [], []
        for name, each in cls._values_fields.items():
            value = name
            if each.default_factory is not _MISSING:
                world[f"_make_{name}"] = each.default_factory
                parameters.append(f"{name}=_MISSING")
                value = f"_make_{name}() if {name} is _MISSING else {name}"
            elif not each.init:
                continue
            elif each.default is not _MISSING:
                world[f"_default_{name}"] = each.default
                parameters.append(f"{name}=_default_{name}")
            else:
                parameters.append(name)
            # a frozen class with cached properties keeps a __dict__; writing it is no different
            body.append(f"    self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            body.append("    self.__post_init__()")
        exec(f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(body or ["    pass"]), world)
        world["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
        return world["__init__"]

    def _repr(self):
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in self._values_fields.values() if f.repr)
        return f"{type(self).__qualname__}({shown})"

    class _StandardFields:
        """``__dataclass_fields__`` for the standard library's functions, made when one of them asks."""

        def __get__(self, instance: object, cls: type) -> dict[str, Any]:
            import dataclasses

            made = dataclasses.make_dataclass(
                "_", [(f.name, Any, _standard(f)) for f in cls._values_fields.values()], kw_only=True
            )
            cls.__dataclass_fields__ = made.__dataclass_fields__
            return made.__dataclass_fields__

    def _standard(each: _Field) -> Any:
        import dataclasses

        words = {"init": each.init, "repr": each.repr, "compare": each.compare}
        if each.default_factory is not _MISSING:
            words["default_factory"] = each.default_factory
        elif each.default is not _MISSING:
            words["default"] = each.default
        return dataclasses.field(**words)

    _copiers: dict[type, Callable[[Any], Any]] = {}

    def replace(value, /, **changes):
        """``dataclasses.replace``: a copy with some fields changed."""
        cls = value.__class__
        try:
            copy = _copiers[cls](value)
        except KeyError:
            copy = _copiers.setdefault(cls, _copier(cls))(value)
        for name, change in changes.items():
            if name not in cls._values_fields:
                raise TypeError(f"{cls.__name__} has no field {name!r}")
            setattr(copy, name, change)
        return copy

    def _copier(cls: type) -> Callable[[Any], Any]:
        if "_values_fields" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} is no value of ours")
        world = {"new": object.__new__, "cls": cls}
        lines = "".join(f"    copy.{name} = value.{name}\n" for name in cls._values_fields)
        exec(f"def copier(value):\n    copy = new(cls)\n{lines}    return copy\n", world)
        return world["copier"]


__all__ = ["dataclass", "field", "replace"]
