-- REINDEX, VACUUM and ANALYZE of PostgreSQL's own are refused, and run nobody's code
CREATE FUNCTION folded(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN $1; END';
CREATE TABLE t AS SELECT generate_series(1, 9) AS id;
CREATE INDEX ON t (folded(id));
ANALYZE;
VACUUM ANALYZE;
REINDEX TABLE pg_catalog.pg_class;
REINDEX SCHEMA pg_catalog;
CLUSTER;
