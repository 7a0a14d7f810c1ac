"""``migrations.*``: what operations on models and fields change, and what they send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from lockgate.sources.code.django import alter
from lockgate.sources.code.django.constraints import inline
from lockgate.sources.code.django.editor import together
from lockgate.sources.code.django.fields import Field, related
from lockgate.sources.code.django.names import index_name, quoted
from lockgate.sources.code.django.runner import Operation, Runner
from lockgate.sources.code.django.state import Model, foreign_table
from lockgate.sources.code.values import ClassValue, Host


def _parents(value: Any) -> tuple[str, ...]:
    out = []
    for base in value if isinstance(value, list | tuple) else ():
        name, _ = related(base) if isinstance(base, str | Host | ClassValue) else ("", "")
        if "." in name:
            out.append(name)
    return tuple(out)


def create_model(run: Runner, one: Operation) -> None:
    name, fields = one.get(0, "name"), run.fields_of(one.get(1, "fields"))
    options = one.get(2, "options", {})
    if not isinstance(name, str) or fields is None:
        return run.editor.gap("it is worked out at run time")
    options = dict(options) if isinstance(options, dict) else {}
    model = Model(run.app, name, fields, options, _parents(one.get(3, "bases")))
    if not any(f.primary_key for f in fields.values()) and not options.get("proxy"):
        model.fields = {"id": run.editor.state.auto_field(run.app), **fields}
    for base in model.bases:  # what a proxy has it has from its parent
        parent = run.models.get(base)
        if options.get("proxy"):
            model.options = {"db_table": parent.table if parent is not None else foreign_table(base)} | options
            model.fields = dict(parent.fields) if parent is not None else model.fields
    run.models[model.key] = model
    if run.sends:
        lost: list[str] = []

        def options_of(of: Model) -> tuple[list[str], list[str], list[str]]:
            *found, missing = inline(of)
            lost.extend(missing)
            return found[0], found[1], found[2]

        run.editor.create(model, options_of)
        for why in lost:
            run.editor.gap(why, model.table)
    return None


def delete_model(run: Runner, one: Operation) -> None:
    model = run.model(one, 0, "name")
    if model is not None:
        if run.sends:
            run.editor.delete(model)
        del run.models[model.key]


def rename_model(run: Runner, one: Operation) -> None:
    model, new = run.model(one, 0, "old_name"), one.get(1, "new_name")
    if model is None or not isinstance(new, str):
        return
    state = run.editor.state
    old_key, before = model.key, {n: state.through(model, f) for n, f in model.fields.items()}
    renamed = replace(model, name=new)
    elsewhere = [
        (m, n, f, state.through(m, f)) for m in run.models.values() for n, f in m.fields.items() if f.to == old_key
    ]
    if run.sends and model.managed:
        run.editor.rename_table(model.table, renamed.table)
    del run.models[old_key]
    run.models[renamed.key] = renamed
    for other in list(run.models.values()):
        fields = {n: replace(f, to=renamed.key) if f.to == old_key else f for n, f in other.fields.items()}
        through = {n: replace(f, through=renamed.key) if f.through == old_key else f for n, f in fields.items()}
        run.models[other.key] = replace(other, fields=through)
    if run.sends and model.managed:
        own = run.models[renamed.key]
        for holder, _, field, between in elsewhere:
            if between is None and field.keyed:
                now = run.models[renamed.key if holder.key == old_key else holder.key]
                alter.remake_key(run.editor, now, replace(field, to=renamed.key))
        pairs = [(own, n, b) for n, b in before.items()]
        pairs += [(run.models[m.key], n, b) for m, n, _, b in elsewhere if m.key != old_key]
        for holder, name, between in pairs:
            _rename_between(run, holder, name, between)


def _rename_between(run: Runner, holder: Model, name: str, before: Model | None) -> None:
    """The table between two models takes the new name, and so does its column."""
    field = holder.fields.get(name)
    after = run.editor.state.through(holder, field) if field is not None else None
    if before is None or after is None:
        return
    run.editor.rename_table(before.table, after.table)
    old, new = list(before.fields.values())[1:], list(after.fields.values())[1:]
    moved = replace(before, options=after.options)
    for a, b in zip(old, new, strict=True):
        alter.alter(run.editor, moved, replace(a, to=b.to), b)


def alter_table(run: Runner, one: Operation) -> None:
    model, table = run.model(one, 0, "name"), one.get(1, "table")
    if model is None:
        return
    options = {k: v for k, v in model.options.items() if k != "db_table"}
    before = {n: run.editor.state.through(model, f) for n, f in model.fields.items()}
    changed = run.put(model, options=options | ({"db_table": table} if isinstance(table, str) and table else {}))
    if run.sends and model.managed:
        run.editor.rename_table(model.table, changed.table)
        for name, between in before.items():
            _rename_between(run, changed, name, between)


def options(run: Runner, one: Operation) -> None:
    model, given = run.model(one, 0, "name"), one.get(1, "options", {})
    if model is not None and isinstance(given, dict):
        kept = ("db_table", "unique_together", "index_together", "indexes", "constraints", "proxy", "order_with_respect_to",
                "db_table_comment")  # fmt: skip
        managed = {"managed": given["managed"]} if "managed" in given else {}
        run.put(model, options={k: v for k, v in model.options.items() if k in kept} | managed)


def alter_together(key: str) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        model, value = run.model(one, 0, "name"), one.get(1, key)
        if model is None:
            return
        old, new = set(together(model.options.get(key))), set(together(value))
        changed = run.put(model, options=model.options | {key: value})
        if not run.sends or not model.managed:
            return
        unique = key == "unique_together"
        for names in sorted(old - new):
            columns = [changed.column(n) or n for n in names]
            _drop_together(run, changed, columns, unique)
        for names in sorted(new - old):
            columns = [changed.column(n) or n for n in names]
            name = index_name(changed.table, columns, "_uniq" if unique else "_idx")
            listed = ", ".join(map(quoted, columns))
            table = quoted(changed.table)
            run.editor.state.note(changed.table, name, "uq" if unique else "ix", columns, own=False)
            if unique:
                run.editor.send(f"ALTER TABLE {table} ADD CONSTRAINT {quoted(name)} UNIQUE ({listed})")
            else:
                run.editor.send(f"CREATE INDEX {quoted(name)} ON {table} ({listed})")

    return work


def _drop_together(run: Runner, model: Model, columns: list[str], unique: bool) -> None:
    state = run.editor.state
    found = state.named(model.table, "uq" if unique else "ix", columns, own=False)
    if not found:
        return run.editor.gap(f"the name of what stands on {', '.join(columns)} is not known", model.table)
    waiting = [d for d in run.editor.deferred if quoted(found[0]) in d.sql]
    if waiting:  # it is dropped before it was made: Django would not find it
        run.editor.deferred = [d for d in run.editor.deferred if d not in waiting]
        return state.forget(model.table, found[0])
    if unique:
        return run.editor.drop_constraint(model.table, found[0])
    return run.editor.drop_index(model.table, found[0])


def add_field(run: Runner, one: Operation) -> None:
    model, name, field = run.model(one), one.get(1, "name"), one.get(2, "field")
    if model is None:
        return
    if not isinstance(name, str) or not isinstance(field, Field):
        if run.sends and not isinstance(field, Host):
            run.editor.gap("its field is worked out at run time", model.table)
        return
    made = replace(field, name=name, to=run.full(field.to), through=run.full(field.through))
    changed = run.put(model, fields=model.fields | {name: made})
    if run.sends:
        run.editor.add(changed, made)
    if one.get(3, "preserve_default", True) is False:
        given = {k: v for k, v in made.given.items() if k != "default"}
        run.put(changed, fields=changed.fields | {name: replace(made, given=given)})


def remove_field(run: Runner, one: Operation) -> None:
    model, name = run.model(one), one.get(1, "name")
    if model is None or not isinstance(name, str):
        return
    field = model.fields.get(name)
    if field is None:
        if run.sends:
            run.editor.gap(f"field {name} is not known", model.table)
        return
    run.put(model, fields={k: v for k, v in model.fields.items() if k != name})
    if run.sends:
        run.editor.remove(model, field)


def alter_field(run: Runner, one: Operation) -> None:
    model, name, field = run.model(one), one.get(1, "name"), one.get(2, "field")
    if model is None or not isinstance(name, str):
        return
    old = model.fields.get(name)
    if old is None or not isinstance(field, Field):
        if run.sends:
            run.editor.gap(f"field {name} is not known", model.table)
        return
    new = replace(field, name=name, to=run.full(field.to), through=run.full(field.through))
    changed = run.put(model, fields=model.fields | {name: new})
    if run.sends:
        alter.alter(run.editor, changed, old, new)
    if one.get(3, "preserve_default", True) is False:
        given = {k: v for k, v in new.given.items() if k != "default"}
        run.put(changed, fields=changed.fields | {name: replace(new, given=given)})


def rename_field(run: Runner, one: Operation) -> None:
    model, old_name, new_name = run.model(one), one.get(1, "old_name"), one.get(2, "new_name")
    if model is None or not isinstance(old_name, str) or not isinstance(new_name, str):
        return
    old = model.fields.get(old_name)
    if old is None:
        if run.sends:
            run.editor.gap(f"field {old_name} is not known", model.table)
        return
    new = replace(old, name=new_name)
    fields = {new_name if k == old_name else k: new if k == old_name else v for k, v in model.fields.items()}
    options = dict(model.options)
    for key in ("unique_together", "index_together"):
        if options.get(key):
            options[key] = [tuple(new_name if n == old_name else n for n in names) for names in together(options[key])]
    changed = run.put(model, fields=fields, options=options)
    for other in list(run.models.values()):  # foreign keys that name the field
        if any(f.given.get("to_field") == old_name and f.to == model.key for f in other.fields.values()):
            renamed = {
                n: replace(f, given=f.given | {"to_field": new_name}) if f.given.get("to_field") == old_name else f
                for n, f in other.fields.items()
            }
            run.models[other.key] = replace(other, fields=renamed)
    if run.sends:
        alter.alter(run.editor, changed, old, new)
