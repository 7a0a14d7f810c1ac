"""The models as Django's migrations know them, and the names that the database has for their constraints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.sources.code.django.contrib import TABLES
from lockgate.sources.code.django.fields import Field, plain_type, rel_type
from lockgate.sources.code.django.names import truncated


class MadeConstraint(msgspec.Struct):
    """A constraint or an index in the database. ``kind``: "fk", "uq", "ck", "ix", "like"; ``own``: of a single field,
    not of the model's options."""

    name: str
    kind: str
    columns: list[str]
    own: bool = True
    to: tuple[str, str] = ("", "")  # the table and column that a foreign key refers to


class Model(msgspec.Struct):
    """A model."""

    app: str
    name: str
    fields: dict[str, Field]
    options: dict[str, Any]
    bases: tuple[str, ...] = ()  # "app.model" of parents with a table of their own

    @property
    def key(self) -> str:
        return f"{self.app}.{self.name.lower()}"

    @property
    def table(self) -> str:
        """The table's name."""
        said = self.options.get("db_table")
        return said if isinstance(said, str) and said else truncated(f"{self.app}_{self.name.lower()}")

    @property
    def managed(self) -> bool:
        """Whether Django makes its table."""
        return self.options.get("managed") is not False and self.options.get("proxy") is not True

    def column(self, name: str) -> str | None:
        """The column of a field's name."""
        if name in ("pk", "id") and name not in self.fields:
            return self.primary_key().column
        found = self.fields.get(name) or self.fields.get(name.removesuffix("_id"))
        return found.column if found is not None else None

    def primary_key(self) -> Field:
        """The field that is the primary key."""
        for field in self.fields.values():
            if field.primary_key:
                return field
        return Field("AutoField", {"primary_key": True}, "id")


class ModelState:
    """All models, by ``app.model``, and what the database has by table."""

    def __init__(self, auto: dict[str, str], default_auto: str) -> None:
        self.models: dict[str, Model] = {}
        self.made: dict[str, list[MadeConstraint]] = {}
        self.foreign: dict[str, str] = {}  # models of apps that are not here, by their table
        self._auto, self._default_auto = auto, default_auto

    def auto_field(self, app: str) -> Field:
        """The primary key that an app's tables get by themselves."""
        kind = self._auto.get(app, self._default_auto)
        return Field(kind, {"primary_key": True, "auto_created": True}, "id")

    def find(self, app: str, written: str) -> Model | None:
        """The model that a relation of an app leads to."""
        return self.models.get(written if "." in written else f"{app}.{written}")

    def table_of(self, app: str, written: str) -> str:
        """The table that a relation leads to; of an app that is not here by Django's own rule."""
        found = self.find(app, written)
        if found is not None:
            return found.table
        key = written if "." in written else f"{app}.{written}"
        self.foreign[key] = foreign_table(key)
        return self.foreign[key]

    def target(self, model: Model, field: Field) -> tuple[str, Field]:
        """The table and the field that a foreign key refers to."""
        to = self.find(model.app, field.to if field.to != "self" else model.key)
        if to is None:
            kind = (
                "AutoField" if field.to.startswith(("auth.", "contenttypes.", "sites.", "admin.")) else "BigAutoField"
            )
            return self.table_of(model.app, field.to), Field(kind, {"primary_key": True}, "id")
        named = field.given.get("to_field")
        return to.table, to.fields.get(named, to.primary_key()) if isinstance(named, str) else to.primary_key()

    def db_type(self, model: Model, field: Field, depth: int = 8) -> str | None:
        """A column's type."""
        if field.kind in ("ForeignKey", "OneToOneField"):
            to = self.find(model.app, field.to if field.to != "self" else model.key)
            _, target = self.target(model, field)
            if target.kind in ("ForeignKey", "OneToOneField"):
                return self.db_type(to, target, depth - 1) if to is not None and depth else None
            return rel_type(target)
        return plain_type(field)

    def referring(self, model: Model) -> Iterator[tuple[Model, Field]]:
        """The foreign keys that lead to a model."""
        for other in self.models.values():
            for field in other.fields.values():
                if (
                    field.kind in ("ForeignKey", "OneToOneField")
                    and self.find(other.app, field.to if field.to != "self" else other.key) is model
                ):
                    yield other, field

    def through(self, model: Model, field: Field) -> Model | None:
        """The table between two models that Django makes by itself (``create_many_to_many_intermediary_model``)."""
        if not field.many or field.through:
            return None
        said = field.given.get("db_table")
        table = said if isinstance(said, str) and said else truncated(_joined(model.table, field.name))
        own = model.name.lower()
        to = field.to if field.to != "self" else model.key
        other = to.rpartition(".")[2]
        alike = (other == own and (to if "." in to else f"{model.app}.{to}") == model.key) or field.to == "self"
        first, second = (f"from_{own}", f"to_{own}") if alike else (own, other)
        fields = {
            "id": self.auto_field(model.app),
            first: Field("ForeignKey", {}, first, model.key),
            second: Field("ForeignKey", {}, second, to if "." in to else f"{model.app}.{to}"),
        }
        if field.given.get("db_constraint") is False:
            for one in (fields[first], fields[second]):
                one.given["db_constraint"] = False
        name = f"{model.name}_{field.name}"
        return Model(model.app, name, fields, {"db_table": table, "unique_together": [(first, second)]})

    # --- names --------------------------------------------------------------------------------------------------------

    def note(
        self, table: str, name: str, kind: str, columns: list[str], own: bool = True, to: tuple[str, str] = ("", "")
    ) -> None:
        """A constraint or an index is there from now on."""
        self.made.setdefault(table, []).append(MadeConstraint(name, kind, columns, own, to))

    def named(self, table: str, kind: str, columns: list[str], own: bool = True) -> list[str]:
        """The names of what is there of a kind on just these columns."""
        return [m.name for m in self.made.get(table, ()) if m.kind == kind and m.columns == columns and m.own == own]

    def forget(self, table: str, name: str) -> None:
        """A constraint or an index is gone."""
        self.made[table] = [m for m in self.made.get(table, ()) if m.name != name]

    def renamed_table(self, old: str, new: str) -> None:
        """A table has another name."""
        if old in self.made:
            self.made[new] = self.made.pop(old)
        for one in self._every():
            one.to = (new, one.to[1]) if one.to[0] == old else one.to

    def renamed_column(self, table: str, old: str, new: str) -> None:
        """A column has another name."""
        for one in self.made.get(table, ()):
            one.columns = [new if c == old else c for c in one.columns]
        for one in self._every():
            one.to = (table, new) if one.to == (table, old) else one.to

    def dropped_column(self, table: str, column: str) -> None:
        """A column is gone, and what stood on it or referred to it."""
        self.made[table] = [m for m in self.made.get(table, ()) if column not in m.columns]
        for name, found in self.made.items():
            self.made[name] = [m for m in found if m.to != (table, column)]

    def dropped_table(self, table: str) -> None:
        """A table is gone, and the foreign keys that referred to it."""
        self.made.pop(table, None)
        for name, found in self.made.items():
            self.made[name] = [m for m in found if m.to[0] != table]

    def _every(self) -> Iterator[MadeConstraint]:
        return (one for found in self.made.values() for one in found)


def foreign_table(key: str) -> str:
    """The table of a model of an app that is not here."""
    return TABLES.get(key, key.replace(".", "_"))


def _joined(table: str, name: str) -> str:
    """``_get_m2m_db_table``: within quotes where the table brings its own."""
    return f'{table[:-1]}_{name}"' if table.endswith('"') else f"{table}_{name}"
