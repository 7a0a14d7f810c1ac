"""The timeline as text: what each statement changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lockgate.base.text import clean
from lockgate.walk.changes import ChangeRow


def as_text(rows: Sequence[ChangeRow]) -> str:
    """One line a change, under its file."""
    out = []
    for (path, role), group in groupby(rows, key=lambda row: (row.path, row.role)):
        out.append(clean(f"{path}{f' as {role}' if role else ''}") + "\n")
        for row in group:
            mark = f"   ! {row.fails}" if row.fails else ("   ? not certain" if row.tainted else "")
            out.append(clean(f"  {row.line:>5}  {row.change}{mark}") + "\n")
    return "".join(out)
