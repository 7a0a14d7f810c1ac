"""What each version made of the one before it, in words."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from lockgate.walk.document import Life, Version

_NEVER = Version(0, gone=True)


def tell(life: Life) -> None:
    """Write the words into the versions of a life."""
    before = _NEVER
    for index, version in enumerate(life.versions):
        life.versions[index] = replace(version, words=_words(life, before, version))
        before = version


def typed(version: Version) -> str:
    """A column's type, as its definition begins."""
    return f"{version.type}{' not null' if version.notnull else ''}"


def _words(life: Life, before: Version, now: Version) -> str:
    if now.gone:
        return "dropped"
    if before.gone and not now.line and not now.at:
        return "there before the first migration"
    if before.gone:
        return f"made as {typed(now)}" if life.num else "made"
    return ", ".join(_changes(life, before, now)) or "altered"


def _changes(life: Life, before: Version, now: Version) -> Iterator[str]:
    if now.name != before.name:
        yield f"renamed from {before.name}"
    if now.schema != before.schema:
        yield f"moved from {before.schema}"
    if now.type != before.type:
        yield f"{before.type or '?'} is now {now.type or '?'}"
    if now.notnull != before.notnull:
        yield "not null" if now.notnull else "may be null"
    if now.default != before.default:
        yield f"default {now.default}" if now.default else "no default"
    if now.owner != before.owner:
        yield f"owner {before.owner} is now {now.owner}"
    yield from (flag for flag in now.flags if flag not in before.flags)
    yield from (f"no longer {flag}" for flag in before.flags if flag not in now.flags)
    if now.text != before.text:
        yield f"values {now.text}" if life.kind == "enum" else now.text or "altered"
    if now.roles != before.roles:
        yield f"roles: {', '.join(now.roles) or 'none'}"
    if now.grants != before.grants:
        yield "privileges"
    if now.keys != before.keys:
        yield "parents" if life.kind in ("table", "foreign table") else "columns"
    if now.reads != before.reads:
        yield "reads other columns"
