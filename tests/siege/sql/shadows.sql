-- Functions, operators, types and tables before pg_catalog's, also temporary ones, are found by no query of Lockgate's
CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN NULL; END';
CREATE FUNCTION pg_temp.json_agg(anyelement) RETURNS json LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN NULL; END';
CREATE FUNCTION public.eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN true; END';
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = eq);
CREATE OPERATOR public.>= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = eq);
CREATE OPERATOR public.<= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = eq);
CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (public.mark());
CREATE DOMAIN public.xid AS pg_catalog.text CHECK (public.mark());
CREATE TEMP TABLE pg_class AS SELECT 1 AS oid;
CREATE VIEW public.pg_roles AS SELECT public.mark();
SET search_path = pg_temp, public, pg_catalog;
CREATE TABLE public.t (id int);
ALTER TABLE public.t ADD COLUMN a int;
CREATE FUNCTION public.broken() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM public.t); END';
