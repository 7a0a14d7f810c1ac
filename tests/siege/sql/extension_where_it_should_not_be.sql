-- No extension is made in PostgreSQL's own schemas, nor one that reaches the machine
CREATE EXTENSION bloom SCHEMA pg_catalog;
CREATE EXTENSION amcheck SCHEMA information_schema;
SET search_path = pg_catalog;
CREATE EXTENSION pageinspect;
CREATE EXTENSION moddatetime;
CREATE EXTENSION dblink SCHEMA public;
CREATE EXTENSION postgres_fdw SCHEMA public;
CREATE EXTENSION file_fdw SCHEMA public;
CREATE EXTENSION adminpack;
CREATE EXTENSION plpython3u;
CREATE EXTENSION "bloom; SELECT public.mark(); --";
