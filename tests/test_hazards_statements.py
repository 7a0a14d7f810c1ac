"""What statements of every kind lock and do, as the simulator foresees it and as a server does it: one transaction each,
over a small schema of one table of each kind (tests/hazards_statements.txt: ``setup ;; before ;; statement``, the setup
committed, what is before it in the statement's own transaction; ``@17`` from that major on; ``@<18`` before it, on the
oldest server at hand)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effects_kit import Observer, simulate
from tests.shared_servers import ServerOf
from tests.timeline_kit import ENABLED

BASE = """
CREATE TABLE p (id int PRIMARY KEY, name varchar(50), n int, num numeric(10,2), ts timestamp, tstz timestamptz, c char(5), v varchar,
    t text, j json, vb varbit(8), cid cidr, iv interval(3), m money, nn int, b boolean DEFAULT false);
INSERT INTO p (id, name, n, num, ts, tstz, t, nn) SELECT i, 'x' || i, i, i, now(), now(), 't', i FROM generate_series(1, 2000) i;
CREATE INDEX p_n ON p (n); CREATE INDEX p_name ON p (name); CREATE UNIQUE INDEX p_u ON p (nn);
CREATE TABLE f (id int PRIMARY KEY, p_id int, k int CONSTRAINT f_k_nn CHECK (k IS NOT NULL));
INSERT INTO f SELECT i, i, i FROM generate_series(1, 2000) i;
CREATE TABLE pt (id int, d int) PARTITION BY RANGE (d);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (100); CREATE TABLE pt_def PARTITION OF pt DEFAULT;
INSERT INTO pt SELECT i, i FROM generate_series(1, 99) i;
CREATE TABLE ptx (id int, d int); INSERT INTO ptx SELECT i, 150 FROM generate_series(1, 50) i;
CREATE TABLE pq (id int, d int) PARTITION BY RANGE (d); CREATE TABLE pq1 PARTITION OF pq FOR VALUES FROM (0) TO (100);
CREATE MATERIALIZED VIEW mv AS SELECT id, n FROM p; CREATE UNIQUE INDEX mv_i ON mv (id);
CREATE VIEW vw AS SELECT id, name FROM p;
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE DOMAIN dom AS int; CREATE TABLE dt (id int, x dom); INSERT INTO dt SELECT i, i FROM generate_series(1, 100) i;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tg BEFORE INSERT ON f FOR EACH ROW EXECUTE FUNCTION trg();
CREATE TABLE ch (id int, p_id int REFERENCES p (id)); INSERT INTO ch SELECT i, i FROM generate_series(1, 50) i;
CREATE SEQUENCE sq;
CREATE TABLE inh_parent (a int); CREATE TABLE inh_child (a int);
"""
MAJOR, PARTS = 18, 4


def _cases(old: bool) -> Iterator[tuple[str, str, str]]:
    for line in (Path(__file__).parent / "hazards_statements.txt").read_text().splitlines():
        parts = [part.strip() for part in line.split(";;")]
        mark, _, rest = parts[0].partition(" ") if line.startswith("@") else ("@0", "", parts[0])
        parts[0] = rest
        setup, pre, statement = [""] * (3 - len(parts)) + parts
        if mark.startswith("@<") == old and (old or int(mark[1:]) <= MAJOR):
            yield setup, pre, statement


@pytest.mark.parametrize(
    ("major", "old", "part"), [*((MAJOR, False, part) for part in range(PARTS)), (min(ENABLED), True, 0)]
)
def test_every_kind_of_statement(server_of: ServerOf, major: int, old: bool, part: int) -> None:
    different = []
    observer = Observer(server_of(major), BASE)
    for case in list(_cases(old))[part :: 1 if old else PARTS]:
        real, ours = observer.observe(*case), simulate(BASE, *case, major)
        if real != ours:
            different.append(f"{' ;; '.join(case)}\n    server    {real}\n    simulated {ours}")
    assert not different, "\n".join(different)
