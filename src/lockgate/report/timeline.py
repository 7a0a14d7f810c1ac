"""The timeline as text and as one self-contained page: what each statement changes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as escaped
from itertools import groupby
from pathlib import Path
from string import Template

from lockgate.base.text import clean, clean_text
from lockgate.report.changes import ChangeRow

_KINDS = {"+": "add", "-": "drop"}


def escape(text: str, quote: bool = True) -> str:
    """Text for the page: no markup, and nothing that turns the order of what is read."""
    return escaped(clean_text(text), quote)


def as_text(rows: Sequence[ChangeRow]) -> str:
    """One line a change, under its file."""
    out = []
    for (path, role), group in groupby(rows, key=lambda row: (row.path, row.role)):
        out.append(clean(f"{path}{f' as {role}' if role else ''}") + "\n")
        for row in group:
            mark = f"   ! {row.fails}" if row.fails else ("   ? not certain" if row.tainted else "")
            out.append(clean(f"  {row.line:>5}  {row.change}{mark}") + "\n")
    return "".join(out)


def as_html(rows: Sequence[ChangeRow], title: str) -> str:
    """One page that needs nothing else; its filter narrows it to what names a table, a column or a role."""
    sections = []
    for (path, slot, role), group in groupby(rows, key=lambda row: (row.path, row.slot, row.role)):
        badge = f'<span class="role">as {escape(role)}</span>' if role else ""
        anchor = escape(slot or path, quote=True)
        sections.append(
            f'<section data-role="{escape(role or "", quote=True)}"><h2 id="{anchor}"><a href="#{anchor}">{escape(path)}</a>{badge}</h2>'
            f"<ol>{''.join(map(_item, group))}</ol></section>"
        )
    count = f"{len({row.path for row in rows})} migrations with changes, {len(rows)} changes"
    page = Template(Path(__file__).with_name("timeline.html").read_text(encoding="utf-8"))
    return page.substitute(title=escape(title), count=count, body="\n".join(sections))


def _item(row: ChangeRow) -> str:
    kind = _KINDS.get(row.change[:1], "")
    mark = f' <span class="fail">{escape(row.fails)}</span>' if row.fails else ""
    if row.tainted:
        mark += f' <span class="doubt" title="{escape("; ".join(row.tainted), quote=True)}">not certain</span>'
    return f'<li><span class="line">{row.line}</span><span class="what {kind}">{escape(row.change)}{mark}</span></li>'
