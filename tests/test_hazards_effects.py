"""What statements lock and do, as the simulator foresees it and as servers of two majors do it.

Each case is a statement over a small shop: perhaps with a set-up that is committed before it, and other statements before
it in its own transaction.
"""

from __future__ import annotations

import pytest

from tests.effects_kit import Observer, effect_on, last_step, simulate
from tests.shared_servers import ServerOf

BASE = """
CREATE TABLE customer (id bigint PRIMARY KEY, email varchar(80), born date, note text, spent numeric(12,2), seen timestamp);
INSERT INTO customer SELECT i, 'c' || i, '1990-01-01', 'n', i, '2020-01-01' FROM generate_series(1, 8) i;
CREATE UNIQUE INDEX customer_email ON customer (email);
CREATE INDEX customer_lower ON customer (lower(note));
CREATE TABLE purchase (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer, amount int, state text NOT NULL DEFAULT 'new');
INSERT INTO purchase SELECT i, i, i FROM generate_series(1, 8) i;
CREATE DOMAIN euro AS numeric(10,2);
CREATE DOMAIN share AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE price (id int, value euro, rebate share);
INSERT INTO price SELECT i, i, i FROM generate_series(1, 8) i;
CREATE TABLE event (at date NOT NULL, kind text) PARTITION BY RANGE (at);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
INSERT INTO event SELECT '2020-02-01', 'k' FROM generate_series(1, 8) i;
CREATE TABLE event_new (at date NOT NULL, kind text);
INSERT INTO event_new SELECT '2022-02-01', 'k' FROM generate_series(1, 8) i;
CREATE TABLE animal (name text);
CREATE TABLE dog () INHERITS (animal);
INSERT INTO dog SELECT 'd' FROM generate_series(1, 8) i;
CREATE VIEW rich AS SELECT id, spent FROM customer WHERE spent > 5;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(amount) AS total FROM purchase GROUP BY 1;
CREATE UNIQUE INDEX totals_key ON totals (customer_id);
CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
CREATE FUNCTION dice() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 4; END';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamped BEFORE UPDATE ON purchase FOR EACH ROW EXECUTE FUNCTION stamp();
"""

