"""Operations of Django's migrations, and what runs them over the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.sources.code.django.editor import Editor
from lockgate.sources.code.django.fields import Field
from lockgate.sources.code.django.state import Model
from lockgate.sources.code.values import Passed


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

    def __init__(self, editor: Editor, app: str, code: Callable[[Any, Editor], None], work: Mapping[str, Work]) -> None:
        self.editor, self.app, self._code, self._work = editor, app, code, work
        self.sends = True

    @property
    def models(self) -> dict[str, Model]:
        """The models."""
        return self.editor.state.models

    def run(self, one: Operation) -> None:
        """Take one operation."""
        work = self._work.get(one.kind)
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
                out[pair[0]] = replace(
                    pair[1], name=pair[0], to=self.full(pair[1].to), through=self.full(pair[1].through)
                )
        return out

    def full(self, to: str) -> str:
        """A relation's model with its app."""
        return to if not to or "." in to or to == "self" else f"{self.app}.{to}"

    def code(self, function: Any) -> None:
        """Follow what RunPython runs."""
        self._code(function, self.editor)


Work = Callable[[Runner, Operation], None]  # takes an operation of one kind
