-- Notifications reach nobody and fill nothing
LISTEN noise;
LISTEN lockgate;
DO $$ BEGIN FOR i IN 1..50000 LOOP PERFORM pg_notify('noise', repeat('x', 7000) || i); END LOOP; END $$;
NOTIFY noise, 'x';
SELECT pg_notify(repeat('c', 63), 'x');
UNLISTEN *;
DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE WARNING '%', repeat('w', 1000); END LOOP; END $$;
DO $$ BEGIN RAISE NOTICE USING MESSAGE = repeat('m', 10000000), DETAIL = repeat('d', 10000000), HINT = repeat('h', 10000000); END $$;
DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = E'\x1b[2J' || repeat('m', 10000000), ERRCODE = 'P0001', TABLE = repeat('t', 1000000), COLUMN = E'c\n', CONSTRAINT = '''', SCHEMA = E'\x07'; END $$;
DO $$ BEGIN RAISE SQLSTATE '57P01' USING MESSAGE = 'terminating connection due to administrator command'; END $$;
DO $$ BEGIN RAISE SQLSTATE '57014'; END $$;
DO $$ BEGIN RAISE SQLSTATE '53200'; END $$;
DO $$ BEGIN RAISE SQLSTATE '25P02'; END $$;
DO $$ BEGIN RAISE SQLSTATE 'XX000'; END $$;
DO $$ BEGIN RAISE SQLSTATE '08006'; END $$;
DO $$ BEGIN RAISE SQLSTATE '42501'; END $$;
