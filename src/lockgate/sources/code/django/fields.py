"""Django's fields as PostgreSQL's columns (django/db/backends/postgresql/base.py, data_types)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lockgate.base.sql import literal
from lockgate.sources.code.django.names import constant
from lockgate.sources.code.values import UNKNOWN, ClassValue, Closure, Host, Instance, NotKnown, Partial, Passed

_TYPES = {
    "AutoField": "integer",
    "BigAutoField": "bigint",
    "SmallAutoField": "smallint",
    "BinaryField": "bytea",
    "BooleanField": "boolean",
    "NullBooleanField": "boolean",
    "DateField": "date",
    "DateTimeField": "timestamp with time zone",
    "DurationField": "interval",
    "FloatField": "double precision",
    "IntegerField": "integer",
    "BigIntegerField": "bigint",
    "IPAddressField": "inet",
    "GenericIPAddressField": "inet",
    "JSONField": "jsonb",
    "PositiveBigIntegerField": "bigint",
    "PositiveIntegerField": "integer",
    "PositiveSmallIntegerField": "smallint",
    "SmallIntegerField": "smallint",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "uuid",
    "HStoreField": "hstore",
    "SearchVectorField": "tsvector",
    "CITextField": "citext",
    "CICharField": "citext",
    "CIEmailField": "citext",
    "IntegerRangeField": "int4range",
    "BigIntegerRangeField": "int8range",
    "DecimalRangeField": "numrange",
    "DateTimeRangeField": "tstzrange",
    "DateRangeField": "daterange",
}
_LENGTHS = {
    "CharField": None,
    "FileField": 100,
    "ImageField": 100,
    "FilePathField": 100,
    "SlugField": 50,
    "EmailField": 254,
    "URLField": 200,
    "CommaSeparatedIntegerField": None,
}
# fields of packages, as Django's own; with their usual length
_PACKAGES: dict[str, tuple[str, int | None]] = {
    "TimeZoneField": ("CharField", 63),
    "PhoneNumberField": ("CharField", 128),
    "CountryField": ("CharField", 2),
    "ColorField": ("CharField", 25),
    "CurrencyField": ("CharField", 3),
    "StatusField": ("CharField", 100),
    "AutoCreatedField": ("DateTimeField", None),
    "AutoLastModifiedField": ("DateTimeField", None),
    "CreationDateTimeField": ("DateTimeField", None),
    "ModificationDateTimeField": ("DateTimeField", None),
    "MonitorField": ("DateTimeField", None),
    "AutoSlugField": ("SlugField", 50),
    "RandomCharField": ("CharField", None),
    "ShortUUIDField": ("CharField", 22),
    "MACAddressField": ("CharField", 17),
    "RichTextField": ("TextField", None),
    "RichTextUploadingField": ("TextField", None),
    "MarkdownxField": ("TextField", None),
    "BitField": ("BigIntegerField", None),
    "TreeForeignKey": ("ForeignKey", None),
    "TreeOneToOneField": ("OneToOneField", None),
    "TreeManyToManyField": ("ManyToManyField", None),
    "SortedManyToManyField": ("ManyToManyField", None),
    "VersatileImageField": ("ImageField", 100),
    "ThumbnailerImageField": ("ImageField", 100),
    "ProcessedImageField": ("ImageField", 100),
    "ParentalKey": ("ForeignKey", None),
    "ParentalManyToManyField": ("ManyToManyField", None),
    "StreamField": ("JSONField", None),
    "LtreeField": ("LtreeField", None),
    "EncryptedTextField": ("TextField", None),
    "FernetTextField": ("TextField", None),
}
_CHECKED = frozenset({"PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField"})
_AUTO = frozenset({"AutoField", "BigAutoField", "SmallAutoField"})
RELATIONS = frozenset({"ForeignKey", "OneToOneField", "ManyToManyField"})
NO_COLUMN = frozenset(
    {"GenericRelation", "GenericForeignKey", "TaggableManager", "ManyToManyField", "ClusterTaggableManager"}
)
_STRINGS = frozenset({"CharField", "TextField", "SlugField", "EmailField", "URLField", "FileField", "ImageField", "FilePathField",
                      "CITextField", "CICharField", "CIEmailField", "CommaSeparatedIntegerField"})  # fmt: skip
KNOWN = frozenset(_TYPES) | frozenset(_LENGTHS) | RELATIONS | NO_COLUMN | {
    "Field", "DecimalField", "ArrayField", "GeneratedField", "CompositePrimaryKey", "SmallAutoField", "OrderWrt"
}  # fmt: skip


class Field(msgspec.Struct):
    """A field of a model. ``kind`` is Django's internal type, ``doubt`` what of it is not known."""

    kind: str
    given: dict[str, Any]
    name: str = ""
    to: str = ""  # "app.model" in small letters
    through: str = ""
    base: Field | None = None  # of an array
    doubt: str = ""

    @property
    def column(self) -> str:
        """The column's name."""
        said = self.given.get("db_column")
        if isinstance(said, str) and said:
            return said
        return f"{self.name}_id" if self.kind in ("ForeignKey", "OneToOneField") else self.name

    @property
    def null(self) -> bool:
        return self.given.get("null") is True or self.kind == "NullBooleanField"

    @property
    def primary_key(self) -> bool:
        return self.given.get("primary_key") is True

    @property
    def unique(self) -> bool:
        return self.given.get("unique") is True or self.primary_key or self.kind == "OneToOneField"

    @property
    def db_index(self) -> bool:
        return (
            bool(self.given.get("db_index", self.kind in ("ForeignKey", "SlugField"))) and self.kind != "OneToOneField"
        )

    @property
    def keyed(self) -> bool:
        """Whether the column has a foreign key."""
        return self.kind in ("ForeignKey", "OneToOneField") and self.given.get("db_constraint") is not False

    @property
    def auto(self) -> bool:
        return self.kind in _AUTO

    @property
    def many(self) -> bool:
        return self.kind == "ManyToManyField"

    @property
    def has_column(self) -> bool:
        return self.kind not in NO_COLUMN and self.kind not in ("CompositePrimaryKey",)

    @property
    def check(self) -> bool:
        return self.kind in _CHECKED


