"""What a container runs when it starts, as far as files tell: does it migrate, does it serve."""

from __future__ import annotations

import re

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.surface.nodes import Node, Text

# What applies migrations, by the words that its documentation gives
_MIGRATES = pattern(
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
    | (?:^|\s)(?:db:)?migrate:(?:deploy|up|latest|run)\b | (?:^|[\s/])migrate[\w-]*\.sh\b
    | \bmigrate\b[^&|;]*\s-(?:path|source|database)\b
    | (?:^|[\s/])(?:db[:-])?migrate(?:\s+(?:sql\s+)?(?:up|head|latest|deploy|apply|run))?(?:\s+-.*)?\s*$
    """,
    re.VERBOSE,
)
# A server that migrates when it starts, or a program that ends then: the flag does not tell
_FLAG = pattern(r"\s--(?:migrate|(?:run|apply)-(?:\w+-)?migrations?)\b")
_SPLIT = pattern(r"&&|\|\||;|\n|(?<!\|)\|(?!\|)")
_KEYWORD = pattern(r"^\s*(?:(?:if|then|elif|else|do|while|until|time|exec|!|\{|\()\s+)+")
_SETUP = pattern(
    r"^\s*(?:#|set\s|export\s|cd\s|echo\b|printf\b|sleep\s|wait-for|command\s+-v|\[|test\s|done\b|fi\b|\}|\)|$"
    r"|(?:mkdir|chown|chmod|ls|cp|mv|rm|ln|touch|cat|tar|find|grep|trap|local)\s)|^\s*\w+=\S*\s*$"
)


class Program(msgspec.Struct, frozen=True):
    """One thing that a container runs at its start, and where that is written."""

    text: str
    source: Source
    span: Span

    @property
    def parts(self) -> tuple[str, ...]:
        """Its single commands, without what only prepares them."""
        text = re.sub(r"\\\n", " ", _unwrapped(self.text))
        commands = (_KEYWORD.sub("", part).strip() for part in _SPLIT.split(text))
        return tuple(command for command in commands if not _SETUP.match(command))

    @property
    def migrates(self) -> bool:
        return any(_MIGRATES.search(part) or _FLAG.search(part) for part in self.parts)

    @property
    def serves(self) -> bool:
        """Whether something else runs after the migration, or may."""
        return bool(self.parts) and not _MIGRATES.search(self.parts[-1])


def _unwrapped(text: str) -> str:
    match = re.match(
        r"^\s*(?:/bin/|/usr/bin/)?(?:env\s+)?(?:ba|da|a|z)?sh\s+(?:-[\w-]+\s+)*?-\w*c\w*\s+(.*)$", text, re.DOTALL
    )
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
