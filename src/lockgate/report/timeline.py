"""The timeline as text, JSON rows and one HTML page: what each statement changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from html import escape
from itertools import groupby
from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Object, Relation, Type
from lockgate.timeline.step import Change, Step

Row = dict[str, Any]
_KINDS = {
    "r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "S": "sequence", "i": "index", "I": "index",
    "c": "composite type", "f": "foreign table",
}  # fmt: skip


def changes_of(step: Step) -> list[Row]:
    """A row for each change of a step: slot, place, what happened to which object, and the step's failure or doubt."""
    source = step.statement.script.source
    base: Row = {
        "slot": step.migration.slot, "path": source.path, "line": source.position(step.statement.span.start).line,
        "statement": step.statement.index, "fails": step.fails.sqlstate if step.fails else None, "tainted": list(step.tainted),
    }  # fmt: skip
    rows = [base | {"change": words} for change in step.changes for words in _words(step.before, step.after, change)]
    if not rows and (step.fails or step.tainted):
        rows.append(base | {"change": step.fails.message if step.fails else step.tainted[0]})
    return rows


def _words(before: Catalog, after: Catalog, change: Change) -> Iterator[str]:
    old, new = change.before, change.after
    if _hidden(new or old):
        return
    if old is None and new is not None:
        yield f"+ {_named(after, new)}"
    elif new is None and old is not None:
        yield f"- {_named(before, old)}"
    elif old is not None and new is not None:
        yield from _altered(before, after, old, new)


def _hidden(obj: Object | None) -> bool:
    return bool(getattr(obj, "extension", 0)) or (isinstance(obj, Type) and bool(obj.elem or obj.relation))


def _altered(before: Catalog, after: Catalog, old: Object, new: Object) -> Iterator[str]:
    name = _named(after, new)
    if isinstance(old, Relation) and isinstance(new, Relation):
        was, now = {a.num: a for a in old.attributes}, {a.num: a for a in new.attributes}
        yield from (f"+ column {now[n].name} of {name}" for n in now.keys() - was.keys())
        yield from (f"- column {was[n].name} of {name}" for n in was.keys() - now.keys())
        yield from (f"~ column {was[n].name} of {name}" + (f" renamed to {now[n].name}" if was[n].name != now[n].name else "")
                    for n in sorted(now.keys() & was.keys()) if now[n] != was[n])  # fmt: skip
    changed = [f.name for f in fields(type(old)) if f.name not in ("attributes", "next_attnum") and getattr(old, f.name) != getattr(new, f.name)]
    if _named(before, old) != name:
        yield f"~ {_named(before, old)} is now {name}"
    elif changed:
        yield f"~ {name} ({', '.join(changed)})"


def _named(catalog: Catalog, obj: Object) -> str:
    kind = _KINDS.get(obj.kind, "relation") if isinstance(obj, Relation) else type(obj).__name__.lower()
    if type(obj).__name__ == "Other":
        kind = str(getattr(obj, "kind", "object")).replace("_", " ")
    return f"{kind} {catalog.qualified(obj)}"


def as_text(rows: Sequence[Row]) -> str:
    """One line a change, under its file."""
    out = []
    for path, group in groupby(rows, key=lambda row: row["path"]):
        out.append(f"{path}\n")
        for row in group:
            mark = f"   ! {row['fails']}" if row["fails"] else ("   ? not certain" if row["tainted"] else "")
            out.append(f"  {row['line']:>5}  {row['change']}{mark}\n")
    return "".join(out)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lockgate timeline</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2733; background: #fff }}
h1 {{ font-size: 1.4rem }} h2 {{ font-size: 1rem; margin: 1.4rem 0 .3rem; border-bottom: 1px solid #d6dde4 }}
li {{ list-style: none; font-family: ui-monospace, monospace; font-size: .86rem }} ul {{ padding: 0; margin: 0 }}
.line {{ color: #7a8794; display: inline-block; width: 4rem; text-align: right; padding-right: .8rem }}
.add {{ color: #11632d }} .drop {{ color: #a11c1c }} .fail {{ color: #fff; background: #a11c1c; padding: 0 .3rem }} .doubt {{ color: #8a5a00 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #12181f; color: #dfe7ee }} .add {{ color: #6fd08c }} .drop {{ color: #ff8d8d }} h2 {{ border-color: #33404d }} }}
</style>
<h1>Timeline</h1>
<p>{migrations} migrations with changes, {changes} changes.</p>
{body}
</html>
"""


def as_html(rows: Sequence[Row]) -> str:
    """One self-contained page."""
    parts = []
    count = 0
    for path, group in groupby(rows, key=lambda row: row["path"]):
        count += 1
        parts.append(f"<h2>{escape(path)}</h2><ul>{''.join(map(_item, group))}</ul>")
    return _PAGE.format(migrations=count, changes=len(rows), body="\n".join(parts))


def _item(row: Row) -> str:
    kind = {"+": "add", "-": "drop"}.get(row["change"][:1], "")
    mark = f' <span class="fail">{escape(row["fails"])}</span>' if row["fails"] else ""
    if row["tainted"]:
        mark += f' <span class="doubt" title="{escape("; ".join(row["tainted"]))}">not certain</span>'
    return f'<li><span class="line">{row["line"]}</span><span class="{kind}">{escape(row["change"])}</span>{mark}</li>'
