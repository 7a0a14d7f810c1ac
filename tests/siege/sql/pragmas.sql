-- Options of PL/pgSQL and of its checker open nothing and print nothing away
CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS $$
#option dump
#print_strict_params on
#variable_conflict error
DECLARE pragma text := 'x'; BEGIN PERFORM public.mark(); RETURN 1; END $$;
CREATE FUNCTION b() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM plpgsql_check_pragma('echo: on', 'enable: performance_warnings', 'tracer: on', 'table: x (a int)', 'type: r (a int)', 'assert-schema: x'); RETURN gone; END $$;
CREATE FUNCTION plpgsql_check_pragma(VARIADIC text[]) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN 1; END';
CREATE FUNCTION plpgsql_check_function_tb(regprocedure) RETURNS boolean LANGUAGE sql AS 'SELECT public.mark()';
CREATE FUNCTION c() RETURNS int LANGUAGE plpgsql AS $$ DECLARE x text := public.mark(); y CONSTANT boolean := public.mark(); c CURSOR FOR SELECT public.mark(); BEGIN
 EXECUTE 'SELECT ' || public.mark(); EXECUTE format('DROP TABLE %I', 'x'); GET STACKED DIAGNOSTICS x = MESSAGE_TEXT; RETURN 1; EXCEPTION WHEN OTHERS THEN RAISE; END $$;
CREATE FUNCTION d(x int, OUT y record) LANGUAGE plpgsql AS $$ BEGIN y := (SELECT d(x)); CALL d(x); RETURN QUERY SELECT 1; END $$;
CREATE FUNCTION deep() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN deep(); END $$;
DO $$ BEGIN EXECUTE 'CREATE FUNCTION nested() RETURNS int LANGUAGE plpgsql AS ' || quote_literal(repeat('BEGIN ', 500) || 'PERFORM gone();' || repeat(' END;', 500)); END $$;
DO $$ BEGIN EXECUTE 'CREATE FUNCTION wide() RETURNS int LANGUAGE plpgsql AS ' || quote_literal('BEGIN ' || repeat('PERFORM public.mark();', 3000) || ' RETURN gone; END'); END $$;
DO $$ BEGIN EXECUTE 'CREATE FUNCTION many() RETURNS int LANGUAGE plpgsql AS ' || quote_literal('DECLARE ' || (SELECT string_agg('v' || i || ' int := public.mark()::int;', ' ') FROM generate_series(1, 1000) i) || ' BEGIN RETURN gone; END'); END $$;
SET plpgsql.check_asserts = off;
SET plpgsql.extra_errors = 'all';
SET plpgsql.variable_conflict = 'use_column';
SET plpgsql_check.mode = 'every_start';
SET plpgsql_check.profiler = on;
SET plpgsql_check.tracer = on;
SELECT deep();