ALONE = """
ALTER TABLE customer ADD COLUMN points int NOT NULL DEFAULT 0
ALTER TABLE customer ADD COLUMN joined timestamptz DEFAULT now()
ALTER TABLE customer ADD COLUMN token uuid DEFAULT gen_random_uuid()
ALTER TABLE customer ADD COLUMN points int DEFAULT answer()
ALTER TABLE customer ADD COLUMN points int DEFAULT dice()
ALTER TABLE customer ADD COLUMN number bigserial
ALTER TABLE customer ADD COLUMN number int GENERATED ALWAYS AS IDENTITY
ALTER TABLE customer ADD COLUMN twice numeric GENERATED ALWAYS AS (spent * 2) STORED
ALTER TABLE customer ADD COLUMN rebate share
ALTER TABLE customer ADD COLUMN limits euro DEFAULT 10
ALTER TABLE customer ADD COLUMN age int CHECK (age > 0)
ALTER TABLE customer ADD COLUMN best bigint REFERENCES purchase
ALTER TABLE customer ADD COLUMN best bigint DEFAULT 1 REFERENCES purchase
ALTER TABLE customer ADD COLUMN IF NOT EXISTS email text
ALTER TABLE customer ADD COLUMN alias text UNIQUE
ALTER TABLE customer DROP COLUMN note
ALTER TABLE purchase DROP COLUMN customer_id CASCADE
ALTER TABLE customer ALTER born SET NOT NULL
ALTER TABLE customer ALTER email TYPE varchar(100)
ALTER TABLE customer ALTER email TYPE varchar(40)
ALTER TABLE customer ALTER email TYPE text
ALTER TABLE customer ALTER email TYPE varchar(80) COLLATE "C"
ALTER TABLE customer ALTER note TYPE varchar
ALTER TABLE customer ALTER born TYPE timestamp
ALTER TABLE customer ALTER seen TYPE timestamp(3)
ALTER TABLE purchase ALTER amount TYPE bigint
ALTER TABLE purchase ALTER customer_id TYPE int
ALTER TABLE purchase ALTER state TYPE varchar USING state::varchar
ALTER TABLE price ALTER value TYPE numeric(12,2)
ALTER TABLE price ALTER rebate TYPE int
ALTER TABLE price ALTER id TYPE share
ALTER TABLE customer ADD CONSTRAINT adult CHECK (born < '2005-01-01')
ALTER TABLE customer ADD CONSTRAINT adult CHECK (born < '2005-01-01') NOT VALID
ALTER TABLE purchase ADD FOREIGN KEY (id) REFERENCES customer
ALTER TABLE purchase ADD FOREIGN KEY (id) REFERENCES customer NOT VALID
ALTER TABLE purchase DROP CONSTRAINT purchase_customer_id_fkey
ALTER TABLE price ADD PRIMARY KEY (id)
ALTER TABLE customer ADD UNIQUE USING INDEX customer_email
ALTER TABLE customer ALTER email SET STATISTICS 200, SET (fillfactor = 80)
ALTER TABLE customer ALTER email SET STORAGE plain
ALTER TABLE purchase DISABLE TRIGGER stamped
ALTER TABLE price SET UNLOGGED
ALTER TABLE price SET LOGGED
ALTER TABLE customer CLUSTER ON customer_email
ALTER TABLE customer ENABLE ROW LEVEL SECURITY
ALTER TABLE event ATTACH PARTITION event_new FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')
ALTER TABLE event DETACH PARTITION event_old
ALTER TABLE event ADD COLUMN who text DEFAULT 'x'
ALTER TABLE event ALTER kind SET NOT NULL
ALTER TABLE event ADD CHECK (kind <> '')
CREATE TABLE event_next PARTITION OF event FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')
ALTER TABLE animal ALTER name SET NOT NULL
ALTER TABLE animal ADD CHECK (name <> '')
ALTER TABLE dog NO INHERIT animal
CREATE TABLE cat (LIKE customer) INHERITS (animal)
CREATE TABLE visit (customer_id bigint REFERENCES customer)
CREATE INDEX ON customer (born)
CREATE INDEX IF NOT EXISTS customer_email ON customer (born)
CREATE INDEX ON event (kind)
CREATE INDEX ON ONLY event (kind)
DROP INDEX customer_lower
REINDEX INDEX customer_email
REINDEX TABLE customer
DROP TABLE purchase CASCADE
DROP TABLE event_old
DROP TABLE IF EXISTS nobody
DROP FUNCTION stamp() CASCADE
DROP DOMAIN share CASCADE
DROP SCHEMA public CASCADE
ALTER DOMAIN euro ADD CHECK (VALUE > 0)
ALTER DOMAIN euro ADD CHECK (VALUE > 0) NOT VALID
ALTER DOMAIN share SET NOT NULL
REFRESH MATERIALIZED VIEW totals
REFRESH MATERIALIZED VIEW CONCURRENTLY totals
CREATE TABLE copied AS SELECT * FROM customer
INSERT INTO purchase SELECT id + 100, id, 1 FROM customer
UPDATE purchase SET amount = 0
DELETE FROM purchase
TRUNCATE customer CASCADE
LOCK TABLE rich IN SHARE MODE
COPY customer TO STDOUT
ANALYZE customer
CLUSTER customer USING customer_email
CREATE TRIGGER z AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION stamp()
DROP TRIGGER stamped ON purchase
CREATE POLICY z ON customer USING (true)
CREATE RULE z AS ON INSERT TO animal DO NOTHING
CREATE STATISTICS z ON email, note FROM customer
CREATE PUBLICATION z FOR TABLE animal
COMMENT ON COLUMN customer.email IS 'x'
COMMENT ON TRIGGER stamped ON purchase IS 'x'
ALTER TABLE customer RENAME COLUMN note TO remark
ALTER TABLE animal RENAME COLUMN name TO called
ALTER INDEX customer_email RENAME TO mails
ALTER SEQUENCE IF EXISTS nobody RESTART
DO $$ BEGIN EXECUTE 'ALTER TABLE customer ADD COLUMN late int'; UPDATE purchase SET amount = 1; END $$
"""

