"""``migrations.*``: what operations on indexes and constraints change, and what they send."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.sources.code.django.constraints import NamedOption, create_constraint, create_index, name_of
from lockgate.sources.code.django.editor import together
from lockgate.sources.code.django.expressions import Unspelled
from lockgate.sources.code.django.names import index_name, quoted
from lockgate.sources.code.django.runner import Operation, Runner
from lockgate.sources.code.django.state import Model


def add_named(key: str, concurrently: bool = False, valid: bool = True) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        model, made = run.model(one), one.get(1, "index" if key == "indexes" else "constraint")
        if model is None:
            return
        if not isinstance(made, NamedOption):
            if run.sends:
                run.editor.gap("it is worked out at run time", model.table)
            return
        changed = run.put(model, options=model.options | {key: [*(model.options.get(key) or ()), made]})
        if not run.sends or not model.managed:
            return
        try:
            if key == "indexes":
                run.editor.send(create_index(made, changed, concurrently))
            else:
                sql, is_constraint = create_constraint(made, changed)
                tail = "" if valid else " NOT VALID"
                run.editor.send(f"ALTER TABLE {quoted(changed.table)} ADD {sql}{tail}" if is_constraint else sql)
        except Unspelled as error:
            run.editor.gap(str(error), model.table)

    return work


def _named(model: Model, key: str, name: str) -> NamedOption | None:
    of = [n for n in model.options.get(key) or () if isinstance(n, NamedOption)]
    return next((n for n in of if n.name == name or (not n.name and name_of(n, model) == name)), None)


def remove_index(concurrently: bool) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        model, name = run.model(one), one.get(1, "name")
        if model is None or not isinstance(name, str):
            return
        found = _named(model, "indexes", name)
        run.put(
            model,
            options=model.options | {"indexes": [n for n in model.options.get("indexes") or () if n is not found]},
        )
        if run.sends and model.managed and not _unsent(run, name):
            run.editor.drop_index(model.table, name, concurrently)

    return work


def _unsent(run: Runner, name: str) -> bool:
    """Whether it still waits for the migration's end: then it never comes."""
    waiting = [d for d in run.editor.deferred if quoted(name) in d.sql]
    run.editor.deferred = [d for d in run.editor.deferred if d not in waiting]
    return bool(waiting)


def remove_constraint(run: Runner, one: Operation) -> None:
    model, name = run.model(one), one.get(1, "name")
    if model is None or not isinstance(name, str):
        return
    found = _named(model, "constraints", name)
    kept = [n for n in model.options.get("constraints") or () if n is not found]
    run.put(model, options=model.options | {"constraints": kept})
    if not run.sends or not model.managed or _unsent(run, name):
        return
    is_index = (
        found is not None
        and found.kind == "UniqueConstraint"
        and (found.parts or any(found.given.get(k) for k in ("condition", "include", "opclasses")))
    )
    if is_index:
        run.editor.drop_index(model.table, name)
    else:
        run.editor.drop_constraint(model.table, name)


def rename_index(run: Runner, one: Operation) -> None:
    model, new, old = run.model(one), one.get(1, "new_name"), one.get(2, "old_name")
    if model is None or not isinstance(new, str):
        return
    fields = one.get(3, "old_fields")
    options = dict(model.options)
    if isinstance(fields, list | tuple):
        names = tuple(f for f in fields if isinstance(f, str))
        columns = [model.column(n) or n for n in names]
        old = next(
            iter(run.editor.state.named(model.table, "ix", columns, own=False)),
            index_name(model.table, columns, "_idx"),
        )
        options["index_together"] = [t for t in together(options.get("index_together")) if t != names]
        moved = NamedOption("Index", [], {"fields": list(names), "name": new})
    elif isinstance(old, str):
        found = _named(model, "indexes", old)
        moved = (
            NamedOption(found.kind, found.parts, found.given | {"name": new})
            if found is not None
            else NamedOption("Index", [], {"name": new})
        )
        options["indexes"] = [n for n in options.get("indexes") or () if n is not found]
    else:
        return
    options["indexes"] = [*(options.get("indexes") or ()), moved]
    run.put(model, options=options)
    if run.sends and model.managed:
        run.editor.send(f"ALTER INDEX {quoted(str(old))} RENAME TO {quoted(new)}")


def validate(run: Runner, one: Operation) -> None:
    model, name = run.model(one), one.get(1, "name")
    if model is not None and isinstance(name, str) and run.sends:
        run.editor.send(f"ALTER TABLE {quoted(model.table)} VALIDATE CONSTRAINT {quoted(name)}")
