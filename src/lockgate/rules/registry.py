"""The rules of a run: which there are, what makes each speak, and what they say.

Of our own rules the generated index (``index.py``) tells, so that a run imports those that have something to say.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from typing import Any

import msgspec

from lockgate.base.effects import Age, Effect
from lockgate.base.errors import CannotCheck
from lockgate.base.findings import Finding, Severity
from lockgate.rules import rulebook
from lockgate.rules.model import Remark, RuleTrigger, Scene, triggers_of
from lockgate.rules.rulebook import FrontMatter, Rule
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


class RuleEntry(msgspec.Struct, frozen=True):
    """A rule without its document's text: what a run needs of it."""

    name: str
    front: FrontMatter
    module: str  # to import
    triggers: tuple[str, ...]  # see ``Trigger.key``
    document: Rule | None = None  # of a plug-in's rule

    @property
    def plugin(self) -> bool:
        return self.document is not None

    def rule(self) -> Rule:
        """The rule with its document."""
        return self.document or rulebook.rule(self.name)

    def answers_to(self, word: str) -> bool:
        """Whether a word of the configuration means it: its name, code or family, or what its code begins with."""
        front = self.front
        return word in (self.name, front.code, front.family) or (word[:1].isupper() and front.code.startswith(word))


class Ruleset:
    """A set of rules, by what makes them speak. ``speaks`` tells of which of them findings are wanted at all; ``key``
    tells apart in the cache what different sets said."""

    def __init__(
        self, entries: Iterable[RuleEntry], speaks: Callable[[RuleEntry], bool] = lambda entry: True, key: str = ""
    ) -> None:
        self.entries = {e.name: e for e in entries}
        self.key = key
        self._speaking = [e for e in self.entries.values() if speaks(e)]

    def __getitem__(self, name: str) -> RuleEntry:
        return self.entries[name]

    def of_code(self, code: str) -> RuleEntry | None:
        """The rule of that code, or of that name."""
        wanted = code.lower()
        return next((e for e in self.entries.values() if wanted in (e.name, e.front.code.lower())), None)

    @property
    def speaking(self) -> tuple[RuleEntry, ...]:
        """Those of which findings are wanted."""
        return tuple(self._speaking)

    @cached_property
    def words(self) -> frozenset[str]:
        """Names and codes of all."""
        return frozenset(w for e in self.entries.values() for w in (e.name, e.front.code))

    @cached_property
    def _by_trigger(self) -> dict[str, list[RuleEntry]]:
        out: dict[str, list[RuleEntry]] = {}
        for entry in sorted(self._speaking, key=lambda e: e.name):
            for key in entry.triggers:
                out.setdefault(key, []).append(entry)
        return out

    @cached_property
    def _scenes(self) -> list[tuple[frozenset[str], str, RuleEntry]]:
        """The rules on scenes, with the words that each asks for."""
        return [
            (frozenset(filter(None, key[6:].split("+"))), key, entry)
            for key, entries in self._by_trigger.items()
            if key.partition(" ")[0] == "scene"
            for entry in entries
        ]

    def of_step(self, step: Step) -> list[Finding]:
        """What the rules say of a statement's failures: one of ours for each, and whatever plug-ins add."""
        failures = (*((step.fails,) if step.fails is not None else ()), *step.latent)
        return [found for failure in failures for found in self._of_failure(step, failure)]

    def _of_failure(self, step: Step, failure: Failure) -> Iterator[Finding]:
        told = False
        for state in ("latent" if failure.latent else failure.sqlstate, "*"):
            key = f"failure {state}"
            for entry in self._by_trigger.get(key, ()):
                if not (told and not entry.plugin):
                    found = self._said(entry, key, step, failure)
                    told = told or (bool(found) and not entry.plugin)
                    yield from found

    def of_scene(self, scene: Scene | None) -> list[Finding]:
        """What the rules say of a migration as a whole, and of its effects on what production has."""
        if scene is None:
            return []
        out, words = [], scene.words() if self._scenes else frozenset()
        for wanted, key, entry in self._scenes:
            if wanted <= words:
                out += self._said(entry, key, scene)
        for step in scene.steps:
            for effect in step.effects:
                if effect.age is Age.PRODUCTION and effect.told:
                    out += self._of_effect(scene, step, effect)
        return out

    def _of_effect(self, scene: Scene, step: Step, effect: Effect) -> list[Finding]:
        entries = [e for e in self._by_trigger.get("effect", ()) if e.front.proven_by(effect)]
        return [found for entry in entries for found in self._said(entry, "effect", scene, step, effect)]

    def of_fact(self, fact: object) -> list[Finding]:
        """What the rules say of one fact."""
        key = f"fact {type(fact).__name__}"
        return [found for entry in self._by_trigger.get(key, ()) for found in self._said(entry, key, fact)]

    def _said(self, entry: RuleEntry, key: str, *given: Any) -> list[Finding]:
        """What the functions of one rule under one trigger say."""
        out: list[Finding] = []
        for trigger, check in _functions(entry.module):
            if trigger.key == key and (trigger.fact is None or type(given[0]) is trigger.fact):
                said = _called(entry, check, given)
                out += [finding(entry, remark) for remark in said]
        return out


