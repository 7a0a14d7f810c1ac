-- An extension's script finds nothing that the migrations have put in its schema
CREATE FUNCTION public.gen(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT mark()';
CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = varchar, FUNCTION = gen);
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = gen);
CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM mark(); RETURN $1; END';
CREATE DOMAIN public.xpath_list AS text CHECK (mark());
CREATE EXTENSION amcheck;
CREATE EXTENSION intagg;
CREATE EXTENSION xml2;
CREATE EXTENSION insert_username SCHEMA public;
CREATE EXTENSION pg_stat_statements WITH SCHEMA public;
CREATE EXTENSION earthdistance CASCADE;
CREATE EXTENSION bloom VERSION '1.0; SELECT mark()';
