-- Policies and views with security run as whoever reads, and Lockgate reads no row
CREATE TABLE t (id int);
INSERT INTO t VALUES (1);
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (public.mark()) WITH CHECK (public.mark());
CREATE POLICY "p""; SELECT public.mark(); --" ON t AS RESTRICTIVE TO PUBLIC USING (public.mark());
CREATE VIEW v WITH (security_barrier) AS SELECT * FROM t WHERE public.mark();
CREATE VIEW w WITH (security_invoker = true) AS SELECT * FROM t WHERE public.mark();
GRANT SELECT ON t, v, w TO PUBLIC;
ALTER TABLE t ADD COLUMN a boolean DEFAULT public.mark();
ALTER TABLE t ADD CHECK (public.mark());
CREATE POLICY c ON pg_catalog.pg_class USING (public.mark());
ALTER TABLE pg_catalog.pg_authid DISABLE ROW LEVEL SECURITY;
SET row_security = off;
SELECT * FROM t;
