"""What a keystroke costs in an editor: CPU time of the language server's own work, in the first, the middle and the last
file of a folder.

    python benchmarks/editor.py FOLDER [FOLDER ...]   # roots of any repositories, which are left as they are
    python benchmarks/editor.py --generated 130 800   # made-up folders

``open`` is the first look at the folder with an empty cache, ``first`` the first keystroke in a file, ``next`` the median
of those that follow: each is another text, every third one with a column that does not exist. The bar: a keystroke in any
of 800 files costs less than 150 ms of CPU.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from pathlib import Path

from check import generated

from lockgate.api import Request, configuration
from lockgate.editor.desk import Desk
from lockgate.editor.diagnostics import diagnostics
from lockgate.run.histories import each_of
from lockgate.run.plan import read_folder

KEYSTROKES = 9


def main() -> None:
    """Measure every folder, print a line for each file looked at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--generated", nargs="*", type=int, default=[], metavar="FILES")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        for root in arguments.folders:
            measure(root.resolve())
        for size in arguments.generated:
            measure(generated(size, Path(scratch)).parent)


def measure(root: Path) -> None:
    """One root: each history in it that is SQL."""
    for config, request in each_of(configuration(None, root), Request(cwd=root)):
        files = [m.up.source.path for m in read_folder(config, request).migrations if m.up.source.printed is None]
        if not files:
            continue
        desk = Desk()
        for number, path in enumerate(dict.fromkeys((files[0], files[len(files) // 2], files[-1]))):
            file, text = root / path, (root / path).read_text(encoding="utf-8", errors="replace")
            opened = cpu(desk, file, text, root, first=False)
            typed = [
                cpu(desk, file, f"{text}\nSELECT {'' if n % 3 else 'no_such_'}{n} ;", root, first=True)
                for n in range(KEYSTROKES)
            ]
            print(
                f"{path}: {len(files)} files, open {opened:.0f} ms{' (first look)' * (not number)},"
                f" first {typed[0]:.0f} ms, next {statistics.median(typed[1:]):.0f} ms (at most {max(typed[1:]):.0f})"
            )


def cpu(desk: Desk, file: Path, text: str, root: Path, *, first: bool) -> float:
    """Milliseconds of CPU, git's included, of one check."""
    begun = sum(os.times()[:4])
    precise = time.process_time()
    asked = desk.asked(file, text, root, first=first)
    if asked is not None:
        diagnostics(asked, root)
    if not first:
        gc.freeze()  # as the server does
    own = time.process_time() - precise
    return 1000 * max(own, sum(os.times()[:4]) - begun)


if __name__ == "__main__":
    main()
