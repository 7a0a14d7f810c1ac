"""What ``lockgate rules new`` writes: a rule that runs, to be changed into what it shall be."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.rules.registry import Ruleset

_LETTER = "U"  # of user; Lockgate's own codes never begin with it

_DOCUMENT = """+++
code = "{code}"
severity = "warning"
family = "own"
+++

# {title}

## What it catches

A migration that makes a table without a primary key.

## Why it hurts

Logical replication cannot tell which row an UPDATE or DELETE means, and neither can a person.

## What to do

Give the table a primary key in the migration that makes it.

## When to ignore it

A table that only takes what is appended to it, and is never replicated.

## Examples

```sql
-- migration: 0001_people
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text); -- ok
CREATE TABLE visits (person bigint, at timestamptz); -- finding: "visits"
CREATE TABLE orders (id bigint, total numeric); -- ok
ALTER TABLE orders ADD PRIMARY KEY (id);
```
"""

_MODULE = '''"""{title}: see {name}.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Relation, Remark, Scene, at_step, on_scene


@on_scene("made")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each table, at the statement that makes it."""
    for step, table in scene.made(Relation):
        keys = [c for c in scene.after.of_relation(table.oid, Constraint) if c.kind == "p"]
        if table.kind in "rp" and not table.is_partition and not keys:
            name = scene.after.qualified(table)
            yield at_step(step, f"table {{name}} has no primary key", "add PRIMARY KEY (...)", object=name)
'''


def write(name: str, folder: Path, rules: Ruleset) -> tuple[Path, Path]:
    """Write both files. Raises UsageError where the name is none, or taken; CannotCheck where they cannot be written."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(
            f"{name} is no name for a rule", "name the hazard in small letters and dashes: table-without-key"
        )
    if rules.of_code(name) is not None:
        raise UsageError(f"there is a rule {name} already", "give it another name")
    document, module = folder / f"{name}.md", folder / f"{name.replace('-', '_')}.py"
    there = next((path for path in (document, module) if path.exists()), None)
    if there is not None:
        raise UsageError(f"{there} exists", "give it another name")
    title, code = name.replace("-", " ").capitalize(), _free_code(rules)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        document.write_text(_DOCUMENT.format(code=code, title=title), encoding="utf-8")
        module.write_text(_MODULE.format(name=name, title=title), encoding="utf-8")
    except OSError as error:
        raise CannotCheck(f"{error.filename}: {error.strerror}", "give --folder a writable folder") from error
    return document, module


def _free_code(rules: Ruleset) -> str:
    taken = {entry.front.code for entry in rules.entries.values()}
    return next(code for n in range(1, 10_000) if (code := f"{_LETTER}{n:03}") not in taken)
