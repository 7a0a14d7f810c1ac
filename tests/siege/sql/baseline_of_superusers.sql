-- A baseline's superusers are none here, whatever role of the server has their names
CREATE ROLE app LOGIN;
CREATE ROLE boss SUPERUSER;
CREATE ROLE postgres SUPERUSER REPLICATION BYPASSRLS;
GRANT postgres TO app WITH ADMIN OPTION;
GRANT boss TO app;
SET SESSION AUTHORIZATION postgres;
SELECT public.mark();
RESET SESSION AUTHORIZATION;
SET ROLE boss;
SELECT public.mark();
COPY (SELECT 1) TO PROGRAM 'true';
RESET ROLE;
CREATE FUNCTION public.as_boss() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT public.mark()';
ALTER FUNCTION public.as_boss() OWNER TO postgres;
SELECT public.as_boss();
ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO app;
CREATE PUBLICATION p FOR ALL TABLES;
ALTER PUBLICATION p OWNER TO postgres;
