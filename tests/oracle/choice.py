"""Choices of the generator: names that exist (or do not), types, expressions, drawn from the simulated catalog as it is
at that point."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Namespace, Object, Policy, Relation, Role, Routine, Trigger, Type
from lockgate.catalog.typename import type_name
from lockgate.timeline.export import identity_arguments

T = TypeVar("T")
NUMBERS = ("int", "bigint", "smallint", "numeric(10,2)", "numeric", "double precision")
SIMPLE = (
    *NUMBERS,
    "text",
    "varchar(10)",
    "char(3)",
    "boolean",
    "timestamptz",
    "timestamp",
    "date",
    "uuid",
    "jsonb",
    "text[]",
    "int[]",
    "interval",
    "bytea",
)
LITERALS = {
    "text": "'x'",
    "varchar": "'x'",
    "bpchar": "'x'",
    "bool": "true",
    "timestamptz": "now()",
    "timestamp": "'2020-01-01'",
    "date": "current_date",
    "uuid": "gen_random_uuid()",
    "jsonb": "'{}'",
    "_text": "'{}'",
    "_int4": "'{1}'",
    "interval": "'1 day'",
    "bytea": "''",
}
ROLES = ("r1", "r2", "r3")


class Choice:
    """Draws from a random source and a catalog."""

    def __init__(self, random: Random, catalog: Catalog, path: tuple[str, ...], wrong: float = 0.06) -> None:
        self.random, self.catalog, self.path, self._wrong = random, catalog, path, wrong

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.random.random() < p

    def wrong(self) -> bool:
        """Whether the next choice shall be a mistake."""
        return self.chance(self._wrong)

    def one(self, options: Sequence[T]) -> T:
        """Any of them."""
        return options[self.random.randrange(len(options))]

    def some(self, options: Sequence[T], most: int = 3) -> list[T]:
        """One or more of them, each once."""
        wanted = min(len(options), 1 + self.random.randrange(most))
        return [options[i] for i in sorted(self.random.sample(range(len(options)), wanted))]

    def maybe(self, text: str, p: float = 0.3) -> str:
        """The text, or nothing."""
        return text if self.chance(p) else ""

    def fresh(self, letter: str, count: int = 6) -> str:
        """A name for something new, which may be taken."""
        return f"{letter}{1 + self.random.randrange(count)}"

    # --- existing objects ---------------------------------------------------------------------------------------------

    def objects(self, kind: type[T]) -> list[T]:
        """The user's objects of a kind, in creation order."""
        return [o for o in self.catalog.objects(kind) if not getattr(o, "extension", 0)]  # type: ignore[type-var]

    def schema(self) -> str:
        """A schema that exists, mostly."""
        if self.wrong():
            return "nosuch_schema"
        names = [n.name for n in self.objects(Namespace) if not n.name.startswith("pg_")]
        return self.one(names or ["public"])

    def shown(self, obj: Object, name: str | None = None) -> str:
        """An object's name, with its schema where that is not in the path, and sometimes where it is."""
        schema = self.catalog.namespace_name(getattr(obj, "namespace", 0))
        name = quote_identifier(name or str(getattr(obj, "name", "")))
        if schema.startswith("pg_temp") or (schema in self.path and not self.chance(0.3)):
            return name
        return f"{quote_identifier(schema)}.{name}"

    def into(self, name: str) -> str:
        """A name for something new, with a schema now and then."""
        return f"{self.schema()}.{name}" if self.chance(0.25) else name

    def relations(self, kinds: str) -> list[Relation]:
        """The user's relations of these relkinds."""
        return [r for r in self.objects(Relation) if r.kind in kinds and not r.name.startswith("pg_")]

    def relation(self, kinds: str) -> tuple[str, Relation | None]:
        """A relation's name, and the relation; a mistake is a name that does not exist, or of another kind."""
        found = self.relations(kinds)
        if self.wrong() or not found:
            others = self.relations("rpvmSiIc")
            return (self.shown(other := self.one(others)), other) if others and self.chance(0.25) else ("nosuch", None)
        relation = found[-1 - self.random.randrange(min(len(found), 6))] if self.chance(0.5) else self.one(found)
        return self.shown(relation), relation

    def column(self, relation: Relation | None) -> str:
        """A column of a relation, mostly."""
        if relation is None or not relation.attributes or self.wrong():
            return self.one(["nosuch_column", "a", "id"])
        return quote_identifier(self.one(relation.attributes).name)

    def columns(self, relation: Relation | None, most: int = 2) -> list[str]:
        """Some columns of a relation, mostly."""
        if relation is None or not relation.attributes or self.wrong():
            return [self.column(relation)]
        return [quote_identifier(a.name) for a in self.some(relation.attributes, most)]

    def part(self, relation: Relation | None, kind: type[Constraint | Trigger | Policy]) -> str:
        """The name of a constraint, trigger or policy of a relation, mostly."""
        found = [o.name for o in self.catalog.of_relation(relation.oid, kind)] if relation is not None else []
        return "nosuch_part" if self.wrong() or not found else quote_identifier(self.one(found))

    def routine(self, kinds: str = "fp", *, arguments: bool = True) -> str:
        """A routine with its arguments, mostly."""
        found = [r for r in self.objects(Routine) if r.kind in kinds]
        if self.wrong() or not found:
            return self.one(["nosuch_f()", "f1(int, int, int)", "f1"])
        routine = self.one(found)
        shown = self.shown(routine)
        return f"{shown}({identity_arguments(self.catalog, routine)})" if arguments and not self.chance(0.15) else shown

    def role(self) -> str:
        """A role that exists, mostly."""
        if self.wrong():
            return "nosuch_role"
        names = [r.name for r in self.catalog.objects(Role) if r.oid >= 16384]
        return quote_identifier(self.one(names)) if names else "r1"

    def types(self, kinds: str) -> list[Type]:
        """The user's own types of these typtypes; composite ones only where they are not a table's."""
        found = []
        for t in self.objects(Type):
            relation = self.catalog.find(Relation, t.relation)
            if t.kind in kinds and not t.elem and (t.kind != "c" or (relation is not None and relation.kind == "c")):
                found.append(t)
        return found

    def user_type(self, kinds: str) -> tuple[str, Type | None]:
        """A type of the user's own, mostly."""
        found = self.types(kinds)
        if self.wrong() or not found:
            return "nosuch_type", None
        chosen = self.one(found)
        return self.shown(chosen), chosen

    def type(self) -> str:
        """Any type for a column."""
        if self.wrong():
            return self.one(
                ["nosuch_type", "int[nosuch]", "anyelement", "record", "varchar(0)"][:2]
                if self.chance(0.5)
                else ["nosuch_type", "anyelement", "void"]
            )
        own = self.types("edc")
        if own and self.chance(0.25):
            return self.shown(self.one(own)) + self.maybe("[]", 0.1)
        return self.one(SIMPLE if self.chance(0.5) else ("int", "text", "bigint", "boolean"))

    # --- expressions --------------------------------------------------------------------------------------------------

    def literal(self, oid: int) -> str:
        """A constant that fits a type, mostly."""
        if self.wrong():
            return self.one(["'nosuch'", "now()", "1", "nosuch_function()", "nosuch_column", "'x'::text"])
        own = self.catalog.find(Type, oid)
        if own is not None:
            if own.kind == "e":
                return f"'{self.one(own.labels)}'" if own.labels else "null"
            return self.literal(own.base) if own.kind == "d" else "null"
        name = next((t.name for t in self.catalog.builtins.types() if t.oid == oid), "")
        return LITERALS.get(name, "1" if name in ("int2", "int4", "int8", "numeric", "float8") else "null")

    def default_for(self, text: str) -> str:
        """A default for a type given as text."""
        base = text.partition("(")[0].removesuffix("[]")
        if text.endswith("[]"):
            return "'{}'"
        names = {"varchar": "'x'", "char": "'x'", "boolean": "true", "double precision": "1.5"}
        return self.one([names.get(base) or LITERALS.get(base) or ("1" if text in NUMBERS else "null"), "null"])

    def condition(self, relation: Relation | None, prefix: str = "") -> str:
        """A boolean over a relation's columns, mostly."""
        column = prefix + self.column(relation)
        attribute = (
            next((a for a in relation.attributes if a.name == column.removeprefix(prefix)), None)
            if relation is not None
            else None
        )
        if attribute is None or self.wrong():
            return self.one(
                [
                    f"{column} > 0",
                    f"{column} is not null",
                    f"{prefix}nosuch_column = 1",
                    f"lower({column}) = 'x'",
                    column,
                ]
            )
        shown = type_name(self.catalog, attribute.type, attribute.typmod)
        if self.chance(0.3):
            return f"{column} is {self.maybe('not ')}null"
        if shown in ("text",) or shown.startswith("character"):
            return self.one(
                [
                    f"length({column}) > 1",
                    f"{column} <> ''",
                    f"lower({column}) like 'x%'",
                    f"{column} ~ 'a'",
                    f"{column} in ('a', 'b')",
                ]
            )
        return self.one(
            [
                f"{column} = {self.literal(attribute.type)}",
                f"{column} is not distinct from {self.literal(attribute.type)}",
                f"coalesce({column}, {self.literal(attribute.type)}) is not null",
            ]
        )

    def value(self, relation: Relation | None, prefix: str = "") -> str:
        """An expression over a relation's columns."""
        column = prefix + self.column(relation)
        if self.chance(0.5):
            return column
        routines = [r for r in self.objects(Routine) if r.kind == "f" and len(r.args) == 1]
        if routines and self.chance(0.3):
            return f"{self.shown(self.one(routines))}({column})"
        return self.one(
            [
                f"({column} is null)",
                f"({column}::text)",
                "(1 + 1)",
                f"coalesce({column}, null)",
                f"md5({column}::text)",
                f"nullif({column}, {column})",
                f"(case when {self.condition(relation, prefix)} then 1 else 2 end)",
                f"array[{column}]",
                f"max({column})" if self.chance(0.1) else column,
            ]
        )

    def query(self) -> str:
        """A SELECT over one or two relations."""
        name, relation = self.relation("rpvm")
        if self.chance(0.1):
            return f"select {self.one(['1 as one', 'null as n', '1 as one, 2 as one', 'now() as at, current_user as who', '* from generate_series(1, 2) g'])}"
        if self.chance(0.25):
            other, second = self.relation("rpvm")
            if self.chance(0.2):
                return f"select * from {name} x union all select * from {other} y"
            return (
                f"select x.{self.column(relation)} as c1, y.{self.column(second)} as c2 from {name} x {self.one(['', 'left ', 'full '])}join {other} y"
                f" {self.one(['on true', f'on x.{self.column(relation)} = y.{self.column(second)}', f'using ({self.column(relation)})'])}"
            )
        items = (
            "*"
            if self.chance(0.35)
            else ", ".join(
                dict.fromkeys(
                    self.value(relation) + self.maybe(f" as {self.fresh('c')}", 0.5)
                    for _ in range(1 + self.random.randrange(2))
                )
            )
        )
        where = self.maybe(f" where {self.condition(relation)}")
        group = f" group by {self.column(relation)}" if self.chance(0.06) else ""
        order = self.maybe(f" order by {self.one(['1', self.column(relation)])}", 0.1)
        return f"select {items} from {name}{where}{group}{order}"
