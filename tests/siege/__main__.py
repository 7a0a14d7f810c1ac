"""The long siege: what the suite does for seconds, for as long as you like.

python -m tests.siege --files               every hostile file on every server and as every user
python -m tests.siege --fuzz SECONDS --seed N
python -m tests.siege --kills COUNT --seed N
"""

from __future__ import annotations

import argparse
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.siege", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--files", action="store_true")
    parser.add_argument("--fuzz", type=float, metavar="SECONDS")
    parser.add_argument("--kills", type=int, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0)
    wish = parser.parse_args()
    os.environ["LOCKGATE_CACHE"] = "off"
    wrong: list[str] = []
    if wish.files:
        import pytest

        os.environ["LOCKGATE_RANDOM"] = "1"
        return int(pytest.main(["-q", "tests/siege/test_superuser.py"]))
    if wish.fuzz:
        from tests.siege import fuzz

        count, found = fuzz.run(wish.fuzz, wish.seed)
        print(f"{count:,} files examined, {len(found)} faults")
        wrong += found
    if wish.kills:
        from tests.siege import kills

        found = kills.run(wish.kills, wish.seed)
        print(f"{wish.kills} kills, {len(found)} faults")
        wrong += found
    print("\n\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
