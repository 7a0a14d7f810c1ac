-- What never ends is ended, also where it catches its end
SET statement_timeout = 0;
DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$;
SELECT pg_sleep(1000);
