-- Whatever the search_path is, Lockgate's own words mean pg_catalog's
CREATE SCHEMA "$user";
CREATE SCHEMA evil;
DO $$ DECLARE f text; BEGIN FOREACH f IN ARRAY ARRAY['current_setting(text)', 'set_config(text, text, boolean)', 'pg_backend_pid()', 'array_agg(oid)', 'max(oid)', 'count(oid)', 'format(text)',
  'pg_advisory_lock(bigint)', 'pg_get_expr(pg_node_tree, oid)', 'format_type(oid, int)', 'quote_ident(text)', 'quote_literal(text)', 'concat(text)', 'lower(text)', 'coalesce(text)', 'unnest(oidvector)',
  'pg_terminate_backend(int)', 'pg_relation_filenode(regclass)', 'to_regclass(text)', 'to_regprocedure(text)', 'obj_description(oid, name)', 'json_build_object(text, text)', 'string_agg(text, text)']
 LOOP BEGIN EXECUTE format('CREATE FUNCTION evil.%s RETURNS text LANGUAGE plpgsql AS ''BEGIN PERFORM public.mark(); RETURN NULL; END''', f); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
CREATE FUNCTION evil.any_two(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION evil.any_one(anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
DO $$ DECLARE o text; BEGIN FOREACH o IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '~~', '!~~', '+', '-', '*', '/', '%', '&', '|', '->', '->>', '@>', '<@']
 LOOP BEGIN EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.any_two)', o); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['text', 'int4', 'int8', 'oid', 'name', 'bool', 'regclass', 'regproc', 'regprocedure', 'regtype', 'regnamespace', 'regrole', 'json', 'jsonb', 'xid', 'oidvector', '"char"']
 LOOP BEGIN EXECUTE format('CREATE DOMAIN evil.%s AS pg_catalog.text CHECK (public.mark())', t); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
DO $$ DECLARE c name; BEGIN FOR c IN SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 11 AND relkind IN ('r', 'v') LOOP
 BEGIN EXECUTE format('CREATE VIEW evil.%I AS SELECT public.mark() AS oid, public.mark() AS name, public.mark() AS setting', c); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
SET search_path = evil, pg_catalog, public;
CREATE TABLE evil.t (id pg_catalog.int4);
ALTER TABLE evil.t ADD COLUMN a pg_catalog.int4;
CREATE FUNCTION evil.broken() RETURNS pg_catalog.int4 LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM evil.t); END';
ALTER FUNCTION evil.broken() SET search_path = evil, pg_catalog;
ALTER TABLE evil.t OWNER TO stranger;
INSERT INTO evil.t VALUES (1);
UPDATE evil.t SET a = 1;
