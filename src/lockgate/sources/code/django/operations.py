"""``migrations.*``: what each operation changes in the models, and what it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.sources.code.django import alter
from lockgate.sources.code.django.constraints import Named, create_constraint, create_index, inline, name_of
from lockgate.sources.code.django.editor import Editor, together
from lockgate.sources.code.django.expressions import Unspelled
from lockgate.sources.code.django.fields import Field, related
from lockgate.sources.code.django.names import index_name, quoted
from lockgate.sources.code.django.state import Model, foreign_table
from lockgate.sources.code.values import ClassValue, Host, Passed


class Operation(msgspec.Struct):
    """An operation as a migration gives it. ``own``: the project's own class, which sends something else."""

    kind: str
    passed: Passed
    at: Span
    own: Any = None

    def get(self, place: int, name: str, default: Any = None) -> Any:
        """An argument."""
        return self.passed.get(place, name, default)


class Runner:
    """Runs operations of one app over the models. ``database``/``state``: whether they reach them."""

    def __init__(self, editor: Editor, app: str, code: Callable[[Any, Editor], None]) -> None:
        self.editor, self.app, self._code = editor, app, code
        self.sends = True

    @property
    def models(self) -> dict[str, Model]:
        """The models."""
        return self.editor.state.models

    def run(self, one: Operation) -> None:
        """Take one operation."""
        work = _WORK.get(one.kind)
        self.editor.what = f"migrations.{one.kind}"
        if work is None:
            self._lost(one)
            return
        work(self, one)

    def _lost(self, one: Operation) -> None:
        if self.sends:
            self.editor.gap("an operation of a package that is not known")

    def model(self, one: Operation, place: int = 0, name: str = "model_name") -> Model | None:
        """The model that an operation is about."""
        written = one.get(place, name)
        found = self.models.get(f"{self.app}.{written.lower()}") if isinstance(written, str) else None
        if found is None and self.sends:
            self.editor.gap(f"model {written} is not known")
        return found

    def put(self, model: Model, **changes: Any) -> Model:
        """A model in a new state."""
        changed = replace(model, **changes)
        self.models[changed.key] = changed
        return changed

    def fields_of(self, value: Any) -> dict[str, Field] | None:
        """The fields of a new model."""
        if not isinstance(value, list | tuple):
            return None
        out: dict[str, Field] = {}
        for pair in value:
            if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
                return None
            if isinstance(pair[1], Field):
                out[pair[0]] = replace(pair[1], name=pair[0], to=self.full(pair[1].to), through=self.full(pair[1].through))
        return out

    def full(self, to: str) -> str:
        """A relation's model with its app."""
        return to if not to or "." in to or to == "self" else f"{self.app}.{to}"

    def code(self, function: Any) -> None:
        """Follow what RunPython runs."""
        self._code(function, self.editor)


def _parents(value: Any) -> tuple[str, ...]:
    out = []
    for base in value if isinstance(value, list | tuple) else ():
        name, _ = related(base) if isinstance(base, str | Host | ClassValue) else ("", "")
        if "." in name:
            out.append(name)
    return tuple(out)


def _create_model(run: Runner, one: Operation) -> None:
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

        def options_of(of: Model) -> tuple[list[str], list[str]]:
            within, after, missing = inline(of)
            lost.extend(missing)
            return within, after

        run.editor.create(model, options_of)
        for why in lost:
            run.editor.gap(why, model.table)
    return None


def _delete_model(run: Runner, one: Operation) -> None:
    model = run.model(one, 0, "name")
    if model is not None:
        if run.sends:
            run.editor.delete(model)
        del run.models[model.key]


def _rename_model(run: Runner, one: Operation) -> None:
    model, new = run.model(one, 0, "old_name"), one.get(1, "new_name")
    if model is None or not isinstance(new, str):
        return
    state = run.editor.state
    old_key, before = model.key, {n: state.through(model, f) for n, f in model.fields.items()}
    renamed = replace(model, name=new)
    elsewhere = [(m, n, f, state.through(m, f)) for m in run.models.values() for n, f in m.fields.items() if f.to == old_key]
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


def _alter_table(run: Runner, one: Operation) -> None:
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


def _options(run: Runner, one: Operation) -> None:
    model, given = run.model(one, 0, "name"), one.get(1, "options", {})
    if model is not None and isinstance(given, dict):
        kept = ("db_table", "unique_together", "index_together", "indexes", "constraints", "proxy", "order_with_respect_to",
                "db_table_comment")  # fmt: skip
        managed = {"managed": given["managed"]} if "managed" in given else {}
        run.put(model, options={k: v for k, v in model.options.items() if k in kept} | managed)


def _together(key: str) -> Callable[[Runner, Operation], None]:
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


def _add_field(run: Runner, one: Operation) -> None:
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


def _remove_field(run: Runner, one: Operation) -> None:
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


def _alter_field(run: Runner, one: Operation) -> None:
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


def _rename_field(run: Runner, one: Operation) -> None:
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


# --- indexes and constraints ------------------------------------------------------------------------------------------


