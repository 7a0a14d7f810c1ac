"""A workflow of Gitea or GitHub Actions as typed facts."""

from __future__ import annotations

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.surface.nodes import Node, Text

_DEPLOYS = pattern(
    r"lockgate(?:\.py)?\s+deploy\b|\bdeploy\.sh\b|/api/(?:trpc/)?(?:compose|application)[./](?:re)?deploy\b|/api/deploy/"
    r"|\bdokploy(?:-cli)?\s+(?:[\w-]+\s+)?\S*deploy\b|^[\w.-]+/[\w.-]*dok(?:ploy)?-?deploy[\w.-]*@"
)
_CHECKS = pattern(
    r"\blockgate\s+(?:check|verify|slots)\b|\bverify-migrations\b|\bpytest\b|\bgo\s+(?:test|vet)\b|\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:test|lint)|\bcargo\s+test\b|\bmake\s+\S*(?:test|check|lint)"
)
_DRY = pattern(r"--dry-run")
SECRET = pattern(r"\$\{\{[^}]*\bsecrets\.(\w+)")
_HOOK = pattern(r"/api/deploy/(?:compose/)?[^\s\"']+")


class WorkflowStep(msgspec.Struct, frozen=True):
    """One step: what it runs or uses."""

    run: Text | None
    uses: str
    condition: str
    at: Span
    text: str  # the whole step as written

    @property
    def deploys(self) -> bool:
        shown = self.run.value if self.run else self.uses
        return any(_DEPLOYS.search(line) and not _DRY.search(line) for line in _commands(shown))

    @property
    def checks(self) -> bool:
        return any(_CHECKS.search(line) for line in _commands(self.run.value if self.run else ""))


def _commands(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]


class WorkflowJob(msgspec.Struct, frozen=True):
    """One job."""

    name: str
    at: Span
    needs: tuple[str, ...]
    condition: str
    condition_at: Span
    steps: tuple[WorkflowStep, ...]
    continue_on_error: Text | None
    services: tuple[Text, ...]
    permissions: tuple[tuple[Text, str], ...]
    text: str

    @property
    def deploys(self) -> bool:
        return any(s.deploys for s in self.steps)

    @property
    def checks(self) -> bool:
        return any(s.checks for s in self.steps)


class Workflow(msgspec.Struct, frozen=True):
    """One workflow file."""

    source: Source
    gitea: bool
    triggers: tuple[Text, ...]
    push_branches: tuple[str, ...] | None  # None: every branch
    jobs: tuple[WorkflowJob, ...]
    permissions: tuple[tuple[Text, str], ...]
    cancels: Text | None  # cancel-in-progress: true

    def job(self, name: str) -> WorkflowJob | None:
        """The job of that name."""
        return next((j for j in self.jobs if j.name == name), None)

    def needed(self, job: WorkflowJob) -> tuple[WorkflowJob, ...]:
        """Every job that must succeed before, directly or not."""
        found: dict[str, WorkflowJob] = {}
        waiting = list(job.needs)
        while waiting:
            other = self.job(waiting.pop())
            if other is not None and other.name not in found:
                found[other.name] = other
                waiting += other.needs
        return tuple(found.values())

    def on(self, *names: str) -> Text | None:
        """The first of these triggers that the workflow has."""
        return next((t for t in self.triggers if t.value in names), None)


def read(source: Source, root: Node) -> Workflow:
    """The facts of a workflow file."""
    on = root.get("on") or root.get("true")  # YAML 1.1 reads ``on`` as true
    jobs = root.get("jobs")
    return Workflow(
        source,
        ".gitea/" in source.path or ".forgejo/" in source.path,
        _triggers(on),
        _push_branches(on),
        tuple(_job(source, key, node) for key, node in (jobs.items() if jobs else ())),
        _permissions(root.get("permissions")),
        _cancels(root.get("concurrency")),
    )


def _triggers(on: Node | None) -> tuple[Text, ...]:
    if on is None:
        return ()
    return tuple(key for key, _ in on.items()) or on.texts()


def _push_branches(on: Node | None) -> tuple[str, ...] | None:
    if on is None:
        return None
    branches = on.get("push", "branches")
    if branches is not None:
        return tuple(t.value for t in branches.texts())
    return () if on.get("push", "tags") is not None else None


def _permissions(node: Node | None) -> tuple[tuple[Text, str], ...]:
    return (
        tuple((key, value.scalar.value if value.scalar else "") for key, value in node.items())
        if node is not None
        else ()
    )


def _cancels(node: Node | None) -> Text | None:
    value = node.text("cancel-in-progress") if node is not None else None
    return value if value is not None and value.value == "true" else None


def _job(source: Source, key: Text, node: Node) -> WorkflowJob:
    condition, needs, services = node.text("if"), node.get("needs"), node.get("services")
    steps = node.get("steps")
    return WorkflowJob(
        key.value,
        key.span,
        tuple(t.value for t in needs.texts()) if needs else (),
        condition.value if condition else "",
        condition.span if condition else key.span,
        tuple(_step(source, child) for child in (steps.children or () if steps else ())),
        node.text("continue-on-error"),
        tuple(name for name, _ in services.items()) if services else (),
        _permissions(node.get("permissions")),
        source.text[node.span.start : node.span.end],
    )


def _step(source: Source, node: Node) -> WorkflowStep:
    run, uses, condition = node.text("run"), node.text("uses"), node.text("if")
    text = source.text[node.span.start : node.span.end]
    return WorkflowStep(run, uses.value if uses else "", condition.value if condition else "", node.span, text)


def hooks(source: Source) -> tuple[Span, ...]:
    """Where a text calls Dokploy's push webhook."""
    return tuple(Span(m.start(), m.end()) for m in _HOOK.finditer(source.text))
