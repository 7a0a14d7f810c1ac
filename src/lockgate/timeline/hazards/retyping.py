"""ALTER COLUMN TYPE: the rows, and all that stands on the column (ATPrepAlterColumnType, ATPostAlterTypeParse in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Constraint, Other, Relation, Role
from lockgate.parse.statement import Node
from lockgate.timeline.binder import resolve_type
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused, Unsure
from lockgate.timeline.hazards.partitions import foreign_keys_to
from lockgate.timeline.hazards.retype import Value, cast, comparison_type, is_polymorphic
from lockgate.timeline.hazards.touches import Touches

_UTC = frozenset(
    [
        "utc",
        "gmt",
        "etc/utc",
        "etc/gmt",
        "uct",
        "etc/uct",
        "zulu",
        "etc/zulu",
        "universal",
        "etc/universal",
        "greenwich",
        "etc/greenwich",
        "gmt0",
        "gmt+0",
        "gmt-0",
        "etc/gmt0",
        "etc/gmt+0",
        "etc/gmt-0",
        "0",
        "+0",
        "-0",
        "+00",
        "00:00",
        "+00:00",
        "<+00>+00",
        "z",
    ]
)


def retyped(
    ctx: Context, touches: Touches, before: Catalog, after: Catalog, tables: list[Relation], commands: list[Node]
) -> None:
    """Every column of every table whose type the statement sets."""
    columns: list[_Column] = []
    for command in commands:
        if command["subtype"] != "AT_AlterColumnType":
            continue
        for table in tables:
            now = after.find(Relation, table.oid)
            old = table.attribute(command.get("name", ""))
            new = now.attribute_by_num(old.num) if now is not None and old is not None else None
            if now is None or old is None or new is None:
                continue
            using = command["def"]["ColumnDef"].get("raw_default")
            utc = is_utc(ctx)
            kept = _kept(ctx, after, old, new, using, utc)
            if not kept:
                touches.work(now, Work.REWRITE, f"{new.name} rewritten as another type")
            if _zone(ctx) is None and kept != _kept(ctx, after, old, new, using, not utc):
                touches.of(now).exact = False  # the role, the database or the server may have another time zone
            columns.append(_Column(touches, before, after, now, old, new))
    for one in columns:
        one.rebuild()


def _kept(ctx: Context, after: Catalog, old: Attribute, new: Attribute, using: Node | None, utc: bool) -> bool:
    """Whether every value stays as it is stored."""
    value = Value(old.type, old.typmod)
    if using is not None:
        value = _using(ctx, after, value, using, old.name, utc)
    return cast(after, value, new.type, new.typmod, utc=utc).kept


def _using(ctx: Context, after: Catalog, value: Value, node: Node, name: str, utc: bool) -> Value:
    if "TypeCast" in node:
        below = _using(ctx, after, value, node["TypeCast"].get("arg", {}), name, utc)
        try:
            ref = resolve_type(ctx, node["TypeCast"]["typeName"])
        except (Refused, Unsure):
            return Value(0, -1, False)
        return cast(after, below, ref.oid, ref.typmod, utc=utc)
    fields = node.get("ColumnRef", {}).get("fields", [])
    own = bool(fields) and fields[-1].get("String", {}).get("sval") == name
    return value if own else Value(0, -1, False)


def is_utc(ctx: Context) -> bool:
    """TimestampTimestampTzRequiresRewrite: the session's time zone is UTC; so are servers whose nobody has set."""
    setting = _zone(ctx) or _begun(ctx)
    return setting is None or setting.lower() in _UTC


def _zone(ctx: Context) -> str | None:
    """The time zone that the session has set."""
    setting = ctx.session.local.get("timezone") or ctx.session.settings.get("timezone")
    return str(setting) if setting is not None else None


def _begun(ctx: Context) -> str | None:
    """The time zone that a session begins with: the role's, else the database's."""
    role = ctx.catalog.find(Role, ctx.session.login)
    own = {name.lower(): value for name, value in role.settings} if role is not None else {}
    found = own.get("timezone") or ctx.catalog.settings.get(("database", "timezone"))
    return str(found).strip("'") if found else None


class _Column:
    """A column whose type was set, and what is made anew on it."""

    def __init__(
        self, touches: Touches, before: Catalog, after: Catalog, table: Relation, old: Attribute, new: Attribute
    ) -> None:
        self.touches, self.before, self.after, self.table = touches, before, after, table
        self.old, self.new = old, new
        self.compared_anew = comparison_type(after, old.type) != comparison_type(after, new.type)

    def rebuild(self) -> None:
        """CHECKs are verified again, indexes built again where they do not fit, foreign keys validated again where
        other operators compare them."""
        for edge in self.before.dependents(self.table.oid):
            if edge.referenced != (self.table.oid, self.old.num):
                continue
            found = self.before.get(edge.dependent[0])
            match found:
                case Constraint(kind="c", validated=True, relation=self.table.oid):
                    self.touches.work(self.table, Work.SCAN, f"check {found.name} verified")
                case Other(kind="statistics"):
                    self.touches.lock(self.table, Lock.SHARE_UPDATE_EXCLUSIVE)
                case _:
                    pass
        for index in self.before.of_relation(self.table.oid, Relation):
            if self._stands_on(index) and not self._fits(index):
                self.touches.work(self.table, Work.BUILD, "index rebuilt")
        self._keys()

    def _stands_on(self, index: Relation) -> bool:
        shape = index.index
        if shape is None:
            return False
        number = self.old.num
        return number in (*shape.keys, *shape.included) or any(
            e.referenced == (self.table.oid, number) for e in self.before.dependencies(index.oid)
        )

    def _fits(self, index: Relation) -> bool:
        """CheckIndexCompatible: the same operators and collations, no expression and no predicate."""
        shape = index.index
        if shape is None or index.kind != "i":
            return True
        if shape.partial or 0 in shape.keys or not shape.valid:
            return False
        if self.old.num not in shape.keys:
            return True
        changed = self.old.type != self.new.type and is_polymorphic(self.before, self.old.type)
        return not self.compared_anew and self.old.collation == self.new.collation and not changed

    def _keys(self) -> None:
        again = self.compared_anew or self.touches.of(self.table).work is Work.REWRITE  # TryReuseForeignKey
        own = [c for c in self.before.of_relation(self.table.oid, Constraint) if c.kind == "f"]
        mine = [c for c in own if self.old.num in c.keys]
        theirs = [c for c in foreign_keys_to(self.before, self.table) if self.old.num in c.foreign_keys]
        for key in (*mine, *theirs):
            for oid in (key.relation, key.foreign):
                relation = self.after.find(Relation, oid)
                self.touches.lock(relation, Lock.ACCESS_EXCLUSIVE)
                if again and key.validated:
                    self.touches.work(relation, Work.SCAN, "foreign key validated")
