-- K2: nobody may create in pg_catalog, so nothing of Lockgate's queries is replaced
ALTER SCHEMA pg_catalog OWNER TO stranger;
ALTER SCHEMA pg_catalog OWNER TO CURRENT_USER;
ALTER SCHEMA information_schema OWNER TO stranger;
ALTER SCHEMA pg_toast OWNER TO stranger;
GRANT CREATE ON SCHEMA pg_catalog TO PUBLIC;
CREATE FUNCTION pg_catalog.json_build_array(bigint, bigint) RETURNS json LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN NULL; END';
CREATE OPERATOR pg_catalog.= (LEFTARG = name, RIGHTARG = oid, FUNCTION = public.mark);
