-- A transaction that is prepared holds up nobody after its run
CREATE TABLE t (id int);
BEGIN;
LOCK TABLE t;
CREATE FUNCTION public.late() RETURNS boolean LANGUAGE sql AS 'SELECT public.mark()';
PREPARE TRANSACTION 'lg';
SELECT * FROM t;
BEGIN;
DROP SCHEMA public CASCADE;
PREPARE TRANSACTION 'x''; SELECT public.mark(); --';
COMMIT PREPARED 'x''; SELECT public.mark(); --';
ROLLBACK PREPARED 'lg';
ROLLBACK PREPARED 'nobody''s';
