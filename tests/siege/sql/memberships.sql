-- No role rises
GRANT pg_execute_server_program TO stranger;
GRANT pg_read_server_files, pg_write_server_files TO CURRENT_USER;
GRANT pg_create_subscription TO stranger;
GRANT pg_signal_backend TO stranger;
GRANT postgres TO stranger;
DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles LOOP BEGIN EXECUTE format('GRANT %I TO CURRENT_USER', r);
 EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;
CREATE ROLE boss SUPERUSER;
CREATE ROLE copier REPLICATION LOGIN IN ROLE pg_read_server_files;
CREATE ROLE maker CREATEROLE CREATEDB ADMIN postgres;
CREATE ROLE "maker; SELECT mark(); --";
GRANT "maker; SELECT mark(); --" TO stranger WITH ADMIN OPTION;
GRANT stranger TO postgres;
ALTER ROLE stranger SUPERUSER;
REASSIGN OWNED BY CURRENT_USER TO postgres;
