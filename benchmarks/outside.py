"""Hazards by an outside yardstick: python benchmarks/outside.py CORPUS

CORPUS is the folder ``bench`` of MigrationPilot's repository: labelled migrations (``corpus/*/*.sql``) and what three linters
said of them (``results.json``). Each file is checked behind the tables that it takes for granted (outside.sql), statement by
statement, as its authors mean it. Printed: how many dangerous files have a finding that names their first hazard (strict),
how many have any on a hazard (loose), how many safe ones have one, and the same of the others as published there.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
EVENTS = (
    "CREATE TABLE events (id int PRIMARY KEY, account_id bigint, event_type text, created_at timestamptz NOT NULL);"
)
PARTED = """CREATE TABLE events (id int, account_id bigint, event_type text, created_at timestamptz NOT NULL) PARTITION BY RANGE (created_at);
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');"""
DEFAULT = "CREATE TABLE events_default PARTITION OF events DEFAULT;"
LINES = "CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders);"
NEW = "CREATE TABLE events_2026_09 (LIKE events INCLUDING DEFAULTS);"
# the hazards of the corpus' labels, and the rules that name them
NAMED = {
    "access-exclusive-maintenance": {"L101"},
    "check-constraint-scan": {"L102"},
    "column-type-rewrite": {"L101"},
    "concurrently-in-transaction": {"T212"},
    "ddl-plus-backfill-same-txn": {"L104"},
    "disable-trigger-all": {"X106"},
    "drop-column": {"C201"},
    "drop-table-cascade": {"C201"},
    "enum-add-value-in-transaction": {"T213"},
    "fk-without-not-valid": {"L102"},
    "invalid-index-retry": {"L204"},
    "missing-lock-timeout": {"L201"},
    "multi-table-ddl-transaction": {"L202"},
    "non-concurrent-index": {"L103"},
    "partition-attach": {"L102"},
    "partition-detach": {"L106"},
    "rename-column-breakage": {"C202"},
    "rename-table-breakage": {"C202"},
    "replication-identity-break": {"C205"},
    "set-not-null-scan": {"L102"},
    "stored-generated-rewrite": {"L101"},
    "truncate-cascade": {"X105"},
    "unbatched-backfill": {"X103", "L104"},
    "unique-constraint-scan": {"L103"},
    "volatile-default-rewrite": {"L101"},
}
HYGIENE = {"L201", "L205", "L206"}  # settings of the session and what can be run again: the corpus counts these apart


class Labelled(NamedTuple):
    """A file of the corpus with its labels."""

    id: str
    text: str
    verdict: str
    hazards: tuple[str, ...]
    major: str


def read(path: Path) -> Labelled:
    head, _, text = path.read_text(encoding="utf-8").partition("--- */")
    keys = dict(re.findall(r"^(\w+): (.*)$", head, re.MULTILINE))
    hazards = tuple(filter(None, (h.strip() for h in keys["hazards"].strip("[]").split(","))))
    return Labelled(keys["id"], text.lstrip(), keys["verdict"], hazards, keys.get("pg_version", "17").strip('"'))


def said(one: Labelled) -> set[str]:
    """The rules that speak of a file: warnings and errors, and infos on backfills."""
    parted = "PARTITION" in one.text
    before = (HERE / "outside.sql").read_text(encoding="utf-8") + (PARTED if parted else EVENTS)
    for name in re.findall(r"ALTER TABLE orders ADD COLUMN (\w+)", one.text):
        before = re.sub(rf" {name} [^,]*,", "", before)  # it is there in other files
    before += LINES if "orders CASCADE" in one.text or "TRIGGER ALL" in one.text else ""
    before += DEFAULT if "events_default" in one.text else ""
    before += (
        NEW if "events_2026_09" in one.text and "CREATE TABLE IF NOT EXISTS events_2026_09" not in one.text else ""
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "m").mkdir()
        (root / "m/0001_before.sql").write_text(before)
        (root / "m/0002_it.sql").write_text(one.text)
        (root / "lockgate.toml").write_text(
            f'[migrations]\npaths = ["m"]\nlayout = "plain"\ntransaction = "statement"\n[database]\nversion = {one.major}\n'
        )
        command = [sys.executable, "-m", "lockgate", "check", "--format", "json"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return {
        f["rule"]
        for f in report["findings"]
        if f["location"]["path"].endswith("0002_it.sql") and (f["severity"] != "info" or f["rule"] == "X103")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--show", action="store_true", help="every file that is missed or wrongly told")
    given = parser.parse_args()
    strict = loose = labels = named = alarms = dangerous = safe = 0
    for path in sorted(given.corpus.glob("corpus/*/*.sql")):
        one = read(path)
        found = said(one)
        hazards = {rule for rule in found if rule[0] in "CLTX"} - HYGIENE
        hits = [h for h in one.hazards if NAMED[h] & found]
        if one.verdict == "dangerous":
            dangerous, labels, named = dangerous + 1, labels + len(one.hazards), named + len(hits)
            strict += one.hazards[0] in hits
            loose += bool(hazards) or "missing-lock-timeout" in hits
        elif one.verdict == "safe":
            safe += 1
            alarms += bool(hazards)
        wrong = set(one.hazards) - set(hits) if one.verdict == "dangerous" else hazards if one.verdict == "safe" else ()
        if given.show and wrong:
            print(f"  {one.id}: {', '.join(sorted(wrong))}; said {', '.join(sorted(found))}")
    print(
        f"lockgate: strict {strict} of {dangerous}, loose {loose}, labels {named} of {labels}, safe files told {alarms} of {safe}"
    )
    published = json.loads((given.corpus / "results.json").read_text(encoding="utf-8"))["tools"]
    for tool, told in published.items():
        t = told["totals"]
        print(
            f"{tool} (published): strict {t['strictHits']} of {t['dangerous']}, loose {t['looseHits']}, safe files told {t['falsePositives']} of {t['safe']}"
        )


if __name__ == "__main__":
    main()