def plain_type(field: Field) -> str | None:
    """The column's type, unless that of another field decides (see ``State.db_type``); None where it is not known."""
    if "db_type" in field.given:
        return str(field.given["db_type"])
    if field.kind in _LENGTHS:
        length = field.given.get("max_length", _LENGTHS[field.kind])
        return f"varchar({length})" if isinstance(length, int) else "varchar" if length is None else None
    if field.kind == "DecimalField":
        digits, places = field.given.get("max_digits"), field.given.get("decimal_places")
        return f"numeric({digits}, {places})" if isinstance(digits, int) and isinstance(places, int) else "numeric"
    if field.kind == "ArrayField" and field.base is not None:
        inner, size = plain_type(field.base), field.given.get("size")
        return f"{inner}[{size if isinstance(size, int) else ''}]" if inner is not None else None
    if field.kind == "LtreeField":
        return "ltree"
    if field.kind == "GeneratedField":
        output = field.given.get("output_field")
        return plain_type(output) if isinstance(output, Field) else None
    return _TYPES.get(field.kind)


def rel_type(field: Field) -> str | None:
    """The type of a column that refers to this field (``rel_db_type``)."""
    return plain_type(field)


# --- making them ------------------------------------------------------------------------------------------------------


def kind_of(name: str) -> tuple[str, dict[str, Any]] | None:
    """Django's internal type of a field's class, and what the class gives by itself; None where it is not known."""
    if name in KNOWN:
        return name, {}
    packaged = _PACKAGES.get(name)
    if packaged is not None:
        return packaged[0], {"max_length": packaged[1]} if packaged[1] is not None else {}
    return None


def maker(name: str) -> Host:
    """A field's class."""
    known = kind_of(name)
    return Host(name, lambda passed: field(name, passed), lambda inner: UNKNOWN, is_field=known is not None)


def field(name: str, passed: Passed) -> Field:
    """A field of a class of this name."""
    known = kind_of(name)
    given = dict(passed.named)
    if known is None:
        return Field(guessed(name, given), given, doubt=f"{name} is a field of a package that is not known")
    kind, own = known
    out = Field(kind, own | given)
    if kind in RELATIONS:
        out.to, doubt = related(passed.get(0, "to"))
        out.through, _ = related(given.get("through")) if given.get("through") is not None else ("", "")
        out.doubt = doubt
    elif kind == "ArrayField":
        base = passed.get(0, "base_field")
        out.base = base if isinstance(base, Field) else None
        out.doubt = "" if out.base is not None else "the field of an array is not known"
    return out


