-- Operators, casts and types of one's own before pg_catalog's are in no look for locks, work, bodies or down scripts
CREATE SCHEMA first;
CREATE FUNCTION first.yes(oid, oid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION first.yes(name, name) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION first.yes(name, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION first.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION first.yes(int, int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
CREATE FUNCTION first.yes("char", "char") RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN public.mark(); END';
DO $$ DECLARE o text; t text; BEGIN FOREACH o IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '~', '!~'] LOOP FOREACH t IN ARRAY ARRAY['oid,oid', 'name,name', 'name,text', 'text,text', 'int4,int4', '"char","char"'] LOOP
 BEGIN EXECUTE format('CREATE OPERATOR first.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = first.yes)', o, split_part(t, ',', 1), split_part(t, ',', 2)); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END LOOP; END $$;
CREATE DOMAIN first.text AS pg_catalog.text CHECK (public.mark());
CREATE DOMAIN first.oid AS pg_catalog.oid CHECK (public.mark());
CREATE DOMAIN first.name AS pg_catalog.name CHECK (public.mark());
CREATE DOMAIN pg_temp.regclass AS pg_catalog.text CHECK (public.mark());
SET search_path = first, pg_temp, pg_catalog, public;
ALTER DATABASE lockgate SET search_path = first, pg_catalog;
DO $$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I SET search_path = first, pg_catalog', SESSION_USER); END $$;
CREATE TABLE public.looked (id pg_catalog.int4 PRIMARY KEY, a pg_catalog.text);
INSERT INTO public.looked SELECT i, 'x' FROM pg_catalog.generate_series(1, 1000) i;
ALTER TABLE public.looked ALTER COLUMN a TYPE pg_catalog.varchar(10);
CREATE FUNCTION public.asks() RETURNS pg_catalog.int4 LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM public.looked); END';
CREATE FUNCTION public.asks_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.looked WHERE id = 1';
CREATE INDEX ON public.looked (a);
DEALLOCATE ALL;
PREPARE lockgate_0123456789abcdef AS SELECT public.mark();
ALTER TABLE public.looked ADD b pg_catalog.int4 DEFAULT 1;
