-- Time limits of the migrations' own end their session, and nobody else's
DO $$ DECLARE s text; BEGIN FOREACH s IN ARRAY ARRAY['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout', 'client_connection_check_interval', 'tcp_user_timeout']
 LOOP BEGIN EXECUTE format('ALTER DATABASE %I SET %I = ''1ms''', current_database(), s); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END;
 BEGIN EXECUTE format('ALTER ROLE CURRENT_USER SET %I = ''1ms''', s); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END; END LOOP; END $$;
SET idle_in_transaction_session_timeout = '1ms';
SET idle_session_timeout = '1ms';
CREATE TABLE t (id int);
SELECT pg_sleep(0.01);
SET statement_timeout = '1ms';
SELECT pg_sleep(0.1);
ALTER TABLE t ADD COLUMN a int;