def guessed(name: str, given: dict[str, Any]) -> str:
    """What a field of an unknown class most probably is, by its name and arguments."""
    if "to" in given:
        return "ManyToManyField" if "Many" in name else "ForeignKey"
    for word, kind in (
        ("JSON", "JSONField"),
        ("Date", "DateTimeField"),
        ("Integer", "IntegerField"),
        ("Bool", "BooleanField"),
    ):
        if word in name:
            return kind
    return "CharField" if "max_length" in given else "TextField"


def from_class(of: ClassValue, passed: Passed, apply: Callable[[Any, list[Any]], Any]) -> Field | NotKnown:
    """A field of a class of the project's: of the class of Django's that it is made from."""
    seen: list[ClassValue] = [of]
    while seen:
        one = seen.pop()
        for base in one.bases:
            if isinstance(base, ClassValue):
                seen.append(base)
            elif isinstance(base, Host) and base.members.get("is_field") is True:
                return _typed(field(base.name, passed), of, one, apply)
    return Field(guessed(of.name, passed.named), dict(passed.named), doubt=f"{of.name} is a field that is not known")


def _typed(made: Field, of: ClassValue, base: ClassValue, apply: Callable[[Any, list[Any]], Any]) -> Field:
    """With the type that the project's class says, if it says one."""
    own = of.members.get("db_type", base.members.get("db_type"))
    if isinstance(own, Closure):
        said = apply(own, [Instance(of, dict(made.given)), Host("connection", vendor="postgresql")])
        if isinstance(said, str):
            made.given["db_type"] = said
        else:
            made.doubt = f"{of.name} says its own type"
    elif "get_internal_type" in of.members or "get_internal_type" in base.members:
        said = apply(of.members.get("get_internal_type", base.members.get("get_internal_type")), [Instance(of, {})])
        if isinstance(said, str) and said in KNOWN:
            made.kind = said
        else:
            made.doubt = f"{of.name} says its own type"
    return made


def related(value: Any) -> tuple[str, str]:
    """The model that a relation leads to, as "app.model", and what of it is in doubt."""
    if isinstance(value, str):
        return value.lower(), ""
    if isinstance(value, ClassValue):
        return value.name.lower(), ""
    return "", "the model that it leads to is worked out at run time"


# --- defaults ---------------------------------------------------------------------------------------------------------

_MOMENTS = {
    "DateTimeField": "'2000-01-01 00:00:00+00:00'::timestamptz",
    "DateField": "'2000-01-01'::date",
    "TimeField": "'00:00:00'::time",
}
_SOME = {
    "UUIDField": "'00000000-0000-4000-8000-000000000000'::uuid",
    "JSONField": "'{}'::jsonb",
    "BooleanField": "false",
    "DurationField": "'0 days 0.000000 seconds'::interval",
    "GenericIPAddressField": "'127.0.0.1'::inet",
    "HStoreField": "''",
    **_MOMENTS,
}


def default_of(one: Field, kind: str, apply: Callable[[Any, list[Any]], Any]) -> str | None:
    """The default that Django sends for a moment (``effective_default``); None where it sends none.

    A value that is worked out at run time is a constant of the column's type for the server: some other constant stands
    for it.
    """
    if "default" in one.given:
        value = one.given["default"]
        if isinstance(value, Closure):
            value = apply(value, [])
        return None if value is None else _as_sql(value, one, kind)
    if not one.null and one.given.get("blank") is True and one.kind in _STRINGS:
        return "''"
    if one.given.get("auto_now") is True or one.given.get("auto_now_add") is True:
        return _MOMENTS.get(one.kind)
    return None


def _as_sql(value: Any, one: Field, kind: str) -> str:
    if one.kind == "JSONField":
        return f"{literal(_json(value))}::jsonb"
    if one.kind == "ArrayField":
        return f"'{{}}'::{kind}"
    if isinstance(value, (list | tuple | dict, NotKnown | Partial | Host | Instance | ClassValue)):
        return _SOME.get(one.kind, "0" if one.kind not in _STRINGS else "''")
    if one.kind in ("BooleanField", "NullBooleanField"):
        return "true" if value else "false"
    known = constant(value)
    if one.kind in _STRINGS and not isinstance(value, str):
        return literal(str(value))
    if known is None or (isinstance(value, str) and one.kind not in _STRINGS):
        return _SOME.get(one.kind, _number(value))
    return known


def _number(value: Any) -> str:
    try:
        return str(int(value))
    except (TypeError, ValueError):
        return "0"


def _json(value: Any) -> str:
    import json

    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return "{}"
