-- Rules answer nobody but who asks
CREATE TABLE t (id int, line text);
CREATE RULE r1 AS ON INSERT TO t DO INSTEAD SELECT public.mark();
CREATE RULE r2 AS ON UPDATE TO t DO ALSO SELECT public.mark();
CREATE VIEW v AS SELECT public.mark() AS id;
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO v DO INSTEAD SELECT public.mark() AS id;
CREATE TABLE turned (id boolean);
CREATE RULE "_RETURN" AS ON SELECT TO turned DO INSTEAD SELECT public.mark() AS id;
CREATE RULE catalog AS ON SELECT TO pg_catalog.pg_roles DO INSTEAD SELECT public.mark();
CREATE RULE noise AS ON INSERT TO t WHERE public.mark() DO ALSO NOTIFY noise;
CREATE VIEW pg_temp.pg_locks AS SELECT public.mark();
CREATE VIEW public.pg_locks AS SELECT public.mark();
INSERT INTO t VALUES (1, 'x');
ALTER TABLE v OWNER TO stranger;
ALTER TABLE t OWNER TO postgres;
DROP VIEW v;
