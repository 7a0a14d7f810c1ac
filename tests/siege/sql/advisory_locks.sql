-- A full table of locks is the failure of its statement
SELECT count(pg_advisory_lock(i)) FROM generate_series(1, 200000) AS i;
SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 200000) AS i;
SELECT pg_advisory_unlock_all();
CREATE TABLE t (id int);
DO $$ BEGIN FOR i IN 1..3000 LOOP EXECUTE format('CREATE TABLE many_%s ()', i); END LOOP; END $$;
LOCK TABLE t IN ACCESS EXCLUSIVE MODE;
LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE;
LOCK TABLE pg_catalog.pg_authid;
ALTER TABLE t ADD COLUMN a int;
