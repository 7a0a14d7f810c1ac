"""``alter_field``: one field of a model in the place of another (base/schema.py, ``_alter_field``)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.sources.code.django.editor import Editor
from lockgate.sources.code.django.fields import Field
from lockgate.sources.code.django.names import index_name, quoted, sequence_name
from lockgate.sources.code.django.state import Model

# arguments that the database does not see (Field.non_db_attrs)
_UNSEEN = frozenset(
    [
        "blank",
        "choices",
        "db_column",
        "editable",
        "error_messages",
        "help_text",
        "limit_choices_to",
        "on_delete",
        "related_name",
        "related_query_name",
        "validators",
        "verbose_name",
        "default",
        "auto_now",
        "auto_now_add",
        "upload_to",
        "storage",
        "swappable",
        "to",
        "through",
        "symmetrical",
        "unpack_ipv4",
        "protocol",
        "encoder",
        "decoder",
        "auto_created",
        "serialize",
    ]
)


def alter(editor: Editor, model: Model, old: Field, new: Field) -> None:
    """Send what leads from one field to the other."""
    if not model.managed or old.kind in ("GenericRelation",):
        return
    if old.many or new.many:
        _alter_many(editor, model, old, new)
        return
    old_type, new_type = editor.state.db_type(model, old), editor.state.db_type(model, new)
    if not old.has_column or not new.has_column:
        return
    if old_type is None or new_type is None or old.doubt or new.doubt:
        if old.doubt == new.doubt and old_type == new_type and old.null == new.null and old.column == new.column:
            return
        editor.gap(new.doubt or old.doubt or "a type is not known", model.table, new.column)
        return
    if _same(editor, model, old, new, old_type, new_type):
        return
    _Change(editor, model, old, new, old_type, new_type).send()


def _same(editor: Editor, model: Model, old: Field, new: Field, old_type: str, new_type: str) -> bool:
    seen = [
        (f.column, f.null, f.unique, f.primary_key, f.db_index, f.keyed, f.check, f.auto, f.given.get("db_collation"))
        for f in (old, new)
    ]
    tables = [_there(editor, model, f) if f.keyed else None for f in (old, new)]
    defaults = [f.given.get("db_default") for f in (old, new)]
    return seen[0] == seen[1] and old_type == new_type and tables[0] == tables[1] and defaults[0] is defaults[1]


def _there(editor: Editor, model: Model, field: Field) -> tuple[str, str]:
    """The table and the column that a foreign key refers to."""
    table, target = editor.state.target(model, field)
    return table, target.column


_LIKE_CHAR = frozenset({"CharField", "EmailField", "URLField", "CommaSeparatedIntegerField"})


def _data_type(field: Field, kind: str) -> str:
    """What Django compares to decide on USING (``_field_data_type``): a template for what has a length."""
    if field.to or "db_type" in field.given:
        return kind
    if field.kind in _LIKE_CHAR:
        return "char"
    return kind if field.kind == "ArrayField" else kind.partition("(")[0]


def _alter_many(editor: Editor, model: Model, old: Field, new: Field) -> None:
    before, after = editor.state.through(model, old), editor.state.through(model, new)
    if before is None or after is None:
        return
    editor.rename_table(before.table, after.table)
    (_, one, other), (_, first, second) = list(before.fields.values()), list(after.fields.values())
    moved = replace(before, options=after.options)
    for a, b in ((other, second), (one, first)):
        alter(editor, moved, a, b)


def remake_key(editor: Editor, model: Model, field: Field) -> None:
    """A foreign key whose other side has another name: it goes, and comes back under a name made anew."""
    for name in editor.state.named(model.table, "fk", [field.column]):
        if editor.waits(name):
            return
        editor.drop_key(model.table, name)
        made, there = editor.key_sql(model, field)
        head = f"ALTER TABLE {quoted(model.table)} ADD CONSTRAINT {quoted(made)}"
        editor.send(f"{head} FOREIGN KEY ({quoted(field.column)}) {there}")


class _Change:
    def __init__(self, editor: Editor, model: Model, old: Field, new: Field, old_type: str, new_type: str) -> None:
        self.editor, self.state, self.model = editor, editor.state, model
        self.old, self.new, self.old_type, self.new_type = old, new, old_type, new_type
        self.table = model.table

    def send(self) -> None:
        """All of it, in Django's order."""
        dropped = self._drop_key()
        self._drop_unique()
        incoming = self._drop_incoming()
        self._drop_index()
        if self.old.check and not self.new.check:
            for name in self.state.named(self.table, "ck", [self.old.column]):
                self.editor.drop_constraint(self.table, name)
        self._rename()
        self._actions()
        if self.old.primary_key and not self.new.primary_key:
            self.editor.drop_constraint(self.table, f"{self.table}_pkey")
        self._add_unique()
        if (not self.old.db_index or self.old.unique) and self.new.db_index and not self.new.unique:
            self.editor.send(self.editor.index_sql(self.model, [self.new.column]))
        self._add_primary_key()
        self._retype_incoming(incoming)
        if self.new.keyed and (dropped or not self.old.to or not self.old.keyed):
            self._add_key(self.model, self.new)
        for other, field in incoming:
            if field.keyed:
                self._add_key(other, field)
        if self.new.check and not self.old.check:
            self._add_check()
        self._drop_default()
        self._like()

    def _alter(self, *changes: str) -> None:
        self.editor.send(f"ALTER TABLE {quoted(self.table)} {', '.join(changes)}")

    def _drop_key(self) -> bool:
        if not self.old.keyed:
            return False
        to_old, to_new = (_there(self.editor, self.model, f) if f.to else None for f in (self.old, self.new))
        changed = (
            self.old_type != self.new_type
            or self.old.column != self.new.column
            or not self.new.keyed
            or to_old != to_new
            or self.old.unique != self.new.unique
            or self.old.null != self.new.null
        )
        names = self.state.named(self.table, "fk", [self.old.column]) if changed else []
        if any(map(self.editor.waits, names)):  # it is not there yet, so Django does not find it
            return False
        for name in names:
            self.editor.drop_key(self.table, name)
        return changed

    def _drop_unique(self) -> None:
        if self.old.unique and (not self.new.unique or (self.new.primary_key and not self.old.primary_key)):
            for name in self.state.named(self.table, "uq", [self.old.column]):
                self.editor.drop_constraint(self.table, name)

    def _drop_incoming(self) -> list[tuple[Model, Field]]:
        both = (self.old.primary_key and self.new.primary_key) or (self.old.unique and self.new.unique)
        if not both or self.old_type == self.new_type:
            return []
        out = list(self._incoming())
        for other, field in out:
            for name in self.state.named(other.table, "fk", [field.column]):
                self.editor.drop_key(other.table, name)
        return out

    def _incoming(self) -> list[tuple[Model, Field]]:
        own = [
            (m, f)
            for m, f in self.state.referring(self.model)
            if f.given.get("to_field", self.old.name) in (self.old.name, self.new.name)
            and (self.old.primary_key or "to_field" in f.given)
        ]
        between = [
            (t, f)
            for m in self.state.models.values()
            for field in m.fields.values()
            if (t := self.state.through(m, field)) is not None
            for f in t.fields.values()
            if f.to and self.state.find(t.app, f.to) is self.model
        ]
        return own + (between if self.old.primary_key else [])

    def _drop_index(self) -> None:
        if self.old.db_index and not self.old.unique and (not self.new.db_index or self.new.unique):
            for kind in ("ix", "like"):
                for name in self.state.named(self.table, kind, [self.old.column]):
                    if not self.editor.waits(name):
                        self.editor.drop_index(self.table, name)

    def _rename(self) -> None:
        old, new = self.old.column, self.new.column
        if old == new:
            return
        self._alter(f"RENAME COLUMN {quoted(old)} TO {quoted(new)}")
        self.state.renamed_column(self.table, old, new)
        for one in self.editor.deferred:
            if one.table == self.table and one.column == old:
                one.sql, one.column = one.sql.replace(f"({quoted(old)}", f"({quoted(new)}"), new

    def _actions(self) -> None:
        column, actions = quoted(self.new.column), []
        self._drop_like_of_old_type()
        if self.old_type != self.new_type or self.old.given.get("db_collation") != self.new.given.get("db_collation"):
            actions.append(self._retyped(column))
        if self.old.auto and not self.new.auto:
            self._alter(f"ALTER COLUMN {column} DROP IDENTITY IF EXISTS")
        if "db_default" in self.new.given and self.new.given["db_default"] is not self.old.given.get("db_default"):
            actions.append(f"ALTER COLUMN {column} SET DEFAULT {self.editor._db_default(self.new)}")
        elif "db_default" in self.old.given and "db_default" not in self.new.given:
            actions.append(f"ALTER COLUMN {column} DROP DEFAULT")
        self._nullable(column, actions)
        if self.old.auto and self.new.auto and self.old_type != self.new_type:
            name = sequence_name(self.table, self.new.column)
            self.editor.send(f"ALTER SEQUENCE IF EXISTS {quoted(name)} AS {self.new_type}")
        if self.new.auto and not self.old.auto:
            self._alter(f"ALTER COLUMN {column} ADD GENERATED BY DEFAULT AS IDENTITY")

    def _retyped(self, column: str) -> str:
        collation = self.new.given.get("db_collation")
        words = f" COLLATE {quoted(collation)}" if isinstance(collation, str) else ""
        kinds = [_data_type(f, t) for f, t in ((self.old, self.old_type), (self.new, self.new_type))]
        using = f" USING {column}::{self.new_type}" if kinds[0] != kinds[1] else ""
        return f"ALTER COLUMN {column} TYPE {self.new_type}{words}{using}"

    def _needs_default(self) -> str | None:
        if not (self.old.null and not self.new.null) or "db_default" in self.new.given:
            return None
        old, new = (self.editor.default(self.model, f, self.new_type) for f in (self.old, self.new))
        return new if new is not None and old != new else None

    def _nullable(self, column: str, actions: list[str]) -> None:
        """NULL and NOT NULL; with a default in four steps."""
        default = self._needs_default()
        if default is not None:
            actions.append(f"ALTER COLUMN {column} SET DEFAULT {default}")
        change = (
            ""
            if self.old.null == self.new.null
            else f"ALTER COLUMN {column} {'DROP' if self.new.null else 'SET'} NOT NULL"
        )
        filled = self.old.null and not self.new.null and ("default" in self.new.given or "db_default" in self.new.given)
        if change and not filled:
            actions.append(change)
        if actions:
            self._alter(*actions)
        if change and filled:
            value = (
                default or self.editor.default(self.model, self.new, self.new_type) or self.editor._db_default(self.new)
            )
            table = quoted(self.table)
            self.editor.send(f"UPDATE {table} SET {column} = {value or 'NULL'} WHERE {column} IS NULL")
            self.editor.send("SET CONSTRAINTS ALL IMMEDIATE")
            self._alter(change)

    def _drop_default(self) -> None:
        if self._needs_default() is not None:
            self._alter(f"ALTER COLUMN {quoted(self.new.column)} DROP DEFAULT")

    def _add_unique(self) -> None:
        if self.new.primary_key or not self.new.unique or (self.old.unique and not self.old.primary_key):
            return
        name = index_name(self.table, [self.new.column], "_uniq")
        self.state.note(self.table, name, "uq", [self.new.column])
        self._alter(f"ADD CONSTRAINT {quoted(name)} UNIQUE ({quoted(self.new.column)})")

    def _add_primary_key(self) -> None:
        if self.new.primary_key and not self.old.primary_key:
            name = index_name(self.table, [self.new.column], "_pk")
            self._alter(f"ADD CONSTRAINT {quoted(name)} PRIMARY KEY ({quoted(self.new.column)})")

    def _retype_incoming(self, incoming: list[tuple[Model, Field]]) -> None:
        for other, field in incoming:
            column = quoted(field.column)
            using = f" USING {column}::{self.new_type}" if self.old_type != self.new_type else ""
            self.editor.send(f"ALTER TABLE {quoted(other.table)} ALTER COLUMN {column} TYPE {self.new_type}{using}")

    def _add_key(self, model: Model, field: Field) -> None:
        name, there = self.editor.key_sql(model, field)
        head = f"ALTER TABLE {quoted(model.table)} ADD CONSTRAINT {quoted(name)}"
        self.editor.send(f"{head} FOREIGN KEY ({quoted(field.column)}) {there}")

    def _add_check(self) -> None:
        name = index_name(self.table, [self.new.column], "_check")
        self.state.note(self.table, name, "ck", [self.new.column])
        self._alter(f"ADD CONSTRAINT {quoted(name)} CHECK ({quoted(self.new.column)} >= 0)")

    def _indexed_text(self) -> bool:
        """``_is_changing_type_of_indexed_text_column``."""
        kinds = ("varchar", "text", "citext")
        changed = any(self.old_type.startswith(k) and not self.new_type.startswith(k) for k in kinds)
        return (self.old.db_index or self.old.unique) and changed

    def _drop_like_of_old_type(self) -> None:
        if self._indexed_text():
            self.editor.drop_index(self.table, index_name(self.table, [self.old.column], "_like"))

    def _like(self) -> None:
        old, new = self.old, self.new
        added = (not (old.db_index or old.unique) and new.db_index) or (not old.unique and new.unique)
        if added or self._indexed_text():
            sql = self.editor.like_sql(self.model, new)
            if sql is not None:
                self.editor.send(sql)
        if old.unique and not (new.db_index or new.unique):
            self.editor.drop_index(self.table, index_name(self.table, [old.column], "_like"))
