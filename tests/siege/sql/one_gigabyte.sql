-- Values of a gigabyte, and more of them than the server may hold
SELECT repeat('x', 1073741820);
SELECT md5(repeat('x', 1000000000));
CREATE TABLE g (a text, b bytea);
INSERT INTO g VALUES (repeat('x', 900000000), NULL);
DO $$ DECLARE a text[]; BEGIN FOR i IN 1..100 LOOP a := a || repeat('y', 100000000); END LOOP; END $$;
DO $$ BEGIN RAISE EXCEPTION '%', repeat('z', 300000000); END $$;
DO $$ BEGIN RAISE NOTICE '%', repeat('z', 300000000); END $$;
DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = repeat('d', 100000000), HINT = repeat('h', 100000000); END $$;
DO $$ BEGIN EXECUTE 'SELECT ''' || repeat('q', 200000000) || ''' FROM nowhere'; END $$;
SELECT json_agg(repeat('x', 1000000)) FROM generate_series(1, 2000);
SELECT string_agg(repeat('x', 1000000), '') FROM generate_series(1, 2000);
SELECT lpad('', 1000000000, 'ab') ~ 'b$';
SET client_encoding = 'SQL_ASCII';
SELECT convert_from(decode(repeat('ff', 1000000), 'hex'), 'SQL_ASCII');
RESET client_encoding;
