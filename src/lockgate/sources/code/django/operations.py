"""``migrations.*``: every operation by its name, and those that send SQL, run code, or part database and models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from lockgate.sources.code.django.names import quoted
from lockgate.sources.code.django.of_indexes import add_named, remove_constraint, remove_index, rename_index, validate
from lockgate.sources.code.django.of_models import (
    add_field,
    alter_field,
    alter_table,
    alter_together,
    create_model,
    delete_model,
    options,
    remove_field,
    rename_field,
    rename_model,
)
from lockgate.sources.code.django.runner import Operation, Runner


def _run_sql(run: Runner, one: Operation) -> None:
    sql = one.get(0, "sql")
    if run.sends:
        _send_sql(run, sql)
    _each(run, one.get(2, "state_operations"), sends=False)


def _send_sql(run: Runner, sql: Any) -> None:
    if isinstance(sql, list | tuple):
        for part in sql:
            if isinstance(part, list | tuple) and len(part) == 2:
                _with_parameters(run, part[0], part[1])
            else:
                run.editor.recorder.sql(part, run.editor.what)
        return
    run.editor.recorder.sql(sql, run.editor.what)


def _with_parameters(run: Runner, sql: Any, given: Any) -> None:
    from lockgate.sources.code.django.names import constant
    from lockgate.sources.code.methods import format_percent

    if given is None:
        return run.editor.recorder.sql(sql, run.editor.what)
    values = [constant(v) for v in given] if isinstance(given, list | tuple) else [None]
    if not isinstance(sql, str) or None in values:
        return run.editor.recorder.rows(f"{run.editor.what}: its parameters are worked out at run time")
    return run.editor.recorder.sql(format_percent(sql, tuple(values)), run.editor.what)


def _run_python(run: Runner, one: Operation) -> None:
    if run.sends:
        run.code(one.get(0, "code"))


def _apart(run: Runner, one: Operation) -> None:
    before = {k: replace(m, fields=dict(m.fields), options=dict(m.options)) for k, m in run.models.items()}
    _each(run, one.get(0, "database_operations"), sends=run.sends)
    run.models.clear()
    run.models.update(before)
    _each(run, one.get(1, "state_operations"), sends=False)


def _each(run: Runner, value: Any, sends: bool) -> None:
    before, run.sends = run.sends, sends
    held = run.editor.recorder.fixed
    try:
        for one in value if isinstance(value, list | tuple) else ():
            if isinstance(one, Operation):
                run.editor.recorder.fixed = one.at if held is not None else None
                run.run(one)
            elif sends:
                run.editor.gap("an operation is worked out at run time")
    finally:
        run.sends, run.editor.recorder.fixed = before, held


def _extension(name: str) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        wanted = name or one.get(0, "name")
        if isinstance(wanted, str) and run.sends:
            run.editor.send(f"CREATE EXTENSION IF NOT EXISTS {quoted(wanted)}")

    return work


def _collation(run: Runner, one: Operation) -> None:
    name, locale = one.get(0, "name"), one.get(1, "locale")
    if isinstance(name, str) and isinstance(locale, str) and run.sends:
        provider, fixed = one.get(-1, "provider", "libc"), one.get(-1, "deterministic", True)
        tail = f", provider={provider}" + ("" if fixed is not False else ", deterministic=false")
        run.editor.send(f"CREATE COLLATION IF NOT EXISTS {quoted(name)} (locale={quoted(locale)}{tail})")


def _nothing(run: Runner, one: Operation) -> None:
    return None


EXTENSIONS = {
    "CreateExtension": "",
    "HStoreExtension": "hstore",
    "TrigramExtension": "pg_trgm",
    "CITextExtension": "citext",
    "UnaccentExtension": "unaccent",
    "BtreeGinExtension": "btree_gin",
    "BtreeGistExtension": "btree_gist",
    "CryptoExtension": "pgcrypto",
    "BloomExtension": "bloom",
    "VectorExtension": "vector",
    "PostGISExtension": "postgis",
}
WORK: dict[str, Callable[[Runner, Operation], None]] = {
    "CreateModel": create_model,
    "DeleteModel": delete_model,
    "RenameModel": rename_model,
    "AlterModelTable": alter_table,
    "AlterModelOptions": options,
    "AlterModelManagers": _nothing,
    "AlterModelTableComment": _nothing,
    "AlterOrderWithRespectTo": _nothing,
    "AlterUniqueTogether": alter_together("unique_together"),
    "AlterIndexTogether": alter_together("index_together"),
    "AddField": add_field,
    "RemoveField": remove_field,
    "AlterField": alter_field,
    "RenameField": rename_field,
    "AddIndex": add_named("indexes"),
    "AddIndexConcurrently": add_named("indexes", concurrently=True),
    "RemoveIndex": remove_index(False),
    "RemoveIndexConcurrently": remove_index(True),
    "RenameIndex": rename_index,
    "AddConstraint": add_named("constraints"),
    "AddConstraintNotValid": add_named("constraints", valid=False),
    "AlterConstraint": _nothing,
    "ValidateConstraint": validate,
    "RemoveConstraint": remove_constraint,
    "RunSQL": _run_sql,
    "RunPython": _run_python,
    "SeparateDatabaseAndState": _apart,
    "CreateCollation": _collation,
    **{name: _extension(extension) for name, extension in EXTENSIONS.items()},
}
OPERATIONS = frozenset(WORK)
