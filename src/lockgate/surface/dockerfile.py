"""What a Dockerfile says of the container that is made of it: what it runs, whether it has a healthcheck, whether it
has a shell."""

from __future__ import annotations

import glob
import json
import re
import shlex
from pathlib import Path, PurePosixPath

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.surface.programs import Program

_INSTRUCTION = pattern(r"^[ \t]*(FROM|CMD|ENTRYPOINT|HEALTHCHECK|COPY|ADD)\b[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_FROM = pattern(r"(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_BARE = pattern(r"^(?:scratch|(?:gcr\.io/)?distroless/(?!\S*debug)\S+)$")
_TOOLS = pattern(r"busybox|/(?:ba)?sh\b|curl|wget")


class Dockerfile(msgspec.Struct, frozen=True):
    """One stage of a Dockerfile, with what it has from the stage that it is made of."""

    entrypoint: Program | None = None
    cmd: Program | None = None
    healthcheck: bool = False
    shell: bool = True
    copied: tuple[tuple[str, str], ...] = ()  # source in the build context, target in the image

    def scripts(self, line: Program, context: Path | None, arguments: str) -> tuple[Program, ...]:
        """The scripts that a command line names, where they lie in the build context, with the arguments that they are
        given."""
        if context is None:
            return ()
        try:
            names = [word for word in shlex.split(line.text) if word.endswith((".sh", ".bash")) or "entrypoint" in word]
        except ValueError:
            return ()
        texts = (_script(name, context, self.copied) for name in names[:3])
        return tuple(
            Program(re.sub(r'"?\$@"?', lambda _: arguments, text), line.source, line.span) for text in texts if text
        )


def read(source: Source, target: str = "") -> Dockerfile:
    """The stage of that name, else the last one."""
    stages: dict[str, Dockerfile] = {}
    here, name = Dockerfile(), ""
    text = re.sub(r"\\\n", "  ", source.text)  # the same length, so that places stay true
    for match in _INSTRUCTION.finditer(text):
        word, rest = match.group(1).upper(), match.group(2).strip()
        if word == "FROM":
            if name and name == target.lower():
                return here
            base, name = _stage(rest)
            here = stages.get(base, Dockerfile(shell=not _BARE.match(base)))
        else:
            here = _after(here, word, rest, Program(_exec_form(rest), source, Span(match.start(1), match.end(2))))
        stages[name or str(len(stages))] = here
    return here


def _stage(rest: str) -> tuple[str, str]:
    match = _FROM.match(rest)
    return (match.group(1).lower(), (match.group(2) or "").lower()) if match else ("", "")


def _after(stage: Dockerfile, word: str, rest: str, program: Program) -> Dockerfile:
    match word:
        case "ENTRYPOINT":
            return replace(stage, entrypoint=program, cmd=None)
        case "CMD":
            return replace(stage, cmd=program)
        case "HEALTHCHECK":
            return replace(stage, healthcheck=rest.upper() != "NONE")
    return replace(stage, copied=(*stage.copied, *_copied(rest)), shell=stage.shell or bool(_TOOLS.search(rest)))


def _copied(rest: str) -> tuple[tuple[str, str], ...]:
    words = _exec_form(rest).split()
    flags = [w for w in words if w.startswith("--")]
    *sources, target = [w for w in words if not w.startswith("--")] or [""]
    if any(f.startswith("--from") for f in flags):
        return ()
    return tuple((s, target + PurePosixPath(s).name if target.endswith("/") else target) for s in sources)


def _exec_form(text: str) -> str:
    if text.startswith("["):
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(parts, list) and all(isinstance(p, str) for p in parts):
            return " ".join(parts)
    return text


def _script(word: str, context: Path, copied: tuple[tuple[str, str], ...]) -> str:
    """The script behind a path in the image: by COPY, else by the longest common end of the paths; "" where two would
    do."""
    script = PurePosixPath(word)
    exact = [
        context / source
        for source, target in copied
        if PurePosixPath(target).name == script.name and PurePosixPath(source).suffix
    ]
    name = glob.escape(script.name)
    found = [p for p in exact if p.is_file()] or [*context.glob(name), *context.glob(f"*/{name}")]
    shared = {path: _common(path, script) for path in found}
    best = [path for path in found if shared[path] == max(shared.values())]
    try:
        return read_text(best[0], context) if len(best) == 1 else ""
    except (OSError, CannotCheck):
        return ""


def _common(path: Path, script: PurePosixPath) -> int:
    """How many names from the end two paths have in common."""
    pairs = zip(reversed(path.parts), reversed(script.parts), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(path.parts), len(script.parts)))
