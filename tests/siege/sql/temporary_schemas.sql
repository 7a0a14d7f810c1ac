-- What a session keeps in pg_temp, or prepares, is found by nobody else's words
PREPARE lockgate AS SELECT public.mark();
PREPARE lg AS SELECT public.mark();
PREPARE lockgate_look AS SELECT public.mark();
DO $$ DECLARE p text; BEGIN FOR p IN SELECT name FROM pg_prepared_statements LOOP
 EXECUTE format('DEALLOCATE %I', p); EXECUTE format('PREPARE %I AS SELECT public.mark()', p); EXECUTE format('PREPARE %I (text) AS SELECT public.mark()', p); END LOOP;
 EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$;
DEALLOCATE ALL;
CREATE TEMP TABLE pg_locks (pid int, relation oid, locktype text, mode text, granted bool);
CREATE TEMP TABLE pg_proc AS SELECT * FROM pg_catalog.pg_proc LIMIT 1;
CREATE TEMP TABLE pg_namespace (oid oid);
CREATE TEMP VIEW pg_settings AS SELECT public.mark() AS name;
CREATE TYPE pg_temp.int4 AS (a pg_catalog.text);
CREATE TYPE pg_temp.oid AS ENUM ('a');
CREATE DOMAIN pg_temp.bool AS pg_catalog.bool CHECK (public.mark());
CREATE DOMAIN pg_temp.regclass AS pg_catalog.text CHECK (public.mark());
CREATE FUNCTION pg_temp.pg_backend_pid() RETURNS pg_catalog.int4 LANGUAGE sql AS 'SELECT public.mark()::pg_catalog.int4';
CREATE FUNCTION pg_temp.current_setting(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS 'SELECT public.mark()::pg_catalog.text';
SET search_path = pg_temp, public;
CREATE TABLE public.t (id pg_catalog.int4);
ALTER TABLE public.t ADD COLUMN a pg_catalog.int4;
ALTER TABLE public.t OWNER TO stranger;
SET search_path = '';
DISCARD TEMP;
DISCARD ALL;
