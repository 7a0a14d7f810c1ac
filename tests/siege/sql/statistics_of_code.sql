-- ANALYZE of expressions runs as their owner, and only where he asks
CREATE FUNCTION folded(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.mark(); RETURN $1; END';
CREATE TABLE t AS SELECT i AS id, i % 3 AS kind FROM generate_series(1, 300) AS i;
CREATE STATISTICS s (mcv, ndistinct) ON (folded(id)), (folded(kind)) FROM t;
CREATE STATISTICS "s""; SELECT public.mark(); --" ON id, kind FROM t;
CREATE INDEX ON t (folded(id));
ALTER STATISTICS s OWNER TO stranger;
ALTER STATISTICS s OWNER TO postgres;
ALTER TABLE t OWNER TO stranger;
ANALYZE t;
VACUUM (ANALYZE, FULL) t;
ANALYZE pg_catalog.pg_class;
EXPLAIN (ANALYZE) SELECT * FROM t WHERE folded(id) = 1;
EXPLAIN SELECT * FROM t WHERE folded(1) = 1;
CREATE FUNCTION leak(int) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN public.mark(); END';
CREATE FUNCTION supported(int) RETURNS int LANGUAGE sql SUPPORT leak AS 'SELECT 1';
SELECT * FROM pg_stats, pg_statistic;
