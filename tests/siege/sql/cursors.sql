-- A cursor WITH HOLD is filled at COMMIT by whoever opened it, and read by nobody of Lockgate's
CREATE TABLE t AS SELECT generate_series(1, 9) AS id;
DECLARE held CURSOR WITH HOLD FOR SELECT public.mark(), id FROM t;
DECLARE lg SCROLL CURSOR WITH HOLD FOR SELECT public.mark();
DECLARE "x'""; SELECT public.mark(); --" CURSOR WITH HOLD FOR SELECT 1;
DECLARE endless CURSOR WITH HOLD FOR SELECT public.mark() FROM generate_series(1, 100000);
FETCH ALL FROM held;
MOVE FORWARD ALL IN endless;
UPDATE t SET id = 1 WHERE CURRENT OF held;
CREATE FUNCTION opened() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE c refcursor := 'lockgate'; BEGIN OPEN c FOR SELECT public.mark(); RETURN c; END $$;
SELECT opened();
COMMIT;
FETCH 1 FROM lg;
CLOSE ALL;
