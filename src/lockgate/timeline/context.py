"""What a transition has at hand while one statement runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from lockgate.base.findings import Label
from lockgate.base.text import Source, Span
from lockgate.catalog import acl
from lockgate.catalog.catalog import Event, Place
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import INFORMATION_SCHEMA, PG_CATALOG, Namespace, Object
from lockgate.parse.statement import Node, Origin, Statement
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.budget import Budget
from lockgate.timeline.failure import Failure, MissingSchema, Refused, Subject, Unsure
from lockgate.timeline.session import Session
from lockgate.timeline.transaction import TransactionState

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


class Warned(msgspec.Struct, frozen=True):
    """A WARNING or NOTICE that the server would send (sqlstate 01007 "no privileges were granted", 00000 notices,
    ...)."""

    level: str
    sqlstate: str
    message: str
    span: Span
    object: str = ""
    help: str = ""  # the SQL that would have done what the server leaves undone


class Context(msgspec.Struct):
    """The world of one statement: the draft it writes, the session it runs in, and where its text stands.

    Handlers write ``catalog`` and ``session``; they end early with ``raise ctx.refuse(...)`` or ``raise
    ctx.unsure(...)``.
    """

    catalog: Draft
    session: Session
    statement: Statement
    slot: str = ""
    warnings: list[Warned] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)  # what is not modelled: for coverage.unmodelled
    tainted: list[str] = msgspec.field(default_factory=list)  # reasons why this statement is not exact
    unchecked: bool = False  # privileges are not checked (repair by the role that may)
    source: Source | None = None  # where the running text stands, if not in the statement's own script (routine bodies)
    origin: Origin | None = None
    bounds: Span | None = None  # the part of the source that holds the running text
    depth: int = 0  # of routine calls
    definers: int = 0  # of those, how many run as their owner
    transaction: TransactionState = msgspec.field(default_factory=TransactionState)  # for BEGIN, COMMIT, SAVEPOINT, ...
    supposed: str = ""  # why the statement that runs may do nothing at all
    budget: Budget = msgspec.field(default_factory=Budget)  # of work, for this statement and the run
    paths: tuple[Any, ...] = ()  # what path() gave, with what it was worked out from
    touches: Any = None  # hazards Touches, where effects are asked for
    latent: list[Failure] = msgspec.field(default_factory=list)  # what rows that only production has would meet
    variables: Any = None  # binder Variables around a utility statement of a PL/pgSQL body, for the queries in it

    # --- places -------------------------------------------------------------------------------------------------------

    @property
    def text_source(self) -> Source:
        """The file in which spans of this context count."""
        return self.source or self.statement.script.source

    def span(self, location: int | None = None, name: str | None = None) -> Span:
        """The token at a parse location (bytes); the first token spelling ``name`` after it, if given and found."""
        bounds = self.bounds or self.statement.span
        if location is None or location < 0:
            start = bounds.start
        elif self.origin is not None:
            start = max(self.origin.at(location), bounds.start)
        else:
            start = max(
                self.statement.at(location), bounds.start
            )  # the grammar leaves out a location of 0, so 0 may mean none
        text = self.text_source.text
        if name is not None:
            found = find_name(text, name, start, bounds.end)
            if found < 0 and start > bounds.start:
                found = find_name(text, name, bounds.start, bounds.end)
            if found >= 0:
                start = found
            elif location is None:
                return bounds
        elif location is None:
            return bounds
        return Span(start, min(token_end(text, start), len(text)))

    @property
    def place(self) -> Place:
        """Where this statement stands."""
        return Place(self.statement.script.source, self.statement.span, self.slot)

    @contextmanager
    def inside(self, source: Source | None, origin: Origin | None, bounds: Span | None) -> Iterator[None]:
        """Spans count in another text for a while (a routine body)."""
        saved = self.source, self.origin, self.bounds
        self.source, self.origin, self.bounds = source, origin, bounds
        try:
            yield
        finally:
            self.source, self.origin, self.bounds = saved

    # --- endings ------------------------------------------------------------------------------------------------------

    def refuse(
        self,
        sqlstate: str,
        message: str,
        location: int | None = None,
        *,
        name: str | None = None,
        object: str = "",
        help: str = "",
        kind: str = "",
        event: Event | None = None,
        related: tuple[Label, ...] = (),
        span: Span | None = None,
        instead: str = "",
        subject: Subject | None = None,
    ) -> Refused:
        """PostgreSQL's ereport(ERROR): ``raise ctx.refuse("42P01", 'relation "x" does not exist', location, name="x",
        kind="relation")``.

        ``event`` is what the timeline knows of the name's fate: it becomes a related label and the failure's cause.
        ``instead`` is the name that was probably meant, ``subject`` what a rule may ask for.
        """
        cause = since = ""
        if event is not None:
            cause, since = event.what, event.place.slot
            words = f"renamed to {event.new_name} here" if event.what == "renamed" else f"{event.what} here"
            if event.place.slot:
                words += f", in {event.place.slot}"
            related = (Label(event.place.source, event.place.span, words), *related)
            instead = event.new_name.rpartition(".")[2]
        where = span or self.span(location, name)
        return Refused(
            Failure(
                sqlstate, message, where, object, help, related, kind, cause, since, subject=subject, instead=instead
            )
        )

    def unsure(self, reason: str, *taints: TaintKey, keep: bool = False) -> Unsure:
        """The simulator cannot tell; everything the statement may touch is in ``taints``."""
        return Unsure(reason, *taints, keep=keep)

    def warn(
        self,
        message: str,
        location: int | None = None,
        *,
        sqlstate: str = "01000",
        level: str = "WARNING",
        object: str = "",
        help: str = "",
    ) -> None:
        """A WARNING or NOTICE of the server."""
        self.warnings.append(Warned(level, sqlstate, message, self.span(location), object, help))

    def suppose(self, reason: str) -> None:
        """Go on with the likelier of two cases: what the statement makes is in doubt, and it refuses nothing for
        certain."""
        self.supposed = reason
        self.tainted.append(reason)

    def taint(self, key: TaintKey, reason: str) -> None:
        """Mark a part of the catalog and this statement as not known for certain."""
        self.catalog.taint(key, reason, self.place)
        self.tainted.append(reason)

    def created(self, obj: Object, *, location: int | None = None, name: str | None = None) -> None:
        """Remember where an object was created (for related labels), and that what is granted on it may not be
        known."""
        doubt = self.catalog.taint_of(("default acls",))
        if doubt is not None and hasattr(obj, "acl"):
            self.catalog.taint(("acl", obj.oid), doubt.reason, doubt.place)
        self.catalog.places = self.catalog.places.set(
            (obj.oid, 0), Place(self.text_source, self.span(location, name) if name else self.statement.span, self.slot)
        )

    # --- search_path --------------------------------------------------------------------------------------------------

    def path(self) -> tuple[int, ...]:
        """The oids of the schemas searched, in order: temporary, pg_catalog (if not named), then search_path
        (namespace.c)."""
        session, names = self.session, self.catalog._names
        if self.paths and self.paths[0] is session and self.paths[1] is names:
            return cast("tuple[int, ...]", self.paths[2])
        found = self._path()
        self.paths = session, self.catalog._names, found
        return found

    def _path(self) -> tuple[int, ...]:
        named = []
        for name in self.session.search_path:
            schema = self.catalog.role_name(self.session.role) if name == "$user" else name
            if schema == "pg_temp":
                named.append(self.session.temp_namespace)
                continue
            found = self.catalog.namespace(schema)
            if found is not None and found.oid not in named and self._may_use(found):
                named.append(found.oid)
        first = [] if PG_CATALOG in named else [PG_CATALOG]
        if self.session.temp_namespace and self.session.temp_namespace not in named:
            first.insert(0, self.session.temp_namespace)
        return tuple(oid for oid in (*first, *named) if oid)

    def _may_use(self, schema: Namespace) -> bool:
        """Whether a schema of the path counts: one without USAGE is passed over (recomputeNamespacePath)."""
        catalog, role = self.catalog, self.session.role
        if not self.session.known or acl.is_superuser(catalog, role) or acl.privilege_doubt(catalog, role, schema.oid):
            return True
        items = schema.acl if schema.acl is not None else acl.default_acl("schema", schema.owner, self.catalog.major)
        return schema.oid in (PG_CATALOG, INFORMATION_SCHEMA) or "U" in acl.held(self.catalog, self.session.role, items)

    def creation_namespace(self, location: int | None = None) -> Namespace:
        """The schema in which an unqualified new object goes: the first of search_path that exists. Refuses with
        3F000."""
        for name in self.session.search_path:
            schema = self.catalog.role_name(self.session.role) if name == "$user" else name
            found = self.catalog.namespace(schema)
            if found is not None and found.oid != PG_CATALOG and self._may_use(found):
                return found
        if self.catalog.taints and self.catalog.taint_of(("any",)):
            raise self.unsure("the schema for new objects is not known for certain")
        raise self.refuse(
            "3F000", "no schema has been selected to create in", location, kind="schema", subject=MissingSchema("")
        )


Handler = Any  # Callable[[Context, Node], None]
__all__ = ["Context", "Handler", "Node", "Warned"]
