-- The object of an ALTER is the one that the session sees, and no other
CREATE TABLE pg_class (id int);
CREATE TEMP TABLE pg_proc (id int);
SET search_path = pg_temp, public, pg_catalog;
ALTER TABLE pg_class OWNER TO stranger;
ALTER TABLE pg_proc OWNER TO stranger;
SET search_path = pg_catalog, public;
ALTER TABLE pg_class OWNER TO stranger;
ALTER TABLE pg_attribute OWNER TO stranger;
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
ALTER FUNCTION lower(text) OWNER TO stranger;
