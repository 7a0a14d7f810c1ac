"""Plays hostile files as whoever runs it. Usage: as_nobody.py SITE MAJOR NAME ...; SITE is where the libraries lie that Lockgate
needs, for the system's interpreter knows none of ours."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT / "src"), str(ROOT)]
sys.path.append(sys.argv[1])

from lockgate.oracle.apply.plan import ServerWish  # noqa: E402
from tests.siege.hostile import assert_held, play  # noqa: E402

for name in sys.argv[3:]:
    assert_held(play(name, ServerWish(major=int(sys.argv[2]))))
    print(name, "held")
