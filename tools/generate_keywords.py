"""Write src/lockgate/base/keywords.py: the words that PostgreSQL's newest grammar keeps for itself, and since when.

    python tools/generate_keywords.py 15=PATH 16=PATH 17=PATH 18=PATH

Each PATH is that major's src/include/parser/kwlist.h (an installation has it below include/server/parser). A word that
may be any name in one major and not in the next is told with the first major that keeps it: those below take it as the
name of a function, a type or an argument.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "src/lockgate/base/keywords.py"
_ENTRY = re.compile(r'PG_KEYWORD\("(\w+)", \w+, (\w+)_KEYWORD')
_HEAD = '''"""Words that a newer grammar keeps for itself: written by tools/generate_keywords.py, not by hand."""

from __future__ import annotations

# word -> the first major in which it may not be the name of a function, a type or an argument
KEPT_SINCE: dict[str, int] = {
'''


def kept(path: Path) -> set[str]:
    """The keywords of a major that may not be any name (COL_NAME, TYPE_FUNC_NAME and RESERVED)."""
    return {word for word, category in _ENTRY.findall(path.read_text()) if category != "UNRESERVED"}


def main() -> None:
    lists = {int(major): kept(Path(path)) for major, _, path in (arg.partition("=") for arg in sys.argv[1:])}
    majors = sorted(lists)
    newest = lists[majors[-1]]
    since = {word: next(m for m in majors if word in lists[m]) for word in sorted(newest)}
    rows = [f'    "{word}": {major},\n' for word, major in since.items() if major > majors[0]]
    OUT.write_text(_HEAD + "".join(rows) + "}\n")


if __name__ == "__main__":
    main()
