-- A baseline that grants the way to files, programs or the network grants nothing here, and ends at once
CREATE ROLE app LOGIN;
CREATE ROLE boss SUPERUSER;
CREATE ROLE postgres SUPERUSER REPLICATION BYPASSRLS;
GRANT pg_create_subscription, pg_read_server_files, pg_write_server_files, pg_execute_server_program, pg_signal_backend, pg_read_all_data TO app;
GRANT app TO boss;
SET SESSION AUTHORIZATION app;
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=9 connect_timeout=60' PUBLICATION p;
SELECT pg_catalog.pg_read_file('/etc/passwd');
RESET SESSION AUTHORIZATION;
CREATE TABLE public.t (id int);
ALTER TABLE public.t OWNER TO app;
