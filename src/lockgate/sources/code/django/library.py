"""What a migration of Django's imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.base.text import Span
from lockgate.sources.code.django import fields
from lockgate.sources.code.django.constraints import CONSTRAINTS, INDEXES, make
from lockgate.sources.code.django.expressions import QCondition, QueryTerm, condition, term
from lockgate.sources.code.django.fields import Field
from lockgate.sources.code.django.names import constant, quoted
from lockgate.sources.code.django.operations import OPERATIONS
from lockgate.sources.code.django.runner import Operation
from lockgate.sources.code.interpret import Follower
from lockgate.sources.code.leaving import TooLong
from lockgate.sources.code.methods import format_percent
from lockgate.sources.code.recorder import ANYTHING, SendLog, touched
from lockgate.sources.code.values import UNKNOWN, ClassValue, Closure, Host, Instance, NotKnown, Passed

_EXPRESSIONS = frozenset(
    [
        "F",
        "Value",
        "Func",
        "RawSQL",
        "Cast",
        "OpClass",
        "OrderBy",
        "Lower",
        "Upper",
        "Coalesce",
        "Length",
        "Abs",
        "Trim",
        "MD5",
        "Now",
        "Greatest",
        "Least",
        "IsNull",
        "Exact",
        "GreaterThan",
        "GreaterThanOrEqual",
        "LessThan",
        "LessThanOrEqual",
        "Case",
        "When",
        "ExpressionWrapper",
        "Concat",
        "SearchVector",
        "KeyTextTransform",
        "KeyTransform",
        "Random",
        "TruncDate",
        "Extract",
    ]
)
_MODULES = frozenset(
    [
        "django",
        "db",
        "models",
        "conf",
        "contrib",
        "postgres",
        "migrations",
        "fields",
        "indexes",
        "operations",
        "constraints",
        "functions",
        "expressions",
        "search",
        "citext",
        "ranges",
        "jsonb",
        "array",
        "hstore",
        "deletion",
        "utils",
        "timezone",
        "gis",
        "core",
        "validators",
        "translation",
        "lookups",
        "query",
        "query_utils",
        "json",
        "aggregates",
        "schema",
        "utils",
        "related",
        "manager",
    ]
)


class DjangoLibrary:
    """Django for one migration. ``settings`` are those whose value is known."""

    def __init__(self, settings: dict[str, Any], recorder: SendLog) -> None:
        self.settings, self.recorder = settings, recorder
        self.follow: Follower | None = None
        self.base: Callable[[], None] = lambda: None  # what an operation's own class leaves to Django's
        self.cursor = self._cursor()
        self.connection = Host(
            "connection",
            get=lambda name: Host(name, lambda passed: UNKNOWN),
            vendor="postgresql",
            alias="default",
            cursor=Host("cursor", lambda passed: self.cursor),
            schema_editor=Host("schema_editor", lambda passed: self.editor()),
            settings_dict={},
        )

    def name(self, name: str) -> Any:
        """What Django has under a name, wherever it lies."""
        if name in OPERATIONS:
            return self._operation(name)
        if name in INDEXES or name in CONSTRAINTS:
            return Host(name, lambda passed: make(name, passed), lambda inner: UNKNOWN)
        if name == "Q":
            return Host("Q", condition)
        if name in _EXPRESSIONS:
            return term(name)
        if name in fields.KNOWN or name.endswith("Field"):
            return fields.maker(name)
        match name:
            case "Migration":
                return Host("Migration", is_migration=True)
            case "Model" | "Operation" | "Manager":
                return Host(name, is_operation=name == "Operation")
            case "settings":
                return Host("settings", get=self.setting)
            case "swappable_dependency":
                return Host(name, lambda passed: ("swappable", str(passed.get(0, "value")).lower()))
            case "connection":
                return self.connection
            case "connections":
                return {"default": self.connection}
            case "gettext_lazy" | "gettext" | "ugettext_lazy" | "_":
                return Host(name, lambda passed: passed.get(0, "message"))
            case "atomic":
                return Host(name, lambda passed: passed.get(0, "using"))
        return (
            Host(name, get=self.name)
            if name in _MODULES
            else Host(name, lambda passed: UNKNOWN, lambda inner: Host(inner))
        )

    def setting(self, name: str) -> Any:
        """One of the settings."""
        return self.settings.get(name, UNKNOWN)

    def _operation(self, name: str) -> Host:
        def call(passed: Passed) -> Operation:
            return Operation(name, passed, self._place(passed))

        noop = "" if name == "RunSQL" else Host("noop")
        return Host(name, call, lambda inner: noop if inner == "noop" else UNKNOWN, is_operation=True)

    def _place(self, passed: Passed) -> Span:
        return self.follow.place() if self.follow is not None else passed.at

    def parent(self) -> Host:
        """``super()``."""
        work = Host("database_forwards", lambda passed: self.base())
        return Host(
            "super", lambda passed: Host("parent", get=lambda name: work if name == "database_forwards" else Host(name))
        )

    def made(self, of: ClassValue, passed: Passed) -> Any:
        """What a class of the project's makes that stands on one of Django's."""
        base = _library_base(of)
        if base is None:
            return None
        if base.members.get("is_field") is True:
            return fields.from_class(of, passed, self.follow.apply) if self.follow is not None else UNKNOWN
        if base.members.get("is_operation") is True:
            return Operation(base.name, passed, self._place(passed), of)
        if base.name in INDEXES or base.name in CONSTRAINTS:
            return make(base.name, passed)
        return QueryTerm("Func", list(passed.args), dict(passed.named) | {"function": of.members.get("function")}) if (
            base.name in _EXPRESSIONS
        ) else None  # fmt: skip

    def member(self, of: Any, name: str) -> Any:
        """An attribute of one of Django's values."""
        if isinstance(of, QueryTerm | QCondition):
            if name in ("asc", "desc"):
                return Host(name, lambda passed: QueryTerm("ordered", [of, _ordered(name, passed)]))
            return UNKNOWN
        if isinstance(of, Field):
            return Host(name, lambda passed: of) if name == "clone" else of.given.get(name, UNKNOWN)
        return UNKNOWN

    # --- code that a migration runs -----------------------------------------------------------------------------------

    def _cursor(self) -> Host:
        def execute(passed: Passed) -> None:
            self._execute(passed, "cursor.execute")

        cursor = Host("cursor", get=lambda name: Host(name, lambda passed: UNKNOWN), execute=Host("execute", execute))
        cursor.members["__enter__"] = Host("__enter__", lambda passed: cursor)
        cursor.members["executemany"] = Host("executemany", lambda passed: self.recorder.rows("cursor.executemany"))
        return cursor

    def editor(self) -> Host:
        """The schema editor that RunPython gives its function."""

        def execute(passed: Passed) -> None:
            self._execute(passed, "schema_editor.execute")

        def rename(passed: Passed) -> None:
            old, new = passed.get(1, "old_db_table"), passed.get(2, "new_db_table")
            if isinstance(old, str) and isinstance(new, str):
                self.recorder.sql(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}", "schema_editor.alter_db_table")
            else:
                self.recorder.gap("schema_editor.alter_db_table: its names are worked out at run time", ANYTHING)

        def other(name: str) -> Host:
            if name == "alter_db_table":
                return Host(name, rename)
            if name in ("quote_name", "quote_value"):
                return Host(
                    name,
                    lambda passed: f'"{passed.get(0, "name")}"' if isinstance(passed.get(0, "name"), str) else UNKNOWN,
                )
            return Host(name, lambda passed: self.recorder.gap(f"schema_editor.{name}", ANYTHING))

        editor = Host("schema_editor", get=other, connection=self.connection, execute=Host("execute", execute))
        editor.members["__enter__"] = Host("__enter__", lambda passed: editor)
        editor.members["__exit__"] = Host("__exit__", lambda passed: None)
        return editor

    def _execute(self, passed: Passed, what: str) -> None:
        """SQL that code sends, its parameters put in where they are known."""
        sql, given = passed.get(0, "sql"), passed.get(1, "params")
        if isinstance(given, Host):
            given = None
        values = [constant(v) for v in given] if isinstance(given, list | tuple) else None
        if values and isinstance(sql, str) and None not in values:
            sql = format_percent(sql, tuple(values))
        elif given is not None and given != []:
            self.recorder.gap(f"{what}: its parameters are worked out at run time", touched(str(sql)))
            return
        self.recorder.sql(sql, what)

    def run(self, function: Any) -> None:
        """What RunPython's function does: SQL that it sends, and rows."""
        if isinstance(function, Host) and function.name == "noop":
            return
        if not isinstance(function, Closure | Instance) or self.follow is None:
            self.recorder.gap("migrations.RunPython: its function is not known", ANYTHING)
            return
        self.recorder.rows("migrations.RunPython: what it does to rows is not known")
        count = len(self.recorder.sent)
        try:
            self.follow.enter(function, Passed([_apps(), self.editor()], {}, self.recorder.at()))
        except TooLong:  # it loops over rows
            del self.recorder.sent[count + 100 :]