def _add_named(key: str, concurrently: bool = False, valid: bool = True) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        model, made = run.model(one), one.get(1, "index" if key == "indexes" else "constraint")
        if model is None:
            return
        if not isinstance(made, Named):
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


def _named(model: Model, key: str, name: str) -> Named | None:
    of = [n for n in model.options.get(key) or () if isinstance(n, Named)]
    return next((n for n in of if n.name == name or (not n.name and name_of(n, model) == name)), None)


def _remove_index(concurrently: bool) -> Callable[[Runner, Operation], None]:
    def work(run: Runner, one: Operation) -> None:
        model, name = run.model(one), one.get(1, "name")
        if model is None or not isinstance(name, str):
            return
        found = _named(model, "indexes", name)
        run.put(model, options=model.options | {"indexes": [n for n in model.options.get("indexes") or () if n is not found]})
        if run.sends and model.managed and not _unsent(run, name):
            run.editor.drop_index(model.table, name, concurrently)

    return work


def _unsent(run: Runner, name: str) -> bool:
    """Whether it still waits for the migration's end: then it never comes."""
    waiting = [d for d in run.editor.deferred if quoted(name) in d.sql]
    run.editor.deferred = [d for d in run.editor.deferred if d not in waiting]
    return bool(waiting)


def _remove_constraint(run: Runner, one: Operation) -> None:
    model, name = run.model(one), one.get(1, "name")
    if model is None or not isinstance(name, str):
        return
    found = _named(model, "constraints", name)
    kept = [n for n in model.options.get("constraints") or () if n is not found]
    run.put(model, options=model.options | {"constraints": kept})
    if not run.sends or not model.managed or _unsent(run, name):
        return
    is_index = found is not None and found.kind == "UniqueConstraint" and (
        found.parts or any(found.given.get(k) for k in ("condition", "include", "opclasses"))
    )
    if is_index:
        run.editor.drop_index(model.table, name)
    else:
        run.editor.drop_constraint(model.table, name)


def _rename_index(run: Runner, one: Operation) -> None:
    model, new, old = run.model(one), one.get(1, "new_name"), one.get(2, "old_name")
    if model is None or not isinstance(new, str):
        return
    fields = one.get(3, "old_fields")
    options = dict(model.options)
    if isinstance(fields, list | tuple):
        names = tuple(f for f in fields if isinstance(f, str))
        columns = [model.column(n) or n for n in names]
        old = next(iter(run.editor.state.named(model.table, "ix", columns, own=False)), index_name(model.table, columns, "_idx"))
        options["index_together"] = [t for t in together(options.get("index_together")) if t != names]
        moved = Named("Index", [], {"fields": list(names), "name": new})
    elif isinstance(old, str):
        found = _named(model, "indexes", old)
        moved = Named(found.kind, found.parts, found.given | {"name": new}) if found is not None else Named("Index", [], {"name": new})
        options["indexes"] = [n for n in options.get("indexes") or () if n is not found]
    else:
        return
    options["indexes"] = [*(options.get("indexes") or ()), moved]
    run.put(model, options=options)
    if run.sends and model.managed:
        run.editor.send(f"ALTER INDEX {quoted(str(old))} RENAME TO {quoted(new)}")


def _validate(run: Runner, one: Operation) -> None:
    model, name = run.model(one), one.get(1, "name")
    if model is not None and isinstance(name, str) and run.sends:
        run.editor.send(f"ALTER TABLE {quoted(model.table)} VALIDATE CONSTRAINT {quoted(name)}")


# --- SQL, code, and both apart ----------------------------------------------------------------------------------------


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
_WORK: dict[str, Callable[[Runner, Operation], None]] = {
    "CreateModel": _create_model,
    "DeleteModel": _delete_model,
    "RenameModel": _rename_model,
    "AlterModelTable": _alter_table,
    "AlterModelOptions": _options,
    "AlterModelManagers": _nothing,
    "AlterModelTableComment": _nothing,
    "AlterOrderWithRespectTo": _nothing,
    "AlterUniqueTogether": _together("unique_together"),
    "AlterIndexTogether": _together("index_together"),
    "AddField": _add_field,
    "RemoveField": _remove_field,
    "AlterField": _alter_field,
    "RenameField": _rename_field,
    "AddIndex": _add_named("indexes"),
    "AddIndexConcurrently": _add_named("indexes", concurrently=True),
    "RemoveIndex": _remove_index(False),
    "RemoveIndexConcurrently": _remove_index(True),
    "RenameIndex": _rename_index,
    "AddConstraint": _add_named("constraints"),
    "AddConstraintNotValid": _add_named("constraints", valid=False),
    "AlterConstraint": _nothing,
    "ValidateConstraint": _validate,
    "RemoveConstraint": _remove_constraint,
    "RunSQL": _run_sql,
    "RunPython": _run_python,
    "SeparateDatabaseAndState": _apart,
    "CreateCollation": _collation,
    **{name: _extension(extension) for name, extension in EXTENSIONS.items()},
}
OPERATIONS = frozenset(_WORK)
