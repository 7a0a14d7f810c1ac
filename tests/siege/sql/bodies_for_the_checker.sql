-- Bodies that a checker of bodies (ours, the server's, plpgsql_check) has to walk
DO $$ BEGIN EXECUTE format('CREATE FUNCTION deep() RETURNS int LANGUAGE plpgsql AS %L', repeat('BEGIN ', 300) || 'NULL;' || repeat(' END;', 300) || ' RETURN 1;'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN EXECUTE format('CREATE FUNCTION deep() RETURNS int LANGUAGE plpgsql AS %L', 'BEGIN ' || repeat('IF true THEN ', 500) || 'NULL;' || repeat(' END IF;', 500) || ' RETURN 1; END'); END $$;
DO $$ BEGIN EXECUTE format('CREATE FUNCTION long() RETURNS int LANGUAGE plpgsql AS %L', 'BEGIN ' || repeat('PERFORM gone FROM nowhere; ', 3000) || ' RETURN 1; END'); END $$;
DO $$ BEGIN EXECUTE format('CREATE FUNCTION wide() RETURNS int LANGUAGE plpgsql AS %L', 'DECLARE ' || (SELECT string_agg(format('v%s public.t%%ROWTYPE := NULL; ', i), '') FROM generate_series(1, 2000) i) || 'BEGIN RETURN 1; END'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN public.b(); END';
CREATE FUNCTION b() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN public.a(); END';
CREATE FUNCTION c(VARIADIC anyarray) RETURNS anyelement LANGUAGE plpgsql AS 'BEGIN RETURN public.c(VARIADIC $1); END';
CREATE FUNCTION d() RETURNS SETOF record LANGUAGE plpgsql AS 'BEGIN RETURN QUERY EXECUTE public.mark()::text; END';
CREATE FUNCTION e(x int DEFAULT public.mark()::int) RETURNS int LANGUAGE plpgsql AS 'DECLARE y boolean := public.mark(); BEGIN PERFORM public.mark(); RETURN 1; END';
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS '#option dump
BEGIN PERFORM ''PRAGMA:echo:x'', ''pragma:disable:check''; RETURN (SELECT 1 WHERE public.mark()); END';
CREATE PROCEDURE g() LANGUAGE plpgsql AS 'BEGIN COMMIT; PERFORM public.mark(); ROLLBACK; END';
CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN NEW.nope; END';
CREATE TABLE fires (id int); CREATE TRIGGER h BEFORE INSERT ON fires REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION h();
CREATE FUNCTION i() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN public.mark() THEN 1 END; END;
ALTER TABLE fires ADD gone int;
ALTER TABLE fires DROP gone;
