-- Texts, documents and recursion without end are their statement's failure
SELECT repeat('x', 1000000000);
SELECT length(repeat('x', 1000000000) || repeat('x', 1000000000));
DO $$ DECLARE x text := 'abcdefgh'; BEGIN LOOP x := x || x; END LOOP; END $$;
DO $$ BEGIN EXECUTE repeat('(', 100000) || '1' || repeat(')', 100000); END $$;
DO $$ BEGIN EXECUTE 'SELECT ' || repeat('1+', 50000) || '1'; END $$;
SELECT ('[' || repeat('[', 100000) || repeat(']', 100000) || ']')::jsonb;
SELECT xmlparse(DOCUMENT '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>');
SELECT regexp_replace(repeat('a', 1000), '(a+)+(a+)+(a+)+$', 'b');
SELECT array_fill(0, ARRAY[100000000]);
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT f($1 + 1) + 1';
SELECT f(1);
CREATE TABLE t (a text);
INSERT INTO t SELECT repeat(md5(i::text), 1000) FROM generate_series(1, 1000) i;
CREATE INDEX ON t (a);
COMMENT ON TABLE t IS 'x';
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE t IS %L', repeat('c', 5000000)); END $$;
DO $$ BEGIN EXECUTE format('CREATE FUNCTION big() RETURNS text LANGUAGE sql AS %L', 'SELECT ''' || repeat('c', 5000000) || ''''); END $$;