STAGED = [
    ("ALTER TABLE customer ADD CONSTRAINT c CHECK (born IS NOT NULL AND spent > 0)", "", "ALTER TABLE customer ALTER born SET NOT NULL"),
    ("ALTER TABLE customer ADD CONSTRAINT c CHECK (born IS NOT NULL) NOT VALID", "", "ALTER TABLE customer ALTER born SET NOT NULL"),
    ("ALTER TABLE customer ADD CONSTRAINT c CHECK (born > '1900-01-01')", "", "ALTER TABLE customer ALTER born SET NOT NULL"),
    ("ALTER TABLE customer ADD CONSTRAINT c CHECK (born IS NOT NULL)", "", "ALTER TABLE customer DROP CONSTRAINT c, ALTER born SET NOT NULL"),
    ("ALTER TABLE event_new ADD CHECK (at >= '2022-01-01' AND at < '2022-06-01')", "", "ALTER TABLE event ATTACH PARTITION event_new FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')"),
    ("ALTER TABLE event_rest ADD CHECK (at < '2020-01-01')", "", "CREATE TABLE e22 PARTITION OF event FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')"),
    ("ALTER TABLE purchase ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES customer NOT VALID", "", "ALTER TABLE purchase VALIDATE CONSTRAINT f"),
    ("", "ALTER TABLE purchase ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES customer NOT VALID", "ALTER TABLE purchase VALIDATE CONSTRAINT f"),
    ("", "ALTER TABLE customer ADD COLUMN spare int", "UPDATE customer SET spare = 1"),
    ("", "ALTER TABLE customer ADD COLUMN spare bigint", "ALTER TABLE customer ADD FOREIGN KEY (spare) REFERENCES purchase"),
    ("", "ALTER TABLE customer ADD COLUMN spare bigint; UPDATE customer SET spare = id", "ALTER TABLE customer ADD FOREIGN KEY (spare) REFERENCES purchase"),
    ("", "SAVEPOINT s; LOCK TABLE price; ROLLBACK TO s", "CREATE INDEX ON price (id)"),
    ("", "ALTER TABLE price ADD COLUMN x int; ALTER TABLE price RENAME TO fee", "ALTER TABLE dog ADD COLUMN x int"),
    ("", "SAVEPOINT s; LOCK TABLE price; RELEASE s", "SELECT 1"),
    ("", "", "DO $$ BEGIN BEGIN LOCK TABLE price; RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN NULL; END; LOCK TABLE dog; END $$"),
    ("", "PREPARE q AS UPDATE price SET id = 1", "EXECUTE q"),
    ("", "PREPARE q AS SELECT * FROM price", "CREATE TABLE copied AS EXECUTE q"),
    ("CREATE DOMAIN dice_value AS int DEFAULT (random() * 6)::int", "", "ALTER TABLE price ADD COLUMN thrown dice_value"),
    ("CREATE DOMAIN seven AS int DEFAULT 7", "", "ALTER TABLE price ADD COLUMN thrown seven NOT NULL"),
    ("", "", "ANALYZE animal"),
    ("", "SET LOCAL timezone = 'UTC'", "ALTER TABLE customer ALTER seen TYPE timestamptz"),
    ("", "SET LOCAL timezone = 'Asia/Tokyo'", "ALTER TABLE customer ALTER seen TYPE timestamptz"),
    ("ALTER TABLE customer ADD CHECK (note <> 'x')", "", "ALTER TABLE customer ALTER note TYPE varchar"),
    ("CREATE INDEX part ON customer (born) WHERE email <> ''", "", "ALTER TABLE customer ALTER email TYPE varchar(90)"),
    ("CREATE PUBLICATION z FOR TABLE price", "", "ALTER PUBLICATION z SET TABLE dog"),
]  # fmt: skip

SINCE_18 = [
    ("", "", "ALTER TABLE customer ADD CONSTRAINT c CHECK (spent > 0) NOT ENFORCED"),
    ("", "", "ALTER TABLE customer ADD COLUMN twice numeric GENERATED ALWAYS AS (spent * 2) VIRTUAL"),
    ("", "", "ALTER TABLE customer ADD COLUMN twice numeric GENERATED ALWAYS AS (spent * 2) VIRTUAL NOT NULL"),
    ("", "", "ALTER TABLE customer ADD CONSTRAINT n NOT NULL born NOT VALID"),
    ("ALTER TABLE customer ADD CONSTRAINT n NOT NULL born NOT VALID", "", "ALTER TABLE customer VALIDATE CONSTRAINT n"),
    ("ALTER TABLE purchase ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES customer NOT ENFORCED", "", "ALTER TABLE purchase ALTER CONSTRAINT f ENFORCED"),
    ("", "", "ALTER TABLE purchase ALTER CONSTRAINT purchase_customer_id_fkey NOT ENFORCED"),
    ("ALTER TABLE customer ADD COLUMN twice numeric GENERATED ALWAYS AS (spent * 2) STORED", "", "ALTER TABLE customer ALTER twice SET EXPRESSION AS (spent * 3)"),
]  # fmt: skip

CASES = [*(("", "", line) for line in ALONE.strip().splitlines()), *STAGED]


@pytest.fixture(params=(15, 18))
def observer(request: pytest.FixtureRequest, server_of: ServerOf) -> Observer:
    return Observer(server_of(request.param), BASE)


@pytest.mark.parametrize(
    ("zone", "exact"), [("", False), ("SET timezone = 'UTC'", True), ("SET timezone = 'Asia/Tokyo'", True)]
)
def test_a_time_zone_that_nobody_set_is_not_certain(zone: str, exact: bool) -> None:
    step = last_step(BASE, "", zone, "ALTER TABLE customer ALTER seen TYPE timestamptz", 18)
    assert effect_on(step, "customer").exact is exact


def test_the_simulated_effects_are_the_servers(observer: Observer) -> None:
    major = observer.server.binaries.major
    cases = [*CASES, *(SINCE_18 if major >= 18 else ())]
    different = []
    for setup, pre, statement in cases:
        real = observer.observe(setup, pre, statement)
        ours = simulate(BASE, setup, pre, statement, major)
        if real != ours:
            different.append(f"{setup}; {pre}; {statement}\n    server    {real}\n    simulated {ours}")
    assert not different, "\n".join(different)
