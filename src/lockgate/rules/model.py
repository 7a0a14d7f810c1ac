"""The rule model: what a rule is given, and what it gives. Rules of ours and of plug-ins import from here.

A rule is a module named as its document, with functions under ``@on_scene`` (one migration as a whole), ``@on_effect``
(one lock or work of a statement on what production has), ``@on_failure`` (one statement that PostgreSQL refuses) or
``@on_fact`` (slots, deploy files, queries). A function gives ``Remark``s: what is said, and where. Code, severity and
what proves it stand in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.findings import Edit, Fix, Label, RowsMatter, Severity
from lockgate.base.sql import quote_identifier
from lockgate.base.text import Source, Span
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Constraint, Object, Relation, Role, Routine, Type
from lockgate.sources.migration import Migration
from lockgate.timeline.context import Warned
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Change, Step

F = TypeVar("F", bound=Callable[..., Any])


class Release(msgspec.Struct, frozen=True):
    """The release that runs while the migrations are applied."""

    pending: frozenset[str]  # ids of the migrations that it does not have yet: the next deploy runs them together


class Production(msgspec.Struct, frozen=True):
    """What is known of production: None where nothing tells."""

    applied: frozenset[str] | None = None  # ids of the migrations that the ledger holds
    rows: Mapping[str, int] = msgspec.field(default_factory=dict)  # an estimate for each relation, by qualified name
    bytes: Mapping[str, int] = msgspec.field(default_factory=dict)  # with its indexes


class Scene(msgspec.Struct, frozen=True):
    """What one migration did. ``before`` is the catalog before its first statement, ``after`` the one after its last."""

    migration: Migration
    before: Catalog
    after: Catalog
    steps: tuple[Step, ...]
    release: Release | None = None
    production: Production | None = None
    runner: Mapping[str, str] = msgspec.field(default_factory=dict)  # what its configuration sets for its sessions
    fresh: tuple[tuple[int, int], ...] = ()  # stretches of oids that went to what this release makes

    @classmethod
    def of(
        cls,
        steps: Iterable[Step],
        release: Release | None = None,
        production: Production | None = None,
        runner: Mapping[str, str] | None = None,
        fresh: Iterable[tuple[int, int]] = (),
    ) -> Scene | None:
        """The scene of one migration's steps; None where there are none."""
        taken = tuple(steps)
        if not taken:
            return None
        first, last = taken[0], taken[-1]
        return cls(first.migration, first.before, last.after, taken, release, production, runner or {}, tuple(fresh))

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What its statements lock and do, in order."""
        return tuple(effect for step in self.steps for effect in step.effects)

    def old(self, oid: int) -> bool:
        """Whether the running release knows an object: it was there before the migration, and before those that are
        pending with it."""
        return self.before.get(oid) is not None and not any(first <= oid < end for first, end in self.fresh)

    def changes(self) -> Iterator[tuple[Step, Change]]:
        """Every change with the step that made it."""
        return ((step, change) for step in self.steps for change in step.changes)

    def made(self, kind: type[Object] = Relation) -> Iterator[tuple[Step, Any]]:
        """What the migration made and did not drop again, as it is at the end, with the step that made it."""
        for step, change in self.changes():
            if change.before is None and change.after is not None:
                found = self.after.find(kind, change.after.oid)
                if found is not None:
                    yield step, found

    def undone(self) -> Iterator[tuple[Step, Warned]]:
        """Statements that the server takes with a WARNING, and without doing what they say (class 01)."""
        for step in self.steps:
            for warned in step.warnings if step.fails is None else ():
                if warned.level == "WARNING" and warned.help:
                    yield step, warned

    def words(self) -> frozenset[str]:
        """What ``@on_scene`` can ask for: the tags of its statements ("VacuumStmt"), "made", "dropped", "altered",
        "row security" (switched on), "warned" (the server takes a statement with a WARNING), "roles" (who applies it is
        known), "locked" (a table of production's, so that nobody can write to it), "concurrently" (an index)."""
        found = {step.statement.tag for step in self.steps}
        if any(effect.keeps_out for effect in self.effects):
            found.add("locked")
        indexes = (s.statement for s in self.steps if s.statement.tag in ("IndexStmt", "ReindexStmt"))
        if any("concurrently" in statement.text.lower() for statement in indexes):
            found.add("concurrently")
        if self.steps[-1].session.known:
            found.add("roles")
        for step in self.steps:
            if step.warnings:
                found.add("warned")
            for change in step.changes:
                found |= _words_of(change)
        return frozenset(found)


def _words_of(change: Change) -> set[str]:
    old, new = change.before, change.after
    found = {"made" if old is None else "dropped" if new is None else "altered"}
    if isinstance(new, Relation) and new.rls and not (isinstance(old, Relation) and old.rls):
        found.add("row security")
    return found


class Remark(msgspec.Struct, frozen=True):
    """A finding without its rule: what is said, and where."""

    message: str
    at: Label
    help: str = ""
    related: tuple[Label, ...] = ()
    fix: Fix | None = None
    sqlstate: str | None = None  # where PostgreSQL is predicted to refuse the statement
    object: str = ""
    slot: str = ""
    statement: int | None = None
    severity: Severity | None = None  # where it differs from the rule's
    effect: Effect | None = None  # which the server is asked about
    rows: RowsMatter | None = (
        None  # "any": it fails for any row; "some": it depends on the rows; None: rows do not matter
    )
    breakage: str = ""  # what a later migration may mend (see ``Replay.mended``): then nothing is told


# --- which functions a rule has ---------------------------------------------------------------------------------------

FailureCheck = Callable[[Step, Failure], "Remark | None"]
SceneCheck = Callable[[Scene], Iterable[Remark]]
EffectCheck = Callable[[Scene, Step, Effect], Iterable[Remark]]
FactCheck = Callable[[Any], Iterable[Remark]]


class RuleTrigger(msgspec.Struct, frozen=True):
    """What makes a function of a rule speak."""

    kind: str  # failure scene effect fact
    words: tuple[str, ...] = ()  # a SQLSTATE, words of a scene (all of them), the name of a fact's class
    fact: type | None = None

    @property
    def key(self) -> str:
        """As the index spells it: ``failure 42703``, ``scene dropped+made``, ``effect``, ``fact ComposeFile``."""
        return " ".join(filter(None, (self.kind, "+".join(sorted(self.words)))))


def triggers_of(function: object) -> tuple[RuleTrigger, ...]:
    """The triggers that the decorators below gave a function."""
    return tuple(getattr(function, "__dict__", {}).get("lockgate_triggers", ()))


def _under(*triggers: RuleTrigger) -> Callable[[F], F]:
    def register(function: F) -> F:
        vars(function)["lockgate_triggers"] = (*triggers_of(function), *triggers)
        return function

    return register


def on_failure(*sqlstates: str) -> Callable[[F], F]:
    """A predicted refusal with one of these SQLSTATEs: ``check(step, failure)``, None passes it on.

    "*": any that no other rule takes; "latent": what the apply does not show and the first call does.
    """
    return _under(*(RuleTrigger("failure", (state,)) for state in sqlstates))


def on_scene(*words: str) -> Callable[[F], F]:
    """A migration as a whole, if all of these words hold of it (see ``Scene.words``): ``check(scene)``."""
    return _under(RuleTrigger("scene", words))


def on_effect(function: F) -> F:
    """A lock or work, on a relation that production has, which is what the rule's document says that proves it (the
    keys ``locks`` and ``work``): ``check(scene, step, effect)``."""
    return _under(RuleTrigger("effect"))(function)


def on_fact(*kinds: type) -> Callable[[F], F]:
    """A fact of one of these classes (slot conflicts, compose services, queries, ...): ``check(fact)``."""
    return _under(*(RuleTrigger("fact", (kind.__name__,), kind) for kind in kinds))


# --- remarks in few words ---------------------------------------------------------------------------------------------


def at_step(
    step: Step,
    message: str,
    help: str = "",
    *,
    mark: str = "",
    span: Span | None = None,
    source: Source | None = None,
    **more: Any,
) -> Remark:
    """A remark at a statement, or at another ``span`` (of its file, or of ``source``); ``mark`` stands beside the place,
    ``more`` are other fields of ``Remark``."""
    at = Label(source or step.statement.script.source, span or step.statement.span, mark)
    return Remark(message, at, help, slot=step.migration.slot, statement=step.statement.index, **more)


def at_effect(step: Step, effect: Effect, message: str, help: str = "", **more: Any) -> Remark:
    """A remark at a statement about one of its effects."""
    return at_step(step, message, help, object=effect.relation, effect=effect, **more)


def only_referenced(step: Step, effect: Effect) -> bool:
    """Whether a statement looks at a relation because a foreign key refers to it: the planner decides whether it is read
    whole (RI_Initial_Check in src/backend/utils/adt/ri_triggers.c), so no server proves it."""
    keys = [c.after for c in step.changes if isinstance(c.after, Constraint) and c.after.kind == "f"]
    return any(key.foreign == effect.oid != key.relation for key in keys)


def held_before(scene: Scene, step: Step, effect: Effect) -> bool:
    """Whether an earlier statement of the transaction took a lock that keeps out everybody whom this one does."""
    held: dict[int, Lock] = {}
    for earlier in scene.steps:
        if not earlier.session.in_block:
            held = {}
        if earlier is step:
            break
        held.update((e.oid, e.held) for e in earlier.effects if e.held is not None)
    before = held.get(effect.oid)
    return before is not None and effect.lock is not None and before.covers(effect.lock)


def setting_of(scene: Scene, step: Step, name: str) -> str:
    """The session's value of a timeout, as SET, the role, the database or the runner's configuration says; "" where it is
    off."""
    role = scene.before.find(Role, step.session.login)
    own = dict(role.settings).get(name) if role is not None else None
    begun = own if own is not None else scene.before.settings.get(("database", name), scene.runner.get(name, "0"))
    value = str(step.session.settings.get(name, begun)).strip("'")
    return value if value.rstrip("abcdefghijklmnopqrstuvwxyz ").lstrip("0") else ""


def validated_here(scene: Scene, step: Step, effect: Effect) -> str:
    """The constraint of a table that a statement validates and its own transaction has added NOT VALID; "" for none."""
    made: set[int] = set()
    for earlier in scene.steps:
        if not earlier.session.in_block:
            made = set()
        if earlier is step:
            break
        made |= {c.after.oid for c in earlier.changes if c.before is None and isinstance(c.after, Constraint)}
    for change in step.changes:
        match change.before, change.after:
            case Constraint(validated=False, oid=oid, relation=table), Constraint(validated=True, name=name):
                if oid in made and table == effect.oid:
                    return name
    return ""


def tree(step: Step) -> Any:
    """A statement's parse tree, read once more: the replay keeps none. Ask for it where nothing else will do."""
    from lockgate.parse.routine import parse_query

    return parse_query(step.statement.text)[1]


def emptied(scene: Scene, step: Step, relation: int) -> bool:
    """Whether an earlier statement of the migration took every row out of a relation."""
    for earlier in scene.steps[: scene.steps.index(step)]:
        tag = earlier.statement.tag
        if tag in ("TruncateStmt", "DeleteStmt") and any(effect.oid == relation for effect in earlier.effects):
            if tag == "TruncateStmt" or "whereClause" not in tree(earlier):
                return True
    return False


def mended_before(scene: Scene, step: Step, relation: int) -> bool:
    """Whether an earlier statement of the migration wrote a relation's rows: its author thought of them."""
    written = ("UpdateStmt", "DeleteStmt", "TruncateStmt", "MergeStmt", "DoStmt")
    earlier = (s for s in scene.steps[: scene.steps.index(step)] if s.statement.tag in written)
    return any(effect.oid == relation for one in earlier for effect in one.effects)


def refusal(step: Step, failure: Failure, message: str = "", help: str = "") -> Remark:
    """The remark of a predicted refusal: by default in the server's own words."""
    source = step.statement.script.source
    return at_step(
        step,
        message or failure.message,
        help or failure.help,
        mark=failure.message,
        span=failure.span,
        related=failure.related,
        fix=replacement(source, failure.span, failure),
        sqlstate=failure.sqlstate,
        object=failure.object,
        breakage=failure.breakage,
    )


def replacement(source: Source, span: Span, failure: Failure) -> Fix | None:
    """The edit that puts the name that was meant, where the marked token is the name and nothing else."""
    wrong = failure.object.rpartition(".")[2]
    if not failure.instead or source.text[span.start : span.end].strip('"').lower() != wrong.lower():
        return None
    name = quote_identifier(failure.instead)
    return Fix(f"write {name}", (Edit(source, span, name),))


def of_query(at: Label, failure: Failure, message: str, help: str) -> Remark:
    """The remark of a refusal of a query of the application's."""
    fix = replacement(at.source, at.span, failure)
    return Remark(message, at, failure.help or help, failure.related, fix, failure.sqlstate, failure.object)


__all__ = [
    "Age",
    "Attribute",
    "Catalog",
    "Change",
    "Constraint",
    "Edit",
    "Effect",
    "Failure",
    "Fix",
    "Label",
    "Lock",
    "Object",
    "Production",
    "Relation",
    "Release",
    "Remark",
    "Role",
    "Routine",
    "Scene",
    "Severity",
    "Span",
    "Step",
    "Type",
    "Work",
    "at_effect",
    "at_step",
    "emptied",
    "held_before",
    "mended_before",
    "of_query",
    "on_effect",
    "on_fact",
    "on_failure",
    "on_scene",
    "only_referenced",
    "refusal",
    "replacement",
    "setting_of",
    "validated_here",
]
