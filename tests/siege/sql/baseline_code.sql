-- A dump full of code runs none of it as a superuser
CREATE DOMAIN public.d AS text CHECK (public.mark());
CREATE FUNCTION public.folded(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN $1; END';
CREATE TABLE public.t (a int DEFAULT public.folded(1), b public.d[] DEFAULT '{x}', c boolean DEFAULT public.mark());
CREATE INDEX ON public.t (public.folded(a));
CREATE STATISTICS public.s ON (public.folded(a)), b FROM public.t;
CREATE VIEW public.v AS SELECT '{x}'::public.d[] AS d, public.folded(1);
CREATE MATERIALIZED VIEW public.m AS SELECT public.mark() WITH DATA;
REFRESH MATERIALIZED VIEW public.m;
CREATE FUNCTION public.heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); END';
CREATE EVENT TRIGGER heard ON ddl_command_end EXECUTE FUNCTION public.heard();
CREATE PUBLICATION p FOR TABLE public.t WHERE ('{abc}'::public.d[] IS NOT NULL), TABLES IN SCHEMA public;
ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO CURRENT_USER;
ALTER SCHEMA pg_catalog OWNER TO CURRENT_USER;
SELECT pg_catalog.setval('public.marker', 1, false);
SELECT public.mark();
INSERT INTO public.t DEFAULT VALUES;
ANALYZE;
