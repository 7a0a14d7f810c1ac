-- Settings of the migrations' session change nothing that Lockgate says or asks
DO $$ DECLARE s text; BEGIN FOREACH s IN ARRAY ARRAY['standard_conforming_strings = off', 'backslash_quote = on', 'escape_string_warning = off', 'quote_all_identifiers = on', 'DateStyle = German', 'IntervalStyle = sql_standard',
  'bytea_output = escape', 'extra_float_digits = -15', 'transform_null_equals = on', 'array_nulls = off', 'xmloption = document', 'default_toast_compression = pglz', 'row_security = off', 'debug_print_plan = on',
  'client_min_messages = error', 'log_statement = all', 'default_transaction_isolation = serializable', 'enable_seqscan = off', 'geqo_threshold = 2', 'work_mem = ''2000GB''', 'maintenance_work_mem = ''1TB''', 'temp_buffers = ''1GB''',
  'default_tablespace = pg_global', 'default_table_access_method = nobody', 'session_replication_role = replica', 'exit_on_error = on', 'ignore_system_indexes = on', 'zero_damaged_pages = on', 'jit = on', 'gin_fuzzy_search_limit = 1',
  'application_name = lockgate', 'application_name = E''\x1b[2J''', 'lc_messages = C', 'datestyle = ''x'', y', 'myapp.secret = x', 'createrole_self_grant = set', 'event_triggers = off', 'restrict_nonsystem_relation_kind = view']
 LOOP BEGIN EXECUTE 'SET ' || s; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END; END LOOP; END $$;
CREATE TABLE t (a text DEFAULT '\', b bytea DEFAULT '\x00', c float8 DEFAULT 0.1, d interval DEFAULT '1 day');
ALTER TABLE t OWNER TO stranger;
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM t WHERE a = ''\''); END';
SET search_path = '';
SET check_function_bodies = off;
SET default_transaction_read_only = on;
CREATE TABLE public.u (a int);
RESET ALL;