@cache
def _functions(module: str) -> tuple[tuple[RuleTrigger, Callable[..., Any]], ...]:
    """The functions of a rule's module, each with what makes it speak."""
    loaded = importlib.import_module(module)
    own = [f for f in vars(loaded).values() if getattr(f, "__module__", "") == module]
    return tuple((trigger, f) for f in own for trigger in triggers_of(f))


def _called(entry: RuleEntry, check: Callable[..., Any], given: tuple[Any, ...]) -> list[Remark]:
    """The remarks of a function. Raises CannotCheck where a plug-in's function raises, or gives something else."""
    if not entry.plugin:
        return _remarks(check(*given))
    from lockgate.rules.guard import place_of, quiet

    try:
        with quiet():
            return _remarks(check(*given))
    except (Exception, SystemExit) as error:
        where = place_of(error, check)
        raise CannotCheck(
            f"{where}: rule {entry.name} raised {type(error).__name__}: {error}",
            f'mend it (`lockgate rules test {entry.name}`), or leave it out: [rules] ignore = ["{entry.name}"]',
        ) from error


def _remarks(said: Iterable[Remark] | Remark | None) -> list[Remark]:
    remarks = [] if said is None else [said] if isinstance(said, Remark) else list(said)
    for each in remarks:
        if not isinstance(each, Remark):
            raise TypeError(f"a rule gives Remarks, not {type(each).__name__}")
    return remarks


def finding(entry: RuleEntry, remark: Remark, severity: Severity | None = None) -> Finding:
    """A remark with its rule's code, severity and name."""
    return Finding(
        entry.front.code,
        entry.name,
        severity or remark.severity or entry.front.severity,
        remark.message,
        remark.at,
        remark.help,
        remark.related,
        remark.fix,
        remark.sqlstate,
        remark.slot,
        remark.statement,
        remark.object,
        url=entry.front.url if entry.plugin else f"{rulebook.URL}{entry.name}",
        effect=remark.effect,
        rows=remark.rows,
        breakage=remark.breakage,
    )


@cache
def ours() -> Ruleset:
    """The rules that Lockgate ships."""
    return Ruleset(entries())


@cache
def entries() -> tuple[RuleEntry, ...]:
    """Our own rules, as the generated index has them."""
    from lockgate.rules.index import RULES

    return tuple(_entry(*row) for row in RULES)


def _entry(module: str, code: str, severity: str, triggers: tuple[str, ...], more: dict[str, Any]) -> RuleEntry:
    family, _, stem = module.partition(".")
    front = FrontMatter(code, Severity(severity), family, **more)
    return RuleEntry(stem.replace("_", "-"), front, f"lockgate.rules.{module}", triggers)


def wanted(entry: RuleEntry, select: tuple[str, ...], ignore: tuple[str, ...], extend: tuple[str, ...] = ()) -> bool:
    """Whether a rule's findings are told: by default, or as the configuration selects and ignores; ``extend`` names
    further ones."""
    if any(map(entry.answers_to, ignore)):
        return False
    return any(map(entry.answers_to, extend)) or _selected(entry, select)


def _selected(entry: RuleEntry, select: tuple[str, ...]) -> bool:
    return any(map(entry.answers_to, select)) if select else bool(entry.front.default)


def of_the_newest(entry: RuleEntry, select: tuple[str, ...], extend: tuple[str, ...]) -> bool:
    """Whether a rule, where nobody says what is pending, is asked of the newest migration alone: by default, unless the
    configuration names it."""
    return entry.front.default == rulebook.PENDING and not any(map(entry.answers_to, (*select, *extend)))


def of_step(step: Step) -> list[Finding]:
    """What our own rules say of a statement's failures."""
    return ours().of_step(step)


def of_scene(scene: Scene | None) -> list[Finding]:
    """What our own rules say of a migration as a whole."""
    return ours().of_scene(scene)


def of_fact(fact: object) -> list[Finding]:
    """What our own rules say of one fact."""
    return ours().of_fact(fact)
