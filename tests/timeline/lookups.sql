CREATE TABLE und (object_type text, object_identity text);
CREATE FUNCTION e1() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	obj record;
BEGIN
	FOR obj IN
		SELECT * FROM pg_event_trigger_dropped_objects() JOIN
			und USING (object_type, object_identity)
	LOOP
		RAISE EXCEPTION 'object % of type % cannot be dropped',
			obj.object_identity, obj.object_type;
	END LOOP;
END;
$$;
CREATE FUNCTION e2() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	obj record;
BEGIN
	FOR obj IN SELECT * FROM und USING (object_type) LOOP
		NULL;
	END LOOP;
END;
$$;
CREATE FUNCTION e3() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	obj record;
BEGIN
	FOR obj IN EXECUTE 'select 1' USING 1, 2 LOOP
		NULL;
	END LOOP;
END;
$$;
CREATE PROCEDURE p9(OUT a int) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$;
CALL p9(NULL);
CALL p9(1/1);
CREATE PROCEDURE p10(OUT a int, IN b int, IN c int) LANGUAGE sql AS $$ SELECT b - c $$;
CALL p10(null, 7, 4);
CALL p10(a => null, b => 8, c => 2);
CALL p10(null, 7, c => 2);
CALL p10(7, 4);
DROP PROCEDURE p10(int, int, int);
DROP PROCEDURE p10;
CREATE TABLE cp (a int, b text);
CREATE PROCEDURE p1(x text) LANGUAGE sql AS $$ INSERT INTO cp VALUES (1, x) $$;
CREATE PROCEDURE p3(y text) LANGUAGE sql AS $$ CALL p1(y); CALL p1($1); $$;
CALL p3('b');
DROP FUNCTION IF EXISTS foo(no_such_type);
DROP FUNCTION IF EXISTS foo(no_such_schema.no_such_type);
DROP AGGREGATE IF EXISTS foo(no_such_type);
DROP FUNCTION IF EXISTS no_such_schema.foo(int);
DROP PROCEDURE IF EXISTS foo(no_such_type);
DROP OPERATOR IF EXISTS + (no_such_type, int);
DROP CAST IF EXISTS (no_such_type AS int);
DROP CAST IF EXISTS (no_such_schema.t AS int);
DROP TRIGGER IF EXISTS t ON no_such_table;
DROP TRIGGER IF EXISTS t ON no_such_schema.t;
DROP POLICY IF EXISTS t ON no_such_table;
DROP RULE IF EXISTS t ON no_such_table;
DROP DOMAIN IF EXISTS no_such_schema.t;
DROP INDEX IF EXISTS no_such_schema.t;
CREATE ROLE gu;
SET ROLE gu;
DISCARD ALL;
SELECT 1 FROM cp;
CREATE TABLE vecs (v oidvector, i int2vector);
INSERT INTO vecs VALUES ('1 2 3', '4 5');
SELECT '1 2'::oidvector, ''::int2vector;
CREATE TABLE pt (p point, b box, l lseg, n name);
UPDATE pt SET p[0] = 1;
SELECT p[0], n[1] FROM pt;
CREATE TABLE idx (a int);
ALTER INDEX idx RENAME TO idx2;
ALTER INDEX IF EXISTS idx2 RENAME TO idx;
CREATE VIEW vidx AS SELECT 1 AS a;
ALTER INDEX vidx RENAME TO vidx2;
ALTER SEQUENCE idx RENAME TO idx3;
ALTER VIEW idx3 RENAME TO idx;
ALTER TABLE vidx2 RENAME TO vidx;
ALTER MATERIALIZED VIEW vidx RENAME TO vidy;
GRANT SELECT (a, tableoid) ON cp TO gu;
GRANT SELECT (tableoid) ON cp TO gu;
SET default_transaction_isolation = 'read committed';
SET default_transaction_isolation = 'repeatable read';
SET default_transaction_isolation = serializable;
create sequence without_a_row_type;
select without_a_row_type.nope from without_a_row_type;
insert into without_a_row_type (log_cnt) select 1 where false on conflict (log_cnt) do update set log_cnt = excluded.a;
