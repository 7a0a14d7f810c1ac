"""What a container runs when it starts, as far as files tell: does it migrate, does it serve."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from lockgate.surface.nodes import Node, Text
from lockgate.text import Source, Span
from lockgate.values import dataclass

# What applies migrations, by the words that its documentation gives
_MIGRATES = re.compile(
    r"""\b(?:
      alembic\b.*\bupgrade | flask\s+db\s+upgrade | aerich\s+upgrade | yoyo\s+apply | pgroll\s+(?:start|migrate)
    | (?:manage\.py|django-admin)\s+migrate\b | prisma\s+(?:migrate\s+deploy|db\s+push) | drizzle-kit\s+(?:migrate|push)
    | knex\b.*\bmigrate:(?:latest|up) | sequelize(?:-cli)?\s+db:migrate | typeorm\b.*\bmigration:run | mikro-orm\s+migration:up
    | node-pg-migrate\s+up | db-migrate\s+up | umzug\s+up | rails\s+db:(?:migrate|prepare) | rake\s+db:migrate | hanami\s+db\s+migrate
    | artisan\s+migrate\b | doctrine:migrations:migrate | phinx\s+migrate | goose\b.*\bup | dbmate\b.*\b(?:up|migrate)\b
    | atlas\s+(?:migrate|schema)\s+apply | golang-migrate\b | sqlx\s+(?:migrate|database\s+setup) | diesel\s+(?:migration\s+run|setup)
    | sea-orm-cli\s+migrate | refinery\s+migrate | flyway\b.*\bmigrate | liquibase\b.*\bupdate | sqitch\s+deploy | supabase\s+db\s+push
    | tern\s+migrate | sql-migrate\s+up | ecto\.migrate | (?:migrate|migrator|migrations?)(?:\.sh|\.py|\.js|\.ts|\.mjs)\b
    )
    | \bmigrate\b[^&|;]*\s-(?:path|source|database)\b
    | (?:^|[\s/])(?:db-?)?migrate(?:\s+(?:up|latest|deploy|apply))?\s*$ | (?:^|[\s/])[\w.-]+\s+(?:db:)?migrate(?:\s+(?:up|latest|deploy))?\s*$
    | \s--migrate\b
    """,
    re.VERBOSE,
)
_SPLIT = re.compile(r"&&|\|\||;|\n|(?<!\|)\|(?!\|)")
_SETUP = re.compile(r"^\s*(?:#|set\s|export\s|cd\s|echo\s|sleep\s|wait-for|until\s|do\b|done\b|then\b|fi\b|if\s|else\b|$)|^\s*\w+=\S*\s*$")


@dataclass(frozen=True, slots=True)
class Program:
    """One thing that a container runs at its start, and where that is written."""

    text: str
    source: Source
    span: Span

    @property
    def parts(self) -> tuple[str, ...]:
        """Its single commands, without what only prepares them."""
        return tuple(part.strip() for part in _SPLIT.split(_unwrapped(self.text)) if not _SETUP.match(part))

    @property
    def migrates(self) -> bool:
        return any(_MIGRATES.search(part) for part in self.parts)

    @property
    def serves(self) -> bool:
        """Whether something else runs after the migration."""
        return bool(self.parts) and not _MIGRATES.search(self.parts[-1])


def _unwrapped(text: str) -> str:
    match = re.match(r"^\s*(?:/bin/|/usr/bin/)?(?:env\s+)?(?:ba|da|a|z)?sh\s+-\w*c\s+(.*)$", text, re.DOTALL)
    if match is None:
        return text
    inner = match.group(1).strip()
    return inner[1:-1] if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "\"'" else inner


def words(node: Node | None) -> Text | None:
    """A command, written as one string or as a list of words."""
    if node is None:
        return None
    if node.scalar is not None:
        return node.scalar
    parts = node.texts()
    return Text(" ".join(p.value for p in parts), Span(parts[0].span.start, parts[-1].span.end)) if parts else None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The last stage of a Dockerfile, as far as it says what runs."""

    programs: tuple[Program, ...]
    healthcheck: bool


def dockerfile(source: Source, context: Path | None) -> Dockerfile:
    """CMD, ENTRYPOINT (and the script that it names, where it lies in the build context) and HEALTHCHECK."""
    found: dict[str, Program] = {}
    health = False
    text = re.sub(r"\\\n", "  ", source.text)  # the same length, so that places stay true
    for match in re.finditer(r"^[ \t]*(FROM|CMD|ENTRYPOINT|HEALTHCHECK)\b[ \t]*(.*)$", text, re.IGNORECASE | re.MULTILINE):
        word, rest = match.group(1).upper(), match.group(2).strip()
        if word == "FROM":
            found, health = {}, False
        elif word == "HEALTHCHECK":
            health = rest.upper() != "NONE"
        else:
            found[word] = Program(_exec_form(rest), source, Span(match.start(1), match.end(2)))
    scripts = tuple(script for program in found.values() for script in _scripts(program, context))
    return Dockerfile((*found.values(), *scripts), health)


def _exec_form(text: str) -> str:
    import json

    if text.startswith("["):
        try:
            parts = json.loads(text)
        except ValueError:
            return text
        if isinstance(parts, list) and all(isinstance(p, str) for p in parts):
            return " ".join(parts)
    return text


def _scripts(program: Program, context: Path | None) -> tuple[Program, ...]:
    if context is None:
        return ()
    try:
        names = [Path(word).name for word in shlex.split(program.text) if word.endswith((".sh", ".bash")) or "entrypoint" in word]
    except ValueError:
        return ()
    found = []
    for name in names[:3]:
        for path in sorted(context.glob(f"{name}")) + sorted(context.glob(f"*/{name}")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            found.append(Program(text, program.source, program.span))
            break
    return tuple(found)