def _ordered(name: str, passed: Passed) -> str:
    last, first = passed.named.get("nulls_last") is True, passed.named.get("nulls_first") is True
    return name.upper() + (" NULLS LAST" if last else " NULLS FIRST" if first else "")


def _library_base(of: ClassValue) -> Host | None:
    todo: list[Any] = list(of.bases)
    while todo:
        base = todo.pop(0)
        if isinstance(base, ClassValue):
            todo += base.bases
        elif isinstance(base, Host) and (
            base.members.get("is_field") is True
            or base.members.get("is_operation") is True
            or base.name in INDEXES
            or base.name in CONSTRAINTS
            or base.name in _EXPRESSIONS
        ):
            return base
    return None


def _apps() -> Host:
    """The historical models: whatever is asked of them reaches rows alone."""

    def model() -> Host:
        return Host("model", lambda passed: model(), lambda name: NotKnown() if name.startswith("__") else model())

    return Host("apps", lambda passed: model(), lambda name: Host(name, lambda passed: model()))


def from_elsewhere(name: str) -> Any:
    """A name of a package that nobody here knows."""
    if name.endswith("Field") or fields.kind_of(name) is not None:
        return fields.maker(name)
    return Host(name, lambda passed: NotKnown(f"{name} of a package that is not known"), from_elsewhere)
