-- What the database's owner sets for it has no say in an administrator's session
CREATE SCHEMA evil;
CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN $2; END';
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN $1; END';
DO $$ DECLARE s text; BEGIN FOREACH s IN ARRAY ARRAY['search_path = evil, pg_catalog', 'standard_conforming_strings = off', 'quote_all_identifiers = on',
  'default_transaction_read_only = on', 'statement_timeout = 1', 'client_min_messages = error', 'default_text_search_config = evil', 'role = stranger',
  'session_authorization = stranger', 'local_preload_libraries = evil', 'session_replication_role = local', 'plpgsql.extra_errors = all', 'DateStyle = German',
  'check_function_bodies = off', 'row_security = off', 'array_nulls = off', 'transform_null_equals = on']
  LOOP BEGIN EXECUTE format('ALTER DATABASE %I SET %s', current_database(), s); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
CREATE SCHEMA closed;
CREATE TABLE closed.t (id int);
ALTER TABLE closed.t OWNER TO stranger;
CREATE EXTENSION amcheck SCHEMA evil;
CREATE PUBLICATION p FOR TABLE closed.t, TABLES IN SCHEMA evil;
